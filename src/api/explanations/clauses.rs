//! Clause trees as messages: typed values and their texts, copied.

use crate::{
    api::{
        customer_kind_message, money_message, rates,
        treatments::{localized, verdict},
    },
    domain::{
        definitions::Definitions,
        explain::{
            statement::{ClauseStatement, TestStatement},
            value::{Operator, Unit, Value},
            wording::values::unit_text,
        },
        rules::{program::Absence, syntax::Op, trace::Joint},
    },
    pb,
};

/// The message of a clause and its parts.
pub(super) fn clause(clause: &ClauseStatement<'_>, definitions: &Definitions) -> pb::Clause {
    let parts = clause.parts.iter();
    let joined = pb::Clause {
        kind: kind(clause.joint).into(),
        verdict: verdict(clause.verdict),
        parts: parts.map(|part| self::clause(part, definitions)).collect(),
        text: Some(localized(&clause.text)),
        gap_text: clause.gap_text.as_ref().map(localized),
        origin_text: clause.origin_text.as_ref().map(localized),
        expression: clause.expression.to_owned(),
        ..Default::default()
    };
    match &clause.test {
        Some(test) => with_test(joined, test, definitions),
        None => joined,
    }
}

fn with_test(
    clause: pb::Clause,
    test: &TestStatement<'_>,
    definitions: &Definitions,
) -> pb::Clause {
    let recorded = test.recorded.as_ref();
    let source = recorded.map(|recorded| recorded.source.to_string());
    let observed_on = recorded.map(|recorded| recorded.observed_on.to_string());
    pb::Clause {
        term: test.term.written(definitions.vocabulary()),
        term_text: Some(localized(&test.term_text)),
        operator: operator(test.operator).into(),
        required_values: test.required.iter().map(value).collect(),
        required_text: Some(localized(&test.required_text)),
        observed_value: test.observed.as_ref().ok().map(value),
        observed_text: Some(localized(&test.observed_text)),
        absence: absence(test.observed.as_ref().err().copied()),
        gap: test.gap.as_ref().map(value),
        source: source.unwrap_or_default(),
        observed_on: observed_on.unwrap_or_default(),
        age_days: recorded.map(|recorded| recorded.age_days),
        converted_from: rates::codes(&test.converted_from),
        oldest_rate: test.oldest_rate.map(rates::used_rate),
        is_decisive: test.is_decisive,
        is_protected: test.is_protected,
        ..clause
    }
}

fn kind(joint: Joint) -> pb::ClauseKind {
    match joint {
        Joint::Test { .. } => pb::ClauseKind::Test,
        Joint::Everyone => pb::ClauseKind::Everyone,
        Joint::All => pb::ClauseKind::All,
        Joint::Any => pb::ClauseKind::Any,
        Joint::Not => pb::ClauseKind::Not,
    }
}

fn operator(operator: Operator) -> pb::ComparisonOperator {
    match operator {
        Operator::Compare(Op::Eq) => pb::ComparisonOperator::Equal,
        Operator::Compare(Op::Ne) => pb::ComparisonOperator::NotEqual,
        Operator::Compare(Op::Lt) => pb::ComparisonOperator::LessThan,
        Operator::Compare(Op::Le) => pb::ComparisonOperator::LessThanOrEqual,
        Operator::Compare(Op::Gt) => pb::ComparisonOperator::GreaterThan,
        Operator::Compare(Op::Ge) => pb::ComparisonOperator::GreaterThanOrEqual,
        Operator::In => pb::ComparisonOperator::In,
        Operator::HasTag => pb::ComparisonOperator::HasTag,
        Operator::StartsWith => pb::ComparisonOperator::StartsWith,
        Operator::EndsWith => pb::ComparisonOperator::EndsWith,
        Operator::Contains => pb::ComparisonOperator::Contains,
        Operator::Known => pb::ComparisonOperator::Known,
    }
}

fn value(value: &Value<'_>) -> pb::TypedValue {
    use pb::typed_value::Kind;
    let (kind, unit) = match *value {
        Value::Bool(value) => (Kind::BoolValue(value), Unit::Plain),
        Value::Int(value, unit) => (Kind::IntValue(value), unit),
        Value::Number(value, unit) => (Kind::DoubleValue(value), unit),
        Value::Text(text) => (Kind::TextValue(text.to_owned()), Unit::Plain),
        Value::Kind(kind) => (
            Kind::CustomerKindValue(customer_kind_message(kind)),
            Unit::Plain,
        ),
        Value::Money(money) => (Kind::MoneyValue(money_message(money)), Unit::Plain),
        Value::Day(day) => (Kind::DayValue(day.to_string()), Unit::Plain),
        Value::Tier(name) => (Kind::TierValue(name.to_owned()), Unit::Plain),
        Value::Tags(tags) => {
            let tags = tags.iter().map(ToString::to_string).collect();
            (Kind::TagsValue(pb::TagSet { tags }), Unit::Plain)
        }
    };
    pb::TypedValue {
        kind: Some(kind),
        unit: unit_text(unit).as_ref().map(localized),
    }
}

/// Why there is no value.
pub(super) fn absence(absence: Option<Absence>) -> i32 {
    let absence = match absence {
        None => pb::Absence::Unspecified,
        Some(Absence::Missing) => pb::Absence::Missing,
        Some(Absence::Stale) => pb::Absence::Stale,
        Some(Absence::Future) => pb::Absence::Future,
        Some(Absence::WrongType) => pb::Absence::WrongType,
        Some(Absence::Unrated) => pb::Absence::Unrated,
        Some(Absence::NoRate) => pb::Absence::NoRate,
    };
    absence.into()
}
