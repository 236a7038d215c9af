//! Why a customer holds a tier: the value against the threshold of each.

use crate::domain::{
    assess::Assessment,
    definitions::{Definitions, TierDefinition},
    money::Money,
    tiers::Unrated,
};

/// A customer's value against all tiers.
#[derive(Debug, Clone, PartialEq)]
pub struct TierExplanation<'a> {
    /// The value that decides; or why there is none, and no tier.
    pub value: Result<Money, Unrated>,
    /// Rank of the tier held, 1 being the best; `None` for UNRATED.
    pub held_rank: Option<usize>,
    /// The tiers from the best to the last.
    pub steps: Vec<TierStep<'a>>,
}

/// One tier and the distance from it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TierStep<'a> {
    /// The tier.
    pub tier: &'a TierDefinition,
    /// Value less threshold: negative is what is missing, positive what could be lost. `None` without a value or a threshold.
    pub gap: Option<Money>,
}

/// Explains the tier of an assessment made with these definitions.
#[must_use]
pub fn explain_tier<'a>(
    definitions: &'a Definitions,
    assessment: &Assessment,
) -> TierExplanation<'a> {
    let value = assessment.valuation.lifetime_value;
    let steps = definitions.tiers().iter().map(|tier| TierStep {
        tier,
        gap: value.ok().zip(tier.at_least).map(|(value, least)| Money {
            amount_minor: value.amount_minor.saturating_sub(least.amount_minor),
            currency: least.currency,
        }),
    });
    TierExplanation {
        value,
        held_rank: assessment
            .tier
            .ok()
            .map(crate::domain::tiers::TierIndex::rank),
        steps: steps.collect(),
    }
}
