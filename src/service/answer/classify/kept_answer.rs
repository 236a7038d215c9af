//! The answer to most calls, who somebody is as of today, finished and kept beside the profile.
//!
//! It stays right until the profile is written to, the basis is renewed or the day ends. The first replaces the entry of the cache and
//! the answer with it; the other two are compared at every call. How an answer is written is not known here.

use bytes::Bytes;
use jiff::Timestamp;

use super::{Answer, AnswerContext, Classified, Classifier, Found};
use crate::{
    cache::profiles::KeptAnswer,
    service::{answer::subjects::Subject, error::ServiceError},
};

impl Classifier {
    /// The finished answer about one subject as of today, if it is in memory, and, as in [`Answer::stale_since`], whether it may be out of
    /// date. Nothing is loaded, computed or waited for.
    #[must_use]
    pub fn kept_today(&self, subject: &Subject) -> Option<(Bytes, Option<Timestamp>)> {
        let found;
        let id = match subject {
            Subject::Customer(id) => id,
            Subject::Identifier(_) => {
                found = self.subjects.find_held(subject)?;
                match &*found {
                    [id] => id,
                    _ => return None,
                }
            }
        };
        let (basis, as_of) = (self.bases.current(), self.day(None).ok()?);
        let bytes = self.profiles.kept_answer(id, &basis, as_of)?;
        Some((bytes, self.breaker.stale_since()))
    }

    /// The answer about one subject as of today, as `write` writes it, and, as in [`Answer::stale_since`], whether it may be out of date.
    /// `write` must depend on nothing but the answer and must not write the latter: its result is kept for whoever asks about the same
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
        let dated = self.profiles.date(id, &held, as_of).await?;
        let version = dated.as_ref().map(|dated| dated.profile().version);
        let found = dated.map_or(Found::Unknown, Found::One);
        let context = AnswerContext::plain(basis, as_of);
        let bytes = write(context.answer(found));
        if let Some(version) = version {
            let kept = KeptAnswer::new(&context.basis, as_of, Bytes::clone(&bytes));
            self.profiles.keep(id, version, kept);
        }
        Ok(bytes)
    }
}
