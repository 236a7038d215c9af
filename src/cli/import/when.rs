//! Days and times as people and programs write them.

mod clock;
mod names;

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::fmt::strtime::{self, BrokenDownTime};
use jiff::tz::TimeZone;

/// When something happened, as precisely as the file states it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// An instant: a time with a zone.
    Instant(Timestamp),
    /// A time of day without a zone: the deployment's is meant, and only its day is sent.
    Local(DateTime),
    /// A day.
    Day(Date),
}

impl When {
    /// The instant for the contract, if it is one.
    #[must_use]
    pub fn instant(&self) -> Option<prost_types::Timestamp> {
        match self {
            Self::Instant(instant) => Some(prost_types::Timestamp {
                seconds: instant.as_second(),
                nanos: instant.subsec_nanosecond(),
            }),
            Self::Local(_) | Self::Day(_) => None,
        }
    }

    /// The day as it is written; of an instant, its day in `zone`.
    #[must_use]
    pub fn day(&self, zone: &TimeZone) -> Date {
        match self {
            Self::Instant(instant) => zone.to_datetime(*instant).date(),
            Self::Local(time) => time.date(),
            Self::Day(day) => *day,
        }
    }

    /// One text for all ways to write the same, for derived ids.
    #[must_use]
    pub fn normalised(&self) -> String {
        match self {
            Self::Instant(instant) => instant.to_string(),
            Self::Local(time) => time.to_string(),
            Self::Day(day) => day.to_string(),
        }
    }
}

/// How the days and times of a file are written.
#[derive(Debug, Clone, Default)]
pub struct Dates {
    /// The formats of the file, tried in their order: strftime, `epoch`, `epoch-ms` or `usual`. Empty: the usual forms.
    pub formats: Vec<String>,
    /// The zone of times without one. `None`: the deployment's, so that only their days are sent.
    pub file_zone: Option<TimeZone>,
    /// The zone in which the deployment counts days. `None`: no server stated it.
    pub deployment: Option<TimeZone>,
}

impl Dates {
    /// Reads a day or time from 1970 on.
    ///
    /// # Errors
    ///
    /// A sentence that states what is wrong and what is accepted.
    pub fn when(&self, text: &str) -> Result<When, String> {
        let when = self.read(text)?;
        if when.day(&TimeZone::UTC).year() < 1970 {
            return Err(format!("{:?} is before 1970", text.trim()));
        }
        Ok(when)
    }

    /// Reads a calendar day of any year. A time of day is dropped; a time with a zone is counted to its day in the deployment's zone.
    ///
    /// # Errors
    ///
    /// As [`Dates::when`]; a time with a zone, where the deployment's is not known.
    pub fn day(&self, text: &str) -> Result<Date, String> {
        match (self.read(text)?, &self.deployment) {
            (When::Instant(_), None) => Err(format!(
                "{:?} is a time with a zone: its day depends on the deployment's time zone, which the server does not state",
                text.trim()
            )),
            (when, zone) => Ok(when.day(zone.as_ref().unwrap_or(&TimeZone::UTC))),
        }
    }

    /// The zone in which days are counted, for showing them.
    #[must_use]
    pub fn zone(&self) -> TimeZone {
        self.deployment.clone().unwrap_or(TimeZone::UTC)
    }

    fn read(&self, text: &str) -> Result<When, String> {
        let text = text.trim();
        let when = match &self.formats[..] {
            [] => parse_usual(text),
            [format] => parse_as(text, format),
            formats => formats
                .iter()
                .find_map(|format| parse_as(text, format).ok())
                .ok_or_else(|| format!("{text:?} matches none of {}", formats.join(", "))),
        }?;
        match (when, &self.file_zone) {
            (When::Local(time), Some(zone)) => zone
                .to_timestamp(time)
                .map(When::Instant)
                .map_err(|cause| format!("{text:?}: {cause}")),
            _ => Ok(when),
        }
    }
}

/// Reads a day or time in one of the usual forms.
///
/// # Errors
///
/// As [`Dates::when`].
pub fn parse_when(text: &str) -> Result<When, String> {
    Dates::default().when(text)
}

/// A format that can be read: strftime with year, month and day, or one of the words for other forms.
///
/// # Errors
///
/// A sentence that states what is wrong.
pub fn check_format(format: &str) -> Result<String, String> {
    if ["epoch", "epoch-ms", "usual"].contains(&format) {
        return Ok(format.to_owned());
    }
    let sample = Timestamp::UNIX_EPOCH.to_zoned_datetime(TimeZone::UTC);
    let text = strtime::format(format, &sample).map_err(|cause| cause.to_string())?;
    match parse_as(&text, format) {
        Ok(when) if when.day(&TimeZone::UTC) == sample.date() => Ok(format.to_owned()),
        _ => Err(
            "needs year, month and day, for example %d/%m/%Y; or epoch, epoch-ms, usual".to_owned(),
        ),
    }
}

/// A time zone by its IANA name.
///
/// # Errors
///
/// A sentence that states that there is none of that name.
pub fn parse_zone(name: &str) -> Result<TimeZone, String> {
    TimeZone::get(name)
        .map_err(|_| "is not a time zone: write UTC or a name like Europe/Berlin".to_owned())
}

fn parse_as(text: &str, format: &str) -> Result<When, String> {
    let wrong = |cause: jiff::Error| format!("{text:?} does not match {format}: {cause}");
    match format {
        "usual" => return parse_usual(text),
        "epoch" => return parse_epoch(text, 1_000_000),
        "epoch-ms" => return parse_epoch(text, 1_000),
        _ => {}
    }
    let parts = BrokenDownTime::parse(format, text).map_err(wrong)?;
    if parts.offset().is_some() {
        return parts.to_timestamp().map(When::Instant).map_err(wrong);
    }
    if parts.hour().is_some() {
        return parts.to_datetime().map(When::Local).map_err(wrong);
    }
    parts.to_date().map(When::Day).map_err(wrong)
}

/// Units since 1970 of so many microseconds.
fn parse_epoch(text: &str, microseconds: i64) -> Result<When, String> {
    let wrong = || {
        let unit = if microseconds == 1_000 {
            "milliseconds"
        } else {
            "seconds"
        };
        format!("{text:?} is not a number of {unit} since 1970")
    };
    // Programs write whole numbers with ".0" where some cells of the column are empty.
    let whole = text.strip_suffix(".0").unwrap_or(text);
    let number: i64 = whole.parse().map_err(|_| wrong())?;
    number
        .checked_mul(microseconds)
        .and_then(|time| Timestamp::from_microsecond(time).ok())
        .map(When::Instant)
        .ok_or_else(wrong)
}

fn parse_usual(text: &str) -> Result<When, String> {
    let unknown = || {
        format!(
            "{text:?} is not a day or time: write 2024-02-01, 01.02.2024, 1 Feb 2024 or 2024-02-01T13:45:00Z, or set --date-format"
        )
    };
    let (day, rest) = if let Some(named) = names::take_day(text) {
        named?
    } else {
        let (day, rest) = text.split_once([' ', 'T', 't']).unwrap_or((text, ""));
        (usual_day(day, text)?.ok_or_else(unknown)?, rest)
    };
    let rest = rest.trim();
    if rest.is_empty() {
        return Ok(When::Day(day));
    }
    let (time, offset) = clock::parse(rest).ok_or_else(unknown)?;
    let time = day.to_datetime(time);
    match offset {
        Some(offset) => offset
            .to_timestamp(time)
            .map(When::Instant)
            .map_err(|_| unknown()),
        None => Ok(When::Local(time)),
    }
}

/// A day in one of the usual forms. `None`: it has none of them.
fn usual_day(day: &str, text: &str) -> Result<Option<Date>, String> {
    let parts: Vec<&str> = day.split(['-', '/', '.']).collect();
    let (year, month, of_month) = match parts[..] {
        [dense] if dense.len() == 8 && dense.is_ascii() => (&dense[..4], &dense[4..6], &dense[6..]),
        [year, month, of_month] if year.len() == 4 && !day.contains('.') => (year, month, of_month),
        [of_month, month, year] if year.len() == 4 && !day.contains(['-', '/']) => {
            (year, month, of_month)
        }
        [_, _, year] if year.len() == 4 && day.contains(['/', '-']) => {
            return Err(format!(
                "{text:?} is ambiguous: use --date-format %d/%m/%Y or --date-format %m/%d/%Y"
            ));
        }
        _ => return Ok(None),
    };
    let number = |part: &str| {
        let digits = (1..=4).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
        digits.then(|| part.parse::<i16>().ok()).flatten()
    };
    let (Some(year), Some(month), Some(of_month)) = (number(year), number(month), number(of_month))
    else {
        return Ok(None);
    };
    calendar_day(year, month, of_month, text).map(Some)
}

/// A day of the calendar by its numbers.
fn calendar_day(year: i16, month: i16, of_month: i16, text: &str) -> Result<Date, String> {
    let narrow = |number: i16| i8::try_from(number).unwrap_or(i8::MAX);
    Date::new(year, narrow(month), narrow(of_month))
        .map_err(|_| format!("{text:?} is not a calendar day"))
}

#[cfg(test)]
mod tests;
