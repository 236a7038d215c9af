//! Explanations as messages.

mod clauses;

use super::{
    answers::{extrapolated_covariates, mark_stale, provenance, tier},
    money_message, rates,
    treatments::{localized, verdict},
};
use crate::{
    api::{texts, violations::Checker},
    domain::{
        assess::tiers::TierIndex,
        basis::Basis,
        definitions::Definitions,
        explain::{
            self as segments, Explainer,
            inputs::OpenInput,
            reasons::Reason,
            tier::{TierExplanation, TierReason},
            wording::{self, both},
        },
        money::Money,
        rates::UsedRate,
    },
    pb,
    service::answer::explain::{Explained, ExplainedCustomer, Match, Target},
};

/// Most bytes of the name of a scheme, segment or tier, as definitions allow them.
const NAME_BYTES: usize = 64;

/// What a request asks to have explained.
pub(crate) fn target(request: &pb::ExplainSegmentRequest, check: &mut Checker<'_>) -> Target {
    use pb::explain_segment_request::Target as Asked;
    let mut named = |field: &str, name: &str, limit: usize| {
        let mut check = check.field(field);
        if name.is_empty() {
            check.refuse(
                "REQUIRED",
                "is empty: set a name, or omit the target to explain everything",
            );
        }
        // No definitions have a longer name: it would only be cut where it is quoted.
        let name = check.ok("INVALID_TEXT", texts::bounded(name, limit));
        name.unwrap_or_default().into_owned()
    };
    match &request.target {
        None => Target::Everything,
        Some(Asked::Segment(name)) => Target::Segment(named("segment", name, 2 * NAME_BYTES + 1)),
        Some(Asked::Scheme(name)) => Target::Scheme(named("scheme", name, NAME_BYTES)),
        Some(Asked::Tier(name)) => Target::Tier(named("tier", name, NAME_BYTES)),
    }
}

/// The message of an explanation.
pub(crate) fn explain_response(explained: &Explained<'_>) -> pb::ExplainSegmentResponse {
    let (basis, as_of) = (explained.basis, explained.as_of);
    let mut response = match &explained.found {
        Match::Unknown => pb::ExplainSegmentResponse {
            r#match: pb::Match::Unknown.into(),
            provenance: Some(provenance(None, as_of, basis)),
            ..Default::default()
        },
        Match::One(one) => pb::ExplainSegmentResponse {
            r#match: pb::Match::One.into(),
            explanation: Some(explanation(one, basis)),
            provenance: Some(provenance(Some(one.profile), as_of, basis)),
            ..Default::default()
        },
        Match::Ambiguous(ids, count) => pb::ExplainSegmentResponse {
            r#match: pb::Match::Ambiguous.into(),
            candidate_ids: ids.iter().map(ToString::to_string).collect(),
            candidate_count: i32::try_from(*count).unwrap_or(i32::MAX),
            provenance: Some(provenance(None, as_of, basis)),
            ..Default::default()
        },
    };
    mark_stale(&mut response.provenance, explained.stale_since);
    response
}

fn explanation(one: &ExplainedCustomer<'_>, basis: &Basis) -> pb::Explanation {
    let definitions = basis.revision.definitions.as_deref();
    let explained = one.segments.as_ref().zip(definitions);
    let segments = explained.map(|(segments, definitions)| {
        let each = segments.explanations.iter();
        each.map(|one| segment_explanation(one, &segments.explainer, definitions))
            .collect()
    });
    pb::Explanation {
        customer_id: one.profile.customer_id.to_string(),
        display_name: one
            .profile
            .display_name
            .as_deref()
            .unwrap_or_default()
            .to_owned(),
        tier: one
            .tier
            .as_ref()
            .map(|explanation| tier_explanation(explanation, one.oldest_rate, basis)),
        segments: segments.unwrap_or_default(),
        extrapolated_covariates: extrapolated_covariates(&one.extrapolated_covariates),
    }
}

fn tier_explanation(
    explanation: &TierExplanation,
    oldest_rate: Option<UsedRate>,
    basis: &Basis,
) -> pb::TierExplanation {
    let name = |tier: TierIndex| basis.revision.tiers.get(tier).name.to_string();
    let distance = |(tier, distance): (TierIndex, Money)| pb::TierDistance {
        tier: name(tier),
        distance: Some(money_message(distance)),
    };
    let gap = explanation
        .lifetime_value
        .zip(explanation.minimum_value)
        .map(|(value, least)| Money {
            amount_minor: value.amount_minor.saturating_sub(least.amount_minor),
            currency: value.currency,
        });
    pb::TierExplanation {
        tier: explanation.tier.map(name).unwrap_or_default(),
        outcome_text: Some(localized(&explanation.outcome_text)),
        holds: explanation.tier.is_some() && explanation.tier == explanation.held.ok(),
        held: Some(tier(explanation.held, basis)),
        lifetime_value: explanation.lifetime_value.map(money_message),
        minimum_value: explanation.minimum_value.map(money_message),
        gap: gap.map(money_message),
        next_better: explanation.next_better.map(distance),
        next_lower: explanation.next_lower.map(distance),
        reasons: explanation.reasons.iter().map(tier_reason).collect(),
        oldest_rate: oldest_rate.map(rates::used_rate),
    }
}

fn tier_reason(reason: &TierReason) -> pb::ReasonCode {
    pb::ReasonCode {
        code: reason.code.to_owned(),
        text: Some(localized(&reason.text)),
    }
}

fn segment_explanation(
    explanation: &segments::Explanation<'_>,
    explainer: &Explainer<'_>,
    definitions: &Definitions,
) -> pb::SegmentExplanation {
    let segment = definitions.segment(explanation.segment);
    let preempted_by = explanation
        .preempted_by
        .map(|id| definitions.segment(id).name.to_string());
    pb::SegmentExplanation {
        segment: segment.name.to_string(),
        title: Some(localized(&segment.title)),
        verdict: verdict(explanation.standing.verdict),
        is_member: explanation.standing.is_member,
        preempted_by: preempted_by.unwrap_or_default(),
        outcome_text: Some(localized(&both(|language| {
            wording::outcome_text(
                explanation.standing,
                explanation.preempted_by,
                definitions,
                language,
            )
        }))),
        condition: segment.condition.source().to_owned(),
        clause: Some(clauses::clause(
            &explainer.statement(explanation),
            definitions,
        )),
        open_inputs: explanation
            .inputs
            .iter()
            .map(|input| open_input(input, definitions))
            .collect(),
        reasons: reasons(&explanation.reasons, definitions),
    }
}

/// The messages of reasons.
pub(crate) fn reasons(reasons: &[Reason<'_>], definitions: &Definitions) -> Vec<pb::ReasonCode> {
    let message = |reason: &Reason<'_>| pb::ReasonCode {
        code: reason.code.as_str().to_owned(),
        text: Some(localized(&both(|language| {
            wording::reason(reason, definitions, language)
        }))),
    };
    reasons.iter().map(message).collect()
}

fn open_input(open: &OpenInput<'_>, definitions: &Definitions) -> pb::OpenInput {
    let (term, absence) = (open.term, open.absence);
    let if_unchanged = open.if_unchanged.map(verdict);
    pb::OpenInput {
        term: term.written(definitions.vocabulary()),
        term_text: Some(localized(&both(|language| {
            wording::term(term, definitions, language)
        }))),
        absence: clauses::absence(Some(absence)),
        text: Some(localized(&both(|language| {
            wording::input_text(term, absence, definitions, language)
        }))),
        could_hold: open.could_hold,
        could_fail: open.could_fail,
        verdict_if_unchanged: if_unchanged.unwrap_or_default(),
    }
}
