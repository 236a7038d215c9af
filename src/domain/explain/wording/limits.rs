//! What a leaf compares with, apart from the comparison, and in which unit.

use super::{
    Language,
    values::{Unit, int_text, name_text, number_text, unit, value_text},
};
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
        Predicate::Text(_, constant) | Predicate::HasTag(constant) => {
            name_text(&test.term, constant, language).to_owned()
        }
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
        Predicate::TextIn(list) => {
            let names = list.iter();
            let names = names.map(|name| name_text(&test.term, name, language));
            names.collect::<Vec<_>>().join(", ")
        }
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

/// The unit of a term's distances in a language; empty for a plain number. In English it is stable.
#[must_use]
pub fn unit_name(term: &Term, definitions: &Definitions, language: Language) -> String {
    match (unit(term, definitions, language), term) {
        (Unit::Money(currency), _) => currency.to_string(),
        (Unit::Named(unit), _) => unit.to_string(),
        (Unit::Days | Unit::Day, _) => language.choose("days", "Tage").to_owned(),
        (Unit::Tier, _) => language.choose("tiers", "Stufen").to_owned(),
        (Unit::Plain, Term::Orders(_)) => language.choose("orders", "Bestellungen").to_owned(),
        (Unit::Plain, Term::Contacts(..)) => language.choose("contacts", "Kontakte").to_owned(),
        (Unit::Plain | Unit::Percent, _) => String::new(),
    }
}
