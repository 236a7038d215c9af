//! Calendars, queues with hours, routing rules and periods: what is right, and every mistake at its place.

use super::{places, read};
use crate::domain::definitions::{Definitions, calendars::HolidayDate};

/// A document with policies; the parts are replaced.
const DOCUMENT: &str = r#"
value: {currency: EUR, horizon_months: 12, monthly_discount: 1 %, basis: revenue}
channels: {phone: {}, chat: {}}
attributes:
  trainee: {family: internal, type: bool, description: Is a trainee}
tiers: [{name: gold, at_least: 100 EUR}, {name: silver}]
schemes:
  s:
    mode: overlapping
    description: d
    segments: [{name: a, when: trainee}]
holidays:
  berlin: [{name: Women's Day, yearly: 03-08}, {name: Good Friday, easter: -2}]
calendars:
  office: {zone: Europe/Berlin, hours: {mon-fri: [08:00-12:00, 13:00-18:00]}, holidays: [berlin]}
queues:
  service: {calendar: office}
intents: [outage]
treatments:
  tiers:
    gold: {sla: {response: 1 h, resolution: 8 h, calendar: office}, queue: service}
    silver: {sla: {response: 1 h}, queue: service}
    UNRATED: {sla: {response: 1 h}, queue: service}
  segments:
    - {segment: s/a, from: 2026-12-01, until: 2026-12-15, skills: [x]}
routing:
  - {name: night, when: '!open("office")', queue: night}
  - {name: outage, when: intent == "outage" && channel == "phone" && tier == "gold", raise_priority: 20}
"#;

fn with(from: &str, to: &str) -> Vec<(&'static str, String)> {
    assert!(DOCUMENT.contains(from), "{from}");
    places(&DOCUMENT.replacen(from, to, 1))
}

#[test]
fn policies_are_read() {
    let definitions: Definitions = read(DOCUMENT);
    let policies = definitions.policies();
    assert!(!policies.is_empty());
    let office = policies.queue_calendar("service").unwrap();
    assert_eq!(&*office.name, "office");
    assert_eq!(office.week[0].len(), 2);
    assert!(office.week[5].is_empty());
    assert_eq!(office.holidays[1].on, HolidayDate::Easter(-2));
    assert_eq!(policies.queue_calendar("night"), None);
    assert_eq!(policies.rules()[1].raise_priority, 20);
    // Segments and rules are one program.
    assert_eq!(definitions.program().root_count(), 3);
}

/// What is replaced, with what, and the code and place of the problem that is found.
const CALENDAR_MISTAKES: &[(&str, &str, &str, &str)] = &[
    (
        "Europe/Berlin",
        "Europe/Bonn",
        "UNKNOWN_NAME",
        "Europe/Bonn",
    ),
    ("mon-fri:", "mon-fry:", "UNKNOWN_KEY", "mon-fry"),
    ("08:00-12:00", "8-12", "BAD_VALUE", "8-12"),
    ("08:00-12:00", "08:00-08:00", "BAD_VALUE", "08:00-08:00"),
    ("08:00-12:00", "08:00-13:30", "BAD_VALUE", "13:00-18:00"),
    (
        "[08:00-12:00, 13:00-18:00]",
        "22:00-24:30",
        "BAD_VALUE",
        "22:00-24:30",
    ),
    (
        "mon-fri: [08:00-12:00, 13:00-18:00]",
        "",
        "EMPTY_SET",
        "hours",
    ),
    (
        "mon-fri: [",
        "tue: 09:00-10:00, mon-fri: [",
        "DUPLICATE",
        "mon-fri",
    ),
    (
        "mon-fri: [08:00-12:00, 13:00-18:00]",
        "mon-tue: 22:00-22:30, wed: 00:00-06:00, thu: 20:00-08:00, fri: 07:00-08:00",
        "BAD_VALUE",
        "hours",
    ),
    (
        "holidays: [berlin]",
        "holidays: [bremen]",
        "UNKNOWN_NAME",
        "bremen",
    ),
    ("yearly: 03-08", "yearly: 13-08", "BAD_VALUE", "13-08"),
    (
        "yearly: 03-08",
        "yearly: 03-08, easter: 1",
        "BAD_VALUE",
        "Women's Day",
    ),
    ("easter: -2", "easter: -200", "BAD_VALUE", "-200"),
    (", easter: -2", "", "MISSING_KEY", "Good Friday"),
    (
        "service: {calendar: office}",
        "service: {calendar: offices}",
        "UNKNOWN_NAME",
        "offices",
    ),
    (
        "service: {calendar: office}",
        "servic: {calendar: office}",
        "UNKNOWN_NAME",
        "servic",
    ),
    (
        "8 h, calendar: office",
        "8 h, calendar: offic",
        "UNKNOWN_NAME",
        "offic",
    ),
    ("resolution: 8 h", "resolution: 1 d", "UNIT_MISMATCH", "1 d"),
    ("resolution: 8 h", "resolution: 9000 h", "LIMIT", "9000 h"),
];

#[test]
fn mistakes_of_calendars_are_found_at_their_places() {
    for &(from, to, code, place) in CALENDAR_MISTAKES {
        assert_eq!(with(from, to), [(code, place.to_owned())], "{from} -> {to}");
    }
}

/// The same of rules and periods.
const RULE_MISTAKES: &[(&str, &str, &str, &str)] = &[
    (
        "open(\"office\")",
        "open(\"offices\")",
        "UNKNOWN_NAME",
        "\"offices\"",
    ),
    (
        "open(\"office\")",
        "open(office)",
        "TYPE_MISMATCH",
        "office",
    ),
    (
        "intent == \"outage\"",
        "intent == \"outages\"",
        "UNKNOWN_VALUE",
        "\"outages\"",
    ),
    (
        "channel == \"phone\"",
        "channel == \"fax\"",
        "UNKNOWN_VALUE",
        "\"fax\"",
    ),
    (
        "channel == \"phone\"",
        "time_of_day > 8",
        "TYPE_MISMATCH",
        "8",
    ),
    (
        "channel == \"phone\"",
        "time_of_day > time(\"25:00\")",
        "BAD_LITERAL",
        "time(\"25:00\")",
    ),
    (
        "channel == \"phone\"",
        "weekday == \"MONDAYS\"",
        "UNKNOWN_VALUE",
        "\"MONDAYS\"",
    ),
    (
        "channel == \"phone\"",
        "dialled_number == \"0800 1234567\"",
        "BAD_LITERAL",
        "dialled_number == \"0800 1234567\"",
    ),
    (
        "channel == \"phone\"",
        "has(weekday)",
        "ALWAYS_TRUE",
        "has(weekday)",
    ),
    (
        "tier == \"gold\"",
        "tier == \"golden\"",
        "UNKNOWN_VALUE",
        "\"golden\"",
    ),
    (", queue: night", "", "EMPTY_SET", "night"),
    ("name: outage,", "name: night,", "DUPLICATE", "night"),
    (
        "raise_priority: 20",
        "check_ins: {from: first_purchase, steps: [{every: 1 d, for: 7 d}]}",
        "BAD_VALUE",
        "outage",
    ),
    (
        "skills: [x]",
        "check_ins: {from: trainee, steps: [{every: 1 d, for: 7 d}]}",
        "UNKNOWN_NAME",
        "trainee",
    ),
    (
        "skills: [x]",
        "check_ins: {from: first_purchase, steps: [{every: 8 d, for: 7 d}]}",
        "BAD_VALUE",
        "8 d",
    ),
    ("raise_priority: 20", "raise_priority: 0", "BAD_VALUE", "0"),
    (
        "when: trainee",
        "when: channel == \"phone\"",
        "UNKNOWN_NAME",
        "channel",
    ),
    (
        "when: trainee",
        "when: open(\"office\")",
        "UNKNOWN_NAME",
        "open",
    ),
    (
        "until: 2026-12-15",
        "until: 2026-11-15",
        "BAD_VALUE",
        "2026-11-15",
    ),
    (
        "until: 2026-12-15",
        "until: \"2026-12-15T12:00:00Z\"",
        "BAD_VALUE",
        "\"2026-12-15T12:00:00Z\"",
    ),
    (
        "until: 2026-12-15",
        "until: Christmas",
        "BAD_VALUE",
        "Christmas",
    ),
    ("  trainee:", "  weekday:", "UNKNOWN_NAME", "trainee"),
];

#[test]
fn mistakes_of_rules_and_periods_are_found_at_their_places() {
    for &(from, to, code, place) in RULE_MISTAKES {
        let found = with(from, to);
        assert!(
            found.contains(&(code, place.to_owned())),
            "{from} -> {to}: {found:?}"
        );
    }
    let hidden = DOCUMENT.replace("trainee", "weekday");
    assert_eq!(places(&hidden), [("DUPLICATE", "routing".to_owned())]);
}
