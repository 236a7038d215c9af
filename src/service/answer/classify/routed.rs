//! Answers about contacts. Where the definitions treat a customer alike at any contact and any time, they are the kept answers to Classify;
//! otherwise each is made from the profile and the contact.

use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;

use super::{Answer, AnswerContext, Classified, Classifier, Found, Question};
use crate::{
    domain::{
        assess::{
            AssignedTreatment,
            routing::{ContactTerms, RoutingOutcome},
        },
        basis::Basis,
        text::CustomerId,
    },
    service::{answer::subjects::Subject, error::ServiceError},
};

/// An answer to a contact.
#[derive(Debug)]
pub(in crate::service::answer) struct ContactAnswer {
    /// As it was written.
    pub(in crate::service::answer) bytes: Bytes,
    /// As in [`Answer::stale_since`].
    pub(in crate::service::answer) stale_since: Option<Timestamp>,
    /// What came of the contact besides the treatment; `None` where that does not depend on it.
    pub(in crate::service::answer) routing: Option<RoutingOutcome>,
    /// The treatment in place of the one in `bytes`, and the basis that it is of; `None` where that one is right.
    pub(in crate::service::answer) treatment: Option<(AssignedTreatment, Arc<Basis>)>,
}

impl From<(Bytes, Option<Timestamp>)> for ContactAnswer {
    fn from((bytes, stale_since): (Bytes, Option<Timestamp>)) -> Self {
        Self {
            bytes,
            stale_since,
            routing: None,
            treatment: None,
        }
    }
}

impl Classifier {
    /// The answer about one subject that needs nothing but memory; `None` where more is needed. `write` as in [`Self::answer_today`].
    pub(in crate::service::answer) fn route_in_memory(
        &self,
        subject: &Subject,
        contact: Option<&Arc<ContactTerms>>,
        write: impl FnOnce(Answer<Classified>) -> Bytes,
    ) -> Option<ContactAnswer> {
        match contact {
            None => self
                .classify_in_memory(subject, None, write)
                .map(ContactAnswer::from),
            Some(contact) => self.with_one_held(subject, |id| self.route_one(id, contact, write)),
        }
    }

    /// The answer about one customer from what is kept or held of them.
    fn route_one(
        &self,
        id: &CustomerId,
        contact: &ContactTerms,
        write: impl FnOnce(Answer<Classified>) -> Bytes,
    ) -> Option<ContactAnswer> {
        let (basis, today) = (self.bases.current(), self.today().ok()?);
        let definitions = basis.revision.definitions.as_deref()?;
        let kept = || self.profiles.kept_route(id, &basis, today);
        let (bytes, inputs) = if let Some(kept) = kept() {
            kept
        } else {
            let dated = self.profiles.at_held(id, today)?.profile()?;
            let context = AnswerContext::plain(Arc::clone(&basis), today);
            self.keep_answer(Some(dated), &context, write);
            kept()?
        };
        let (treatment, routing) = inputs
            .rule(definitions, contact)
            .at_contact(definitions, contact);
        Some(ContactAnswer {
            bytes,
            stale_since: self.breaker.stale_since(),
            routing: Some(routing),
            treatment: Some((treatment, Arc::clone(&basis))),
        })
    }

    /// The answer about one subject. `write` as in [`Self::answer_today`].
    ///
    /// # Errors
    /// When the database must be asked and cannot be.
    pub(in crate::service::answer) async fn route_subject(
        &self,
        subject: &Subject,
        contact: Option<&Arc<ContactTerms>>,
        write: impl FnOnce(Answer<Classified>) -> Bytes + Send + 'static,
    ) -> Result<ContactAnswer, ServiceError> {
        let Some(contact) = contact else {
            return Ok(self.answer_today(subject, write).await?.into());
        };
        let finish = |found: Found, context: &AnswerContext| written(context.answer(found), write);
        self.answer(subject, &question(contact), false, finish)
            .await
    }

    /// The answer about customers by their ids; some may be unknown. `write` as in [`Self::answer_today`].
    ///
    /// # Errors
    /// When the database must be asked and cannot be.
    pub(in crate::service::answer) async fn route_customers(
        &self,
        ids: &[CustomerId],
        contact: Option<&Arc<ContactTerms>>,
        write: impl FnOnce(Answer<Classified>) -> Bytes + Send + 'static,
    ) -> Result<ContactAnswer, ServiceError> {
        let Some(contact) = contact else {
            return Ok(self.answer_customers(ids, write).await?.into());
        };
        if let [id] = ids {
            let subject = Subject::Customer(id.clone());
            return Box::pin(self.route_subject(&subject, Some(contact), write)).await;
        }
        let write = |answer| written(answer, write);
        self.classify_customers(ids, question(contact), write).await
    }
}

fn question(contact: &Arc<ContactTerms>) -> Question {
    Question {
        contact: Some(Arc::clone(contact)),
        ..Question::default()
    }
}

fn written(
    mut answer: Answer<Classified>,
    write: impl FnOnce(Answer<Classified>) -> Bytes,
) -> ContactAnswer {
    let (stale_since, routing) = (answer.stale_since.take(), answer.routing());
    ContactAnswer {
        bytes: write(answer),
        stale_since,
        routing,
        treatment: None,
    }
}
