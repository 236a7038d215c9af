//! Explain: why a customer is in a segment or holds a tier, or is not.

use jiff::Timestamp;

use crate::{
    domain::{
        assess::{decide, tiers::TierIndex},
        basis::Basis,
        calendar::Day,
        customer::profile::{DatedProfile, Profile},
        explain::{
            Explainer, Explanation,
            tier::{TierExplanation, explain_tier},
        },
        fitted::parameters::ExtrapolatedCovariate,
        rates::UsedRate,
        rules::condition::SegmentId,
        text::CustomerId,
    },
    service::{
        answer::{
            classify::{AnswerContext, Classifier, Found, Question},
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

impl Target {
    /// Whether explaining it takes longer than a lookup: a document may have hundreds of segments, and what could change the outcome of
    /// each is found by trying.
    fn is_long(&self) -> bool {
        match self {
            Self::Everything | Self::Scheme(_) => true,
            Self::Segment(_) | Self::Tier(_) => false,
        }
    }
}

/// An answer about a subject, finished: a face only copies its fields. It borrows from the profile and the definitions that it was made from.
#[derive(Debug)]
pub struct Explained<'a> {
    /// The customers that the subject names.
    pub found: Match<'a>,
    /// The day of the answer.
    pub as_of: Day,
    /// The basis of the answer.
    pub basis: &'a Basis,
    /// When the database last answered, if it is away: the answer is of what was known then.
    pub stale_since: Option<Timestamp>,
}

/// How many customers a subject names.
#[derive(Debug)]
pub enum Match<'a> {
    /// Nobody.
    Unknown,
    /// Exactly one.
    One(Box<ExplainedCustomer<'a>>),
    /// Several; those with the latest purchase or contact first, and how many there are.
    Ambiguous(Vec<CustomerId>, usize),
}

/// Why a customer is what they are.
#[derive(Debug)]
pub struct ExplainedCustomer<'a> {
    /// The customer.
    pub profile: &'a Profile,
    /// The tier, if it was asked for.
    pub tier: Option<TierExplanation>,
    /// The oldest rate that converted an amount of the value.
    pub oldest_rate: Option<UsedRate>,
    /// The segments that were asked for; `None` before definitions are published.
    pub segments: Option<ExplainedSegments<'a>>,
    /// The covariates outside the values that the order model was fitted to.
    pub extrapolated_covariates: Vec<ExtrapolatedCovariate>,
}

/// Why a customer is in segments, or is not.
#[derive(Debug)]
pub struct ExplainedSegments<'a> {
    /// The explanations, in the order of the definitions.
    pub explanations: Vec<Explanation<'a>>,
    /// What they were read from.
    pub explainer: Explainer<'a>,
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
    /// Explains one subject, today when `as_of` is `None`, and hands the explanation to `write`, whose result is returned. Several
    /// segments are explained in the lane for what takes longer than a lookup.
    ///
    /// # Errors
    /// The target is not in the definitions, the database must be asked and cannot be, or the lane has too much to do.
    pub async fn explain<T: Send + 'static>(
        &self,
        subject: &Subject,
        as_of: Option<Day>,
        target: &Target,
        write: impl FnOnce(&Explained<'_>) -> T + Send + 'static,
    ) -> Result<T, ServiceError> {
        let question = Question {
            as_of,
            ..Question::default()
        };
        let (is_long, target) = (target.is_long(), target.clone());
        let explain =
            move |found, context: &AnswerContext| explained(found, context, &target, write);
        self.answer(subject, &question, is_long, explain).await?
    }
}

fn explained<T>(
    found: Found,
    context: &AnswerContext,
    target: &Target,
    write: impl FnOnce(&Explained<'_>) -> T,
) -> Result<T, ServiceError> {
    let basis = context.basis();
    // Asked of the definitions even when nobody is found: a wrong name is the caller's mistake either way.
    let resolved = resolve(target, basis)?;
    Ok(match found {
        Found::Unknown => write(&answer(Match::Unknown, context)),
        Found::Several(several) => {
            let several = Match::Ambiguous(several.listed_ids(), several.count());
            write(&answer(several, context))
        }
        Found::One(profile) => with_explanation(&profile, basis, &resolved, |explained| {
            write(&answer(Match::One(Box::new(explained)), context))
        }),
    })
}

fn answer<'a>(found: Match<'a>, context: &'a AnswerContext) -> Explained<'a> {
    Explained {
        found,
        as_of: context.as_of(),
        basis: context.basis(),
        stale_since: context.stale_since(),
    }
}

/// Calls `write` with the explanation of a customer: one assessment, and all explanations are read from its slots.
fn with_explanation<T>(
    profile: &DatedProfile,
    basis: &Basis,
    resolved: &Resolved,
    write: impl for<'a> FnOnce(ExplainedCustomer<'a>) -> T,
) -> T {
    let (assessment, decided) = decide(profile.view(), basis);
    let explain = |named| Some(explain_tier(&assessment.valued, basis, named));
    let tier = match resolved.tier {
        AskedTier::None => None,
        AskedTier::Held => explain(None),
        AskedTier::Named(tier) => explain(Some(tier)),
    };
    let segments = decided.map(|decided| {
        let mut explainer = Explainer::new(decided, &assessment.standings);
        let segments = resolved.segments.iter();
        ExplainedSegments {
            explanations: segments.map(|&id| explainer.explain(id)).collect(),
            explainer,
        }
    });
    write(ExplainedCustomer {
        profile: profile.profile(),
        tier,
        oldest_rate: assessment.valued.valuation.oldest_rate(
            profile.view(),
            basis,
            basis.revision.horizon.months(),
        ),
        segments,
        extrapolated_covariates: assessment.valued.valuation.extrapolated_covariates.clone(),
    })
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
