//! An explanation as JSON: the contract with `snake_case` keys, and names without their prefixes.

mod tree;

use serde::Serialize;

use self::tree::ClauseJson;
use crate::cli::json::{self, MoneyJson, ProvenanceJson, ReasonJson, TextJson};
use crate::cli::subject::subject_text;
use crate::cli::text;
use crate::pb;

/// An answer of `ExplainSegment`. The keys of the explanation stand beside `match` when there is exactly one customer.
#[derive(Debug, Serialize)]
pub struct ExplainJson {
    subject: String,
    r#match: &'static str,
    #[serde(flatten)]
    explanation: Option<ExplanationJson>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    candidate_ids: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    candidate_count: Option<i32>,
    #[serde(flatten)]
    provenance: Option<ProvenanceJson>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stale_since: Option<String>,
}

#[derive(Debug, Serialize)]
struct ExplanationJson {
    customer_id: String,
    display_name: String,
    tier: Option<TierJson>,
    segments: Vec<SegmentJson>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    extrapolated_covariates: Vec<json::ExtrapolatedJson>,
}

#[derive(Debug, Serialize)]
struct TierJson {
    tier: Option<String>,
    outcome_text: Option<TextJson>,
    holds: bool,
    held: Option<String>,
    unrated_reason: Option<&'static str>,
    lifetime_value: Option<MoneyJson>,
    minimum_value: Option<MoneyJson>,
    gap: Option<MoneyJson>,
    next_better: Option<DistanceJson>,
    next_lower: Option<DistanceJson>,
    reasons: Vec<ReasonJson>,
}

#[derive(Debug, Serialize)]
struct DistanceJson {
    tier: String,
    distance: Option<MoneyJson>,
}

#[derive(Debug, Serialize)]
struct SegmentJson {
    segment: String,
    title: Option<TextJson>,
    verdict: &'static str,
    is_member: bool,
    preempted_by: Option<String>,
    outcome_text: Option<TextJson>,
    condition: String,
    clause: Option<ClauseJson>,
    open_inputs: Vec<OpenJson>,
    reasons: Vec<ReasonJson>,
}

#[derive(Debug, Serialize)]
struct OpenJson {
    term: String,
    term_text: Option<TextJson>,
    absence: Option<&'static str>,
    text: Option<TextJson>,
    could_hold: bool,
    could_fail: bool,
    verdict_if_unchanged: Option<&'static str>,
}

impl ExplainJson {
    /// The answer about a subject.
    #[must_use]
    pub fn new(subject: &pb::Subject, response: &pb::ExplainSegmentResponse) -> Self {
        let ambiguous = response.r#match() == pb::Match::Ambiguous;
        Self {
            subject: subject_text(subject),
            r#match: json::match_name(response.r#match),
            explanation: response.explanation.as_ref().map(explanation),
            candidate_ids: response.candidate_ids.clone(),
            candidate_count: ambiguous.then_some(response.candidate_count),
            provenance: response.provenance.as_ref().map(ProvenanceJson::from),
            stale_since: text::stale_since(response.provenance.as_ref()),
        }
    }
}

fn explanation(one: &pb::Explanation) -> ExplanationJson {
    ExplanationJson {
        customer_id: one.customer_id.clone(),
        display_name: one.display_name.clone(),
        tier: one.tier.as_ref().map(tier),
        segments: one.segments.iter().map(segment).collect(),
        extrapolated_covariates: json::extrapolated(&one.extrapolated_covariates),
    }
}

fn tier(one: &pb::TierExplanation) -> TierJson {
    let money = |money: &Option<pb::Money>| money.as_ref().map(MoneyJson::from);
    let held = one.held.as_ref();
    TierJson {
        tier: stated(&one.tier),
        outcome_text: one.outcome_text.as_ref().map(TextJson::from),
        holds: one.holds,
        held: json::tier_name(held),
        unrated_reason: json::tier_unrated_reason(held),
        lifetime_value: money(&one.lifetime_value),
        minimum_value: money(&one.minimum_value),
        gap: money(&one.gap),
        next_better: one.next_better.as_ref().map(distance),
        next_lower: one.next_lower.as_ref().map(distance),
        reasons: one.reasons.iter().map(ReasonJson::from).collect(),
    }
}

fn distance(one: &pb::TierDistance) -> DistanceJson {
    DistanceJson {
        tier: one.tier.clone(),
        distance: one.distance.as_ref().map(MoneyJson::from),
    }
}

fn segment(one: &pb::SegmentExplanation) -> SegmentJson {
    SegmentJson {
        segment: one.segment.clone(),
        title: one.title.as_ref().map(TextJson::from),
        verdict: json::verdict_name(one.verdict),
        is_member: one.is_member,
        preempted_by: stated(&one.preempted_by),
        outcome_text: one.outcome_text.as_ref().map(TextJson::from),
        condition: one.condition.clone(),
        clause: one.clause.as_ref().map(ClauseJson::from),
        open_inputs: one.open_inputs.iter().map(open_input).collect(),
        reasons: one.reasons.iter().map(ReasonJson::from).collect(),
    }
}

fn open_input(one: &pb::OpenInput) -> OpenJson {
    let if_unchanged = one.verdict_if_unchanged;
    OpenJson {
        term: one.term.clone(),
        term_text: one.term_text.as_ref().map(TextJson::from),
        absence: tree::absence_name(one.absence()),
        text: one.text.as_ref().map(TextJson::from),
        could_hold: one.could_hold,
        could_fail: one.could_fail,
        verdict_if_unchanged: (if_unchanged != 0).then(|| json::verdict_name(if_unchanged)),
    }
}

/// A text, or none when it is empty.
fn stated(text: &str) -> Option<String> {
    Some(text.to_owned()).filter(|text| !text.is_empty())
}
