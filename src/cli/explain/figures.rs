//! Amounts, days and instants as each language writes them.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::language::Language;
use crate::cli::text::money_text;
use crate::domain::calendar::Day;
use crate::domain::explain::wording::{self, values};
use crate::pb;

impl From<Language> for wording::Language {
    fn from(language: Language) -> Self {
        match language {
            Language::En => Self::En,
            Language::De => Self::De,
        }
    }
}

/// An amount: "1,250.00 EUR", "1.250,00 EUR".
#[must_use]
pub fn money(money: &pb::Money, language: Language) -> String {
    values::grouped(&money_text(money), language.into())
}

/// A day, YYYY-MM-DD, in German "24.11.2026". What is no day stays as it is.
#[must_use]
pub fn day(text: &str, language: Language) -> String {
    let day = text.parse::<Day>();
    day.map_or_else(
        |_| text.to_owned(),
        |day| values::day_text(day, language.into()),
    )
}

/// An instant to the minute: "2026-11-24 11:02 UTC", "24.11.2026, 11:02 UTC". `None` when absent or out of range.
#[must_use]
pub fn instant(time: Option<&prost_types::Timestamp>, language: Language) -> Option<String> {
    let time = time?;
    let instant = Timestamp::new(time.seconds, time.nanos).ok()?;
    // The seconds are left out, not rounded: nothing was known at an instant that lies ahead of it.
    let zoned = instant.to_zoned_datetime(TimeZone::UTC);
    let day = day(&zoned.date().to_string(), language);
    let separator = language.label("", ",");
    Some(format!(
        "{day}{separator} {:02}:{:02} UTC",
        zoned.hour(),
        zoned.minute()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_written_as_the_language_does() {
        let amount = pb::Money {
            amount_minor: -123_456_789,
            currency: "EUR".into(),
        };
        assert_eq!(money(&amount, Language::En), "-1,234,567.89 EUR");
        assert_eq!(money(&amount, Language::De), "-1.234.567,89 EUR");
        assert_eq!(day("2026-11-24", Language::En), "2026-11-24");
        assert_eq!(day("2026-11-24", Language::De), "24.11.2026");
        assert_eq!(day("soon", Language::De), "soon");
        let time = prost_types::Timestamp {
            seconds: 1_795_518_179,
            nanos: 999_999_999,
        };
        let said = |language| instant(Some(&time), language).unwrap();
        assert_eq!(said(Language::En), "2026-11-24 11:02 UTC");
        assert_eq!(said(Language::De), "24.11.2026, 11:02 UTC");
    }
}
