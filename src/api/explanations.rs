//! Explanations as messages.

use super::{
    answers::{mark_stale, provenance, tier},
    money_message, rates,
    treatments::{localized, verdict},
};
use crate::{
    api::violations::Checker,
    domain::{
        assess::tiers::TierIndex,
        basis::Basis,
        definitions::Definitions,
        explain::{
            self as segments, Clause, Explainer, Gap, Leaf,
            inputs::OpenInput,
            reasons::Reason,
            tier::{TierExplanation, TierReason},
            wording::{self, Language, limits, values},
        },
        money::{Currency, Money, minor_to_major},
        rules::{program::Absence, trace::Joint},
    },
    pb,
    service::answer::explain::{Explained, ExplainedCustomer, Match, Target},
};

/// What a request asks to have explained.
pub(crate) fn target(request: &pb::ExplainSegmentRequest, check: &mut Checker<'_>) -> Target {
    use pb::explain_segment_request::Target as Asked;
    let mut named = |field: &str, name: &str| {
        if name.is_empty() {
            check.field(field).refuse(
                "REQUIRED",
                "is empty: name it, or leave the target out to have everything explained",
            );
        }
        name.to_owned()
    };
    match &request.target {
        None => Target::Everything,
        Some(Asked::Segment(name)) => Target::Segment(named("segment", name)),
        Some(Asked::Scheme(name)) => Target::Scheme(named("scheme", name)),
        Some(Asked::Tier(name)) => Target::Tier(named("tier", name)),
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
            .map(|explanation| tier_explanation(explanation, basis)),
        segments: segments.unwrap_or_default(),
    }
}

fn tier_explanation(explanation: &TierExplanation, basis: &Basis) -> pb::TierExplanation {
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
        holds: explanation.tier.is_some() && explanation.tier == explanation.held.ok(),
        held: Some(tier(explanation.held, basis)),
        lifetime_value: explanation.lifetime_value.map(money_message),
        minimum_value: explanation.minimum_value.map(money_message),
        gap: gap.map(money_message),
        next_better: explanation.next_better.map(distance),
        next_lower: explanation.next_lower.map(distance),
        reasons: explanation.reasons.iter().map(tier_reason).collect(),
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
        condition: segment.condition.source().to_owned(),
        clause: Some(clause(&explanation.tree, explainer, definitions)),
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
        text: Some(both(|language| {
            wording::reason(reason, definitions, language)
        })),
    };
    reasons.iter().map(message).collect()
}

/// A text in both languages.
fn both(text: impl Fn(Language) -> String) -> pb::LocalizedText {
    pb::LocalizedText {
        en: text(Language::En),
        de: text(Language::De),
    }
}

/// A text, or none when there is nothing to say.
fn stated(text: pb::LocalizedText) -> Option<pb::LocalizedText> {
    Some(text).filter(|text| !text.en.is_empty())
}

fn open_input(open: &OpenInput<'_>, definitions: &Definitions) -> pb::OpenInput {
    let text = both(|language| wording::term(open.term, definitions, language));
    pb::OpenInput {
        input: text.en.clone(),
        absence: absence(Some(open.absence)),
        name: open.term.written(definitions.vocabulary()),
        text: Some(text),
    }
}

fn clause(one: &Clause<'_>, explainer: &Explainer<'_>, definitions: &Definitions) -> pb::Clause {
    let kind = match one.joint {
        Joint::Test { .. } => pb::ClauseKind::Test,
        Joint::Everyone => pb::ClauseKind::Everyone,
        Joint::All => pb::ClauseKind::All,
        Joint::Any => pb::ClauseKind::Any,
        Joint::Not => pb::ClauseKind::Not,
    };
    let joined = pb::Clause {
        kind: kind.into(),
        text: one.text.to_owned(),
        verdict: verdict(one.verdict),
        parts: one
            .parts
            .iter()
            .map(|part| clause(part, explainer, definitions))
            .collect(),
        ..Default::default()
    };
    match &one.leaf {
        Some(leaf) => {
            // Where nothing came of it, `absence` says why.
            let converted = leaf.observed.is_ok();
            let from = converted.then(|| explainer.converted_from(&leaf.test.term));
            pb::Clause {
                converted_from: rates::codes(&from.unwrap_or_default()),
                ..with_leaf(joined, leaf, definitions)
            }
        }
        None => joined,
    }
}

fn with_leaf(clause: pb::Clause, leaf: &Leaf<'_>, definitions: &Definitions) -> pb::Clause {
    let term = &leaf.test.term;
    let observed = leaf
        .observed
        .ok()
        .map(|value| both(|language| values::value_text(term, value, definitions, language)));
    let limit = stated(both(|language| {
        limits::limit(leaf.test, definitions, language)
    }));
    let unit = stated(both(|language| {
        limits::unit_name(term, definitions, language)
    }));
    let english = |text: &Option<pb::LocalizedText>| {
        text.as_ref()
            .map(|text| text.en.clone())
            .unwrap_or_default()
    };
    let currency = limits::currency(term, definitions);
    pb::Clause {
        subject: Some(both(|language| wording::term(term, definitions, language))),
        observed: english(&observed),
        limit: english(&limit),
        gap: leaf.gap.map(|gap| gap_number(gap, currency)),
        unit: english(&unit),
        source: leaf
            .recorded
            .map(|recorded| recorded.source.to_string())
            .unwrap_or_default(),
        observed_on: leaf
            .recorded
            .map(|recorded| recorded.observed_on.to_string())
            .unwrap_or_default(),
        absence: absence(leaf.observed.err()),
        observed_text: observed,
        limit_text: limit,
        unit_text: unit,
        ..clause
    }
}

/// The gap in the unit of the term, money in major units.
fn gap_number(gap: Gap, currency: Option<Currency>) -> f64 {
    match (gap, currency) {
        (Gap::Int(minor), Some(currency)) => minor_to_major(minor, currency),
        #[expect(clippy::cast_precision_loss, reason = "a distance for people")]
        (Gap::Int(number), None) => number as f64,
        (Gap::Number(number), _) => number,
    }
}

fn absence(absence: Option<Absence>) -> i32 {
    let absence = match absence {
        None => pb::Absence::Unspecified,
        Some(Absence::Missing) => pb::Absence::Missing,
        Some(Absence::Stale) => pb::Absence::Stale,
        Some(Absence::Future) => pb::Absence::Future,
        Some(Absence::WrongType) => pb::Absence::WrongType,
        Some(Absence::Unrated) => pb::Absence::Unrated,
        Some(Absence::NoRate) => pb::Absence::NoRate,
    };
    absence.into()
}
