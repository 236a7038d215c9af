//! Working time over nights, weekends, holidays and changes of the clocks.

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::{Calendar, DAY_MINUTES, Hours, read};
use crate::domain::{
    definitions::{fields::Fields, yaml},
    rules::diagnostic::Diagnostics,
};

#[track_caller]
fn calendar(text: &str) -> Calendar {
    let mut problems = Diagnostics::default();
    let root = yaml::read(text, &mut problems).unwrap();
    let mut top = Fields::from_node(&root, root.span, "the test", &mut problems).unwrap();
    let read = read(&mut top, &mut problems);
    assert!(problems.is_empty(), "{:?}", problems.into_sorted());
    read.known.into_iter().next().unwrap()
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

const OFFICE: &str = "
holidays:
  germany:
    - { name: Good Friday, easter: -2 }
    - { name: Easter Monday, easter: 1 }
    - { name: Christmas, yearly: 12-25 }
    - { name: New Year's Eve, date: 2026-12-31, hours: 08:00-12:00 }
calendars:
  office:
    zone: Europe/Berlin
    hours: { mon-fri: [08:00-12:00, 13:00-18:00], sat: 09:00-13:00 }
    holidays: [germany]
";

const NIGHT: &str = "
calendars:
  night: { zone: Europe/Berlin, hours: { daily: 22:00-06:00 } }
";

/// Whether it is open, and when that changes.
fn opening(calendar: &Calendar, instant: &str) -> (bool, Option<String>) {
    let opening = calendar.opening(at(instant));
    let changes = opening.changes_at.map(|it| it.to_string());
    (opening.is_open, changes)
}

fn due(calendar: &Calendar, from: &str, minutes: u32) -> String {
    calendar.due(at(from), minutes).unwrap().to_string()
}

#[test]
fn a_calendar_is_open_in_its_hours() {
    let office = calendar(OFFICE);
    for (instant, is_open, changes) in [
        // A Monday in winter, an hour ahead of UTC.
        ("2026-11-23T06:59:59Z", false, "2026-11-23T07:00:00Z"),
        ("2026-11-23T07:00:00Z", true, "2026-11-23T11:00:00Z"),
        ("2026-11-23T11:00:00Z", false, "2026-11-23T12:00:00Z"),
        ("2026-11-23T16:59:59Z", true, "2026-11-23T17:00:00Z"),
        // Over a weekend, and over Easter.
        ("2026-11-28T12:00:00Z", false, "2026-11-30T07:00:00Z"),
        ("2026-04-02T16:00:00Z", false, "2026-04-04T07:00:00Z"),
        ("2026-04-04T12:00:00Z", false, "2026-04-07T06:00:00Z"),
        // Shorter hours.
        ("2026-12-31T10:00:00Z", true, "2026-12-31T11:00:00Z"),
    ] {
        let expected = (is_open, Some(changes.to_owned()));
        assert_eq!(opening(&office, instant), expected, "{instant}");
    }
    let holiday = office.opening(at("2026-12-25T10:00:00Z")).holiday;
    assert_eq!(&*holiday.unwrap().en, "Christmas");
    assert_eq!(office.opening(at("2026-12-24T10:00:00Z")).holiday, None);
}

#[test]
fn hours_that_end_at_midnight_go_on_where_the_next_day_begins() {
    let text = "
calendars:
  evenings:
    zone: Europe/Berlin
    hours: { fri: 18:00-24:00, sat: 00:00-02:00, sun: 20:00-24:00 }
";
    let evenings = calendar(text);
    // Friday evening runs into Saturday; Sunday's ends at midnight.
    assert_eq!(
        opening(&evenings, "2026-11-27T20:00:00Z"),
        (true, Some("2026-11-28T01:00:00Z".to_owned()))
    );
    assert_eq!(
        opening(&evenings, "2026-11-29T22:59:59Z"),
        (true, Some("2026-11-29T23:00:00Z".to_owned()))
    );
    // Exactly the four hours that are left, and one minute more.
    assert_eq!(
        due(&evenings, "2026-11-29T19:00:00Z", 240),
        "2026-11-29T23:00:00Z"
    );
    assert_eq!(
        due(&evenings, "2026-11-29T19:00:00Z", 241),
        "2026-12-04T17:01:00Z"
    );
}

#[test]
fn working_time_passes_in_working_hours_only() {
    let office = calendar(OFFICE);
    for (from, minutes, expected) in [
        // Through lunch.
        ("2026-11-23T10:30:00Z", 60, "2026-11-23T12:30:00Z"),
        // Friday afternoon to Saturday, Saturday to Monday.
        ("2026-11-27T16:00:00Z", 120, "2026-11-28T09:00:00Z"),
        ("2026-11-28T11:30:00Z", 60, "2026-11-30T07:30:00Z"),
        // Over the short day, New Year not being in the list.
        ("2026-12-31T10:00:00Z", 61, "2027-01-01T07:01:00Z"),
        // Over Christmas, a Friday.
        ("2026-12-24T16:00:00Z", 61, "2026-12-26T08:01:00Z"),
        ("2026-11-23T10:30:00Z", 0, "2026-11-23T10:30:00Z"),
    ] {
        assert_eq!(due(&office, from, minutes), expected, "{from} {minutes}");
    }
}

#[test]
fn a_night_is_an_hour_shorter_in_spring_and_longer_in_autumn() {
    let night = calendar(NIGHT);
    // Spring: 22:00 CET to 06:00 CEST are seven hours.
    assert_eq!(
        due(&night, "2026-03-28T21:00:00Z", 7 * 60),
        "2026-03-29T04:00:00Z"
    );
    assert_eq!(
        due(&night, "2026-03-28T21:00:00Z", 7 * 60 + 1),
        "2026-03-29T20:01:00Z"
    );
    // Autumn: nine.
    assert_eq!(
        due(&night, "2026-10-24T20:00:00Z", 9 * 60),
        "2026-10-25T05:00:00Z"
    );
    assert_eq!(
        due(&night, "2026-10-24T20:00:00Z", 9 * 60 + 1),
        "2026-10-25T21:01:00Z"
    );
    // 08:00 is 08:00 in both halves of the year.
    let office = calendar(OFFICE);
    assert_eq!(
        due(&office, "2026-03-27T16:30:00Z", 31),
        "2026-03-28T08:01:00Z"
    );
    assert_eq!(
        due(&office, "2026-03-28T11:30:00Z", 31),
        "2026-03-30T06:01:00Z"
    );
    assert_eq!(
        due(&office, "2026-10-24T10:30:00Z", 31),
        "2026-10-26T07:01:00Z"
    );
}

#[test]
fn a_clock_time_that_is_left_out_is_the_moment_of_the_change() {
    let early = calendar(
        "calendars: { early: { zone: Europe/Berlin, hours: { sun: [01:00-02:30, 02:30-05:00] } } }",
    );
    // 02:30 does not exist on the 29th of March: both spans meet at 03:00 CEST.
    assert_eq!(
        opening(&early, "2026-03-29T00:30:00Z"),
        (true, Some("2026-03-29T03:00:00Z".to_owned()))
    );
    assert_eq!(
        due(&early, "2026-03-29T00:00:00Z", 180),
        "2026-03-29T03:00:00Z"
    );
    // It comes twice on the 25th of October: the hour counts twice.
    assert_eq!(
        due(&early, "2026-10-24T23:00:00Z", 300),
        "2026-10-25T04:00:00Z"
    );
}

#[test]
fn what_never_closes_has_no_end() {
    let always = calendar("calendars: { all: { zone: UTC, hours: { daily: 00:00-24:00 } } }");
    assert_eq!(opening(&always, "2026-11-23T10:00:00Z"), (true, None));
    assert_eq!(
        due(&always, "2026-11-23T10:00:00Z", 1_000_000),
        "2028-10-17T20:40:00Z"
    );
    let nearly = calendar(
        "holidays: { x: [{ name: Christmas, yearly: 12-25 }] }
calendars: { all: { zone: UTC, hours: { daily: 00:00-24:00 }, holidays: [x] } }",
    );
    assert_eq!(opening(&nearly, "2026-06-01T10:00:00Z"), (true, None));
    assert_eq!(
        opening(&nearly, "2026-12-20T10:00:00Z"),
        (true, Some("2026-12-25T00:00:00Z".to_owned()))
    );
}

/// Spans of a week: ascending, apart, the last of each day perhaps over midnight but not into the next day's.
fn weeks() -> impl Strategy<Value = [Vec<Hours>; 7]> {
    let cuts = proptest::collection::btree_set(0..DAY_MINUTES, 0..5);
    proptest::collection::vec((cuts, any::<bool>()), 7).prop_map(|days| {
        let days: Vec<(Vec<u16>, bool)> = days
            .into_iter()
            .map(|(cuts, over_midnight)| (cuts.into_iter().collect(), over_midnight))
            .collect();
        std::array::from_fn(|day| {
            let (cuts, over_midnight) = &days[day];
            let next = days[(day + 1) % 7]
                .0
                .first()
                .copied()
                .unwrap_or(DAY_MINUTES);
            let mut pairs = cuts.chunks(2);
            let hours = pairs.by_ref().filter_map(|pair| match *pair {
                [opens, closes] => Some(Hours { opens, closes }),
                [opens] if *over_midnight => Some(Hours {
                    opens,
                    closes: DAY_MINUTES + next,
                }),
                _ => None,
            });
            hours.collect()
        })
    })
}

proptest! {
    /// Working time adds up, whatever the hours and the zone: what is due after a and then b is due after a + b.
    #[test]
    fn working_time_adds_up(
        week in weeks(),
        zone in prop::sample::select(vec!["UTC", "Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe", "Asia/Kathmandu"]),
        start in 1_767_225_600_i64..1_830_297_600,
        a in 0_u32..3_000,
        b in 0_u32..3_000,
    ) {
        let mut office = calendar(OFFICE);
        office.week = week;
        office.zone = jiff::tz::TimeZone::get(zone).unwrap();
        let from = Timestamp::from_second(start).unwrap();
        let first = office.due(from, a);
        let both = office.due(from, a + b);
        if let Some(both) = both {
            let first = first.unwrap();
            prop_assert_eq!(office.due(first, b), Some(both));
            prop_assert!(from <= first && first <= both);
            // No more time is worked than passes.
            prop_assert!(both.duration_since(from) >= SignedDuration::from_mins(i64::from(a + b)));
            // A deadline lies in working hours, or where they end.
            if a + b > 0 {
                let just_before = both - SignedDuration::from_secs(1);
                prop_assert!(office.opening(just_before).is_open);
            }
        }
    }
}
