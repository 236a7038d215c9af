//! Classify and score: subjects to assessments.

mod batch;
mod candidates;
mod kept_answer;

use std::{collections::HashMap, sync::Arc};

use jiff::{Timestamp, tz::TimeZone};

use self::candidates::{MAX_CANDIDATES, assessable, resolve};
pub use self::{
    batch::{Batch, BatchEnd},
    candidates::Candidates,
};
use crate::{
    cache::model_versions::ModelVersions,
    clock::Clock,
    domain::{
        assess::{
            Assessment, assess,
            tiers::{TierIndex, Unrated},
            valuation::{
                Valuation,
                order_forecast::{OrderForecast, OutlookOptions, order_forecast},
                uncertainty::{
                    UncertaintyUnavailable, ValueUncertainty, Valued, value_uncertainty,
                },
                value,
            },
        },
        basis::Basis,
        calendar::Day,
        clv::lifetime::{Horizon, WEEKS_PER_MONTH},
        customer::profile::DatedProfile,
        text::CustomerId,
    },
    service::{
        answer::{
            profiles::Profiles,
            subjects::{Subject, Subjects},
        },
        current_basis::CurrentBasis,
        error::ServiceError,
        lane::Lane,
    },
    store::breaker::Breaker,
};

/// Answers who customers are and what they are worth.
pub struct Classifier {
    /// Finds customers by what they are named.
    pub subjects: Arc<Subjects>,
    /// Reads profiles.
    pub profiles: Arc<Profiles>,
    /// The basis in force.
    pub bases: Arc<CurrentBasis>,
    /// Tells what day it is.
    pub clock: Arc<dyn Clock>,
    /// The zone in which days are counted.
    pub zone: TimeZone,
    /// Reads the model versions of comparisons.
    pub versions: ModelVersions,
    /// Tells whether what is in memory may be out of date.
    pub breaker: Arc<Breaker>,
    /// Where answers are made that take longer than a lookup; `None`: here.
    pub long: Option<LongAnswers>,
}

/// Where answers are made that take longer than a lookup.
pub struct LongAnswers {
    /// The lane.
    pub lane: Lane,
    /// Makes them, on connections of its own.
    pub classifier: Arc<Classifier>,
}

/// What is asked about subjects.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Question {
    /// The day; today when it is `None`.
    pub as_of: Option<Day>,
    /// The horizon; that of the definitions when it is `None`.
    pub horizon_months: Option<u32>,
    /// The level of intervals; `None` for no intervals.
    pub interval_level: Option<f64>,
    /// The model version to compare with.
    pub compare_version: Option<i64>,
    /// What to say of the orders to come; `None` for nothing.
    pub outlook: Option<OutlookOptions>,
}

impl Question {
    /// Whether an answer takes longer than a lookup: a thousand futures, a sum over days, a second model.
    fn is_long(&self) -> bool {
        self.interval_level.is_some() || self.outlook.is_some() || self.compare_version.is_some()
    }
}

/// An answer about a subject.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The customers that the subject names.
    pub found: Match,
    /// The day of the answer.
    pub as_of: Day,
    /// The basis of the answer.
    pub basis: Arc<Basis>,
    /// When the database last answered, if it is away: the answer is of what was known then.
    pub stale_since: Option<Timestamp>,
}

/// How many customers a subject names.
#[derive(Debug, Clone)]
pub enum Match {
    /// Nobody.
    Unknown,
    /// Exactly one.
    One(Box<Assessed>),
    /// Several.
    Ambiguous(Candidates),
}

/// A customer with their assessment.
#[derive(Debug, Clone)]
pub struct Assessed {
    /// The profile that was assessed.
    pub profile: DatedProfile,
    /// What follows from it.
    pub assessment: Assessment,
    /// How uncertain the value is; `None` unless it was asked.
    pub uncertainty: Option<Result<ValueUncertainty, UncertaintyUnavailable>>,
    /// What another model says; `None` unless it was asked.
    pub challenger: Option<Challenger>,
    /// What the model says of the orders to come; `None` unless it was asked and says something.
    pub outlook: Option<OrderForecast>,
    /// The value over the horizon that the caller asked for, where that is not the one of the definitions.
    other_valuation: Option<Valuation>,
}

/// What another model says of a customer.
#[derive(Debug, Clone)]
pub struct Challenger {
    /// The model version.
    pub version: i64,
    /// The value over the horizon of the answer.
    pub valuation: Valuation,
    /// The tier.
    pub tier: Result<TierIndex, Unrated>,
}

/// On what a question is answered.
struct AnswerContext {
    basis: Arc<Basis>,
    as_of: Day,
    /// The horizon, where it is not that of the definitions.
    horizon: Option<Horizon>,
    interval_level: Option<f64>,
    challenger: Option<Basis>,
    outlook: Option<OutlookOptions>,
    /// Since when what is in memory may be out of date.
    stale_since: Option<Timestamp>,
}

impl AnswerContext {
    /// Those of a question that asks for nothing beside the assessment.
    fn plain(basis: Arc<Basis>, as_of: Day) -> Self {
        Self {
            basis,
            as_of,
            horizon: None,
            interval_level: None,
            challenger: None,
            outlook: None,
            stale_since: None,
        }
    }

    fn answer(&self, found: Match) -> Answer {
        Answer {
            found,
            as_of: self.as_of,
            basis: Arc::clone(&self.basis),
            stale_since: self.stale_since,
        }
    }
}

impl LongAnswers {
    async fn answer<T: Send + 'static>(
        &self,
        subject: &Subject,
        question: &Question,
        write: impl FnOnce(Answer) -> T + Send + 'static,
    ) -> Result<T, ServiceError> {
        let (classifier, subject, question) =
            (Arc::clone(&self.classifier), subject.clone(), *question);
        let work = async move { Ok(write(classifier.answer_here(&subject, &question).await?)) };
        self.lane.run(None, work).await?
    }
}

impl Assessed {
    /// The value over the horizon of the answer.
    #[must_use]
    pub fn valuation(&self) -> &Valuation {
        self.other_valuation
            .as_ref()
            .unwrap_or(&self.assessment.valuation)
    }

    fn new(profile: DatedProfile, grounds: &AnswerContext) -> Self {
        let basis = &*grounds.basis;
        let assessment = assess(profile.view(), basis);
        let horizon = grounds.horizon.as_ref();
        let other_valuation = horizon.map(|horizon| value(profile.view(), basis, horizon));
        Self {
            profile,
            assessment,
            other_valuation,
            uncertainty: None,
            challenger: None,
            outlook: None,
        }
    }

    /// Adds what was asked beside the assessment.
    fn completed(mut self, grounds: &AnswerContext) -> Self {
        let basis = &*grounds.basis;
        let of_tier = Valued {
            valuation: &self.assessment.valuation,
            horizon: &basis.revision.horizon,
        };
        let asked = Valued {
            valuation: self.valuation(),
            horizon: grounds.horizon.as_ref().unwrap_or(of_tier.horizon),
        };
        let view = self.profile.view();
        let outlook = grounds
            .outlook
            .and_then(|options| order_forecast(view, basis, asked, &options));
        self.uncertainty = grounds
            .interval_level
            .map(|level| value_uncertainty(view, basis, asked, of_tier, level));
        self.outlook = outlook;
        self.challenger = grounds
            .challenger
            .as_ref()
            .and_then(|basis| Challenger::new(&self.profile, basis, grounds.horizon.as_ref()));
        self
    }
}

impl Challenger {
    fn new(profile: &DatedProfile, basis: &Basis, horizon: Option<&Horizon>) -> Option<Self> {
        let version = basis.model.as_ref()?.version;
        let assessment = assess(profile.view(), basis);
        let other_valuation = horizon.map(|horizon| value(profile.view(), basis, horizon));
        Some(Self {
            version,
            tier: assessment.tier,
            valuation: other_valuation.unwrap_or(assessment.valuation),
        })
    }
}

impl Classifier {
    /// Answers about one subject and hands the answer to `write`, whose result is returned. An answer that takes longer than a lookup is made
    /// and written in the lane for such.
    ///
    /// # Errors
    /// When the database must be asked and cannot be, there is no model version of the number to compare with, or the lane has too
    /// much to do.
    pub async fn answer<T: Send + 'static>(
        &self,
        subject: &Subject,
        question: &Question,
        write: impl FnOnce(Answer) -> T + Send + 'static,
    ) -> Result<T, ServiceError> {
        if question.is_long()
            && let Some(long) = &self.long
        {
            return long.answer(subject, question, write).await;
        }
        if let (Subject::Identifier(_), Some(long)) = (subject, &self.long)
            && self.subjects.find(subject).await?.len() > MAX_CANDIDATES
        {
            return long.answer(subject, question, write).await;
        }
        Ok(write(self.answer_here(subject, question).await?))
    }

    /// Answers on the current thread, however long that takes.
    async fn answer_here(
        &self,
        subject: &Subject,
        question: &Question,
    ) -> Result<Answer, ServiceError> {
        let grounds = self.grounds(question).await?;
        let found = match subject {
            // The way of most calls: no list, no second look.
            Subject::Customer(id) => match self.profiles.at(id, grounds.as_of).await? {
                Some(profile) => Match::One(Box::new(one(profile, &grounds))),
                None => Match::Unknown,
            },
            Subject::Identifier(_) => {
                let ids = self.subjects.find(subject).await?;
                let profiles = self.list_profiles(assessable(&ids), grounds.as_of).await?;
                resolve(&ids, &profiles, &grounds)
            }
        };
        Ok(grounds.answer(found))
    }

    /// The profiles of those of `ids` that are known. Read in parts: what a part takes to unpack holds up a lookup.
    async fn list_profiles(
        &self,
        ids: &[CustomerId],
        as_of: Day,
    ) -> Result<HashMap<CustomerId, DatedProfile>, ServiceError> {
        /// Unpacking so many profiles takes less than a millisecond.
        const PART: usize = 64;
        let mut found = HashMap::with_capacity(ids.len());
        for part in ids.chunks(PART) {
            found.extend(self.profiles.many_at(part, as_of).await?);
        }
        Ok(found)
    }

    async fn grounds(&self, question: &Question) -> Result<AnswerContext, ServiceError> {
        let (basis, as_of) = (self.bases.current(), self.day(question.as_of)?);
        let challenger = match question.compare_version {
            Some(version) => {
                let found = self.versions.basis(version, &basis).await?;
                Some(found.ok_or(ServiceError::ModelNotFound(version))?)
            }
            None => None,
        };
        Ok(AnswerContext {
            horizon: question
                .horizon_months
                .and_then(|months| horizon_of(months, &basis)),
            basis,
            as_of,
            interval_level: question.interval_level,
            challenger,
            outlook: question.outlook,
            stale_since: self.breaker.stale_since(),
        })
    }

    fn day(&self, as_of: Option<Day>) -> Result<Day, ServiceError> {
        match as_of {
            Some(day) => Ok(day),
            None => Day::in_zone(self.clock.now(), &self.zone)
                .map_err(|error| ServiceError::Internal(Box::new(error))),
        }
    }
}

/// `months` ahead, discounted as the definitions say; `None` when no horizon is that long.
pub(in crate::service) fn horizon_of(months: u32, basis: &Basis) -> Option<Horizon> {
    Horizon::new(
        months,
        basis.revision.horizon.monthly_discount_rate(),
        WEEKS_PER_MONTH,
    )
    .ok()
}

fn one(profile: DatedProfile, grounds: &AnswerContext) -> Assessed {
    Assessed::new(profile, grounds).completed(grounds)
}
