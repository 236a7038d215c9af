//! What a classification is made of: one assessment and the reasons read from it.

use super::{AnswerContext, CustomerAnswer};
use crate::domain::{
    assess::{
        Assessment, AssignedTreatment, assess, decide,
        question::{CallerQuestion, Candidate, best_question},
        tiers::{TierIndex, Unrated},
        treat_stranger,
        valuation::MissingRate,
    },
    customer::profile::DatedProfile,
    definitions::Stranger,
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

/// How to treat a contact of one of several customers.
#[derive(Debug, Clone, PartialEq)]
pub struct SharedTreatment {
    /// What all of them share, field by field.
    pub shared: AssignedTreatment,
    /// The same, completed by the treatment of unknown callers.
    pub treatment: AssignedTreatment,
    /// What to ask, where their queues differ and all of them are listed.
    pub question: Option<CallerQuestion>,
}

impl CustomerAnswer for Classified {
    /// `None` before definitions are published.
    type Shared = Option<SharedTreatment>;

    fn shared(listed: &[Self], others: &[DatedProfile], context: &AnswerContext) -> Self::Shared {
        let basis = &*context.basis;
        let definitions = basis.revision.definitions.as_deref()?;
        let others: Vec<_> = others.iter().map(|one| assess(one.view(), basis)).collect();
        let treatments = listed.iter().map(|one| &one.assessment);
        let treatments = treatments
            .chain(&others)
            .filter_map(|assessment| assessment.treatment.as_ref());
        let shared = AssignedTreatment::shared(treatments)?;
        let candidates: Vec<Candidate<'_>> = listed
            .iter()
            .map(|one| Candidate {
                view: one.profile.view(),
                queue: one
                    .assessment
                    .treatment
                    .as_ref()
                    .and_then(|assigned| assigned.treatment.queue.as_ref()),
            })
            .collect();
        Some(SharedTreatment {
            treatment: shared.completed_by(&treat_stranger(Stranger::Unknown, basis)?),
            question: others
                .is_empty()
                .then(|| best_question(&candidates, definitions))
                .flatten(),
            shared,
        })
    }

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
