//! Values, amounts, days and distances in the words and digits of a language.

use super::{Language, both};
use crate::domain::{
    calendar::Day,
    customer::CustomerKind,
    definitions::LocalizedText,
    explain::value::{Unit, Value},
    money::Money,
};

/// Decimals of a percentage: one, unless two different probabilities would read alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decimals(usize);

impl Decimals {
    /// What a probability is worth.
    const LEAST: usize = 1;
    /// Beyond this two probabilities differ by rounding errors only.
    const MOST: usize = 12;

    /// As many as it takes to tell the observed from the required probabilities.
    #[must_use]
    pub fn telling_apart(observed: Option<&Value<'_>>, required: &[Value<'_>]) -> Self {
        let Some(observed) = observed.and_then(share) else {
            return Self(Self::LEAST);
        };
        let differ = |decimals: usize| {
            let others = required.iter().filter_map(share);
            others
                .filter(|limit| limit.total_cmp(&observed).is_ne())
                .all(|limit| percent(limit, decimals) != percent(observed, decimals))
        };
        let decimals = (Self::LEAST..Self::MOST).find(|&decimals| differ(decimals));
        Self(decimals.unwrap_or(Self::MOST))
    }
}

/// The probability that a value is.
fn share(value: &Value<'_>) -> Option<f64> {
    if let Value::Number(share, Unit::Share) = value {
        Some(*share)
    } else {
        None
    }
}

/// A value: `2`, `1,250.00 EUR`, `34 days`, `55.0 %`, `yes`.
#[must_use]
pub fn value_text(value: &Value<'_>, decimals: Decimals, language: Language) -> String {
    match value {
        Value::Bool(true) => language.choose("yes", "ja").to_owned(),
        Value::Bool(false) => language.choose("no", "nein").to_owned(),
        Value::Int(value, unit) => {
            let text = counted(&value.to_string(), *unit, *value == 1, language);
            grouped(&text, language)
        }
        Value::Number(value, Unit::Share) => {
            let share = percent(*value, decimals.0);
            grouped(&format!("{share} %"), language)
        }
        Value::Number(value, unit) => {
            let text = counted(&decimal(*value), *unit, false, language);
            grouped(&text, language)
        }
        Value::Text("") => language.choose("empty", "leer").to_owned(),
        Value::Text(text) | Value::Tier(text) => (*text).to_owned(),
        Value::Kind(kind) => kind_text(*kind, language).to_owned(),
        Value::Money(money) => money_text(*money, language),
        Value::Day(day) => day_text(*day, language),
        Value::Tags([]) => language.choose("none", "keine").to_owned(),
        Value::Tags(tags) => tags.join(", "),
    }
}

/// The size of a gap without its sign, digits not grouped yet: `2`, `250.00 EUR`, `1 tier`, `5.0 percentage points`.
pub(super) fn distance_text(gap: &Value<'_>, language: Language) -> String {
    match gap {
        Value::Int(value, unit) => {
            let size = value.unsigned_abs();
            counted(&size.to_string(), *unit, size == 1, language)
        }
        Value::Number(value, Unit::Share) => {
            let size = value.abs();
            // Never "0.0" for two probabilities that differ.
            let decimals = (Decimals::LEAST..Decimals::MOST)
                .find(|&decimals| percent(size, decimals) != percent(0.0, decimals));
            let size = percent(size, decimals.unwrap_or(Decimals::MOST));
            let points = language.choose("percentage points", "Prozentpunkte");
            format!("{size} {points}")
        }
        Value::Number(value, unit) => {
            // A difference of two decimals has noise in its last digits.
            let size = format!("{:.11e}", value.abs());
            let size: f64 = size.parse().unwrap_or(value.abs());
            counted(&decimal(size), *unit, false, language)
        }
        Value::Money(money) => money.to_string().trim_start_matches('-').to_owned(),
        Value::Bool(_)
        | Value::Text(_)
        | Value::Kind(_)
        | Value::Day(_)
        | Value::Tier(_)
        | Value::Tags(_) => String::new(),
    }
}

fn percent(share: f64, decimals: usize) -> String {
    format!("{:.decimals$}", share * 100.0)
}

/// A number of something: `1 day`, `2 days`, `340 people`.
fn counted(number: &str, unit: Unit<'_>, is_one: bool, language: Language) -> String {
    let one = match unit {
        Unit::Days if is_one => Some(language.choose("day", "Tag").into()),
        Unit::Tiers if is_one => Some(language.choose("tier", "Stufe").into()),
        Unit::Plain | Unit::Share | Unit::Days | Unit::Tiers | Unit::Named(_) => None,
    };
    match one.or_else(|| unit_text(unit).map(|unit| language.pick(&unit))) {
        Some(unit) => format!("{number} {unit}"),
        None => number.to_owned(),
    }
}

/// The unit of a number; `None` for a plain number and a probability. The English one identifies it.
#[must_use]
pub fn unit_text(unit: Unit<'_>) -> Option<LocalizedText> {
    Some(match unit {
        Unit::Plain | Unit::Share => return None,
        Unit::Days => both(|language| language.choose("days", "Tage")),
        Unit::Tiers => both(|language| language.choose("tiers", "Stufen")),
        Unit::Named(unit) => unit.clone(),
    })
}

/// A number in the shortest form that reads back as the same number; without hundreds of zeros.
fn decimal(value: f64) -> String {
    if value != 0.0 && !(1e-6..1e15).contains(&value.abs()) {
        format!("{value:e}")
    } else {
        value.to_string()
    }
}

const fn kind_text(kind: CustomerKind, language: Language) -> &'static str {
    match kind {
        CustomerKind::Person => language.choose("person", "Privatperson"),
        CustomerKind::Company => language.choose("company", "Firma"),
        CustomerKind::Employee => language.choose("employee", "Mitarbeiter"),
    }
}

/// A text that begins with a number, with the digits grouped and the decimal sign of the language: `1,250.00 EUR`, `1.250,00 EUR`.
#[must_use]
pub fn grouped(text: &str, language: Language) -> String {
    let (group, point) = match language {
        Language::En => (',', '.'),
        Language::De => ('.', ','),
    };
    let is_digit = |c: char| c.is_ascii_digit();
    let Some(start) = text.find(is_digit) else {
        return text.to_owned();
    };
    let (sign, number) = text.split_at(start);
    let end = number.find(|c| !is_digit(c)).unwrap_or(number.len());
    let (whole, rest) = number.split_at(end);
    let mut out = sign.to_owned();
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) {
            out.push(group);
        }
        out.push(digit);
    }
    match rest.strip_prefix('.') {
        Some(decimals) => {
            out.push(point);
            out.push_str(decimals);
        }
        None => out.push_str(rest),
    }
    out
}

/// An amount: `1,250.00 EUR`, `1.250,00 EUR`.
#[must_use]
pub fn money_text(money: Money, language: Language) -> String {
    grouped(&money.to_string(), language)
}

/// A day: `2026-11-24`, `24.11.2026`.
#[must_use]
pub fn day_text(day: Day, language: Language) -> String {
    let text = day.to_string();
    let parts: Vec<&str> = text.split('-').collect();
    match (language, &*parts) {
        (Language::De, [year, month, day]) => format!("{day}.{month}.{year}"),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, english: &str, german: &str) {
        assert_eq!(grouped(text, Language::En), english);
        assert_eq!(grouped(text, Language::De), german);
    }

    #[test]
    fn numbers_have_the_signs_of_their_language() {
        check("0", "0", "0");
        check("999 days", "999 days", "999 days");
        check("-1234567.5 kg.", "-1,234,567.5 kg.", "-1.234.567,5 kg.");
        check("1250.00 EUR", "1,250.00 EUR", "1.250,00 EUR");
        check("0.125", "0.125", "0,125");
        check("none", "none", "none");
    }

    #[test]
    fn days_are_written_as_they_are_in_letters() {
        let day: Day = "2026-11-24".parse().unwrap();
        assert_eq!(day_text(day, Language::En), "2026-11-24");
        assert_eq!(day_text(day, Language::De), "24.11.2026");
    }
}
