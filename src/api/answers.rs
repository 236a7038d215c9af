//! Answers about customers as messages.

use bytes::{Bytes, BytesMut};
use jiff::Timestamp;
use prost::Message as _;

use super::{
    customer_kind_message, explanations, money_message, rates, timestamp_message, treatments,
};
use crate::{
    domain::{
        assess::{
            segments::members,
            tiers::{TierIndex, Unrated},
            valuation::{self, Valuation},
        },
        basis::Basis,
        calendar::Day,
        customer::profile::Profile,
        explain::Explainer,
        rules::condition::SegmentId,
    },
    pb,
    service::answer::classify::{Answer, Assessed, Candidates, Match},
};

/// The message of a classification.
pub(crate) fn classify_response(answer: &Answer) -> pb::ClassifyResponse {
    let (basis, as_of) = (&*answer.basis, answer.as_of);
    let mut response = match &answer.found {
        Match::Unknown => pb::ClassifyResponse {
            r#match: pb::Match::Unknown.into(),
            provenance: Some(provenance(None, as_of, basis)),
            ..Default::default()
        },
        Match::One(one) => pb::ClassifyResponse {
            r#match: pb::Match::One.into(),
            classification: Some(classification(one, as_of, basis)),
            provenance: Some(provenance(Some(one.profile.profile()), as_of, basis)),
            ..Default::default()
        },
        Match::Ambiguous(several) => pb::ClassifyResponse {
            r#match: pb::Match::Ambiguous.into(),
            classification: None,
            candidates: several
                .listed
                .iter()
                .map(|one| classification(one, as_of, basis))
                .collect(),
            candidate_count: candidate_count(several),
            shared: Some(pb::SharedFacts {
                kind: several.shared_kind.map_or(0, customer_kind_message),
                tier: several.shared_tier.map(|shared| tier(shared, basis)),
            }),
            provenance: Some(provenance(None, as_of, basis)),
        },
    };
    mark_stale(&mut response.provenance, answer.stale_since);
    response
}

/// How many candidates there are, listed or not.
pub(super) fn candidate_count(several: &Candidates) -> i32 {
    i32::try_from(several.count).unwrap_or(i32::MAX)
}

fn classification(one: &Assessed, as_of: Day, basis: &Basis) -> pb::Classification {
    let profile = one.profile.profile();
    let months = basis.revision.horizon.months();
    pb::Classification {
        customer_id: profile.customer_id.to_string(),
        kind: customer_kind_message(profile.kind),
        display_name: profile
            .display_name
            .as_deref()
            .unwrap_or_default()
            .to_owned(),
        tier: Some(tier(one.assessment.tier, basis)),
        lifetime_value: one
            .assessment
            .valuation
            .lifetime_value
            .ok()
            .map(money_message),
        provenance: Some(provenance(Some(profile), as_of, basis)),
        segments: segments(one, basis),
        treatment: basis
            .revision
            .definitions
            .as_ref()
            .zip(one.assessment.treatment.as_ref())
            .map(|(definitions, assigned)| treatments::treatment(assigned, definitions)),
        missing_rates: missing_rates(one, &one.assessment.valuation, basis, months),
    }
}

/// The segments that the customer is in, with their reasons.
fn segments(one: &Assessed, basis: &Basis) -> Vec<pb::SegmentMembership> {
    let Some(definitions) = &basis.revision.definitions else {
        return vec![];
    };
    let explainer = Explainer::new(
        definitions,
        &basis.rates,
        one.profile.view(),
        &one.assessment,
    );
    let message = |id: SegmentId| {
        let (segment, explanation) = (definitions.segment(id), explainer.explain(id));
        pb::SegmentMembership {
            segment: segment.name.to_string(),
            title: Some(treatments::localized(&segment.title)),
            verdict: treatments::verdict(explanation.standing.verdict),
            reasons: explanations::reasons(&explanation.reasons, definitions),
        }
    };
    members(&one.assessment.standings).map(message).collect()
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

/// The rates without which amounts that a value over so many months rests on cannot be converted; looked for only where something is
/// missing.
pub(super) fn missing_rates(
    one: &Assessed,
    valuation: &Valuation,
    basis: &Basis,
    months: u32,
) -> Vec<pb::MissingRate> {
    if !is_unconverted(valuation) {
        return vec![];
    }
    let missing = valuation::missing_rates(one.profile.view(), basis, months);
    missing.into_iter().map(rates::missing_rate).collect()
}

/// Whether an amount could not be converted: a purchase, whatever else is missing, or any without which there is no value.
pub(super) fn is_unconverted(valuation: &Valuation) -> bool {
    let inputs = valuation.inputs.as_ref();
    valuation.lifetime_value == Err(Unrated::NoRate)
        || inputs.is_some_and(|inputs| inputs.monetary_value.is_none())
}
