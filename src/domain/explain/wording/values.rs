//! Values, amounts, days and distances in words and digits of a language.

use super::Language;
use crate::domain::{
    calendar::Day,
    definitions::Definitions,
    explain::Gap,
    money::{Currency, Money},
    rules::{condition::Term, program::Slot, vocabulary::ValueType},
    text::Label,
};

/// What numbers of a term are.
pub(super) enum Unit {
    Plain,
    Named(Label),
    Days,
    Money(Currency),
    Day,
    Tier,
    Percent,
}

pub(super) fn unit(term: &Term, definitions: &Definitions, language: Language) -> Unit {
    match term {
        Term::Clv | Term::Spend(_) | Term::CostToServe(_) => {
            Unit::Money(definitions.value().currency)
        }
        Term::Tier => Unit::Tier,
        Term::ProbabilityAlive => Unit::Percent,
        Term::DaysSinceLastOrder | Term::TenureDays => Unit::Days,
        Term::Orders(_)
        | Term::Contacts(..)
        | Term::RunningContracts
        | Term::Kind
        | Term::Segment(_) => Unit::Plain,
        Term::Attribute(id) => {
            let definition = &definitions.attributes()[id.0 as usize];
            match (&definition.attribute.value_type, &definition.unit) {
                (ValueType::Money(currency), _) => Unit::Money(*currency),
                (ValueType::Day, _) => Unit::Day,
                (_, Some(unit)) if *unit.en == *"days" => Unit::Days,
                (_, Some(unit)) => Unit::Named(language.of(unit)),
                (_, None) => Unit::Plain,
            }
        }
    }
}

pub(super) fn int_text(
    value: i64,
    unit: &Unit,
    definitions: &Definitions,
    language: Language,
) -> String {
    match unit {
        Unit::Plain | Unit::Percent => grouped(&value.to_string(), language),
        Unit::Named(unit) => grouped(&format!("{value} {unit}"), language),
        Unit::Days if value == 1 => language.choose("1 day", "1 Tag").to_owned(),
        Unit::Days => {
            let days = language.choose("days", "Tage");
            grouped(&format!("{value} {days}"), language)
        }
        Unit::Money(currency) => {
            let money = Money {
                amount_minor: value,
                currency: *currency,
            };
            money_text(money, language)
        }
        Unit::Day => match i32::try_from(value)
            .ok()
            .and_then(|n| Day::from_number(n).ok())
        {
            Some(day) => day_text(day, language),
            None => value.to_string(),
        },
        Unit::Tier => usize::try_from(value)
            .ok()
            .and_then(|ordinal| definitions.vocabulary().tiers().get(ordinal))
            .map_or_else(|| value.to_string(), ToString::to_string),
    }
}

pub(super) fn number_text(value: f64, unit: &Unit, language: Language) -> String {
    match unit {
        // One decimal of a percent is what a probability is worth.
        Unit::Percent => grouped(&format!("{:.1} %", value * 100.0), language),
        Unit::Named(unit) => grouped(&format!("{value} {unit}"), language),
        Unit::Plain | Unit::Days | Unit::Money(_) | Unit::Day | Unit::Tier => {
            grouped(&value.to_string(), language)
        }
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

/// A name that conditions compare a term with. Only the kinds of customers are the program's own words, and so are said in the language.
pub(super) fn name_text<'a>(term: &Term, name: &'a str, language: Language) -> &'a str {
    match (term, name) {
        (Term::Kind, "PERSON") => language.choose("person", "Privatperson"),
        (Term::Kind, "COMPANY") => language.choose("company", "Firma"),
        (Term::Kind, "EMPLOYEE") => language.choose("employee", "Kollege"),
        _ => name,
    }
}

/// A value of a term.
#[must_use]
pub fn value_text(
    term: &Term,
    value: Slot<'_>,
    definitions: &Definitions,
    language: Language,
) -> String {
    let unit = unit(term, definitions, language);
    match value {
        Slot::Missing => language.choose("unknown", "unbekannt").to_owned(),
        Slot::Int(value) => int_text(value, &unit, definitions, language),
        Slot::Num(value) => number_text(value, &unit, language),
        Slot::Bool(true) => language.choose("yes", "ja").to_owned(),
        Slot::Bool(false) => language.choose("no", "nein").to_owned(),
        Slot::Text(_, text) => name_text(term, text, language).to_owned(),
        Slot::List([]) => language.choose("none", "keine").to_owned(),
        Slot::List(tags) => tags.join(", "),
    }
}

/// The distance of a value from its limit, with its sign: `+3`, `-120.00 EUR`.
#[must_use]
pub fn gap_text(term: &Term, gap: Gap, definitions: &Definitions, language: Language) -> String {
    let unit = unit(term, definitions, language);
    let (text, is_positive) = match gap {
        // Between tiers and between days lie steps and days, not a tier or a date.
        Gap::Int(value) => match unit {
            Unit::Tier => (
                int_text(value, &Unit::Plain, definitions, language),
                value > 0,
            ),
            Unit::Day => (
                int_text(value, &Unit::Days, definitions, language),
                value > 0,
            ),
            Unit::Plain | Unit::Named(_) | Unit::Days | Unit::Money(_) | Unit::Percent => {
                (int_text(value, &unit, definitions, language), value > 0)
            }
        },
        Gap::Number(value) => (number_text(value, &unit, language), value > 0.0),
    };
    if is_positive {
        format!("+{text}")
    } else {
        text
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
