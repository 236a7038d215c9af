//! From when and until when something holds: temporary treatments expire by themselves.

use jiff::{Timestamp, tz::TimeZone};

use super::{
    fields::{self, Fields},
    yaml::Node,
};
use crate::domain::{
    calendar::Day,
    rules::diagnostic::{Code, Diagnostics},
};

/// A day or an instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// A day of the deployment's zone.
    Day(Day),
    /// An instant.
    Instant(Timestamp),
}

/// Which moments a period may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Precision {
    /// Days only: what is decided once a day.
    Days,
    /// Days and instants: what is decided at every contact.
    Instants,
}

/// When something holds: from the beginning of `from` up to the end of `until`. A day is that of the deployment's zone and belongs to the
/// period as a whole; an instant ends it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Period {
    /// When it begins; always when it is `None`.
    pub from: Option<Moment>,
    /// When it ends; never when it is `None`.
    pub until: Option<Moment>,
}

impl Period {
    /// Whether it holds on a day, for a period of days.
    #[must_use]
    pub fn has_day(&self, day: Day) -> bool {
        let from = match self.from {
            Some(Moment::Day(from)) => from <= day,
            Some(Moment::Instant(_)) | None => true,
        };
        let until = match self.until {
            Some(Moment::Day(until)) => day <= until,
            Some(Moment::Instant(_)) | None => true,
        };
        from && until
    }

    /// Whether it holds never, whatever the zone.
    fn is_empty(&self) -> bool {
        match (self.from, self.until) {
            (Some(Moment::Day(from)), Some(Moment::Day(until))) => until < from,
            (Some(Moment::Instant(from)), Some(Moment::Instant(until))) => until <= from,
            // The zone is the deployment's: its day is the one before that of UTC, that one, or the next.
            (Some(Moment::Day(from)), Some(Moment::Instant(until))) => {
                utc_day(until).is_some_and(|until| until.plus_days(1) < from)
            }
            (Some(Moment::Instant(from)), Some(Moment::Day(until))) => {
                utc_day(from).is_some_and(|from| until < from.plus_days(-1))
            }
            (None, _) | (_, None) => false,
        }
    }

    /// Whether it holds at an instant, which is on `day` in the deployment's zone.
    #[must_use]
    pub fn has_instant(&self, instant: Timestamp, day: Day) -> bool {
        let from = match self.from {
            Some(Moment::Instant(from)) => from <= instant,
            Some(Moment::Day(_)) | None => true,
        };
        let until = match self.until {
            Some(Moment::Instant(until)) => instant < until,
            Some(Moment::Day(_)) | None => true,
        };
        from && until && self.has_day(day)
    }
}

/// `from` and `until`, which may be missing.
pub(super) fn read(
    fields: &mut Fields<'_>,
    precision: Precision,
    problems: &mut Diagnostics,
) -> Option<Period> {
    let from = fields.get("from");
    let until = fields.get("until");
    let until_span = until.map(|node| node.span);
    let mut moment = |node: Option<&Node>| match node {
        Some(node) => read_moment(node, precision, problems).map(Some),
        None => Some(None),
    };
    let (from, until) = (moment(from), moment(until));
    let period = Period {
        from: from?,
        until: until?,
    };
    if let (true, Some(span)) = (period.is_empty(), until_span) {
        let help = "set `until` after `from`";
        let message = "this ends before it begins";
        problems.add_with_help(span, Code::BadValue, message, help);
        return None;
    }
    Some(period)
}

fn utc_day(instant: Timestamp) -> Option<Day> {
    Day::in_zone(instant, &TimeZone::UTC).ok()
}

fn read_moment(node: &Node, precision: Precision, problems: &mut Diagnostics) -> Option<Moment> {
    let written = fields::scalar(node, problems)?;
    let day = written.parse::<Day>();
    let instant = written.parse::<Timestamp>();
    let help = match (day, instant, precision) {
        (Ok(day), _, _) => return Some(Moment::Day(day)),
        (_, Ok(instant), Precision::Instants) => return Some(Moment::Instant(instant)),
        (_, Ok(_), Precision::Days) => {
            "write a day, for example 2026-12-15; a rule of `routing` may end at an instant"
        }
        (_, Err(_), Precision::Days) => "for example 2026-12-15",
        (_, Err(_), Precision::Instants) => "for example 2026-12-15 or 2026-12-15T18:00:00+01:00",
    };
    let message = match precision {
        Precision::Days => format!("{written:?} is not a day"),
        Precision::Instants => format!("{written:?} is neither a day nor an instant"),
    };
    problems.add_with_help(node.span, Code::BadValue, message, help);
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_belong_to_a_period_as_a_whole_and_an_instant_ends_it() {
        let day = |text: &str| text.parse::<Day>().unwrap();
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let days = Period {
            from: Some(Moment::Day(day("2026-12-01"))),
            until: Some(Moment::Day(day("2026-12-15"))),
        };
        for (text, holds) in [
            ("2026-11-30", false),
            ("2026-12-01", true),
            ("2026-12-15", true),
            ("2026-12-16", false),
        ] {
            assert_eq!(days.has_day(day(text)), holds, "{text}");
            assert_eq!(
                days.has_instant(at("2026-12-05T00:00:00Z"), day(text)),
                holds
            );
        }
        for (from, until, is_empty) in [
            (
                Moment::Day(day("2026-12-20")),
                Moment::Instant(at("2026-12-15T18:00:00Z")),
                true,
            ),
            (
                Moment::Day(day("2026-12-16")),
                Moment::Instant(at("2026-12-15T18:00:00Z")),
                false,
            ),
            (
                Moment::Instant(at("2026-12-15T18:00:00Z")),
                Moment::Day(day("2026-12-13")),
                true,
            ),
            (
                Moment::Instant(at("2026-12-15T18:00:00Z")),
                Moment::Day(day("2026-12-14")),
                false,
            ),
            (
                Moment::Day(day("2026-12-15")),
                Moment::Day(day("2026-12-14")),
                true,
            ),
        ] {
            let period = Period {
                from: Some(from),
                until: Some(until),
            };
            assert_eq!(period.is_empty(), is_empty, "{from:?} {until:?}");
        }
        let instants = Period {
            from: Some(Moment::Instant(at("2026-12-01T08:00:00+01:00"))),
            until: Some(Moment::Instant(at("2026-12-01T18:00:00+01:00"))),
        };
        for (text, holds) in [
            ("2026-12-01T06:59:59Z", false),
            ("2026-12-01T07:00:00Z", true),
            ("2026-12-01T16:59:59Z", true),
            ("2026-12-01T17:00:00Z", false),
        ] {
            assert_eq!(
                instants.has_instant(at(text), day("2026-12-01")),
                holds,
                "{text}"
            );
        }
    }
}
