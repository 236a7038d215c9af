//! The one function that decides everything about a customer. Whoever asks, in whatever way, gets its answer; there is no second one.

pub mod segments;
pub mod tiers;
pub mod valuation;

use crate::domain::{
    assess::{
        segments::{SegmentOutcome, slots, standings},
        tiers::{TierIndex, Unrated},
        valuation::{Valuation, value},
    },
    basis::Basis,
    customer::profile::ProfileAt,
    definitions::{Treatment, TreatmentChoice},
};

/// What is decided about a customer.
#[derive(Debug, Clone, PartialEq)]
pub struct Assessment {
    /// What the customer is worth over the horizon of the definitions.
    pub valuation: Valuation,
    /// The tier that follows.
    pub tier: Result<TierIndex, Unrated>,
    /// The segments, by their place in the definitions; none before definitions are published.
    pub standings: Vec<SegmentOutcome>,
    /// What follows from tier and segments; `None` before definitions are published.
    pub treatment: Option<AssignedTreatment>,
}

/// A treatment, and where each of its fields comes from.
#[derive(Debug, Clone, PartialEq)]
pub struct AssignedTreatment {
    /// What follows.
    pub treatment: Treatment,
    /// Where each field comes from, in the order of the fields.
    pub choices: [TreatmentChoice; 6],
}

/// Assesses a customer. Each stage sees only the earlier ones: facts, then value, then tier, then segments, then treatment.
#[must_use]
pub fn assess(view: ProfileAt<'_>, basis: &Basis) -> Assessment {
    let valuation = value(view, basis, &basis.revision.horizon);
    let tier = tier_of(&valuation, basis);
    let valued = Assessment {
        valuation,
        tier,
        standings: vec![],
        treatment: None,
    };
    let Some(definitions) = &basis.revision.definitions else {
        return valued;
    };
    let program = definitions.program();
    let (mut filled, mut memo) = (program.slots(), program.memo());
    slots::fill(definitions, &basis.rates, view, &valued, &mut filled);
    let standings = standings(definitions, &mut filled, &mut memo);
    let rank = tier.ok().map(TierIndex::rank);
    let (treatment, choices) = definitions
        .treatments()
        .of(rank, |segment| standings[segment.0 as usize].is_member);
    Assessment {
        standings,
        treatment: Some(AssignedTreatment { treatment, choices }),
        ..valued
    }
}

/// The tier that a value earns. Compared after rounding to minor units, so that what is shown is what decides.
fn tier_of(valuation: &Valuation, basis: &Basis) -> Result<TierIndex, Unrated> {
    valuation
        .lifetime_value
        .map(|money| basis.revision.tiers.of_value(money.major()))
}
