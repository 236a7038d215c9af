//! Answers about customers as messages.

use super::{customer_kind_message, explanations, money_message, timestamp_message, treatments};
use crate::{
    domain::{
        basis::Basis,
        calendar::Day,
        explain::Explainer,
        profile::Profile,
        rules::condition::SegmentId,
        segments::members,
        tiers::{TierIndex, Unrated},
        valuation::ValueInputs,
        value::lifetime::Horizon,
    },
    pb,
    service::classify::{Answer, Assessed, Candidates, Match},
};

/// The message of a classification.
pub(in crate::grpc) fn classify_response(answer: &Answer) -> pb::ClassifyResponse {
    let (basis, as_of) = (&*answer.basis, answer.as_of);
    match &answer.found {
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
    }
}

/// The message of a score over `horizon_months`, or over the horizon of the definitions.
pub(in crate::grpc) fn score_response(
    answer: &Answer,
    horizon_months: Option<u32>,
) -> pb::ScoreLifetimeValueResponse {
    let (basis, as_of) = (&*answer.basis, answer.as_of);
    let months = horizon_months.unwrap_or_else(|| basis.revision.horizon.months());
    let score = |one: &Assessed| score(one, as_of, basis, months);
    match &answer.found {
        Match::Unknown => pb::ScoreLifetimeValueResponse {
            r#match: pb::Match::Unknown.into(),
            provenance: Some(provenance(None, as_of, basis)),
            ..Default::default()
        },
        Match::One(one) => pb::ScoreLifetimeValueResponse {
            r#match: pb::Match::One.into(),
            score: Some(score(one)),
            provenance: Some(provenance(Some(one.profile.profile()), as_of, basis)),
            ..Default::default()
        },
        Match::Ambiguous(several) => pb::ScoreLifetimeValueResponse {
            r#match: pb::Match::Ambiguous.into(),
            score: None,
            candidates: several.listed.iter().map(score).collect(),
            candidate_count: candidate_count(several),
            provenance: Some(provenance(None, as_of, basis)),
        },
    }
}

fn candidate_count(several: &Candidates) -> i32 {
    i32::try_from(several.count).unwrap_or(i32::MAX)
}

fn classification(one: &Assessed, as_of: Day, basis: &Basis) -> pb::Classification {
    let profile = one.profile.profile();
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
    }
}

/// The segments that the customer is in, with their reasons.
fn segments(one: &Assessed, basis: &Basis) -> Vec<pb::SegmentMembership> {
    let Some(definitions) = &basis.revision.definitions else {
        return vec![];
    };
    let explainer = Explainer::new(definitions, one.profile.view(), &one.assessment);
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

fn score(one: &Assessed, as_of: Day, basis: &Basis, months: u32) -> pb::LifetimeValueScore {
    let (profile, valuation) = (one.profile.profile(), one.valuation());
    let orders = valuation.orders.as_ref();
    let horizon: &Horizon = &basis.revision.horizon;
    pb::LifetimeValueScore {
        customer_id: profile.customer_id.to_string(),
        inputs: valuation.inputs.map(|inputs| value_inputs(&inputs, basis)),
        probability_alive: orders.map(|orders| orders.probability_alive),
        probability_alive_not_identified: orders
            .is_some_and(|orders| !orders.probability_alive_identified),
        expected_orders: orders.map(|orders| orders.expected_orders),
        expected_spend_per_order: valuation.expected_spend_per_order,
        lifetime_value: valuation.lifetime_value.ok().map(money_message),
        unrated_reason: valuation.lifetime_value.err().map_or(0, unrated_reason),
        horizon_months: i32::try_from(months).unwrap_or(i32::MAX),
        monthly_discount_rate: horizon.monthly_discount_rate(),
        tier: Some(tier(one.assessment.tier, basis)),
        provenance: Some(provenance(Some(profile), as_of, basis)),
        expected_margin_per_order: valuation.expected_margin_per_order,
        expected_cost_to_serve: valuation.expected_cost_to_serve,
        transaction_value: valuation.transaction_value,
        contract_value: valuation.contracts.map(|contracts| contracts.value),
        running_contracts: i32::try_from(one.profile.view().running_contracts())
            .unwrap_or(i32::MAX),
        expected_renewals: valuation
            .contracts
            .map(|contracts| contracts.expected_renewals),
    }
}

fn value_inputs(inputs: &ValueInputs, basis: &Basis) -> pb::ValueInputs {
    pb::ValueInputs {
        frequency: i32::try_from(inputs.frequency).unwrap_or(i32::MAX),
        recency_weeks: inputs.recency_weeks(),
        age_weeks: inputs.age_weeks(),
        monetary_value: inputs.monetary_value,
        currency: basis
            .reporting_currency
            .map(|currency| currency.to_string())
            .unwrap_or_default(),
    }
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

fn unrated_reason(reason: Unrated) -> i32 {
    let reason = match reason {
        Unrated::NotApplicable => pb::UnratedReason::NotApplicable,
        Unrated::NoPurchase => pb::UnratedReason::NoPurchase,
        Unrated::NoModel => pb::UnratedReason::NoModel,
        Unrated::NoMean => pb::UnratedReason::NoMean,
        Unrated::NoRate => pb::UnratedReason::NoRate,
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
    }
}
