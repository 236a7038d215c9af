//! Answers from memory, without waiting for anything: the finished answer to Classify of the day, kept next to the profile, and answers that
//! are computed from a held profile at once.
//!
//! A finished answer stays right until the profile is written to, the basis is renewed or the day ends. The first replaces the entry of the
//! cache and the answer with it; the other two are compared at every call. How an answer is written is not known here.

use bytes::Bytes;
use jiff::Timestamp;

use super::{
    Answer, AnswerContext, Classified, Classifier, CustomerAnswer, Found, Match, Question,
    horizon_of,
};
use crate::{
    cache::profiles::KeptAnswer,
    domain::{calendar::Day, customer::profile::DatedProfile, text::CustomerId},
    service::{
        answer::{profiles::KeptOrHeld, subjects::Subject},
        error::ServiceError,
    },
};

impl Classifier {
    /// The classification of one subject, today when `as_of` is `None`, kept or computed now from what is in memory, as `write` writes it,
    /// and, as in [`Answer::stale_since`], whether it may be out of date. `write` as in [`Self::answer_today`]. `None`: ask that, or
    /// [`Self::classify`].
    #[must_use]
    pub fn classify_in_memory(
        &self,
        subject: &Subject,
        as_of: Option<Day>,
        write: impl FnOnce(Answer<Classified>) -> Bytes,
    ) -> Option<(Bytes, Option<Timestamp>)> {
        self.with_one_held(subject, |id| {
            let (basis, today) = (self.bases.current(), self.day(None).ok()?);
            let as_of = as_of.unwrap_or(today);
            let bytes = match self.profiles.kept_or_held(id, &basis, as_of)? {
                KeptOrHeld::Kept(bytes) => bytes,
                KeptOrHeld::Held(held) => {
                    let (dated, context) = (held.profile(), AnswerContext::plain(basis, as_of));
                    if as_of == today {
                        self.keep_answer(dated, &context, write)
                    } else {
                        write(context.answer(dated.map_or(Found::Unknown, Found::One)))
                    }
                }
            };
            Some((bytes, self.breaker.stale_since()))
        })
    }

    /// The answer about one subject that is computed from what is in memory, as `write` writes it. `None` where the database or a lane is
    /// needed, or several customers share the name: ask [`Self::classify`] or [`Self::score`].
    #[must_use]
    pub fn answer_in_memory<T: CustomerAnswer, R>(
        &self,
        subject: &Subject,
        question: &Question,
        write: impl FnOnce(Answer<T>) -> R,
    ) -> Option<R> {
        if question.is_long() {
            return None;
        }
        self.with_one_held(subject, |id| {
            let (basis, as_of) = (self.bases.current(), self.day(question.as_of).ok()?);
            let dated = self.profiles.at_held(id, as_of)?.profile();
            let months = question.horizon_months;
            let mut context = self.mark_silence(AnswerContext {
                horizon: months.and_then(|months| horizon_of(months, &basis)),
                contact: question.contact.clone(),
                ..AnswerContext::plain(basis, as_of)
            });
            context.mark_stale(&self.breaker);
            let found = dated.map_or(Found::Unknown, Found::One);
            Some(write(context.answer(found)))
        })
    }

    /// Calls `answer` with the one customer that `subject` names, if memory tells.
    pub(super) fn with_one_held<R>(
        &self,
        subject: &Subject,
        answer: impl FnOnce(&CustomerId) -> Option<R>,
    ) -> Option<R> {
        match subject {
            Subject::Customer(id) => answer(id),
            Subject::Identifier(_) => match &*self.subjects.find_held(subject)? {
                [id] => answer(id),
                _ => None,
            },
        }
    }

    /// The answer about one subject as of today, as `write` writes it, and, as in [`Answer::stale_since`], whether it may be out of date.
    /// `write` must depend on nothing but the answer and must not write the latter: its result is kept for every question about the same
    /// customer, by whatever name and whenever.
    ///
    /// # Errors
    /// When the database must be asked and cannot be.
    pub async fn answer_today(
        &self,
        subject: &Subject,
        write: impl FnOnce(Answer<Classified>) -> Bytes + Send + 'static,
    ) -> Result<(Bytes, Option<Timestamp>), ServiceError> {
        let bytes = self.bytes_today(subject, write).await?;
        Ok((bytes, self.breaker.stale_since()))
    }

    /// As [`Self::answer_today`], about customers by their ids; some may be unknown.
    ///
    /// # Errors
    /// When the database must be asked and cannot be.
    pub async fn answer_customers(
        &self,
        ids: &[CustomerId],
        write: impl FnOnce(Answer<Classified>) -> Bytes + Send + 'static,
    ) -> Result<(Bytes, Option<Timestamp>), ServiceError> {
        let bytes = match ids {
            [id] => {
                let subject = Subject::Customer(id.clone());
                self.bytes_today(&subject, write).await?
            }
            _ => {
                self.classify_customers(ids, Question::default(), write)
                    .await?
            }
        };
        Ok((bytes, self.breaker.stale_since()))
    }

    async fn bytes_today(
        &self,
        subject: &Subject,
        write: impl FnOnce(Answer<Classified>) -> Bytes + Send + 'static,
    ) -> Result<Bytes, ServiceError> {
        let found;
        let id = match subject {
            Subject::Customer(id) => id,
            Subject::Identifier(_) => {
                found = self.subjects.find(subject).await?;
                let [id] = &*found else {
                    // Nobody or several: made anew, for it hangs on more profiles than one.
                    return self.classify(subject, None, write).await;
                };
                id
            }
        };
        let held = self.profiles.held(id).await?;
        let (basis, as_of) = (self.bases.current(), self.day(None)?);
        if let Some(bytes) = held.answer(&basis, as_of) {
            return Ok(bytes);
        }
        let dated = self.profiles.date(&held, as_of).await?;
        let context = AnswerContext::plain(basis, as_of);
        Ok(self.keep_answer(dated, &context, write))
    }

    /// Makes the answer about one customer, and keeps it beside the profile that it was made from.
    pub(super) fn keep_answer(
        &self,
        dated: Option<DatedProfile>,
        context: &AnswerContext,
        write: impl FnOnce(Answer<Classified>) -> Bytes,
    ) -> Bytes {
        let of = dated.as_ref().map(DatedProfile::profile);
        let of = of.map(|profile| (profile.customer_id.clone(), profile.version));
        let found = dated.map_or(Found::Unknown, Found::One);
        let answer: Answer<Classified> = context.answer(found);
        let route = match &answer.found {
            Match::One(one) => one.route_inputs.clone(),
            Match::Unknown | Match::Ambiguous(_) => None,
        };
        let bytes = write(answer);
        if let Some((id, version)) = of {
            let kept = KeptAnswer::new(&context.basis, context.as_of, &bytes, route);
            self.profiles.keep(&id, version, kept);
        }
        bytes
    }
}
