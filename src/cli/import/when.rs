//! Days and times as people write them.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use jiff::fmt::strtime::{self, BrokenDownTime};
use jiff::tz::TimeZone;

/// When something happened, as precisely as the file says it.
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

    /// The day in the time zone of the file; of an instant, its day in UTC.
    #[must_use]
    pub fn day(&self) -> Date {
        match self {
            Self::Instant(instant) => TimeZone::UTC.to_datetime(*instant).date(),
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

/// Reads a day or time in one of the usual forms, or in the form given (strftime).
///
/// # Errors
///
/// A sentence that says what is wrong and what would be accepted.
pub fn parse_when(text: &str, format: Option<&str>) -> Result<When, String> {
    let text = text.trim();
    let when = match format {
        Some(format) => parse_as(text, format)?,
        None => parse_usual(text)?,
    };
    if when.day().year() < 1970 {
        return Err(format!("{text:?} is before 1970"));
    }
    Ok(when)
}

/// Reads a day; a time of day is dropped.
///
/// # Errors
///
/// As [`parse_when`].
pub fn parse_day(text: &str, format: Option<&str>) -> Result<Date, String> {
    parse_when(text, format).map(|when| when.day())
}

/// A strftime format that can be read.
///
/// # Errors
///
/// A sentence that says what is wrong.
pub fn check_format(format: &str) -> Result<String, String> {
    let sample = Timestamp::UNIX_EPOCH.to_zoned_datetime(TimeZone::UTC);
    let text = strtime::format(format, &sample).map_err(|cause| cause.to_string())?;
    match parse_as(&text, format) {
        Ok(when) if when.day() == sample.date() => Ok(format.to_owned()),
        _ => Err("needs year, month and day, for example %d/%m/%Y".to_owned()),
    }
}

fn parse_as(text: &str, format: &str) -> Result<When, String> {
    let wrong = |cause: jiff::Error| format!("{text:?} does not match {format}: {cause}");
    let parts = BrokenDownTime::parse(format, text).map_err(wrong)?;
    if parts.offset().is_some() {
        return parts.to_timestamp().map(When::Instant).map_err(wrong);
    }
    if parts.hour().is_some() {
        return parts.to_datetime().map(When::Local).map_err(wrong);
    }
    parts.to_date().map(When::Day).map_err(wrong)
}

fn parse_usual(text: &str) -> Result<When, String> {
    let unknown = || {
        format!(
            "{text:?} is not a day or time: write 2024-02-01, 20240201, 01.02.2024 or 2024-02-01T13:45:00Z, or set --date-format"
        )
    };
    let (day, rest) = match text.split_once([' ', 'T', 't']) {
        Some((day, rest)) => (day, rest.trim()),
        None => (text, ""),
    };
    let day = usual_day(day, text)?.ok_or_else(unknown)?;
    if rest.is_empty() {
        return Ok(When::Day(day));
    }
    let rest = rest
        .strip_suffix("UTC")
        .map_or_else(|| rest.replace(' ', ""), |time| format!("{}Z", time.trim()));
    if rest.contains(['Z', 'z', '+', '-']) {
        let instant: Timestamp = format!("{day}T{rest}").parse().map_err(|_| unknown())?;
        return Ok(When::Instant(instant));
    }
    let time: Time = rest.parse().map_err(|_| unknown())?;
    Ok(When::Local(day.to_datetime(time)))
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
    let narrow = |number: i16| i8::try_from(number).unwrap_or(i8::MAX);
    Date::new(year, narrow(month), narrow(of_month))
        .map(Some)
        .map_err(|_| format!("{text:?} is not a calendar day"))
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn days_are_read_in_the_usual_forms() {
        for text in [
            "2024-02-01",
            "20240201",
            "2024/02/01",
            "2024/2/1",
            "01.02.2024",
            "1.2.2024",
            " 2024-02-01 ",
        ] {
            assert_eq!(
                parse_when(text, None),
                Ok(When::Day(date(2024, 2, 1))),
                "{text}"
            );
        }
    }

    #[test]
    fn a_time_with_a_zone_is_an_instant_and_without_one_a_local_time() {
        let instant = When::Instant("2024-02-01T13:45:00Z".parse().unwrap());
        for text in [
            "2024-02-01T13:45:00Z",
            "2024-02-01T14:45:00+01:00",
            "2024-02-01 14:45:00+0100",
            "2024-02-01 14:45:00 +01:00",
            "2024-02-01 13:45:00 UTC",
            "2024-02-01t13:45:00z",
        ] {
            assert_eq!(parse_when(text, None), Ok(instant), "{text}");
            assert_eq!(
                parse_when(text, None).unwrap().normalised(),
                "2024-02-01T13:45:00Z"
            );
        }
        let local = When::Local(date(2024, 2, 1).at(13, 45, 0, 0));
        for text in [
            "2024-02-01 13:45",
            "2024-02-01 13:45:00",
            "2024-02-01T13:45:00.000",
            "01.02.2024 13:45",
            "20240201 13:45",
        ] {
            assert_eq!(parse_when(text, None), Ok(local), "{text}");
        }
        assert_eq!(local.instant(), None);
        assert_eq!(local.day(), date(2024, 2, 1));
    }

    #[test]
    fn an_ambiguous_day_is_refused_until_the_format_is_given() {
        let reason = parse_when("01/02/2024", None).unwrap_err();
        assert!(reason.contains("--date-format"), "{reason}");
        assert!(parse_when("25/02/2024", None).is_err());
        assert_eq!(
            parse_when("01/02/2024", Some("%d/%m/%Y")),
            Ok(When::Day(date(2024, 2, 1)))
        );
        assert_eq!(
            parse_when("01/02/2024 10:00", Some("%m/%d/%Y %H:%M")),
            Ok(When::Local(date(2024, 1, 2).at(10, 0, 0, 0)))
        );
    }

    #[test]
    fn what_is_no_day_is_refused() {
        for text in [
            "",
            "yesterday",
            "2024-02-30",
            "2024-13-01",
            "45292",
            "1969-12-31",
            "2024-02",
            "24-02-01",
            "2024-02-01 25:00",
            "2024-02-01Tnoon",
            "20240230",
            "9999999999",
            "１２３４５６７８",
            "2024-300-01",
        ] {
            assert!(parse_when(text, None).is_err(), "{text}");
        }
    }

    #[test]
    fn a_format_must_say_the_whole_day() {
        assert!(check_format("%d/%m/%Y").is_ok());
        assert!(check_format("%Y-%m-%dT%H:%M:%S%z").is_ok());
        assert!(check_format("%d/%m").is_err());
        assert!(check_format("nonsense").is_err());
        assert!(check_format("%!").is_err());
    }
}
