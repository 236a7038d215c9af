//! `ExplainSegment`, and that it says the same as Classify.

use tonic_types::StatusExt as _;

use super::Check;
use crate::cli::demo::by_id;
use crate::cli::error::CliError;
use crate::cli::names;
use crate::cli::subject::parse_subject;
use crate::pb;
use crate::pb::explain_segment_request::Target;

const RPC: &str = "ExplainSegment";
/// The segment of all trainees in the example.
const TRAINEES: &str = "internal/trainees";
/// The exclusive scheme of the example that every buyer is in.
const LIFECYCLE: &str = "lifecycle";

impl Check<'_> {
    /// Explanations of segments, schemes and tiers.
    pub(super) async fn explanations(&mut self) -> Result<(), CliError> {
        self.agrees_with_classify().await?;
        self.trainee().await?;
        self.scheme().await?;
        self.tier().await?;
        self.ambiguous_explanation().await?;
        self.unknown_segment().await
    }

    async fn ask(
        &mut self,
        subject: pb::Subject,
        target: Option<Target>,
    ) -> Result<pb::ExplainSegmentResponse, tonic::Status> {
        let request = self.connection.request(pb::ExplainSegmentRequest {
            subject: Some(subject),
            target,
            as_of: String::new(),
            ..Default::default()
        });
        let mut client = self.connection.scoring();
        Ok(client.explain_segment(request).await?.into_inner())
    }

    /// The explanation of a customer; `None` when there was none, which is noted.
    async fn explained(
        &mut self,
        id: &str,
        target: Option<Target>,
    ) -> Result<Option<pb::Explanation>, CliError> {
        match self.ask(by_id(id), target).await {
            Ok(answer) => {
                if answer.explanation.is_none() {
                    let matched = names::match_name(answer.r#match);
                    self.expect(RPC, false, &format!("{id} is {matched}"))?;
                }
                Ok(answer.explanation)
            }
            Err(status) => {
                self.failed(RPC, &status)?;
                Ok(None)
            }
        }
    }

    /// What is explained is what Classify says, and every clause tree comes to its verdict.
    async fn agrees_with_classify(&mut self) -> Result<(), CliError> {
        let id = self.examples.regular.clone();
        let Some(classified) = self.classify(by_id(&id)).await? else {
            return Ok(());
        };
        let Some(explanation) = self.explained(&id, None).await? else {
            return Ok(());
        };
        let one = classified.classification.unwrap_or_default();
        let classified: Vec<&str> = one
            .segments
            .iter()
            .map(|one| one.segment.as_str())
            .collect();
        let members: Vec<&str> = explanation
            .segments
            .iter()
            .filter(|segment| segment.is_member)
            .map(|segment| segment.segment.as_str())
            .collect();
        let trees = explanation.segments.iter().all(|segment| {
            let clause = segment.clause.as_ref();
            clause.is_some_and(|clause| clause.verdict == segment.verdict && is_sound(clause))
        });
        let tier = explanation.tier.unwrap_or_default();
        let right = !members.is_empty() && members == classified && trees && tier.held == one.tier;
        let found = format!(
            "{id} is in {} of {} segments: {}",
            members.len(),
            explanation.segments.len(),
            members.join(", ")
        );
        self.expect(RPC, right, &found)
    }

    /// A trainee is in the segment of trainees, by an attribute with its source, and gets the queue of the help desk.
    async fn trainee(&mut self) -> Result<(), CliError> {
        let id = self.examples.trainee.clone();
        let target = Some(Target::Segment(TRAINEES.to_owned()));
        let Some(explanation) = self.explained(&id, target).await? else {
            return Ok(());
        };
        let segment = explanation.segments.first().cloned().unwrap_or_default();
        let clause = segment.clause.clone().unwrap_or_default();
        let sourced = clause
            .parts
            .iter()
            .any(|part| part.source == "hr" && !part.observed_on.is_empty());
        let right = explanation.segments.len() == 1
            && segment.is_member
            && sourced
            && !segment.reasons.is_empty();
        let found = format!("{id} in {}: {}", segment.segment, segment.is_member);
        self.expect(RPC, right, &found)?;
        let Some(answer) = self.classify(by_id(&id)).await? else {
            return Ok(());
        };
        let treatment = answer.classification.and_then(|one| one.treatment);
        let treatment = treatment.unwrap_or_default();
        let by = treatment.decided_by.get("queue").cloned();
        let by = by.unwrap_or_default();
        let found = format!("{id} gets the queue {:?} by {by}", treatment.queue);
        let right = !treatment.queue.is_empty() && by == TRAINEES;
        self.expect("Classify", right, &found)
    }

    /// An exclusive scheme takes a customer once.
    async fn scheme(&mut self) -> Result<(), CliError> {
        let id = self.examples.regular.clone();
        let target = Some(Target::Scheme(LIFECYCLE.to_owned()));
        let Some(explanation) = self.explained(&id, target).await? else {
            return Ok(());
        };
        let segments = &explanation.segments;
        let members = segments.iter().filter(|segment| segment.is_member).count();
        let right = segments.len() > 1 && members == 1 && explanation.tier.is_none();
        let found = format!("{id} is in {members} of {} of {LIFECYCLE}", segments.len());
        self.expect(RPC, right, &found)
    }

    /// The gap to a tier is value less threshold.
    async fn tier(&mut self) -> Result<(), CliError> {
        let id = self.examples.regular.clone();
        let Some(explanation) = self.explained(&id, None).await? else {
            return Ok(());
        };
        let held = explanation.tier.unwrap_or_default().tier;
        let target = Some(Target::Tier(held.clone()));
        let Some(explanation) = self.explained(&id, target).await? else {
            return Ok(());
        };
        let tier = explanation.tier.unwrap_or_default();
        let minor = |money: &Option<pb::Money>| money.as_ref().map(|money| money.amount_minor);
        let gap = minor(&tier.lifetime_value)
            .zip(minor(&tier.minimum_value))
            .map(|(value, least)| value - least);
        let right = tier.holds
            && tier.tier == held
            && minor(&tier.gap) == gap
            && gap.is_none_or(|gap| gap >= 0)
            && tier.lifetime_value.is_some()
            && !tier.reasons.is_empty();
        let found = format!("{id} holds {held}, {gap:?} minor units above it");
        self.expect(RPC, right, &found)
    }

    async fn ambiguous_explanation(&mut self) -> Result<(), CliError> {
        let phone = self.examples.shared_phone.clone();
        let subject = parse_subject(&phone).map_err(CliError::failed)?;
        match self.ask(subject, None).await {
            Ok(answer) => {
                let mut ids = answer.candidate_ids.clone();
                ids.sort();
                let mut sharers = self.examples.sharers.clone();
                sharers.sort();
                let right = answer.r#match() == pb::Match::Ambiguous
                    && ids == sharers
                    && answer.explanation.is_none();
                let found = format!("{phone} is shared by {}", answer.candidate_count);
                self.expect(RPC, right, &found)
            }
            Err(status) => self.failed(RPC, &status),
        }
    }

    async fn unknown_segment(&mut self) -> Result<(), CliError> {
        let id = self.examples.regular.clone();
        let target = Some(Target::Segment("no/such".to_owned()));
        match self.ask(by_id(&id), target).await {
            Ok(_) => self.expect(RPC, false, "an unknown segment was explained"),
            Err(status) => {
                let info = status.get_details_error_info();
                let reason = info.map_or_else(String::new, |info| info.reason);
                let right = status.code() == tonic::Code::NotFound && reason == "SEGMENT_NOT_FOUND";
                self.expect(RPC, right, &format!("no/such: {reason}"))
            }
        }
    }
}

/// Whether the verdict of every clause follows from those of its parts (Kleene).
fn is_sound(clause: &pb::Clause) -> bool {
    let parts = || clause.parts.iter().map(|part| part.verdict);
    let follows = match clause.kind() {
        pb::ClauseKind::Test => {
            clause.parts.is_empty()
                && clause.operator() != pb::ComparisonOperator::Unspecified
                && clause.text.is_some()
        }
        pb::ClauseKind::Everyone => clause.verdict() == pb::Verdict::True,
        // FALSE < UNKNOWN < TRUE in the contract's numbers.
        pb::ClauseKind::All => parts().min() == Some(clause.verdict),
        pb::ClauseKind::Any => parts().max() == Some(clause.verdict),
        pb::ClauseKind::Not => {
            let turned = i32::from(pb::Verdict::False) + i32::from(pb::Verdict::True);
            parts().next() == Some(turned - clause.verdict)
        }
        pb::ClauseKind::Unspecified => false,
    };
    follows && clause.parts.iter().all(is_sound)
}
