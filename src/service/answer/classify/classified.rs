//! What a classification is made of: one assessment and the reasons read from it.

use super::{AnswerContext, CustomerAnswer};
use crate::domain::{
    assess::{
        Assessment, decide,
        tiers::{TierIndex, Unrated},
        valuation::MissingRate,
    },
    customer::profile::DatedProfile,
    explain::memberships::{Membership, memberships},
};

/// Who a customer is and how to treat them.
#[derive(Debug, Clone)]
pub struct Classified {
    /// The profile that was assessed.
    pub profile: DatedProfile,
    /// What follows from it.
    pub assessment: Assessment,
    /// The segments that the customer is in, with their reasons.
    pub memberships: Vec<Membership>,
    /// The rates without which an amount cannot be converted.
    pub missing_rates: Vec<MissingRate>,
}

impl CustomerAnswer for Classified {
    fn finish(profile: DatedProfile, context: &AnswerContext) -> Self {
        let (view, basis) = (profile.view(), &*context.basis);
        let (assessment, decided) = decide(view, basis);
        let months = basis.revision.horizon.months();
        let valuation = &assessment.valued.valuation;
        Self {
            missing_rates: valuation.missing_rates(view, basis, months),
            memberships: decided
                .zip(basis.revision.reasons.as_deref())
                .map(|(decided, texts)| memberships(decided, &assessment.standings, texts))
                .unwrap_or_default(),
            assessment,
            profile,
        }
    }

    fn tier(&self) -> Result<TierIndex, Unrated> {
        self.assessment.valued.tier
    }
}
