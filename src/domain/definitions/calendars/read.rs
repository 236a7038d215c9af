//! Reading `holidays:`, `calendars:` and `queues:`.

use jiff::{civil::Date, tz::TimeZone};

use super::{Calendar, CalendarId, DAY_MINUTES, Holiday, HolidayDate, Hours};
use crate::domain::{
    calendar::clock_minutes,
    definitions::{
        fields::{self, Fields},
        yaml::{Entry, Kind, Node},
    },
    rules::{
        diagnostic::{Code, Diagnostics, Span},
        nearest::nearest,
    },
    text::Label,
};

/// Most days of a list of holidays, and of a calendar.
const MAX_HOLIDAYS: usize = 400;
/// Furthest that a holiday is from Easter, in days.
const MAX_FROM_EASTER: i16 = 100;

const WEEKDAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// What was read: the calendars, and the queues with one.
#[derive(Debug, Default)]
pub(in crate::domain::definitions) struct Calendars {
    pub(in crate::domain::definitions) known: Vec<Calendar>,
    pub(in crate::domain::definitions) queues: Vec<QueueHours>,
    /// Calendars that are there, but could not be read: what names them is neither right nor wrong.
    pub(in crate::domain::definitions) unreadable: Vec<String>,
}

/// A queue that works by a calendar.
#[derive(Debug)]
pub(in crate::domain::definitions) struct QueueHours {
    pub(in crate::domain::definitions) queue: Label,
    pub(in crate::domain::definitions) span: Span,
    pub(in crate::domain::definitions) calendar: CalendarId,
}

/// A list of holidays.
struct Region {
    name: String,
    holidays: Option<Vec<Holiday>>,
}

/// Reads the three parts, each of which may be missing.
pub(in crate::domain::definitions) fn read(
    top: &mut Fields<'_>,
    problems: &mut Diagnostics,
) -> Calendars {
    let regions = regions(top, problems);
    let mut out = Calendars::default();
    let place = top.key_span("calendars");
    if let Some(node) = top.get("calendars") {
        for entry in fields::map(node, place, "`calendars`", problems).unwrap_or(&[]) {
            match calendar(entry, &regions, problems) {
                Some(calendar) => out.known.push(calendar),
                None => out.unreadable.push(entry.key.clone()),
            }
        }
    }
    let place = top.key_span("queues");
    if let Some(node) = top.get("queues") {
        for entry in fields::map(node, place, "`queues`", problems).unwrap_or(&[]) {
            let queue = fields::check_name(&entry.key, entry.key_span, problems);
            let what = format!("the queue `{}`", entry.key);
            let fields = Fields::from_node(&entry.value, entry.key_span, what, problems);
            let Some(mut fields) = fields else { continue };
            let calendar = fields.require("calendar", "office", problems);
            let calendar = calendar.and_then(|node| calendar_of(node, &out, problems));
            fields.finish(problems);
            if let (Some(queue), Some(calendar)) = (queue, calendar) {
                out.queues.push(QueueHours {
                    queue,
                    span: entry.key_span,
                    calendar,
                });
            }
        }
    }
    out
}

/// The calendar that a node names.
pub(in crate::domain::definitions) fn calendar_of(
    node: &Node,
    calendars: &Calendars,
    problems: &mut Diagnostics,
) -> Option<CalendarId> {
    let name = fields::scalar(node, problems)?;
    let known = calendars.known.iter().map(|calendar| &*calendar.name);
    if let Some((at, _)) = (0..).zip(known.clone()).find(|(_, known)| *known == name) {
        return Some(CalendarId(at));
    }
    if !calendars.unreadable.iter().any(|known| known == name) {
        let help = match nearest(name, known) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "define it under `calendars:`".to_owned(),
        };
        let message = format!("unknown calendar `{name}`");
        problems.add_with_help(node.span, Code::UnknownName, message, help);
    }
    None
}

fn regions(top: &mut Fields<'_>, problems: &mut Diagnostics) -> Vec<Region> {
    let place = top.key_span("holidays");
    let Some(node) = top.get("holidays") else {
        return vec![];
    };
    let entries = fields::map(node, place, "`holidays`", problems).unwrap_or(&[]);
    let read = |entry: &Entry| {
        fields::check_name(&entry.key, entry.key_span, problems);
        let what = format!("`{}` of `holidays`", entry.key);
        let items = fields::list(&entry.value, entry.key_span, &what, problems);
        let items = items.filter(|items| is_bounded(items.len(), entry.key_span, problems));
        Region {
            name: entry.key.clone(),
            holidays: items.and_then(|items| {
                let read: Vec<_> = items.iter().map(|item| holiday(item, problems)).collect();
                read.into_iter().collect()
            }),
        }
    };
    entries.iter().map(read).collect()
}

fn is_bounded(count: usize, place: Span, problems: &mut Diagnostics) -> bool {
    if count > MAX_HOLIDAYS {
        let message = format!("{count} holidays; at most {MAX_HOLIDAYS} are allowed");
        problems.add(place, Code::Limit, message);
    }
    count <= MAX_HOLIDAYS
}

fn holiday(node: &Node, problems: &mut Diagnostics) -> Option<Holiday> {
    let mut fields = Fields::from_node(node, node.span, "a holiday", problems)?;
    let name = fields.require("name", "New Year", problems);
    let place = name.map_or(node.span, |name| name.span);
    let name = name.and_then(|node| fields::words(node, problems));
    let once = fields.get("date").map(|node| once(node, problems));
    let yearly = fields.get("yearly").map(|node| yearly(node, problems));
    let easter = fields.get("easter").map(|node| from_easter(node, problems));
    let hours_place = fields.key_span("hours");
    let hours = fields.get("hours");
    let hours = hours.map_or(Some(vec![]), |node| spans(node, hours_place, problems));
    fields.finish(problems);
    let mut stated = [once, yearly, easter].into_iter().flatten();
    let (on, None) = (stated.next(), stated.next()) else {
        let help = "write one of `date: 2026-12-31`, `yearly: 12-25` and `easter: -2`";
        let message = "a holiday has one date";
        problems.add_with_help(place, Code::BadValue, message, help);
        return None;
    };
    if on.is_none() {
        let help = "add `date: 2026-12-31`, `yearly: 12-25` or `easter: -2`";
        problems.add_with_help(place, Code::MissingKey, "a holiday needs a date", help);
    }
    Some(Holiday {
        name: name?,
        on: on??,
        hours: hours?,
    })
}

fn once(node: &Node, problems: &mut Diagnostics) -> Option<HolidayDate> {
    let written = fields::scalar(node, problems)?;
    let date = Some(written).filter(|written| written.len() == 10);
    if let Some(date) = date.and_then(|written| written.parse::<Date>().ok()) {
        return Some(HolidayDate::Once(date));
    }
    let message = format!("{written:?} is not a calendar day");
    problems.add_with_help(node.span, Code::BadValue, message, "for example 2026-12-31");
    None
}

fn yearly(node: &Node, problems: &mut Diagnostics) -> Option<HolidayDate> {
    let written = fields::scalar(node, problems)?;
    let parts = written.split_once('-').filter(|_| written.len() == 5);
    let parts = parts.and_then(|(month, day)| month.parse().ok().zip(day.parse().ok()));
    // A leap year, so that the 29th of February is a day.
    if let Some((month, day)) = parts.filter(|&(month, day)| Date::new(2024, month, day).is_ok()) {
        return Some(HolidayDate::Yearly { month, day });
    }
    let message = format!("{written:?} is not a day of the year");
    let help = "write month and day, for example 12-25";
    problems.add_with_help(node.span, Code::BadValue, message, help);
    None
}

fn from_easter(node: &Node, problems: &mut Diagnostics) -> Option<HolidayDate> {
    let written = fields::scalar(node, problems)?;
    let days = written.parse().ok();
    let range = -MAX_FROM_EASTER..=MAX_FROM_EASTER;
    if let Some(days) = days.filter(|days| range.contains(days)) {
        return Some(HolidayDate::Easter(days));
    }
    let message =
        format!("{written:?} is not a number of days from -{MAX_FROM_EASTER} to {MAX_FROM_EASTER}");
    let help = "Good Friday is -2, Easter Monday 1";
    problems.add_with_help(node.span, Code::BadValue, message, help);
    None
}

fn calendar(entry: &Entry, regions: &[Region], problems: &mut Diagnostics) -> Option<Calendar> {
    let name = fields::check_name(&entry.key, entry.key_span, problems);
    let what = format!("the calendar `{}`", entry.key);
    let mut fields = Fields::from_node(&entry.value, entry.key_span, what, problems)?;
    let zone = fields.require("zone", "Europe/Berlin", problems);
    let zone = zone.and_then(|node| zone_of(node, problems));
    let hours_place = fields.key_span("hours");
    let hours = fields.require("hours", "{ mon-fri: 08:00-18:00 }", problems);
    let week = hours.and_then(|node| week(node, hours_place, problems));
    let holidays_place = fields.key_span("holidays");
    let holidays = match fields.get("holidays") {
        Some(node) => holidays_of(node, holidays_place, regions, problems),
        None => Some(vec![]),
    };
    fields.finish(problems);
    Some(Calendar {
        name: name?,
        zone: zone?,
        week: week?,
        holidays: holidays?,
    })
}

fn zone_of(node: &Node, problems: &mut Diagnostics) -> Option<TimeZone> {
    let written = fields::scalar(node, problems)?;
    if let Ok(zone) = TimeZone::get(written) {
        return Some(zone);
    }
    let message = format!("{written:?} is not a time zone");
    let help = "write a name of the IANA database, for example Europe/Berlin";
    problems.add_with_help(node.span, Code::UnknownName, message, help);
    None
}

fn holidays_of(
    node: &Node,
    place: Span,
    regions: &[Region],
    problems: &mut Diagnostics,
) -> Option<Vec<Holiday>> {
    let found = fields::unique(node, place, "`holidays`", problems, |item, problems| {
        let name = fields::scalar(item, problems)?;
        let at = regions.iter().position(|region| region.name == name);
        if at.is_none() {
            let known = regions.iter().map(|region| &*region.name);
            let help = match nearest(name, known) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "define the list under `holidays:`".to_owned(),
            };
            let message = format!("unknown list of holidays `{name}`");
            problems.add_with_help(item.span, Code::UnknownName, message, help);
        }
        at
    })?;
    let lists = found.into_iter().map(|at| regions[at].holidays.clone());
    let all: Vec<Vec<Holiday>> = lists.collect::<Option<_>>()?;
    let all: Vec<Holiday> = all.into_iter().flatten().collect();
    is_bounded(all.len(), place, problems).then_some(all)
}

/// The hours of each weekday; a weekday that is not named is closed.
fn week(node: &Node, place: Span, problems: &mut Diagnostics) -> Option<[Vec<Hours>; 7]> {
    let mut week: [Option<Vec<Hours>>; 7] = Default::default();
    let mut is_sound = true;
    for entry in fields::map(node, place, "`hours`", problems)? {
        let Some(days) = weekdays(&entry.key) else {
            let message = format!("`{}` is not a weekday", entry.key);
            let help = "write mon, tue, wed, thu, fri, sat, sun, a range such as mon-fri, or daily";
            problems.add_with_help(entry.key_span, Code::UnknownKey, message, help);
            is_sound = false;
            continue;
        };
        let hours = spans(&entry.value, entry.key_span, problems);
        is_sound &= hours.is_some();
        for day in days {
            if week[day].is_some() {
                let message = format!("`{}` has hours already", WEEKDAYS[day]);
                let help = "state each weekday once";
                problems.add_with_help(entry.key_span, Code::Duplicate, message, help);
                is_sound = false;
            }
            week[day] = Some(hours.clone().unwrap_or_default());
        }
    }
    let week = week.map(Option::unwrap_or_default);
    if is_sound && week.iter().all(Vec::is_empty) {
        let help = "for example `mon-fri: 08:00-18:00`";
        problems.add_with_help(place, Code::EmptySet, "this calendar is never open", help);
        return None;
    }
    // Hours over midnight must end before those of the next day begin.
    for (day, hours) in week.iter().enumerate() {
        let next = (day + 1) % 7;
        let runs_into = hours
            .last()
            .map_or(0, |last| last.closes.saturating_sub(DAY_MINUTES));
        if week[next]
            .first()
            .is_some_and(|first| first.opens < runs_into)
        {
            let message = format!(
                "the hours of `{}` run into those of `{}`",
                WEEKDAYS[day], WEEKDAYS[next]
            );
            let help = "end them before, or begin the next day later";
            problems.add_with_help(place, Code::BadValue, message, help);
            is_sound = false;
        }
    }
    is_sound.then_some(week)
}

/// The weekdays that a key names.
fn weekdays(key: &str) -> Option<std::ops::RangeInclusive<usize>> {
    let day = |name: &str| WEEKDAYS.iter().position(|day| *day == name);
    match key.split_once('-') {
        _ if key == "daily" => Some(0..=6),
        Some((first, last)) => {
            let (first, last) = (day(first)?, day(last)?);
            (first < last).then_some(first..=last)
        }
        None => day(key).map(|day| day..=day),
    }
}

/// One span, or a list of them, in their order and apart.
fn spans(node: &Node, place: Span, problems: &mut Diagnostics) -> Option<Vec<Hours>> {
    let items = match &node.kind {
        Kind::List(_) => fields::list(node, place, "`hours`", problems)?,
        Kind::Scalar(..) | Kind::Map(_) | Kind::Bad => std::slice::from_ref(node),
    };
    let mut out: Vec<Hours> = Vec::with_capacity(items.len().min(24));
    let mut is_sound = true;
    for item in items {
        let Some(hours) = span(item, problems) else {
            is_sound = false;
            continue;
        };
        if out.last().is_some_and(|last| hours.opens < last.closes) {
            let message = "these hours begin before the previous ones end";
            let help =
                "write the spans of a day in their order; one that runs over midnight is the last";
            problems.add_with_help(item.span, Code::BadValue, message, help);
            is_sound = false;
        }
        out.push(hours);
    }
    is_sound.then_some(out)
}

/// `08:00-18:00`; `22:00-06:00` ends on the next day.
fn span(node: &Node, problems: &mut Diagnostics) -> Option<Hours> {
    let written = fields::scalar(node, problems)?;
    let parts = written.split_once('-');
    let parts = parts.and_then(|(opens, closes)| {
        let (opens, closes) = (clock_minutes(opens.trim())?, clock_minutes(closes.trim())?);
        Some((opens, closes)).filter(|_| opens < DAY_MINUTES)
    });
    match parts {
        Some((opens, closes)) if opens == closes => {
            let message = format!("{written:?} has no length");
            let help = "write `00:00-24:00` for the whole day";
            problems.add_with_help(node.span, Code::BadValue, message, help);
            None
        }
        Some((opens, closes)) if opens < closes => Some(Hours { opens, closes }),
        Some((opens, closes)) => Some(Hours {
            opens,
            closes: closes + DAY_MINUTES,
        }),
        None => {
            let message = format!("{written:?} is not a span of hours");
            let help = "for example `08:00-18:00`, or `22:00-06:00` over midnight";
            problems.add_with_help(node.span, Code::BadValue, message, help);
            None
        }
    }
}
