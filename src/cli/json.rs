//! Building blocks of `--json`: stable `snake_case` keys, names of the contract without their prefixes, `null` for what is absent.

use serde::Serialize;

use super::text;
use crate::pb;

/// An amount of money.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MoneyJson {
    /// Whole minor units.
    pub amount_minor: i64,
    /// ISO 4217 code.
    pub currency: String,
    /// The same amount in major units as exact decimal text.
    pub amount: String,
}

impl From<&pb::Money> for MoneyJson {
    fn from(money: &pb::Money) -> Self {
        Self {
            amount_minor: money.amount_minor,
            currency: money.currency.clone(),
            amount: text::major_text(money.amount_minor, &money.currency),
        }
    }
}

/// A rate without which an amount cannot be converted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MissingRateJson {
    /// ISO 4217 code of the amount.
    pub from_currency: String,
    /// ISO 4217 code of the reporting currency; `null` while there is none.
    pub to_currency: Option<String>,
    /// A rate of this day or before is needed.
    pub day: String,
}

/// The rates that are missing.
#[must_use]
pub fn missing_rates(missing: &[pb::MissingRate]) -> Vec<MissingRateJson> {
    missing.iter().map(MissingRateJson::from).collect()
}

/// The oldest exchange rate behind an amount.
#[derive(Debug, Serialize)]
pub struct UsedRateJson {
    day: String,
    from: String,
    to: String,
}

impl From<&pb::UsedRate> for UsedRateJson {
    fn from(used: &pb::UsedRate) -> Self {
        Self {
            day: used.day.clone(),
            from: used.from_currency.clone(),
            to: used.to_currency.clone(),
        }
    }
}

impl From<&pb::MissingRate> for MissingRateJson {
    fn from(missing: &pb::MissingRate) -> Self {
        Self {
            from_currency: missing.from_currency.clone(),
            to_currency: Some(missing.to_currency.clone()).filter(|to| !to.is_empty()),
            day: missing.day.clone(),
        }
    }
}

/// A covariate outside the range that the version was fitted on.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ExtrapolatedJson {
    /// Name of the attribute.
    pub name: String,
    /// The value of the customer.
    pub value: f64,
    /// Smallest value in the fit.
    pub fitted_min: f64,
    /// Largest value in the fit.
    pub fitted_max: f64,
}

impl From<&pb::ExtrapolatedCovariate> for ExtrapolatedJson {
    fn from(one: &pb::ExtrapolatedCovariate) -> Self {
        Self {
            name: one.name.clone(),
            value: one.value,
            fitted_min: one.fitted_min,
            fitted_max: one.fitted_max,
        }
    }
}

/// All of a list.
pub fn extrapolated(covariates: &[pb::ExtrapolatedCovariate]) -> Vec<ExtrapolatedJson> {
    covariates.iter().map(ExtrapolatedJson::from).collect()
}

/// Where an answer comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ProvenanceJson {
    /// The day for which the answer holds.
    pub as_of: String,
    /// When the data was last written, RFC 3339.
    pub data_time: Option<String>,
    /// Version of the profile.
    pub profile_version: i64,
    /// Definitions, model, currency and rates in force.
    pub basis_id: String,
}

impl From<&pb::Provenance> for ProvenanceJson {
    fn from(provenance: &pb::Provenance) -> Self {
        Self {
            as_of: provenance.as_of.clone(),
            data_time: text::time_text(provenance.data_time.as_ref()),
            profile_version: provenance.profile_version,
            basis_id: provenance.basis_id.clone(),
        }
    }
}

/// How many customers a subject names: "ONE", "UNKNOWN" or "AMBIGUOUS".
#[must_use]
pub fn match_name(matched: i32) -> &'static str {
    let name = pb::Match::try_from(matched).map_or("UNSPECIFIED", |matched| matched.as_str_name());
    name.strip_prefix("MATCH_").unwrap_or(name)
}

/// A problem without its place in a batch, which means nothing to the reader of a file.
#[must_use]
pub fn violation(violation: &pb::Violation) -> String {
    let field = violation.field.split_once("].");
    let field = field.map_or(&*violation.field, |(_, field)| field);
    format!("{field}: {}", violation.description)
}

/// The name of a tier, if there is one.
#[must_use]
pub fn tier_name(tier: Option<&pb::Tier>) -> Option<String> {
    tier.map(|tier| tier.name.clone())
        .filter(|name| !name.is_empty())
}

/// The rank of a tier, if there is one.
#[must_use]
pub fn tier_rank(tier: Option<&pb::Tier>) -> Option<i32> {
    tier.map(|tier| tier.rank).filter(|rank| *rank > 0)
}

/// Why there is no tier.
#[must_use]
pub fn tier_unrated_reason(tier: Option<&pb::Tier>) -> Option<&'static str> {
    tier.and_then(|tier| text::unrated_name(tier.unrated_reason))
}

/// A text in the languages of the definitions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TextJson {
    /// English.
    pub en: String,
    /// German; `null` where it is not written.
    pub de: Option<String>,
}

impl From<&pb::LocalizedText> for TextJson {
    fn from(text: &pb::LocalizedText) -> Self {
        Self {
            en: text.en.clone(),
            de: Some(text.de.clone()).filter(|text| !text.is_empty()),
        }
    }
}

/// A reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReasonJson {
    /// Stable name.
    pub code: String,
    /// In words.
    pub text: Option<TextJson>,
}

impl From<&pb::ReasonCode> for ReasonJson {
    fn from(reason: &pb::ReasonCode) -> Self {
        Self {
            code: reason.code.clone(),
            text: reason.text.as_ref().map(TextJson::from),
        }
    }
}

/// A verdict: "TRUE", "FALSE" or "UNKNOWN".
#[must_use]
pub fn verdict_name(verdict: i32) -> &'static str {
    let name =
        pb::Verdict::try_from(verdict).map_or("UNSPECIFIED", |verdict| verdict.as_str_name());
    name.strip_prefix("VERDICT_").unwrap_or(name)
}
