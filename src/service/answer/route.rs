//! Route: who calls, and how to treat the contact, whatever is known.
//!
//! A call waits for no one. Every contact has an answer: that of the customer, what all customers behind a number share, or what the
//! definitions state for strangers. What cannot be looked up in time is answered as an unknown caller, and says so.

mod contact;

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use jiff::Timestamp;
use tokio::time::{Instant, timeout_at};

use crate::{
    domain::{
        assess::{
            AssignedTreatment,
            routing::{ContactTerms, RoutingOutcome},
        },
        basis::Basis,
        calendar::Day,
        customer::Identifier,
        definitions::Stranger,
        text::CustomerId,
    },
    metrics::RouteMetrics,
    service::{
        answer::{
            classify::{Answer, Classified, Classifier, route_stranger},
            subjects::Subject,
        },
        error::ServiceError,
    },
};

use self::contact::Named;
pub use self::contact::{Caller, Claim, Contact, NumberRead, ReadContact};
pub use crate::metrics::{RouteQuality, RouteVerdict};

/// What identified the customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IdentifiedBy {
    /// The caller.
    Caller,
    /// The caller, narrowed by the claim.
    CallerAndClaim,
    /// The claim alone.
    Claim,
}

/// Why nothing was looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fallback {
    /// The time is over.
    TooLate,
    /// The database does not answer.
    Database,
    /// Too much to do.
    Overloaded,
    /// A fault of the program.
    Internal,
}

/// An answer to a contact.
#[derive(Debug, Clone)]
pub enum Routed {
    /// Of customers, or of a number that is nobody's.
    Classified(ClassifiedBytes),
    /// For an unknown caller.
    Stranger(Box<StrangerAnswer>),
}

/// What Classify answers about a caller.
#[derive(Debug, Clone)]
pub struct ClassifiedBytes {
    /// As it writes it.
    pub bytes: Bytes,
    /// What identified the customers.
    pub by: IdentifiedBy,
    /// As in [`Answer::stale_since`].
    pub stale_since: Option<Timestamp>,
    /// Whether a part of what the contact says could not be looked up.
    pub is_partial: bool,
    /// The treatment of the contact in place of the one in `bytes`, and the basis that it is of; `None` where that one is right.
    pub treatment: Option<Box<(AssignedTreatment, Arc<Basis>)>>,
    /// What came of the contact besides the treatment; `None` where that does not depend on it.
    pub routing: Option<Box<RoutingOutcome>>,
}

/// The answer for an unknown caller.
#[derive(Debug, Clone)]
pub struct StrangerAnswer {
    /// Why.
    pub stranger: Stranger,
    /// How to treat the contact; `None` before definitions are published.
    pub treatment: Option<AssignedTreatment>,
    /// What came of the contact besides the treatment; `None` where that does not depend on it.
    pub routing: Option<RoutingOutcome>,
    /// Why nothing was looked up; `None` where nothing had to be.
    pub fallback: Option<Fallback>,
    /// The basis of the answer.
    pub basis: Arc<Basis>,
    /// The day of the answer.
    pub as_of: Day,
}

/// Routes contacts.
pub struct Router {
    classifier: Arc<Classifier>,
    budget: Duration,
    metrics: RouteMetrics,
}

impl Router {
    /// A router that gives a contact so much time.
    #[must_use]
    pub fn new(classifier: Arc<Classifier>, budget: Duration, metrics: RouteMetrics) -> Self {
        Self {
            classifier,
            budget,
            metrics,
        }
    }

    /// The answer that needs nothing but memory; `None` where more is needed. `write` as in [`Classifier::answer_today`].
    #[must_use]
    pub fn route_in_memory(
        &self,
        contact: &ReadContact,
        write: impl FnOnce(Answer<Classified>) -> Bytes,
    ) -> Option<Routed> {
        let classifier = &self.classifier;
        let (subject, by) = match (&contact.named, &contact.claim) {
            (Named::Nobody(stranger), None) => return self.stranger(*stranger, contact, None),
            (Named::Subject(subject), None) => (subject.clone(), IdentifiedBy::Caller),
            (Named::Subject(subject), Some(claim)) => {
                // Both must be held, and leave one customer; a customer id may be that of nobody.
                let named = match subject {
                    Subject::Customer(id) => vec![classifier.profiles.root_held(id)?],
                    Subject::Identifier(_) => classifier.subjects.find_held(subject)?.to_vec(),
                };
                let Subject::Identifier(_) = claim else {
                    return None;
                };
                let claimed = classifier.subjects.find_held(claim)?;
                let (ids, by) = narrowed(named, &claimed)?;
                let [id] = &*ids else {
                    return None;
                };
                (Subject::Customer(id.clone()), by)
            }
            (Named::Nobody(_), Some(_)) | (Named::Several(_), _) => return None,
        };
        let answer = classifier.route_in_memory(&subject, contact.terms.as_ref(), write)?;
        Some(Routed::Classified(ClassifiedBytes {
            bytes: answer.bytes,
            by,
            stale_since: answer.stale_since,
            is_partial: false,
            treatment: answer.treatment.map(Box::new),
            routing: answer.routing.map(Box::new),
        }))
    }

    /// The answer, within the time for routing, counted from `arrived`, and before `deadline`, if there is one: the best that was found by
    /// then.
    ///
    /// # Errors
    /// When the clock shows no day.
    pub async fn route(
        &self,
        contact: &ReadContact,
        arrived: Instant,
        deadline: Option<Instant>,
        write: impl FnOnce(Answer<Classified>) -> Bytes + Send + 'static,
    ) -> Result<Routed, ServiceError> {
        let end = arrived + self.budget;
        let end = deadline.map_or(end, |deadline| end.min(deadline));
        match self.look_up(contact, end, write).await {
            Ok(routed) => Ok(routed),
            Err(fallback) => self.fall_back(contact, fallback),
        }
    }

    /// The answer where nothing can be looked up.
    ///
    /// # Errors
    /// When the clock shows no day.
    pub fn fall_back(
        &self,
        contact: &ReadContact,
        fallback: Fallback,
    ) -> Result<Routed, ServiceError> {
        self.stranger(contact.stranger(), contact, Some(fallback))
            .ok_or(ServiceError::Internal("the clock shows no day".into()))
    }

    fn stranger(
        &self,
        stranger: Stranger,
        contact: &ReadContact,
        fallback: Option<Fallback>,
    ) -> Option<Routed> {
        let basis = self.classifier.bases.current();
        let terms: Option<&ContactTerms> = contact.terms.as_deref();
        let (treatment, routing) = match route_stranger(stranger, &basis, terms) {
            Some((treatment, routing)) => (Some(treatment), routing),
            None => (None, None),
        };
        Some(Routed::Stranger(Box::new(StrangerAnswer {
            stranger,
            treatment,
            routing,
            fallback,
            as_of: self.classifier.today().ok()?,
            basis,
        })))
    }

    async fn look_up(
        &self,
        contact: &ReadContact,
        end: Instant,
        write: impl FnOnce(Answer<Classified>) -> Bytes + Send + 'static,
    ) -> Result<Routed, Fallback> {
        if let (Named::Subject(subject), None) = (&contact.named, &contact.claim) {
            let terms = contact.terms.as_ref();
            let answer = self.classifier.route_subject(subject, terms, write);
            let answer = in_time(end, answer).await?;
            return Ok(Routed::Classified(ClassifiedBytes {
                bytes: answer.bytes,
                by: IdentifiedBy::Caller,
                stale_since: answer.stale_since,
                is_partial: false,
                treatment: answer.treatment.map(Box::new),
                routing: answer.routing.map(Box::new),
            }));
        }
        let named = in_time(end, self.named(contact)).await;
        let claimed = match &contact.claim {
            Some(claim) => in_time(end, self.known(claim)).await,
            None => Ok(vec![]),
        };
        // What could not be looked up does not take what could with it.
        let (named, claimed, failed) = match (named, claimed) {
            (Ok(named), Ok(claimed)) => (named, claimed, None),
            (Ok(named), Err(fallback)) => (named, vec![], Some(fallback)),
            (Err(fallback), Ok(claimed)) => (vec![], claimed, Some(fallback)),
            (Err(fallback), Err(_)) => return Err(fallback),
        };
        let Some((ids, by)) = narrowed(named, &claimed) else {
            let unknown = self.stranger(contact.stranger(), contact, None);
            return failed.map_or_else(|| unknown.ok_or(Fallback::Internal), Err);
        };
        let terms = contact.terms.as_ref();
        let answer = self.classifier.route_customers(&ids, terms, write);
        let answer = in_time(end, answer).await?;
        Ok(Routed::Classified(ClassifiedBytes {
            bytes: answer.bytes,
            by,
            stale_since: answer.stale_since,
            is_partial: failed.is_some(),
            treatment: answer.treatment.map(Box::new),
            routing: answer.routing.map(Box::new),
        }))
    }

    /// The customers whom the caller names, by id.
    async fn named(&self, contact: &ReadContact) -> Result<Vec<CustomerId>, ServiceError> {
        match &contact.named {
            Named::Nobody(_) => Ok(vec![]),
            Named::Subject(subject) => self.known(subject).await,
            Named::Several(numbers) => {
                let mut all: Vec<CustomerId> = vec![];
                for number in numbers {
                    let subject = Subject::Identifier(Identifier::Phone(number.clone()));
                    let found = self.classifier.subjects.find(&subject).await?;
                    all.extend(found.iter().cloned());
                }
                all.sort();
                all.dedup();
                Ok(all)
            }
        }
    }

    /// The customers that a subject names and that are known, by id.
    async fn known(&self, subject: &Subject) -> Result<Vec<CustomerId>, ServiceError> {
        let ids = self.classifier.subjects.find(subject).await?;
        match subject {
            Subject::Identifier(_) => Ok(ids.to_vec()),
            // An id names itself, known or not.
            Subject::Customer(id) => {
                let today = self.classifier.today()?;
                let known = self.classifier.profiles.at(id, today).await?;
                // Of one who is merged, the customer who stays, as identifiers name them.
                let id = known.map(|known| known.profile().customer_id.clone());
                Ok(id.into_iter().collect())
            }
        }
    }

    /// Counts an answer.
    pub fn count(&self, verdict: RouteVerdict, quality: RouteQuality) {
        self.metrics.answers(verdict, quality).inc();
    }
}

/// Those of the customers that the caller names whom the claim names too, or else those whom one of them names; `None` without any. A claim that
/// contradicts the number counts for nothing. Both are sorted.
fn narrowed(
    named: Vec<CustomerId>,
    claimed: &[CustomerId],
) -> Option<(Vec<CustomerId>, IdentifiedBy)> {
    let both = named.iter().filter(|id| claimed.binary_search(id).is_ok());
    let both: Vec<CustomerId> = both.cloned().collect();
    if !both.is_empty() {
        Some((both, IdentifiedBy::CallerAndClaim))
    } else if !named.is_empty() {
        Some((named, IdentifiedBy::Caller))
    } else if !claimed.is_empty() {
        Some((claimed.to_vec(), IdentifiedBy::Claim))
    } else {
        None
    }
}

/// The outcome of a look that ends in time; or why there is none.
async fn in_time<T>(
    end: Instant,
    look: impl Future<Output = Result<T, ServiceError>>,
) -> Result<T, Fallback> {
    match timeout_at(end, look).await {
        Ok(Ok(found)) => Ok(found),
        Ok(Err(error)) => Err(fallback_of(&error)),
        Err(_) => Err(Fallback::TooLate),
    }
}

/// Why an error leaves a contact without a look.
fn fallback_of(error: &ServiceError) -> Fallback {
    if matches!(
        error,
        ServiceError::Unavailable(_) | ServiceError::TooSlow(_)
    ) {
        return Fallback::Database;
    }
    if matches!(
        error,
        ServiceError::Queued(_) | ServiceError::Lane(_) | ServiceError::Contended
    ) {
        return Fallback::Overloaded;
    }
    tracing::error!(error.cause = %error, "a contact could not be routed");
    Fallback::Internal
}
