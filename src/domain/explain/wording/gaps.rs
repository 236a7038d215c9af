//! How far a value is from what is required: `2 short`, `250.00 EUR over the limit`, `just met`.

use std::cmp::Ordering;

use super::{
    Language,
    values::{distance_text, grouped},
};
use crate::domain::{
    explain::value::{Unit, Value},
    rules::syntax::Op,
};

/// The distance `gap` from the required value in words, for a comparison by `op`.
#[must_use]
pub fn gap_text(gap: &Value<'_>, op: Op, required: &Value<'_>, language: Language) -> String {
    let (en, de) = match (direction(gap), op) {
        (Ordering::Equal, Op::Ge | Op::Le) => {
            return language.choose("just met", "gerade erfüllt").to_owned();
        }
        (Ordering::Equal, Op::Gt | Op::Lt) => {
            return language
                .choose("exactly at the limit", "genau an der Grenze")
                .to_owned();
        }
        (Ordering::Equal, _) => return language.choose("equal", "gleich").to_owned(),
        (Ordering::Less, Op::Gt | Op::Ge) => match (required, gap) {
            (Value::Day(_), _) => ("too early", "zu früh"),
            (_, Value::Int(_, Unit::Tiers)) => ("too low", "zu niedrig"),
            _ => ("short", "zu wenig"),
        },
        (Ordering::Greater, Op::Lt | Op::Le) => match (required, gap) {
            (Value::Day(_), _) => ("too late", "zu spät"),
            (_, Value::Int(_, Unit::Tiers)) => ("too high", "zu hoch"),
            _ => ("over the limit", "über der Grenze"),
        },
        (direction, _) => match (required, direction) {
            (Value::Day(_), Ordering::Greater) => ("later", "später"),
            (Value::Day(_), _) => ("earlier", "früher"),
            (_, Ordering::Greater) => ("above", "darüber"),
            _ => ("below", "darunter"),
        },
    };
    let distance = grouped(&distance_text(gap, language), language);
    format!("{distance} {}", language.choose(en, de))
}

/// Whether the observed value is less than, equal to or greater than the required one.
fn direction(gap: &Value<'_>) -> Ordering {
    match gap {
        Value::Int(value, _) => value.cmp(&0),
        Value::Number(value, _) => value.partial_cmp(&0.0).unwrap_or(Ordering::Equal),
        Value::Money(money) => money.amount_minor.cmp(&0),
        Value::Bool(_)
        | Value::Text(_)
        | Value::Kind(_)
        | Value::Day(_)
        | Value::Tier(_)
        | Value::Tags(_) => Ordering::Equal,
    }
}
