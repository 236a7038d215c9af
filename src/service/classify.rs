//! Classify and score: subjects to assessments.

mod candidates;
mod today;

use std::sync::Arc;

use jiff::tz::TimeZone;

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
        valuation::{Valuation, value},
        value::lifetime::{Horizon, WEEKS_PER_MONTH},
    },
    service::{
        bases::Bases,
        error::ServiceError,
        profiles::Profiles,
        subjects::{Subject, Subjects},
    },
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
    /// The value over the horizon that the caller asked for, where that is not the one of the definitions.
    other_valuation: Option<Valuation>,
}

impl Assessed {
    /// The value over the horizon of the answer.
    #[must_use]
    pub fn valuation(&self) -> &Valuation {
        self.other_valuation
            .as_ref()
            .unwrap_or(&self.assessment.valuation)
    }

    fn new(profile: DatedProfile, basis: &Basis, horizon: Option<&Horizon>) -> Self {
        let assessment = assess(profile.view(), basis);
        let other_valuation = horizon.map(|horizon| value(profile.view(), basis, horizon));
        Self {
            profile,
            assessment,
            other_valuation,
        }
    }
}

impl Classifier {
    /// Answers about one subject; `as_of` is today when it is `None`, `horizon_months` that of the definitions.
    ///
    /// # Errors
    /// When the database must be asked and cannot be.
    pub async fn answer(
        &self,
        subject: &Subject,
        as_of: Option<Day>,
        horizon_months: Option<u32>,
    ) -> Result<Answer, ServiceError> {
        let (basis, as_of) = (self.bases.current(), self.day(as_of)?);
        let horizon = horizon_months.and_then(|months| horizon_of(months, &basis));
        let found = match subject {
            // The way of most calls: no list, no second look.
            Subject::Customer(id) => match self.profiles.at(id, as_of).await? {
                Some(profile) => {
                    Match::One(Box::new(Assessed::new(profile, &basis, horizon.as_ref())))
                }
                None => Match::Unknown,
            },
            Subject::Identifier(_) => {
                let ids = self.subjects.find(subject).await?;
                let profiles = self.profiles.many_at(looked_at(&ids), as_of).await?;
                matched(&ids, &profiles, &basis, horizon.as_ref())
            }
        };
        Ok(Answer {
            found,
            as_of,
            basis,
        })
    }

    /// Answers about many subjects as of one day and on one basis, in their order.
    ///
    /// # Errors
    /// When the database must be asked and cannot be.
    pub async fn answer_many(
        &self,
        subjects: &[Subject],
        as_of: Option<Day>,
        horizon_months: Option<u32>,
    ) -> Result<Vec<Answer>, ServiceError> {
        let (basis, as_of) = (self.bases.current(), self.day(as_of)?);
        let horizon = horizon_months.and_then(|months| horizon_of(months, &basis));
        let named = self.subjects.find_many(subjects).await?;
        let ids = named.iter().flat_map(|ids| looked_at(ids).iter().cloned());
        let ids: Vec<CustomerId> = ids.collect();
        let profiles = self.profiles.many_at(&ids, as_of).await?;
        let mut answers = Vec::with_capacity(named.len());
        for ids in &named {
            if ids.len() > MAX_CANDIDATES {
                // A batch of such subjects is long work: let others in between, and the deadline.
                tokio::task::yield_now().await;
            }
            answers.push(Answer {
                found: matched(ids, &profiles, &basis, horizon.as_ref()),
                as_of,
                basis: Arc::clone(&basis),
            });
        }
        Ok(answers)
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
fn horizon_of(months: u32, basis: &Basis) -> Option<Horizon> {
    Horizon::new(
        months,
        basis.revision.horizon.monthly_discount_rate(),
        WEEKS_PER_MONTH,
    )
    .ok()
}
