//! Explain: why a customer is in a segment or holds a tier, or is not.

use std::sync::Arc;

use jiff::Timestamp;

use crate::{
    domain::{
        assess::tiers::TierIndex,
        basis::Basis,
        calendar::Day,
        explain::tier::{TierExplanation, explain_tier},
        rules::condition::SegmentId,
        text::CustomerId,
    },
    service::{
        answer::{
            classify::{Answer, Assessed, Classifier, Match, Question},
            subjects::Subject,
        },
        error::ServiceError,
    },
};

/// What to explain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// The tier held, and all schemes.
    Everything,
    /// One segment, `scheme/name`.
    Segment(String),
    /// All segments of a scheme.
    Scheme(String),
    /// A tier.
    Tier(String),
}

/// An answer about a subject.
#[derive(Debug, Clone)]
pub struct Explained {
    /// The customers that the subject names.
    pub found: Found,
    /// The day of the answer.
    pub as_of: Day,
    /// The basis of the answer.
    pub basis: Arc<Basis>,
    /// As in an [`Answer`].
    pub stale_since: Option<Timestamp>,
}

/// How many customers a subject names.
#[derive(Debug, Clone)]
pub enum Found {
    /// Nobody.
    Unknown,
    /// Exactly one.
    One(Box<Explanation>),
    /// Several; those with the latest purchase or contact first, and how many there are.
    Ambiguous(Vec<CustomerId>, usize),
}

/// Why a customer is what they are.
#[derive(Debug, Clone)]
pub struct Explanation {
    /// The customer, assessed: what the segments are explained from.
    pub assessed: Assessed,
    /// The tier, if it was asked for.
    pub tier: Option<TierExplanation>,
    /// The segments that were asked for.
    pub segments: Vec<SegmentId>,
}

/// Which tier to explain.
enum AskedTier {
    None,
    Held,
    Named(TierIndex),
}

/// What to explain, found in the definitions.
struct Resolved {
    tier: AskedTier,
    segments: Vec<SegmentId>,
}

impl Classifier {
    /// Explains one subject; `as_of` is today when it is `None`.
    ///
    /// # Errors
    /// The target is not in the definitions, or the database must be asked and cannot be.
    pub async fn explain(
        &self,
        subject: &Subject,
        as_of: Option<Day>,
        target: &Target,
    ) -> Result<Explained, ServiceError> {
        let question = Question {
            as_of,
            ..Question::default()
        };
        let target = target.clone();
        // Explained where it was answered.
        self.answer(subject, &question, move |answer| explained(answer, &target))
            .await?
    }
}

fn explained(answer: Answer, target: &Target) -> Result<Explained, ServiceError> {
    let basis = answer.basis;
    // Asked of the definitions even when nobody is found: a wrong name is the caller's mistake either way.
    let resolved = resolve(target, &basis)?;
    let found = match answer.found {
        Match::Unknown => Found::Unknown,
        Match::One(one) => Found::One(Box::new(explanation(*one, &basis, resolved))),
        Match::Ambiguous(several) => {
            let ids = several
                .listed
                .iter()
                .map(|one| one.profile.profile().customer_id.clone());
            Found::Ambiguous(ids.collect(), several.count)
        }
    };
    Ok(Explained {
        found,
        as_of: answer.as_of,
        basis,
        stale_since: answer.stale_since,
    })
}

fn explanation(one: Assessed, basis: &Basis, resolved: Resolved) -> Explanation {
    let explain = |named| Some(explain_tier(&one.assessment, basis, named));
    let tier = match resolved.tier {
        AskedTier::None => None,
        AskedTier::Held => explain(None),
        AskedTier::Named(tier) => explain(Some(tier)),
    };
    Explanation {
        tier,
        segments: resolved.segments,
        assessed: one,
    }
}

fn resolve(target: &Target, basis: &Basis) -> Result<Resolved, ServiceError> {
    let definitions = basis.revision.definitions.as_deref();
    let ids = |range: std::ops::Range<usize>| -> Vec<SegmentId> {
        range
            .filter_map(|at| u32::try_from(at).ok().map(SegmentId))
            .collect()
    };
    let published = || definitions.ok_or(ServiceError::NoDefinitions);
    let (tier, segments) = match target {
        Target::Everything => {
            let all = definitions.map_or(0, |definitions| definitions.segments().len());
            (AskedTier::Held, ids(0..all))
        }
        Target::Segment(name) => {
            let at = published()?
                .segments()
                .iter()
                .position(|segment| *segment.name == **name);
            let at = at.ok_or_else(|| ServiceError::SegmentNotFound(name.clone()))?;
            (AskedTier::None, ids(at..at + 1))
        }
        Target::Scheme(name) => {
            let scheme = published()?
                .schemes()
                .iter()
                .find(|scheme| *scheme.name == **name);
            let scheme = scheme.ok_or_else(|| ServiceError::SchemeNotFound(name.clone()))?;
            (AskedTier::None, ids(scheme.segments.clone()))
        }
        Target::Tier(name) => {
            let tier = basis.revision.tiers.find(name);
            let tier = tier.ok_or_else(|| ServiceError::TierNotFound(name.clone()))?;
            (AskedTier::Named(tier), vec![])
        }
    };
    Ok(Resolved { tier, segments })
}
