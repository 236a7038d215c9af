//! The one function that decides everything about a customer. Whoever asks, in whatever way, gets its answer; there is no second one.

use crate::domain::{
    basis::Basis,
    profile::ProfileAt,
    tiers::{TierIndex, Unrated},
    valuation::{Valuation, value},
};

/// What is decided about a customer.
#[derive(Debug, Clone, PartialEq)]
pub struct Assessment {
    /// What the customer is worth over the horizon of the definitions.
    pub valuation: Valuation,
    /// The tier that follows.
    pub tier: Result<TierIndex, Unrated>,
}

/// Assesses a customer. Each stage sees only the earlier ones: facts, then value, then tier.
#[must_use]
pub fn assess(view: ProfileAt<'_>, basis: &Basis) -> Assessment {
    let valuation = value(view, basis, &basis.revision.horizon);
    // Compared after rounding to minor units, so that what is shown is what decides.
    let tier = valuation
        .lifetime_value
        .map(|money| basis.revision.tiers.of_value(money.major()));
    Assessment { valuation, tier }
}
