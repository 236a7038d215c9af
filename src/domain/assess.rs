//! The one function that decides everything about a customer. Every caller, by whatever method, gets its answer; there is no second one.

pub mod question;
pub mod routing;
pub mod segments;
pub mod tiers;
pub mod valuation;
pub mod valued;

use crate::domain::{
    assess::{
        segments::{Decided, SegmentOutcome, slots},
        tiers::TierIndex,
        valued::Valued,
    },
    basis::Basis,
    calendar::Day,
    customer::{facts::AttributeValue, profile::ProfileAt},
    definitions::{
        CheckInsFrom, Definitions, PerField, Stranger, Treatment, TreatmentChoice, TreatmentField,
    },
    rules::condition::SegmentId,
    text::Label,
};

/// What is decided about a customer.
#[derive(Debug, Clone, PartialEq)]
pub struct Assessment {
    /// What the customer is worth over the horizon of the definitions, and the tier that follows.
    pub valued: Valued,
    /// The segments, by their place in the definitions; none before definitions are published.
    pub standings: Vec<SegmentOutcome>,
    /// What follows from tier and segments; `None` before definitions are published.
    pub treatment: Option<AssignedTreatment>,
    /// The day of the next check-in of that treatment, today included.
    pub next_check_in: Option<Day>,
}

/// A treatment, and where each of its fields comes from.
#[derive(Debug, Clone, PartialEq)]
pub struct AssignedTreatment {
    /// What follows.
    pub treatment: Treatment,
    /// Where each field comes from.
    pub choices: PerField<TreatmentChoice>,
}

/// Assesses a customer. Each stage sees only the earlier ones: facts, then value, then tier, then segments, then treatment.
#[must_use]
pub fn assess(view: ProfileAt<'_>, basis: &Basis) -> Assessment {
    decide(view, basis).0
}

/// Assesses a customer as [`assess`] does, and returns the slots that decided, so that reasons are read from the same ones; `None`
/// before definitions are published.
#[must_use]
pub fn decide<'a>(view: ProfileAt<'a>, basis: &'a Basis) -> (Assessment, Option<Decided<'a>>) {
    decide_valued(view, Valued::new(view, basis), basis)
}

/// The same of a customer whose value and tier are known.
#[must_use]
pub fn decide_valued<'a>(
    view: ProfileAt<'a>,
    valued: Valued,
    basis: &'a Basis,
) -> (Assessment, Option<Decided<'a>>) {
    let Some(definitions) = basis.revision.definitions.as_deref() else {
        let undefined = Assessment {
            valued,
            standings: vec![],
            treatment: None,
            next_check_in: None,
        };
        return (undefined, None);
    };
    let (decided, standings) = Decided::new(definitions, &basis.rates, view, &valued);
    let treatment = treatment(definitions, view, &valued, &standings);
    let assessment = Assessment {
        next_check_in: next_check_in(&treatment.treatment, definitions, view),
        treatment: Some(treatment),
        valued,
        standings,
    };
    (assessment, Some(decided))
}

fn treatment(
    definitions: &Definitions,
    view: ProfileAt<'_>,
    valued: &Valued,
    standings: &[SegmentOutcome],
) -> AssignedTreatment {
    let rank = valued.tier.ok().map(TierIndex::rank);
    let is_member = |segment: SegmentId| standings[segment.0 as usize].is_member;
    let treatments = definitions.treatments();
    let (treatment, choices) = treatments.of_customer(rank, view.as_of(), is_member);
    AssignedTreatment { treatment, choices }
}

/// The next check-in of a treatment; `None` without a plan, without the day that it is counted from, and when it has ended.
fn next_check_in(
    treatment: &Treatment,
    definitions: &Definitions,
    view: ProfileAt<'_>,
) -> Option<Day> {
    let plan = treatment.check_ins.as_ref()?;
    let start = match plan.from {
        CheckInsFrom::FirstPurchase => view.purchases()?.first_day,
        CheckInsFrom::Attribute(id) => {
            let attribute = definitions.vocabulary().attribute(id);
            let AttributeValue::Day(day) = slots::fresh_value(view, attribute)? else {
                return None;
            };
            *day
        }
    };
    plan.next(start, view.as_of())
}

/// Records of other systems that attributes of a customer name: the attribute, by its place in the definitions, and the ids.
#[must_use]
pub fn references(definitions: &Definitions, view: ProfileAt<'_>) -> Vec<(usize, Vec<Label>)> {
    let attributes = definitions.attributes().iter().enumerate();
    let attributes = attributes.filter(|(_, definition)| definition.reference.is_some());
    let named = attributes.filter_map(|(at, definition)| {
        let ids = match slots::fresh_value(view, &definition.attribute)? {
            AttributeValue::Text(id) => vec![id.clone()],
            AttributeValue::Tags(ids) => ids.to_vec(),
            // Of another type than the attribute has now.
            AttributeValue::Bool(_)
            | AttributeValue::Int(_)
            | AttributeValue::Number(_)
            | AttributeValue::Money(_)
            | AttributeValue::Day(_) => return None,
        };
        Some((at, ids))
    });
    named.collect()
}

/// The treatment of an unknown caller; `None` before definitions are published.
#[must_use]
pub fn treat_stranger(stranger: Stranger, basis: &Basis) -> Option<AssignedTreatment> {
    let definitions = basis.revision.definitions.as_deref()?;
    let (treatment, choices) = definitions.treatments().of_stranger(stranger);
    Some(AssignedTreatment { treatment, choices })
}

impl AssignedTreatment {
    /// What all of `treatments` state alike, field by field; `None` without any.
    #[must_use]
    pub fn shared<'a>(mut treatments: impl Iterator<Item = &'a Self>) -> Option<Self> {
        let mut shared = treatments.next()?.clone();
        for other in treatments {
            shared.treatment.keep_shared(&other.treatment);
            for (choice, other) in shared.choices.iter_mut().zip(other.choices) {
                if *choice != other {
                    *choice = TreatmentChoice::Various;
                }
            }
        }
        Some(shared)
    }

    /// This one, with what it lacks from `other`.
    #[must_use]
    pub fn completed_by(&self, other: &Self) -> Self {
        let mut completed = self.clone();
        for (at, field) in TreatmentField::ALL.into_iter().enumerate() {
            if !field.is_stated(&completed.treatment) {
                completed.choices[at] = other.choices[at];
            }
        }
        completed.treatment.fill_from(&other.treatment);
        completed
    }
}
