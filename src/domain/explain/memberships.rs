//! The segments that a customer is in, each with its reasons in words: what every classification carries.

use super::{Explainer, fixed_reasons::FixedReasons, reasons::ReasonCode};
use crate::domain::{
    assess::segments::{Decided, SegmentOutcome, members},
    definitions::LocalizedText,
    rules::{condition::SegmentId, program::Verdict},
};

/// A segment that a customer is in.
#[derive(Debug, Clone, PartialEq)]
pub struct Membership {
    /// The segment.
    pub segment: SegmentId,
    /// What its condition came to.
    pub verdict: Verdict,
    /// At most [`super::reasons::MAX_REASONS`], those that suffice for the verdict.
    pub reasons: Vec<WordedReason>,
}

/// A reason in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WordedReason {
    /// Its kind.
    pub code: ReasonCode,
    /// In words.
    pub text: LocalizedText,
}

/// The segments that a customer is in, in the order of the file, from what was `decided`; `texts` are of the same definitions.
#[must_use]
pub fn memberships(
    decided: Decided<'_>,
    standings: &[SegmentOutcome],
    texts: &FixedReasons,
) -> Vec<Membership> {
    let mut explainer = Explainer::new(decided, standings);
    let membership = |segment: SegmentId| {
        let reasons = explainer.reasons(segment);
        let worded = reasons.iter().map(|reason| WordedReason {
            code: reason.code,
            text: texts.text(reason),
        });
        Membership {
            segment,
            verdict: standings[segment.0 as usize].verdict,
            reasons: worded.collect(),
        }
    };
    members(standings).map(membership).collect()
}
