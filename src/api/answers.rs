//! Answers about customers as messages.

pub mod classified;
pub mod mask;
pub mod routed;
mod wire;

use bytes::{Bytes, BytesMut};
use jiff::Timestamp;
use prost::Message as _;

use super::{customer_kind_message, money_message, rates, timestamp_message, treatments};
use crate::{
    domain::{
        assess::{
            AssignedTreatment,
            question::{CallerAnswer, CallerQuestion},
            tiers::{TierIndex, Unrated},
        },
        basis::Basis,
        calendar::Day,
        customer::profile::Profile,
        definitions::{Definitions, Stranger},
        explain::memberships::{Membership, WordedReason},
        fitted::parameters::ExtrapolatedCovariate,
        text::Label,
    },
    pb,
    service::answer::classify::{
        Answer, Candidates, Classified, CustomerAnswer, Match, SharedTreatment,
    },
};

/// The message of a classification.
pub(crate) fn classify_response(answer: &Answer<Classified>) -> pb::ClassifyResponse {
    let (basis, as_of) = (&*answer.basis, answer.as_of);
    let mut response = match &answer.found {
        Match::Unknown => pb::ClassifyResponse {
            r#match: pb::Match::Unknown.into(),
            provenance: Some(provenance(None, as_of, basis)),
            treatment: assigned(answer.stranger_treatment(Stranger::Unknown).as_ref(), basis),
            ..Default::default()
        },
        Match::One(one) => pb::ClassifyResponse {
            r#match: pb::Match::One.into(),
            provenance: Some(provenance(Some(one.profile.profile()), as_of, basis)),
            classification: Some(classification(one, as_of, basis)),
            ..Default::default()
        },
        Match::Ambiguous(several) => pb::ClassifyResponse {
            r#match: pb::Match::Ambiguous.into(),
            classification: None,
            candidate_count: candidate_count(several),
            shared: Some(pb::SharedFacts {
                kind: several.shared_kind.map_or(0, customer_kind_message),
                tier: several.shared_tier.map(|shared| tier(shared, basis)),
                treatment: assigned(shared(several).map(|shared| &shared.shared), basis),
            }),
            treatment: match shared(several) {
                Some(shared) => assigned(Some(&shared.treatment), basis),
                // Of so many nothing is known of all.
                None => assigned(answer.stranger_treatment(Stranger::Unknown).as_ref(), basis),
            },
            question: shared(several)
                .and_then(|shared| shared.question.as_ref())
                .map(caller_question),
            candidates: several
                .listed
                .iter()
                .map(|one| classification(one, as_of, basis))
                .collect(),
            violations: vec![],
            provenance: Some(provenance(None, as_of, basis)),
        },
    };
    mark_stale(&mut response.provenance, answer.stale_since);
    response
}

fn shared(several: &Candidates<Classified>) -> Option<&SharedTreatment> {
    several.shared.as_ref()?.as_ref()
}

/// The message of a treatment, if there is one.
pub(super) fn assigned(
    assigned: Option<&AssignedTreatment>,
    basis: &Basis,
) -> Option<pb::Treatment> {
    let definitions = basis.revision.definitions.as_deref()?;
    Some(treatments::treatment(assigned?, definitions))
}

pub(super) fn caller_question(question: &CallerQuestion) -> pb::CallerQuestion {
    let answer = |answer: &CallerAnswer| pb::CallerAnswer {
        value: answer.value.as_deref().unwrap_or_default().to_owned(),
        candidate_count: i32::try_from(answer.candidate_count).unwrap_or(i32::MAX),
        queue: answer.queue.as_deref().unwrap_or_default().to_owned(),
    };
    pb::CallerQuestion {
        asks_for: question.asks_for.to_string(),
        text: Some(treatments::localized(&question.text)),
        answers: question.answers.iter().map(answer).collect(),
    }
}

/// How many candidates there are, listed or not.
pub(super) fn candidate_count<T: CustomerAnswer>(several: &Candidates<T>) -> i32 {
    i32::try_from(several.count).unwrap_or(i32::MAX)
}

/// The message about one customer.
pub(super) fn classification(one: &Classified, as_of: Day, basis: &Basis) -> pb::Classification {
    let (profile, assessment) = (one.profile.profile(), &one.assessment);
    let definitions = basis.revision.definitions.as_deref();
    pb::Classification {
        customer_id: profile.customer_id.to_string(),
        kind: customer_kind_message(profile.kind),
        display_name: profile
            .display_name
            .as_deref()
            .unwrap_or_default()
            .to_owned(),
        tier: Some(tier(assessment.valued.tier, basis)),
        lifetime_value: assessment
            .valued
            .valuation
            .lifetime_value
            .ok()
            .map(money_message),
        provenance: Some(provenance(Some(profile), as_of, basis)),
        treatment: assigned(assessment.treatment.as_ref(), basis),
        segments: definitions
            .map(|definitions| segments(&one.memberships, definitions))
            .unwrap_or_default(),
        missing_rates: rates::missing_rates(&one.missing_rates),
        oldest_rate: one.oldest_rate.map(rates::used_rate),
        extrapolated_covariates: extrapolated_covariates(
            &assessment.valued.valuation.extrapolated_covariates,
        ),
        next_check_in: assessment
            .next_check_in
            .map(|day| day.to_string())
            .unwrap_or_default(),
        references: references(&one.references, definitions),
    }
}

/// The messages of records of other systems.
pub(super) fn references(
    found: &[(usize, Vec<Label>)],
    definitions: Option<&Definitions>,
) -> Vec<pb::Reference> {
    let attributes = definitions.map_or(&[][..], Definitions::attributes);
    let message = |(at, ids): &(usize, Vec<Label>)| {
        let definition = attributes.get(*at)?;
        Some(pb::Reference {
            system: definition.reference.as_deref()?.to_owned(),
            attribute: definition.attribute.name.to_string(),
            ids: ids.iter().map(ToString::to_string).collect(),
        })
    };
    found.iter().filter_map(message).collect()
}

/// The messages of covariates outside the range of a fit.
pub(super) fn extrapolated_covariates(
    found: &[ExtrapolatedCovariate],
) -> Vec<pb::ExtrapolatedCovariate> {
    let message = |one: &ExtrapolatedCovariate| pb::ExtrapolatedCovariate {
        name: one.name.clone(),
        value: one.value,
        fitted_min: one.fitted[0],
        fitted_max: one.fitted[1],
    };
    found.iter().map(message).collect()
}

/// The segments that the customer is in, with their reasons.
fn segments(memberships: &[Membership], definitions: &Definitions) -> Vec<pb::SegmentMembership> {
    let reason = |reason: &WordedReason| pb::ReasonCode {
        code: reason.code.as_str().to_owned(),
        text: Some(treatments::localized(&reason.text)),
    };
    let message = |membership: &Membership| {
        let segment = definitions.segment(membership.segment);
        pb::SegmentMembership {
            segment: segment.name.to_string(),
            title: Some(treatments::localized(&segment.title)),
            verdict: treatments::verdict(membership.verdict),
            reasons: membership.reasons.iter().map(reason).collect(),
        }
    };
    memberships.iter().map(message).collect()
}

/// The message of a tier.
pub(super) fn tier(held: Result<TierIndex, Unrated>, basis: &Basis) -> pb::Tier {
    match held {
        Ok(index) => pb::Tier {
            name: basis.revision.tiers.get(index).name.to_string(),
            rank: i32::try_from(index.rank()).unwrap_or(i32::MAX),
            unrated_reason: 0,
        },
        Err(reason) => pb::Tier {
            name: String::new(),
            rank: 0,
            unrated_reason: unrated_reason(reason),
        },
    }
}

/// The number of a reason.
pub(super) fn unrated_reason(reason: Unrated) -> i32 {
    let reason = match reason {
        Unrated::NotApplicable => pb::UnratedReason::NotApplicable,
        Unrated::NoPurchase => pb::UnratedReason::NoPurchase,
        Unrated::NoModel => pb::UnratedReason::NoModel,
        Unrated::NoMean => pb::UnratedReason::NoMean,
        Unrated::NoRate => pb::UnratedReason::NoRate,
        Unrated::TooLarge => pb::UnratedReason::TooLarge,
    };
    reason.into()
}

/// The message of where an answer comes from.
pub(super) fn provenance(profile: Option<&Profile>, as_of: Day, basis: &Basis) -> pb::Provenance {
    pb::Provenance {
        as_of: as_of.to_string(),
        data_time: profile.map(|profile| timestamp_message(profile.recorded_at)),
        profile_version: profile.map_or(0, |profile| profile.version),
        basis_id: basis.id().to_string(),
        ..Default::default()
    }
}

/// Marks the provenance of a response as out of date since the database last answered; `None` leaves it as it is.
pub(crate) fn mark_stale(provenance: &mut Option<pb::Provenance>, stale_since: Option<Timestamp>) {
    if let (Some(provenance), Some(since)) = (provenance, stale_since) {
        provenance.stale = true;
        provenance.confirmed_time = Some(timestamp_message(since));
    }
}

/// The bytes of a [`pb::ClassifyResponse`], marked likewise: of a message within another one that comes twice, a reader takes both parts
/// together, so that what is to be added can be sent after bytes that are finished.
pub(crate) fn marked_stale(response: Bytes, stale_since: Option<Timestamp>) -> Bytes {
    let Some(since) = stale_since else {
        return response;
    };
    let mut provenance = Some(pb::Provenance::default());
    mark_stale(&mut provenance, Some(since));
    let mark = pb::ClassifyResponse {
        provenance,
        ..Default::default()
    };
    let mut marked = BytesMut::with_capacity(response.len() + mark.encoded_len());
    marked.extend_from_slice(&response);
    marked.extend_from_slice(&mark.encode_to_vec());
    marked.freeze()
}
