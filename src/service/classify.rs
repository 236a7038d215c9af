//! Classify and score: subjects to assessments.

use std::sync::Arc;

use jiff::tz::TimeZone;

use crate::{
    clock::Clock,
    domain::{
        assess::{Assessment, assess},
        basis::Basis,
        calendar::Day,
        customer::CustomerKind,
        profile::DatedProfile,
        text::CustomerId,
        tiers::{TierIndex, Unrated},
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

/// How many candidates an answer about an ambiguous subject lists at most.
pub const MAX_CANDIDATES: usize = 16;

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

/// Several customers behind one name.
#[derive(Debug, Clone)]
pub struct Candidates {
    /// Those with the latest purchase or contact first, then by id; at most [`MAX_CANDIDATES`].
    pub listed: Vec<Assessed>,
    /// How many there are.
    pub count: usize,
    /// The kind that all of them share.
    pub shared_kind: Option<CustomerKind>,
    /// The tier, or the reason for none, that all of them share.
    pub shared_tier: Option<Result<TierIndex, Unrated>>,
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
                let mut profiles = self.profiles.many_at(&ids, as_of).await?;
                let known = ids.iter().filter_map(|id| profiles.remove(id)).collect();
                matched(known, &basis, horizon.as_ref())
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
        let ids: Vec<CustomerId> = named.iter().flat_map(|ids| ids.iter().cloned()).collect();
        let profiles = self.profiles.many_at(&ids, as_of).await?;
        let answers = named.iter().map(|ids| {
            let known = ids
                .iter()
                .filter_map(|id| profiles.get(id).cloned())
                .collect();
            let found = matched(known, &basis, horizon.as_ref());
            Answer {
                found,
                as_of,
                basis: Arc::clone(&basis),
            }
        });
        Ok(answers.collect())
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

fn matched(mut known: Vec<DatedProfile>, basis: &Basis, horizon: Option<&Horizon>) -> Match {
    if known.len() > 1 {
        return Match::Ambiguous(candidates(known, basis, horizon));
    }
    match known.pop() {
        Some(profile) => Match::One(Box::new(Assessed::new(profile, basis, horizon))),
        None => Match::Unknown,
    }
}

fn candidates(
    mut known: Vec<DatedProfile>,
    basis: &Basis,
    horizon: Option<&Horizon>,
) -> Candidates {
    known.sort_by(|one, other| {
        let (one, other) = (one.profile(), other.profile());
        let latest_first = other.last_activity().cmp(&one.last_activity());
        latest_first.then_with(|| one.customer_id.cmp(&other.customer_id))
    });
    let count = known.len();
    // All of them are assessed: what they share must hold for those that are not listed too.
    let mut listed: Vec<Assessed> = known
        .into_iter()
        .map(|profile| Assessed::new(profile, basis, horizon))
        .collect();
    let shared_kind = shared(listed.iter().map(|one| one.profile.profile().kind));
    let shared_tier = shared(listed.iter().map(|one| one.assessment.tier));
    listed.truncate(MAX_CANDIDATES);
    Candidates {
        listed,
        count,
        shared_kind,
        shared_tier,
    }
}

/// The value that all of `values` have.
fn shared<T: PartialEq>(mut values: impl Iterator<Item = T>) -> Option<T> {
    let first = values.next()?;
    values.all(|value| value == first).then_some(first)
}
