//! Explanations as messages.

use super::{
    answers::{provenance, tier},
    money_message,
    treatments::{localized, verdict},
};
use crate::{
    domain::{
        basis::Basis,
        definitions::Definitions,
        explain::{
            ExplainedClause, ExplainedTest, OpenInput, Reason, SegmentExplanation, TierExplanation,
        },
        money::Money,
        rules::{diagnostic::Span, program::Absence, trace::Joint},
        tiers::TierIndex,
    },
    grpc::convert::violations::Checker,
    pb,
    service::explain::{Explained, Explanation, Found, Target},
};

/// What a request asks to have explained.
pub(in crate::grpc) fn target(
    request: &pb::ExplainSegmentRequest,
    check: &mut Checker<'_>,
) -> Target {
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
pub(in crate::grpc) fn explain_response(explained: &Explained) -> pb::ExplainSegmentResponse {
    let (basis, as_of) = (&*explained.basis, explained.as_of);
    match &explained.found {
        Found::Unknown => pb::ExplainSegmentResponse {
            r#match: pb::Match::Unknown.into(),
            provenance: Some(provenance(None, as_of, basis)),
            ..Default::default()
        },
        Found::One(one) => pb::ExplainSegmentResponse {
            r#match: pb::Match::One.into(),
            explanation: Some(explanation(one, basis)),
            provenance: Some(provenance(Some(one.profile.profile()), as_of, basis)),
            ..Default::default()
        },
        Found::Ambiguous(ids, count) => pb::ExplainSegmentResponse {
            r#match: pb::Match::Ambiguous.into(),
            candidate_ids: ids.iter().map(ToString::to_string).collect(),
            candidate_count: i32::try_from(*count).unwrap_or(i32::MAX),
            provenance: Some(provenance(None, as_of, basis)),
            ..Default::default()
        },
    }
}

fn explanation(one: &Explanation, basis: &Basis) -> pb::Explanation {
    let profile = one.profile.profile();
    let definitions = basis.revision.definitions.as_deref();
    let segments = definitions.map(|definitions| {
        one.segments
            .iter()
            .map(|segment| explained(segment, definitions))
            .collect()
    });
    pb::Explanation {
        customer_id: profile.customer_id.to_string(),
        display_name: profile
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
        .zip(explanation.least_value)
        .map(|(value, least)| Money {
            amount_minor: value.amount_minor.saturating_sub(least.amount_minor),
            currency: value.currency,
        });
    pb::TierExplanation {
        tier: explanation.tier.map(name).unwrap_or_default(),
        holds: explanation.tier.is_some() && explanation.tier == explanation.held.ok(),
        held: Some(tier(explanation.held, basis)),
        lifetime_value: explanation.lifetime_value.map(money_message),
        least_value: explanation.least_value.map(money_message),
        gap: gap.map(money_message),
        next_better: explanation.next_better.map(distance),
        next_lower: explanation.next_lower.map(distance),
        reasons: explanation.reasons.iter().map(reason).collect(),
    }
}

fn explained(
    explanation: &SegmentExplanation,
    definitions: &Definitions,
) -> pb::SegmentExplanation {
    let segment = &definitions.segments()[explanation.id.0 as usize];
    let source = segment.condition.source();
    let taken_by = explanation
        .taken_by
        .map(|id| definitions.segments()[id.0 as usize].name.to_string());
    pb::SegmentExplanation {
        segment: segment.name.to_string(),
        title: Some(localized(&segment.title)),
        verdict: verdict(explanation.membership.verdict),
        is_member: explanation.membership.is_member,
        taken_by: taken_by.unwrap_or_default(),
        condition: source.to_owned(),
        clause: Some(clause(&explanation.clause, source)),
        open_inputs: explanation.open_inputs.iter().map(open_input).collect(),
        reasons: explanation.reasons.iter().map(reason).collect(),
    }
}

/// The message of a reason.
pub(in crate::grpc) fn reason(reason: &Reason) -> pb::ReasonCode {
    pb::ReasonCode {
        code: reason.code.clone(),
        text: Some(localized(&reason.text)),
    }
}

fn open_input(open: &OpenInput) -> pb::OpenInput {
    pb::OpenInput {
        input: open.name.clone(),
        absence: absence(Some(open.absence)),
    }
}

fn clause(explained: &ExplainedClause, source: &str) -> pb::Clause {
    let kind = match explained.joint {
        Joint::Test { .. } => pb::ClauseKind::Test,
        Joint::Everyone => pb::ClauseKind::Everyone,
        Joint::All => pb::ClauseKind::All,
        Joint::Any => pb::ClauseKind::Any,
        Joint::Not => pb::ClauseKind::Not,
    };
    let joined = pb::Clause {
        kind: kind.into(),
        text: text(explained.span, source),
        verdict: verdict(explained.verdict),
        parts: explained
            .parts
            .iter()
            .map(|part| clause(part, source))
            .collect(),
        ..Default::default()
    };
    match &explained.test {
        Some(test) => with_test(joined, test),
        None => joined,
    }
}

fn with_test(clause: pb::Clause, test: &ExplainedTest) -> pb::Clause {
    let observation = test.observation.as_ref();
    pb::Clause {
        subject: Some(localized(&test.subject)),
        observed: test.observed.clone().unwrap_or_default(),
        limit: test.limit.clone().unwrap_or_default(),
        gap: test.gap,
        unit: test.unit.clone(),
        source: observation
            .map(|(source, _)| source.to_string())
            .unwrap_or_default(),
        observed_on: observation
            .map(|(_, day)| day.to_string())
            .unwrap_or_default(),
        absence: absence(test.absence),
        ..clause
    }
}

fn text(span: Span, source: &str) -> String {
    span.of(source).to_owned()
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
