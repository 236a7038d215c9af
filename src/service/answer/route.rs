//! Route: who calls, and how to treat the contact, whatever is known.
//!
//! A call waits for no one. Every contact has an answer: that of the customer, what all customers behind a number share, or what the
//! definitions state for strangers. What cannot be looked up in time is answered as an unknown caller, and says so.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use jiff::Timestamp;
use tokio::time::{Instant, timeout_at};

use crate::{
    domain::{
        assess::{AssignedTreatment, treat_stranger},
        basis::Basis,
        calendar::Day,
        customer::Identifier,
        definitions::Stranger,
        telephony::{
            caller::{Origin, SipHeaders},
            number::PhoneNumber,
            plan::{NumberError, NumberPlan, Reading},
        },
        text::CustomerId,
    },
    metrics::RouteMetrics,
    service::{
        answer::{
            classify::{Answer, Classified, Classifier},
            subjects::Subject,
        },
        error::ServiceError,
    },
};

pub use crate::metrics::{RouteQuality, RouteVerdict};

/// What says who calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caller {
    /// A number as the trunk writes it.
    Number(String),
    /// The headers of a SIP request, in the order of [`SipHeaders`].
    Sip {
        /// `P-Asserted-Identity`.
        asserted_identity: String,
        /// `Remote-Party-ID`.
        remote_party_id: String,
        /// `From`.
        from: String,
        /// `Privacy`.
        privacy: String,
    },
    /// Another name, of a contact that is no call.
    Subject(Subject),
}

/// A contact that arrives.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Contact {
    /// Who calls; `None` is withheld.
    pub caller: Option<Caller>,
    /// The trunk; empty for the one called `default`.
    pub trunk: String,
    /// How the number is written, in place of the trunk's plan.
    pub number_plan: Option<NumberPlan>,
    /// Who the caller says they are.
    pub claim: Option<Subject>,
}

/// How a number was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NumberRead {
    /// By which plan.
    pub plan: NumberPlan,
    /// Where it comes from.
    pub origin: Origin,
    /// What it says; or why it is no number.
    pub reading: Result<Reading, NumberError>,
}

/// A contact, read: whom it may be about.
#[derive(Debug, Clone)]
pub struct ReadContact {
    /// How the number was read; `None` without one.
    pub number: Option<NumberRead>,
    named: Named,
    claim: Option<Subject>,
}

/// Whom a caller names.
#[derive(Debug, Clone)]
enum Named {
    /// Nobody.
    Nobody(Stranger),
    /// Those with this name.
    Subject(Subject),
    /// Those with one of these numbers, for it can be read in several ways.
    Several(Vec<PhoneNumber>),
}

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
    /// As Classify writes it, by what, and, as in [`Answer::stale_since`], whether it may be out of date.
    Classified(Bytes, IdentifiedBy, Option<Timestamp>),
    /// Of a caller of whom no customer is known.
    Stranger(Box<StrangerAnswer>),
}

/// What is answered of a caller of whom no customer is known.
#[derive(Debug, Clone)]
pub struct StrangerAnswer {
    /// Why.
    pub stranger: Stranger,
    /// How to treat the contact; `None` before definitions are published.
    pub treatment: Option<AssignedTreatment>,
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

    /// Reads whom a contact is about, by the trunks of the definitions in force.
    #[must_use]
    pub fn read(&self, contact: &Contact) -> ReadContact {
        let (number, named) = match &contact.caller {
            None => (None, Named::Nobody(Stranger::Withheld)),
            Some(Caller::Subject(subject)) => (None, Named::Subject(subject.clone())),
            Some(Caller::Number(text)) => {
                let (plan, _) = self.plan(contact);
                let reading = plan.read(text);
                Self::number(plan, Origin::Given, reading)
            }
            Some(Caller::Sip {
                asserted_identity,
                remote_party_id,
                from,
                privacy,
            }) => {
                let (plan, uses_private_numbers) = self.plan(contact);
                let headers = SipHeaders {
                    asserted_identity,
                    remote_party_id,
                    from,
                    privacy,
                };
                let (reading, origin) = headers.read(&plan, uses_private_numbers);
                Self::number(plan, origin, reading)
            }
        };
        ReadContact {
            number,
            named,
            claim: contact.claim.clone(),
        }
    }

    fn number(
        plan: NumberPlan,
        origin: Origin,
        reading: Result<Reading, NumberError>,
    ) -> (Option<NumberRead>, Named) {
        let phone = |number: &PhoneNumber| Subject::Identifier(Identifier::Phone(number.clone()));
        let named = match &reading {
            Ok(Reading::Number(it)) => Named::Subject(phone(&it.number)),
            Ok(Reading::Ambiguous(readings)) => {
                Named::Several(readings.iter().map(|it| it.number.clone()).collect())
            }
            Ok(Reading::Withheld) => Named::Nobody(Stranger::Withheld),
            Err(_) => Named::Nobody(Stranger::Invalid),
        };
        let read = NumberRead {
            plan,
            origin,
            reading,
        };
        (Some(read), named)
    }

    /// How the number of a contact is written, and whether private numbers are used.
    fn plan(&self, contact: &Contact) -> (NumberPlan, bool) {
        let basis = self.classifier.bases.current();
        let definitions = basis.revision.definitions.as_deref();
        let trunk = definitions.and_then(|definitions| definitions.trunk(&contact.trunk));
        let own = contact.number_plan.clone();
        let plan = own.or_else(|| trunk.map(|trunk| trunk.numbers.clone()));
        (
            plan.unwrap_or_default(),
            trunk.is_some_and(|trunk| trunk.uses_private_numbers),
        )
    }

    /// The answer that needs nothing but memory; `None` where more is needed. `write` as in [`Classifier::answer_today`].
    #[must_use]
    pub fn route_in_memory(
        &self,
        contact: &ReadContact,
        write: impl FnOnce(Answer<Classified>) -> Bytes,
    ) -> Option<Routed> {
        match (&contact.named, &contact.claim) {
            (Named::Nobody(stranger), None) => self.stranger(*stranger, None),
            (Named::Subject(subject), None) => {
                let classifier = &self.classifier;
                let (bytes, stale_since) = classifier.classify_in_memory(subject, None, write)?;
                Some(Routed::Classified(bytes, IdentifiedBy::Caller, stale_since))
            }
            _ => None,
        }
    }

    /// The answer, within the time for routing and before `deadline`, if there is one.
    ///
    /// # Errors
    /// When the clock shows no day.
    pub async fn route(
        &self,
        contact: &ReadContact,
        deadline: Option<Instant>,
        write: impl FnOnce(Answer<Classified>) -> Bytes + Send + 'static,
    ) -> Result<Routed, ServiceError> {
        let end = Instant::now() + self.budget;
        let end = deadline.map_or(end, |deadline| end.min(deadline));
        let fallback = match timeout_at(end, self.look_up(contact, write)).await {
            Ok(Ok(routed)) => return Ok(routed),
            Ok(Err(error)) => fallback_of(&error),
            Err(_) => Fallback::TooLate,
        };
        self.fall_back(contact, fallback)
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
        let stranger = match contact.named {
            Named::Nobody(stranger) => stranger,
            Named::Subject(_) | Named::Several(_) => Stranger::Unknown,
        };
        self.stranger(stranger, Some(fallback))
            .ok_or(ServiceError::Internal("the clock shows no day".into()))
    }

    fn stranger(&self, stranger: Stranger, fallback: Option<Fallback>) -> Option<Routed> {
        let basis = self.classifier.bases.current();
        Some(Routed::Stranger(Box::new(StrangerAnswer {
            stranger,
            treatment: treat_stranger(stranger, &basis),
            fallback,
            as_of: self.classifier.today().ok()?,
            basis,
        })))
    }

    async fn look_up(
        &self,
        contact: &ReadContact,
        write: impl FnOnce(Answer<Classified>) -> Bytes + Send + 'static,
    ) -> Result<Routed, ServiceError> {
        let subjects = &self.classifier.subjects;
        let named = match (&contact.named, &contact.claim) {
            (Named::Subject(subject), None) => {
                let answer = self.classifier.answer_today(subject, write).await?;
                return Ok(Routed::Classified(answer.0, IdentifiedBy::Caller, answer.1));
            }
            (Named::Nobody(stranger), None) => {
                let unknown = self.stranger(*stranger, None);
                return unknown.ok_or(ServiceError::Internal("the clock shows no day".into()));
            }
            (Named::Nobody(_), Some(_)) => vec![],
            (Named::Subject(subject), Some(_)) => self.known(subject).await?,
            (Named::Several(numbers), _) => {
                let mut all: Vec<CustomerId> = vec![];
                for number in numbers {
                    let subject = Subject::Identifier(Identifier::Phone(number.clone()));
                    all.extend(subjects.find(&subject).await?.iter().cloned());
                }
                all.sort();
                all.dedup();
                all
            }
        };
        let claimed = match &contact.claim {
            Some(claim) => self.known(claim).await?,
            None => vec![],
        };
        let both: Vec<CustomerId> = named
            .iter()
            .filter(|id| claimed.contains(id))
            .cloned()
            .collect();
        let (ids, by) = if !both.is_empty() {
            (both, IdentifiedBy::CallerAndClaim)
        } else if !named.is_empty() {
            // What is claimed contradicts the number, or nothing is claimed.
            (named, IdentifiedBy::Caller)
        } else if !claimed.is_empty() {
            (claimed, IdentifiedBy::Claim)
        } else {
            let stranger = match contact.named {
                Named::Nobody(stranger) => stranger,
                Named::Subject(_) | Named::Several(_) => Stranger::Unknown,
            };
            let unknown = self.stranger(stranger, None);
            return unknown.ok_or(ServiceError::Internal("the clock shows no day".into()));
        };
        let (bytes, stale_since) = self.classifier.answer_customers(&ids, write).await?;
        Ok(Routed::Classified(bytes, by, stale_since))
    }

    /// The customers that a subject names and that are known.
    async fn known(&self, subject: &Subject) -> Result<Vec<CustomerId>, ServiceError> {
        let ids = self.classifier.subjects.find(subject).await?;
        match subject {
            Subject::Identifier(_) => Ok(ids.to_vec()),
            // An id names itself, known or not.
            Subject::Customer(id) => {
                let today = self.classifier.today()?;
                let known = self.classifier.profiles.at(id, today).await?;
                Ok(known.map_or_else(Vec::new, |_| ids.to_vec()))
            }
        }
    }

    /// Counts an answer.
    pub fn count(&self, verdict: RouteVerdict, quality: RouteQuality) {
        self.metrics.answers(verdict, quality).inc();
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
