//! What a leaf requires: `at least 3`, `one of food, pharma`, `before 2026-01-01`.

use super::{
    Language,
    values::{Decimals, value_text},
};
use crate::domain::{
    explain::value::{Operator, Value, contrary},
    rules::syntax::Op,
};

/// Operator and required values; with `is_negated` the contrary.
#[must_use]
pub fn required_text(
    operator: Operator,
    is_negated: bool,
    required: &[Value<'_>],
    decimals: Decimals,
    language: Language,
) -> String {
    let text = |value: &Value<'_>| value_text(value, decimals, language);
    let list = || required.iter().map(text).collect::<Vec<_>>().join(", ");
    let (en, de) = match (operator, is_negated) {
        (Operator::In, false) => ("one of", "eines von"),
        (Operator::In, true) => ("none of", "keines von"),
        (Operator::HasTag, false) => ("including", "enthält"),
        (Operator::HasTag, true) => ("without", "enthält nicht"),
        (Operator::StartsWith, false) => ("starting with", "beginnt mit"),
        (Operator::StartsWith, true) => ("not starting with", "beginnt nicht mit"),
        (Operator::EndsWith, false) => ("ending with", "endet auf"),
        (Operator::EndsWith, true) => ("not ending with", "endet nicht auf"),
        (Operator::Contains, false) => ("containing", "enthält"),
        (Operator::Contains, true) => ("not containing", "enthält nicht"),
        (Operator::Known, false) => {
            return language.choose("any value", "irgendein Wert").to_owned();
        }
        (Operator::Known, true) => return language.choose("no value", "kein Wert").to_owned(),
        (Operator::Compare(op), _) => {
            let op = if is_negated { contrary(op) } else { op };
            let limit = required.first();
            return limit.map_or_else(String::new, |limit| compared(op, limit, decimals, language));
        }
    };
    format!("{} {}", language.choose(en, de), list())
}

/// A comparison with one value, in the words of its type.
fn compared(op: Op, limit: &Value<'_>, decimals: Decimals, language: Language) -> String {
    let (en, de) = match limit {
        Value::Bool(value) => {
            let value = Value::Bool(*value == (op == Op::Eq));
            return value_text(&value, decimals, language);
        }
        Value::Text(_) | Value::Kind(_) | Value::Tags(_) if op == Op::Eq => {
            return value_text(limit, decimals, language);
        }
        Value::Text(_) | Value::Kind(_) | Value::Tags(_) => ("not", "nicht"),
        Value::Day(_) => day_words(op),
        Value::Tier(_) => tier_words(op),
        Value::Int(..) | Value::Number(..) | Value::Money(_) => number_words(op),
    };
    let limit = value_text(limit, decimals, language);
    format!("{} {limit}", language.choose(en, de))
}

const fn number_words(op: Op) -> (&'static str, &'static str) {
    match op {
        Op::Eq => ("exactly", "genau"),
        Op::Ne => ("not", "nicht"),
        Op::Lt => ("less than", "weniger als"),
        Op::Le => ("at most", "höchstens"),
        Op::Gt => ("more than", "mehr als"),
        Op::Ge => ("at least", "mindestens"),
    }
}

const fn tier_words(op: Op) -> (&'static str, &'static str) {
    match op {
        Op::Lt => ("below", "unter"),
        Op::Gt => ("above", "über"),
        Op::Eq | Op::Ne | Op::Le | Op::Ge => number_words(op),
    }
}

const fn day_words(op: Op) -> (&'static str, &'static str) {
    match op {
        Op::Eq => ("on", "am"),
        Op::Ne => ("not on", "nicht am"),
        Op::Lt => ("before", "vor dem"),
        Op::Le => ("on or before", "spätestens am"),
        Op::Gt => ("after", "nach dem"),
        Op::Ge => ("on or after", "frühestens am"),
    }
}
