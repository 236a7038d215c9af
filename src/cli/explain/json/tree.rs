//! The clause tree as JSON: the keys of the contract; a value has one key, named after its type.

use serde::Serialize;

use super::stated;
use crate::cli::json::{self, MoneyJson, TextJson, UsedRateJson};
use crate::pb;
use crate::pb::typed_value::Kind;

/// A clause with its parts.
#[derive(Debug, Serialize)]
pub(super) struct ClauseJson {
    kind: &'static str,
    verdict: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    parts: Vec<ClauseJson>,
    text: Option<TextJson>,
    #[serde(skip_serializing_if = "Option::is_none")]
    gap_text: Option<TextJson>,
    #[serde(skip_serializing_if = "Option::is_none")]
    origin_text: Option<TextJson>,
    expression: String,
    #[serde(flatten)]
    test: Option<TestJson>,
}

/// What only a test has.
#[derive(Debug, Serialize)]
struct TestJson {
    term: String,
    term_text: Option<TextJson>,
    operator: &'static str,
    required_values: Vec<ValueJson>,
    required_text: Option<TextJson>,
    observed_value: Option<ValueJson>,
    observed_text: Option<TextJson>,
    absence: Option<&'static str>,
    gap: Option<ValueJson>,
    source: Option<String>,
    observed_on: Option<String>,
    age_days: Option<i32>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    converted_from: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    oldest_rate: Option<UsedRateJson>,
    is_decisive: bool,
    is_protected: bool,
}

/// A typed value.
#[derive(Debug, Serialize)]
struct ValueJson {
    #[serde(flatten)]
    kind: Option<KindJson>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unit: Option<TextJson>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
#[expect(clippy::enum_variant_names, reason = "the keys of the contract")]
enum KindJson {
    BoolValue(bool),
    IntValue(i64),
    DoubleValue(f64),
    TextValue(String),
    MoneyValue(MoneyJson),
    DayValue(String),
    TagsValue(Vec<String>),
    TierValue(String),
    CustomerKindValue(&'static str),
}

impl From<&pb::Clause> for ClauseJson {
    fn from(one: &pb::Clause) -> Self {
        let text = |text: &Option<pb::LocalizedText>| text.as_ref().map(TextJson::from);
        Self {
            kind: one.kind().as_str_name().trim_start_matches("CLAUSE_KIND_"),
            verdict: json::verdict_name(one.verdict),
            parts: one.parts.iter().map(Self::from).collect(),
            text: text(&one.text),
            gap_text: text(&one.gap_text),
            origin_text: text(&one.origin_text),
            expression: one.expression.clone(),
            test: (one.kind() == pb::ClauseKind::Test).then(|| TestJson::from(one)),
        }
    }
}

impl From<&pb::Clause> for TestJson {
    fn from(one: &pb::Clause) -> Self {
        let text = |text: &Option<pb::LocalizedText>| text.as_ref().map(TextJson::from);
        let operator = one.operator().as_str_name();
        Self {
            term: one.term.clone(),
            term_text: text(&one.term_text),
            operator: operator.trim_start_matches("COMPARISON_OPERATOR_"),
            required_values: one.required_values.iter().map(ValueJson::from).collect(),
            required_text: text(&one.required_text),
            observed_value: one.observed_value.as_ref().map(ValueJson::from),
            observed_text: text(&one.observed_text),
            absence: absence_name(one.absence()),
            gap: one.gap.as_ref().map(ValueJson::from),
            source: stated(&one.source),
            observed_on: stated(&one.observed_on),
            age_days: one.age_days,
            converted_from: one.converted_from.clone(),
            oldest_rate: one.oldest_rate.as_ref().map(UsedRateJson::from),
            is_decisive: one.is_decisive,
            is_protected: one.is_protected,
        }
    }
}

impl From<&pb::TypedValue> for ValueJson {
    fn from(one: &pb::TypedValue) -> Self {
        let kind = one.kind.as_ref().map(|kind| match kind {
            Kind::BoolValue(value) => KindJson::BoolValue(*value),
            Kind::IntValue(value) => KindJson::IntValue(*value),
            Kind::DoubleValue(value) => KindJson::DoubleValue(*value),
            Kind::TextValue(text) => KindJson::TextValue(text.clone()),
            Kind::MoneyValue(money) => KindJson::MoneyValue(MoneyJson::from(money)),
            Kind::DayValue(day) => KindJson::DayValue(day.clone()),
            Kind::TagsValue(set) => KindJson::TagsValue(set.tags.clone()),
            Kind::TierValue(name) => KindJson::TierValue(name.clone()),
            Kind::CustomerKindValue(kind) => {
                let kind = pb::CustomerKind::try_from(*kind).unwrap_or_default();
                KindJson::CustomerKindValue(kind.as_str_name().trim_start_matches("CUSTOMER_KIND_"))
            }
        });
        Self {
            kind,
            unit: one.unit.as_ref().map(TextJson::from),
        }
    }
}

/// Why there is no value; `None` when there is one.
pub(super) fn absence_name(absence: pb::Absence) -> Option<&'static str> {
    (absence != pb::Absence::Unspecified)
        .then(|| absence.as_str_name().trim_start_matches("ABSENCE_"))
}
