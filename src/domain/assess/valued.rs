//! A value and the tier that it earns: what the stages after them see of the stages before.

use super::{
    tiers::{TierIndex, Unrated},
    valuation::{Valuation, value},
};
use crate::domain::{basis::Basis, customer::profile::ProfileAt};

/// What a customer is worth over the horizon of the definitions, and the tier that follows.
#[derive(Debug, Clone, PartialEq)]
pub struct Valued {
    /// The value.
    pub valuation: Valuation,
    /// The tier.
    pub tier: Result<TierIndex, Unrated>,
}

impl Valued {
    /// Values a customer and finds their tier. Values are compared after rounding to minor units, so that what is shown is what decides.
    #[must_use]
    pub fn new(view: ProfileAt<'_>, basis: &Basis) -> Self {
        let valuation = value(view, basis, &basis.revision.horizon);
        let tiers = &basis.revision.tiers;
        let earned = valuation.lifetime_value;
        Self {
            tier: earned.map(|money| tiers.of_value(money.major())),
            valuation,
        }
    }
}
