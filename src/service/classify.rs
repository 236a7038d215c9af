//! Classify and score: subjects to assessments.

mod candidates;
mod today;

use std::sync::Arc;

use jiff::{Timestamp, tz::TimeZone};

pub use self::candidates::Candidates;
use self::candidates::{MAX_CANDIDATES, looked_at, matched};
use crate::{
    clock::Clock,
    domain::{
        assess::{Assessment, assess},
        basis::Basis,
        calendar::Day,
        profile::DatedProfile,
        text::CustomerId,
        tiers::{TierIndex, Unrated},
        valuation::{
            Valuation,
            outlook::{OrdersAhead, OutlookOptions, orders_ahead},
            prospects::{NoProspects, Prospects, Valued, prospects},
            value,
        },
        value::lifetime::{Horizon, WEEKS_PER_MONTH},
    },
    service::{
        bases::Bases,
        error::ServiceError,
        profiles::Profiles,
        subjects::{Subject, Subjects},
        versions::Versions,
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
    pub bases: Arc<Bases>,
    /// Tells what day it is.
    pub clock: Arc<dyn Clock>,
    /// The zone in which days are counted.
    pub zone: TimeZone,
    /// Reads the model versions of comparisons.
    pub versions: Versions,
    /// Tells whether what is in memory may be out of date.
    pub breaker: Arc<Breaker>,
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
    pub prospects: Option<Result<Prospects, NoProspects>>,
    /// What another model says; `None` unless it was asked.
    pub challenger: Option<Challenger>,
    /// What the model says of the orders to come; `None` unless it was asked and says something.
    pub outlook: Option<OrdersAhead>,
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
struct Grounds {
    basis: Arc<Basis>,
    as_of: Day,
    /// The horizon, where it is not that of the definitions.
    horizon: Option<Horizon>,
    interval_level: Option<f64>,
    challenger: Option<Basis>,
    outlook: Option<OutlookOptions>,
}

impl Grounds {
    /// Those of a question that asks for nothing beside the assessment.
    fn plain(basis: Arc<Basis>, as_of: Day) -> Self {
        Self {
            basis,
            as_of,
            horizon: None,
            interval_level: None,
            challenger: None,
            outlook: None,
        }
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

    fn new(profile: DatedProfile, grounds: &Grounds) -> Self {
        let basis = &*grounds.basis;
        let assessment = assess(profile.view(), basis);
        let horizon = grounds.horizon.as_ref();
        let other_valuation = horizon.map(|horizon| value(profile.view(), basis, horizon));
        Self {
            profile,
            assessment,
            other_valuation,
            prospects: None,
            challenger: None,
            outlook: None,
        }
    }

    /// Adds what was asked beside the assessment.
    fn completed(mut self, grounds: &Grounds) -> Self {
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
            .and_then(|options| orders_ahead(view, basis, asked, &options));
        self.prospects = grounds
            .interval_level
            .map(|level| prospects(view, basis, asked, of_tier, level));
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
    /// Answers about one subject.
    ///
    /// # Errors
    /// When the database must be asked and cannot be, or there is no model version of the number to compare with.
    pub async fn answer(
        &self,
        subject: &Subject,
        question: &Question,
    ) -> Result<Answer, ServiceError> {
        let grounds = self.grounds(question).await?;
        let as_of = grounds.as_of;
        let found = match subject {
            // The way of most calls: no list, no second look.
            Subject::Customer(id) => match self.profiles.at(id, as_of).await? {
                Some(profile) => Match::One(Box::new(one(profile, &grounds))),
                None => Match::Unknown,
            },
            Subject::Identifier(_) => {
                let ids = self.subjects.find(subject).await?;
                let profiles = self.profiles.many_at(looked_at(&ids), as_of).await?;
                matched(&ids, &profiles, &grounds)
            }
        };
        Ok(Answer {
            found,
            as_of,
            basis: grounds.basis,
            stale_since: self.breaker.stale_since(),
        })
    }

    /// Answers about many subjects as of one day and on one basis, in their order.
    ///
    /// # Errors
    /// As [`Self::answer`].
    pub async fn answer_many(
        &self,
        subjects: &[Subject],
        question: &Question,
    ) -> Result<Vec<Answer>, ServiceError> {
        let grounds = self.grounds(question).await?;
        let named = self.subjects.find_many(subjects).await?;
        let ids = named.iter().flat_map(|ids| looked_at(ids).iter().cloned());
        let ids: Vec<CustomerId> = ids.collect();
        let profiles = self.profiles.many_at(&ids, grounds.as_of).await?;
        let stale_since = self.breaker.stale_since();
        let answer = move |ids: &[CustomerId]| Answer {
            found: matched(ids, &profiles, &grounds),
            as_of: grounds.as_of,
            basis: Arc::clone(&grounds.basis),
            stale_since,
        };
        if question.interval_level.is_some() || question.outlook.is_some() {
            // A thousand intervals or outlooks take half a second, which other calls on this thread need not wait for.
            let answers = move || named.iter().map(|ids| answer(ids)).collect();
            return tokio::task::spawn_blocking(answers)
                .await
                .map_err(|error| ServiceError::Internal(Box::new(error)));
        }
        let mut answers = Vec::with_capacity(named.len());
        for ids in &named {
            if ids.len() > MAX_CANDIDATES {
                // A batch of such subjects is long work: let others in between, and the deadline.
                tokio::task::yield_now().await;
            }
            answers.push(answer(ids));
        }
        Ok(answers)
    }

    async fn grounds(&self, question: &Question) -> Result<Grounds, ServiceError> {
        let (basis, as_of) = (self.bases.current(), self.day(question.as_of)?);
        let challenger = match question.compare_version {
            Some(version) => Some(self.versions.basis(version, &basis).await?),
            None => None,
        };
        Ok(Grounds {
            horizon: question
                .horizon_months
                .and_then(|months| horizon_of(months, &basis)),
            basis,
            as_of,
            interval_level: question.interval_level,
            challenger,
            outlook: question.outlook,
        })
    }

    fn day(&self, as_of: Option<Day>) -> Result<Day, ServiceError> {
        match as_of {
            Some(day) => Ok(day),
            None => Day::of(self.clock.now(), &self.zone)
                .map_err(|error| ServiceError::Internal(Box::new(error))),
        }
    }
}

/// `months` ahead, discounted as the definitions say; `None` when no horizon is that long.
pub(super) fn horizon_of(months: u32, basis: &Basis) -> Option<Horizon> {
    Horizon::new(
        months,
        basis.revision.horizon.monthly_discount_rate(),
        WEEKS_PER_MONTH,
    )
    .ok()
}

fn one(profile: DatedProfile, grounds: &Grounds) -> Assessed {
    Assessed::new(profile, grounds).completed(grounds)
}
