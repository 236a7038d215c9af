//! What a classification is made of: one assessment and the reasons read from it.

use std::sync::Arc;

use super::{AnswerContext, CustomerAnswer};
use crate::domain::{
    assess::{
        Assessment, AssignedTreatment, assess, decide,
        question::{CallerQuestion, Candidate, best_question},
        references,
        routing::{RouteInputs, RoutingOutcome, RuledTreatment, rule_stranger},
        segments::Decided,
        tiers::{TierIndex, Unrated},
        treat_stranger,
        valuation::MissingRate,
    },
    basis::Basis,
    customer::profile::DatedProfile,
    definitions::Stranger,
    explain::memberships::{Membership, memberships},
    rates::UsedRate,
    text::Label,
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
    /// The oldest rate that converted an amount of the value.
    pub oldest_rate: Option<UsedRate>,
    /// Records of other systems that attributes name, as [`references`] has them.
    pub references: Vec<(usize, Vec<Label>)>,
    /// What came of the contact besides the treatment; `None` where none is routed.
    pub routing: Option<RoutingOutcome>,
    /// What rules about contacts need; `None` where no treatment depends on a contact.
    pub route_inputs: Option<Arc<RouteInputs>>,
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
    /// What came of the contact besides the treatment; `None` where none is routed.
    pub routing: Option<RoutingOutcome>,
}

impl Classified {
    /// What is answered about customers with these profiles, as of the day of each.
    pub(in crate::service) fn of_profiles(
        profiles: Vec<DatedProfile>,
        basis: &Arc<Basis>,
    ) -> Vec<Self> {
        let profiles = profiles.into_iter();
        let finish = |profile: DatedProfile| {
            let context = AnswerContext::plain(Arc::clone(basis), profile.view().as_of());
            Self::finish(profile, &context)
        };
        profiles.map(finish).collect()
    }
}

impl CustomerAnswer for Classified {
    /// `None` before definitions are published.
    type Shared = Option<SharedTreatment>;

    fn shared(listed: &[Self], others: &[DatedProfile], context: &AnswerContext) -> Self::Shared {
        let definitions = context.basis.revision.definitions.as_deref()?;
        let treatment = shared_treatment(listed, others, context)?;
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
        let question = others
            .is_empty()
            .then(|| best_question(&candidates, definitions))
            .flatten();
        Some(SharedTreatment {
            question,
            ..treatment
        })
    }

    fn finish(profile: DatedProfile, context: &AnswerContext) -> Self {
        let (view, basis) = (profile.view(), &*context.basis);
        let (mut assessment, mut decided) = decide(view, basis);
        let route_inputs = route_inputs(&assessment, decided.as_mut());
        let routing = route_inputs
            .as_ref()
            .zip(decided.as_ref())
            .zip(context.contact.as_deref());
        let routing = routing.map(|((inputs, decided), contact)| {
            let definitions = decided.definitions;
            let ruled = inputs.rule(definitions, contact);
            let (assigned, outcome) = ruled.at_contact(definitions, contact);
            assessment.treatment = Some(assigned);
            outcome
        });
        let months = basis.revision.horizon.months();
        let valuation = &assessment.valued.valuation;
        Self {
            missing_rates: valuation.missing_rates(view, basis, months),
            oldest_rate: valuation.oldest_rate(view, basis, months),
            memberships: decided
                .zip(basis.revision.reasons.as_deref())
                .map(|(decided, texts)| memberships(decided, &assessment.standings, texts))
                .unwrap_or_default(),
            references: basis
                .revision
                .definitions
                .as_deref()
                .map(|definitions| references(definitions, view))
                .unwrap_or_default(),
            assessment,
            routing,
            route_inputs: route_inputs.map(Arc::new),
            profile,
        }
    }

    fn tier(&self) -> Result<TierIndex, Unrated> {
        self.assessment.valued.tier
    }
}

/// What rules about contacts need of a customer; `None` where no treatment depends on a contact.
fn route_inputs(assessment: &Assessment, decided: Option<&mut Decided<'_>>) -> Option<RouteInputs> {
    RouteInputs::new(decided?, assessment.treatment.as_ref()?)
}

/// What all of several customers share, completed by the treatment of unknown callers, without a question.
fn shared_treatment(
    listed: &[Classified],
    others: &[DatedProfile],
    context: &AnswerContext,
) -> Option<SharedTreatment> {
    let basis = &*context.basis;
    let Some(contact) = context.contact.as_deref() else {
        let others: Vec<_> = others.iter().map(|one| assess(one.view(), basis)).collect();
        let treatments = listed.iter().map(|one| &one.assessment);
        let treatments = treatments
            .chain(&others)
            .filter_map(|assessment| assessment.treatment.as_ref());
        let shared = AssignedTreatment::shared(treatments)?;
        return Some(SharedTreatment {
            treatment: shared.completed_by(&treat_stranger(Stranger::Unknown, basis)?),
            shared,
            question: None,
            routing: None,
        });
    };
    let definitions = basis.revision.definitions.as_deref()?;
    let others = others.iter().map(|one| {
        let (assessment, mut decided) = decide(one.view(), basis);
        let inputs = route_inputs(&assessment, decided.as_mut())?;
        Some(inputs.rule(definitions, contact))
    });
    let listed = listed.iter().map(|one| {
        let inputs = one.route_inputs.as_ref()?;
        Some(inputs.rule(definitions, contact))
    });
    let treatments: Vec<RuledTreatment> = listed.chain(others).collect::<Option<_>>()?;
    let shared = RuledTreatment::shared(&treatments)?;
    let completed = shared.completed_by(&rule_stranger(Stranger::Unknown, basis, contact)?);
    let (treatment, outcome) = completed.at_contact(definitions, contact);
    Some(SharedTreatment {
        shared: shared.assigned,
        treatment,
        question: None,
        routing: Some(outcome),
    })
}
