//! Classify and score: subjects to assessments.

mod batch;
mod candidates;
mod classified;
mod context;
mod in_memory;
mod routed;
mod scored;

use std::{collections::HashMap, sync::Arc};

use jiff::{Timestamp, tz::TimeZone};

pub(in crate::service::answer) use self::candidates::Found;
use self::candidates::{MAX_CANDIDATES, assessable, resolve};
pub(in crate::service) use self::context::horizon_of;
pub use self::{
    batch::{Batch, BatchAnswer, BatchEnd},
    candidates::{Candidates, MAX_ASSESSED},
    classified::{Classified, SharedTreatment},
    context::AnswerContext,
    scored::{Challenger, Scored},
};
use crate::{
    cache::model_versions::ModelVersions,
    clock::Clock,
    domain::{
        assess::{
            AssignedTreatment,
            routing::{ContactTerms, RoutingOutcome, rule_stranger},
            tiers::{TierIndex, Unrated},
            treat_stranger,
            valuation::order_forecast::OrderForecastOptions,
        },
        basis::Basis,
        calendar::Day,
        customer::profile::DatedProfile,
        definitions::Stranger,
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
#[derive(Debug, Clone, Default, PartialEq)]
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
    pub order_forecast: Option<OrderForecastOptions>,
    /// The contact that is to be routed; `None` for the treatment at any time.
    pub contact: Option<Arc<ContactTerms>>,
}

impl Question {
    /// Whether an answer takes longer than a lookup: a thousand futures, a sum over days, a second model.
    fn is_long(&self) -> bool {
        self.interval_level.is_some()
            || self.order_forecast.is_some()
            || self.compare_version.is_some()
    }
}

/// An answer about a subject, finished: a face only copies its fields.
#[derive(Debug, Clone)]
pub struct Answer<T: CustomerAnswer> {
    /// The customers that the subject names.
    pub found: Match<T>,
    /// The day of the answer.
    pub as_of: Day,
    /// The basis of the answer.
    pub basis: Arc<Basis>,
    /// When the database last answered, if it is away: the answer is of what was known then.
    pub stale_since: Option<Timestamp>,
    /// The contact that was routed.
    pub contact: Option<Arc<ContactTerms>>,
}

impl<T: CustomerAnswer> Answer<T> {
    /// How to treat an unknown caller; `None` before definitions are published.
    #[must_use]
    pub fn stranger_treatment(&self, stranger: Stranger) -> Option<AssignedTreatment> {
        route_stranger(stranger, &self.basis, self.contact.as_deref()).map(|(assigned, _)| assigned)
    }
}

impl Answer<Classified> {
    /// What came of the contact besides the treatment; `None` where none was routed.
    #[must_use]
    pub fn routing(&self) -> Option<RoutingOutcome> {
        let of_stranger = || {
            route_stranger(Stranger::Unknown, &self.basis, self.contact.as_deref())
                .and_then(|(_, outcome)| outcome)
        };
        match &self.found {
            Match::One(one) => one.routing.clone(),
            Match::Ambiguous(several) => match &several.shared {
                Some(Some(shared)) => shared.routing.clone(),
                Some(None) | None => of_stranger(),
            },
            Match::Unknown => of_stranger(),
        }
    }
}

/// The treatment of an unknown caller, at a contact if there is one, and then what came of it.
pub(in crate::service::answer) fn route_stranger(
    stranger: Stranger,
    basis: &Basis,
    contact: Option<&ContactTerms>,
) -> Option<(AssignedTreatment, Option<RoutingOutcome>)> {
    let Some(contact) = contact else {
        return Some((treat_stranger(stranger, basis)?, None));
    };
    let definitions = basis.revision.definitions.as_deref()?;
    let ruled = rule_stranger(stranger, basis, contact)?;
    let (assigned, outcome) = ruled.at_contact(definitions, contact);
    Some((assigned, Some(outcome)))
}

/// How many customers a subject names.
#[derive(Debug, Clone)]
pub enum Match<T: CustomerAnswer> {
    /// Nobody.
    Unknown,
    /// Exactly one.
    One(Box<T>),
    /// Several.
    Ambiguous(Candidates<T>),
}

/// What an answer contains about one customer.
pub trait CustomerAnswer: Sized + Send + 'static {
    /// What it states of all customers behind one name beside kind and tier.
    type Shared: Clone + std::fmt::Debug + Send;
    /// Computes all of it.
    fn finish(profile: DatedProfile, context: &AnswerContext) -> Self;
    /// Computes what is stated of all: of those that are `listed` and of the `others`.
    fn shared(listed: &[Self], others: &[DatedProfile], context: &AnswerContext) -> Self::Shared;
    /// The tier.
    ///
    /// # Errors
    /// Why there is none.
    fn tier(&self) -> Result<TierIndex, Unrated>;
}

impl LongAnswers {
    async fn answer<T: Send + 'static>(
        &self,
        subject: &Subject,
        question: &Question,
        work: impl FnOnce(Found, &AnswerContext) -> T + Send + 'static,
    ) -> Result<T, ServiceError> {
        let (classifier, subject, question) = (
            Arc::clone(&self.classifier),
            subject.clone(),
            question.clone(),
        );
        let work = async move { classifier.answer_here(&subject, &question, work).await };
        self.lane.run(None, work).await?
    }
}

impl Classifier {
    /// Classifies one subject, today when `as_of` is `None`, and hands the answer to `write`, whose result is returned.
    ///
    /// # Errors
    /// As [`Self::score`].
    pub async fn classify<T: Send + 'static>(
        &self,
        subject: &Subject,
        as_of: Option<Day>,
        write: impl FnOnce(Answer<Classified>) -> T + Send + 'static,
    ) -> Result<T, ServiceError> {
        let question = Question {
            as_of,
            ..Question::default()
        };
        let finish = |found, context: &AnswerContext| write(context.answer(found));
        self.answer(subject, &question, false, finish).await
    }

    /// Scores one subject and hands the answer to `write`, whose result is returned. An answer that takes longer than a lookup is made and
    /// written in the lane for such.
    ///
    /// # Errors
    /// When the database must be asked and cannot be, there is no model version of the number to compare with, or the lane has too
    /// much to do.
    pub async fn score<T: Send + 'static>(
        &self,
        subject: &Subject,
        question: &Question,
        write: impl FnOnce(Answer<Scored>) -> T + Send + 'static,
    ) -> Result<T, ServiceError> {
        let finish = |found, context: &AnswerContext| write(context.answer(found));
        self.answer(subject, question, question.is_long(), finish)
            .await
    }

    /// Classifies the customers with these ids, as those whom one name names; here, or in the lane if there are more than are listed.
    async fn classify_customers<T: Send + 'static>(
        &self,
        ids: &[CustomerId],
        question: Question,
        write: impl FnOnce(Answer<Classified>) -> T + Send + 'static,
    ) -> Result<T, ServiceError> {
        if let Some(long) = &self.long
            && ids.len() > MAX_CANDIDATES
        {
            let (classifier, ids) = (Arc::clone(&long.classifier), ids.to_vec());
            let work = async move {
                classifier
                    .classify_customers_here(&ids, &question, write)
                    .await
            };
            return long.lane.run(None, work).await?;
        }
        self.classify_customers_here(ids, &question, write).await
    }

    async fn classify_customers_here<T>(
        &self,
        ids: &[CustomerId],
        question: &Question,
        write: impl FnOnce(Answer<Classified>) -> T,
    ) -> Result<T, ServiceError> {
        let mut context = self.context(question).await?;
        let profiles = self.list_profiles(assessable(ids), context.as_of).await?;
        context.mark_stale(&self.breaker);
        Ok(write(context.answer(resolve(ids, &profiles))))
    }

    /// Finds whom `subject` names and hands them to `finish`: here, or in the lane for what takes longer than a lookup, as do all names
    /// of more customers than are listed.
    pub(in crate::service::answer) async fn answer<T: Send + 'static>(
        &self,
        subject: &Subject,
        question: &Question,
        is_long: bool,
        finish: impl FnOnce(Found, &AnswerContext) -> T + Send + 'static,
    ) -> Result<T, ServiceError> {
        if let Some(long) = &self.long
            && (is_long || self.is_crowd(subject).await?)
        {
            return long.answer(subject, question, finish).await;
        }
        self.answer_here(subject, question, finish).await
    }

    /// Whether `subject` names more customers than are listed.
    async fn is_crowd(&self, subject: &Subject) -> Result<bool, ServiceError> {
        match subject {
            Subject::Customer(_) => Ok(false),
            Subject::Identifier(_) => Ok(self.subjects.find(subject).await?.len() > MAX_CANDIDATES),
        }
    }

    /// Answers on the current thread, however long that takes.
    async fn answer_here<T>(
        &self,
        subject: &Subject,
        question: &Question,
        finish: impl FnOnce(Found, &AnswerContext) -> T,
    ) -> Result<T, ServiceError> {
        let mut context = self.context(question).await?;
        let found = match subject {
            // The way of most calls: no list, no second look.
            Subject::Customer(id) => {
                let profile = self.profiles.at(id, context.as_of).await?;
                profile.map_or(Found::Unknown, Found::One)
            }
            Subject::Identifier(_) => {
                let ids = self.subjects.find(subject).await?;
                let profiles = self.list_profiles(assessable(&ids), context.as_of).await?;
                resolve(&ids, &profiles)
            }
        };
        context.mark_stale(&self.breaker);
        Ok(finish(found, &context))
    }

    /// The profiles of those of `ids` that are known, in parts: unpacking holds up lookups, which have their turn after each.
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
            if part.len() == PART {
                tokio::task::yield_now().await;
            }
        }
        Ok(found)
    }

    /// What a question is answered on. Not marked: see [`AnswerContext::mark_stale`].
    async fn context(&self, question: &Question) -> Result<AnswerContext, ServiceError> {
        let (basis, as_of) = (self.bases.current(), self.day(question.as_of)?);
        let challenger = match question.compare_version {
            Some(version) => {
                let found = self.versions.basis(version, &basis).await?;
                Some(found.ok_or(ServiceError::ModelNotFound(version))?)
            }
            None => None,
        };
        let context = AnswerContext {
            horizon: question
                .horizon_months
                .and_then(|months| horizon_of(months, &basis)),
            basis,
            as_of,
            interval_level: question.interval_level,
            challenger,
            order_forecast: question.order_forecast,
            stale_since: None,
            no_purchase_since: None,
            contact: question.contact.clone(),
        };
        Ok(self.mark_silence(context))
    }

    /// Marks a context where the silence of everybody up to its day means that facts are missing. Days to come are no silence yet.
    fn mark_silence(&self, context: AnswerContext) -> AnswerContext {
        let no_purchase_since = self.bases.last_purchase().filter(|&last| {
            let model = context.basis.model.as_ref();
            let end = model.and_then(|model| model.facts_end);
            let is_implausible = |day| end.is_some_and(|end| end.is_implausible(last, day));
            // The clock is asked only where the answer depends on it.
            is_implausible(context.as_of)
                && self
                    .day(None)
                    .is_ok_and(|today| is_implausible(context.as_of.min(today)))
        });
        AnswerContext {
            no_purchase_since,
            ..context
        }
    }

    /// Today.
    pub(in crate::service::answer) fn today(&self) -> Result<Day, ServiceError> {
        self.day(None)
    }

    fn day(&self, as_of: Option<Day>) -> Result<Day, ServiceError> {
        match as_of {
            Some(day) => Ok(day),
            None => Day::in_zone(self.clock.now(), &self.zone)
                .map_err(|error| ServiceError::Internal(Box::new(error))),
        }
    }
}
