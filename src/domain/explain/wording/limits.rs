//! What a leaf compares with, apart from the comparison, and in which unit.

use super::{Language, Unit, int_text, number_text, unit, value_text};
use crate::domain::{
    definitions::Definitions,
    money::Currency,
    rules::{
        condition::{Predicate, Term, Test},
        program::Slot,
    },
};

/// What a leaf compares with, without the comparison; empty where there is nothing to compare with.
#[must_use]
pub fn limit(test: &Test, definitions: &Definitions, language: Language) -> String {
    let unit = unit(&test.term, definitions, language);
    let int = |value: i64| int_text(value, &unit, definitions, language);
    match &test.predicate {
        Predicate::Int(_, value) => int(*value),
        Predicate::Number(_, value) => number_text(value.get(), &unit, language),
        Predicate::Bool(value) => value_text(&test.term, Slot::Bool(*value), definitions, language),
        Predicate::Text(_, constant) | Predicate::HasTag(constant) => constant.to_string(),
        Predicate::IntIn(list) => list
            .iter()
            .map(|value| int(*value))
            .collect::<Vec<_>>()
            .join(", "),
        Predicate::NumberIn(list) => {
            let texts = list
                .iter()
                .map(|value| number_text(value.get(), &unit, language));
            texts.collect::<Vec<_>>().join(", ")
        }
        Predicate::TextIn(list) => list.join(", "),
        Predicate::Known => String::new(),
    }
}

/// The currency of a term's amounts, which conditions hold in minor units; `None` for other terms.
#[must_use]
pub fn currency(term: &Term, definitions: &Definitions) -> Option<Currency> {
    match unit(term, definitions, Language::En) {
        Unit::Money(currency) => Some(currency),
        Unit::Plain | Unit::Named(_) | Unit::Days | Unit::Day | Unit::Percent | Unit::Tier => None,
    }
}

/// The unit of a term's distances; empty for a plain number.
#[must_use]
pub fn unit_name(term: &Term, definitions: &Definitions) -> String {
    match unit(term, definitions, Language::En) {
        Unit::Money(currency) => currency.to_string(),
        Unit::Named(unit) => unit.to_string(),
        Unit::Days | Unit::Day => "days".to_owned(),
        Unit::Tier => "tiers".to_owned(),
        Unit::Plain | Unit::Percent => String::new(),
    }
}
