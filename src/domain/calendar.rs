//! Calendar days, and when something happened.
//!
//! The domain counts in whole days of the deployment's time zone; which zone that is, is an argument. Weeks appear only inside the
//! value models.

use std::{fmt, ops::Sub, str::FromStr};

use jiff::{Timestamp, civil::Date, tz::TimeZone};

/// A calendar day: the number of days since 1970-01-01, which is day 0. Ranges from 1900-01-01 to 2199-12-31.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(i32);

/// Days that a `Day` can hold lie in these years: wide enough for dates of birth and long horizons, narrow enough for arithmetic.
const YEARS: std::ops::RangeInclusive<i16> = 1900..=2199;
/// The numbers of the first and the last day of those years.
const NUMBERS: std::ops::RangeInclusive<i32> = -25_567..=Day::LAST.0;

/// Why a text or number is no day.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DayError {
    /// Not of the form YYYY-MM-DD, or no day of the calendar.
    #[error("{0:?} is not a calendar day: write YYYY-MM-DD, for example 2026-01-31")]
    NotADay(String),
    /// A day outside the years that are kept.
    #[error("the year of {0} is outside 1900 to 2199")]
    OutOfRange(String),
}

impl Day {
    /// The first day from which facts are taken: 1970-01-01.
    pub const EPOCH: Self = Self(0);
    /// The last day that can be held: 2199-12-31.
    pub const LAST: Self = Self(84_005);

    /// Day by its number, days since 1970-01-01.
    ///
    /// # Errors
    /// When the day lies outside 1900 to 2199.
    pub fn from_number(number: i32) -> Result<Self, DayError> {
        if NUMBERS.contains(&number) {
            Ok(Self(number))
        } else {
            Err(DayError::OutOfRange(format!("day {number}")))
        }
    }

    /// The day of `instant` in `zone`.
    ///
    /// # Errors
    /// When the day lies outside 1900 to 2199.
    pub fn in_zone(instant: Timestamp, zone: &TimeZone) -> Result<Self, DayError> {
        Self::try_from(zone.to_datetime(instant).date())
    }

    /// Days since 1970-01-01.
    #[must_use]
    pub const fn number(self) -> i32 {
        self.0
    }

    /// The day `count` days later, kept within the years that a `Day` can hold.
    #[must_use]
    pub fn plus_days(self, count: i32) -> Self {
        Self::from_number(self.0.saturating_add(count)).unwrap_or(self)
    }

    /// The same day of the month `count` calendar months later, or the last day of that month where it is shorter; `None` beyond 2199.
    #[must_use]
    pub fn plus_months(self, count: u32) -> Option<Self> {
        let months = jiff::Span::new().try_months(i64::from(count)).ok()?;
        Self::try_from(self.date().checked_add(months).ok()?).ok()
    }

    /// The same day of the month `count` calendar months earlier, or the last day of that month where it is shorter; the first day that can
    /// be held where it would lie before that.
    #[must_use]
    pub fn minus_months(self, count: u32) -> Self {
        let months = jiff::Span::new().try_months(-i64::from(count)).ok();
        let date = months.and_then(|months| self.date().checked_add(months).ok());
        date.and_then(|date| Self::try_from(date).ok())
            .unwrap_or(Self(*NUMBERS.start()))
    }

    /// Calendar months from the month of `earlier` to the month of this day, whatever the days within them; negative when it is later.
    #[must_use]
    pub fn months_since(self, earlier: Self) -> i32 {
        let number = |day: Self| {
            let date = day.date();
            i32::from(date.year()) * 12 + i32::from(date.month())
        };
        number(self) - number(earlier)
    }

    /// The month of the year, 1 to 12.
    #[must_use]
    pub fn month(self) -> u32 {
        u32::try_from(self.date().month()).unwrap_or(1)
    }

    fn date(self) -> Date {
        let epoch = Date::constant(1970, 1, 1);
        epoch
            .checked_add(jiff::Span::new().days(self.0))
            .unwrap_or(epoch)
    }
}

/// Minutes after midnight of a clock time `HH:MM`, 00:00 to 24:00; `None` if it is none.
#[must_use]
pub fn clock_minutes(text: &str) -> Option<u16> {
    let (hours, minutes) = text.split_once(':')?;
    let is_plain = |text: &str| text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit());
    if !is_plain(hours) || !is_plain(minutes) {
        return None;
    }
    let (hours, minutes): (u16, u16) = (hours.parse().ok()?, minutes.parse().ok()?);
    let total = hours * 60 + minutes;
    (minutes < 60 && total <= 24 * 60).then_some(total)
}

impl TryFrom<Date> for Day {
    type Error = DayError;

    fn try_from(date: Date) -> Result<Self, DayError> {
        if !YEARS.contains(&date.year()) {
            return Err(DayError::OutOfRange(date.to_string()));
        }
        let days = date.duration_since(Date::constant(1970, 1, 1)).as_hours() / 24;
        i32::try_from(days)
            .map(Self)
            .map_err(|_| DayError::OutOfRange(date.to_string()))
    }
}

impl FromStr for Day {
    type Err = DayError;

    fn from_str(text: &str) -> Result<Self, DayError> {
        let not_a_day = || DayError::NotADay(text.chars().take(40).collect());
        let bytes = text.as_bytes();
        if bytes.len() != 10 || bytes[4] != b'-' || bytes[7] != b'-' {
            return Err(not_a_day());
        }
        let number = |range: std::ops::Range<usize>| -> Result<i16, DayError> {
            let digits = text.get(range).ok_or_else(not_a_day)?;
            if !digits.bytes().all(|b| b.is_ascii_digit()) {
                return Err(not_a_day());
            }
            digits.parse().map_err(|_| not_a_day())
        };
        let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
        let small = |n: i16| i8::try_from(n).map_err(|_| not_a_day());
        let date = Date::new(year, small(month)?, small(day)?).map_err(|_| not_a_day())?;
        Self::try_from(date)
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.date().fmt(f)
    }
}

impl Sub for Day {
    type Output = i32;

    /// Days from `earlier` to `self`.
    fn sub(self, earlier: Self) -> i32 {
        self.0 - earlier.0
    }
}

/// When a fact happened: always a day, and the instant where it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventTime {
    /// The day in the deployment's time zone.
    pub day: Day,
    /// The instant, to the microsecond, where the source gave one.
    pub instant: Option<Timestamp>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, number: i32) {
        let day: Day = text.parse().unwrap();
        assert_eq!(day.number(), number);
        assert_eq!(day.to_string(), text);
    }

    #[test]
    fn a_day_is_read_and_written_as_iso_8601() {
        check("1970-01-01", 0);
        check("1900-01-01", -25567);
        check("2000-02-29", 11016);
        check("2199-12-31", 84005);
    }

    #[test]
    fn what_is_no_day_is_refused() {
        for text in [
            "",
            "1997-9-30",
            "1997-02-30",
            "19970930",
            "1997-09-30T00:00",
            "+997-09-30",
            "1899-12-31",
            "2200-01-01",
            "1997-09-3०",
        ] {
            assert!(text.parse::<Day>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn the_day_of_an_instant_is_that_of_the_zone() {
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        let late: Timestamp = "2026-03-29T23:30:00Z".parse().unwrap();
        assert_eq!(Day::in_zone(late, &zone).unwrap().to_string(), "2026-03-30");
        assert_eq!(
            Day::in_zone(late, &TimeZone::UTC).unwrap().to_string(),
            "2026-03-29"
        );
    }

    #[test]
    fn months_are_those_of_the_calendar() {
        let day = |text: &str| text.parse::<Day>().unwrap();
        for (from, count, to) in [
            ("2026-01-31", 1, "2026-02-28"),
            ("2024-01-31", 1, "2024-02-29"),
            ("2026-01-31", 2, "2026-03-31"),
            ("2024-02-29", 12, "2025-02-28"),
            ("2026-11-22", 0, "2026-11-22"),
        ] {
            assert_eq!(day(from).plus_months(count), Some(day(to)), "{from}");
            assert_eq!(
                day(to).months_since(day(from)),
                i32::try_from(count).unwrap()
            );
        }
        assert_eq!(day("2199-12-01").plus_months(1), None);
        assert_eq!(day("2026-11-22").plus_months(u32::MAX), None);
        assert_eq!(day("2026-11-30").months_since(day("2026-12-01")), -1);
    }

    #[test]
    fn numbers_outside_the_calendar_are_refused() {
        for number in [i32::MIN, -25568, 84006, i32::MAX] {
            assert!(Day::from_number(number).is_err(), "{number}");
        }
    }
}
