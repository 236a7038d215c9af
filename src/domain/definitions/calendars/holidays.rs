//! Days with other hours than their weekday.

use jiff::{Span, civil::Date};

use super::Hours;
use crate::domain::definitions::LocalizedText;

/// A day on which other hours hold.
#[derive(Debug, Clone, PartialEq)]
pub struct Holiday {
    /// What it is called.
    pub name: LocalizedText,
    /// When it is.
    pub on: HolidayDate,
    /// Its hours; none: closed.
    pub hours: Vec<Hours>,
}

/// When a holiday is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HolidayDate {
    /// Once.
    Once(Date),
    /// Every year. The 29th of February is only in leap years.
    Yearly {
        /// 1 to 12.
        month: i8,
        /// 1 to 31.
        day: i8,
    },
    /// So many days after Easter Sunday, or before it.
    Easter(i16),
}

impl Holiday {
    /// Whether it is on this day.
    pub(super) fn falls_on(&self, date: Date) -> bool {
        match self.on {
            HolidayDate::Once(day) => day == date,
            HolidayDate::Yearly { month, day } => date.month() == month && date.day() == day,
            HolidayDate::Easter(days) => {
                let day = easter(date.year())
                    .and_then(|sunday| sunday.checked_add(Span::new().days(days)).ok());
                day == Some(date)
            }
        }
    }
}

/// Easter Sunday of a year in the Gregorian calendar (Meeus, Astronomical Algorithms, 2nd edition, chapter 8).
fn easter(year: i16) -> Option<Date> {
    let of_year = i32::from(year);
    let (golden, century, rest) = (of_year % 19, of_year / 100, of_year % 100);
    let correction = (century - (century + 8) / 25 + 1) / 3;
    let moon = (19 * golden + century - century / 4 - correction + 15) % 30;
    let weekday = (32 + 2 * (century % 4) + 2 * (rest / 4) - moon - rest % 4) % 7;
    let late = (golden + 11 * moon + 22 * weekday) / 451;
    let date = moon + weekday - 7 * late + 114;
    let (month, day) = (i8::try_from(date / 31), i8::try_from(date % 31 + 1));
    Date::new(year, month.ok()?, day.ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Dates of Easter from the table of the United States Naval Observatory.
    #[test]
    fn easter_is_when_it_is() {
        for (year, month, day) in [
            (1961, 4, 2),
            (2008, 3, 23),
            (2019, 4, 21),
            (2024, 3, 31),
            (2025, 4, 20),
            (2026, 4, 5),
            (2027, 3, 28),
            (2038, 4, 25),
            (2049, 4, 18),
            (2076, 4, 19),
        ] {
            let expected = Date::new(year, month, day).unwrap();
            assert_eq!(easter(year), Some(expected), "{year}");
        }
    }
}
