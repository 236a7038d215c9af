//! The answer to most calls, who somebody is as of today, finished and kept beside the profile.
//!
//! It stays right until the profile is written to, the basis is renewed or the day ends. The first replaces the entry of the cache and
//! the answer with it; the other two are compared at every call. How an answer is written is not known here.

use bytes::Bytes;

use super::{Answer, Classifier, Grounds, Match, Question, one};
use crate::{
    cache::profiles::KeptAnswer,
    service::{error::ServiceError, subjects::Subject},
};

impl Classifier {
    /// The finished answer about one subject as of today, if it is in memory: nothing is loaded, computed or waited for.
    #[must_use]
    pub fn kept_today(&self, subject: &Subject) -> Option<Bytes> {
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
        self.profiles.kept_answer(id, &basis, as_of)
    }

    /// The answer about one subject as of today, as `write` writes it. `write` must depend on nothing but the answer: its result is kept
    /// for whoever asks about the same customer, by whatever name.
    ///
    /// # Errors
    /// When the database must be asked and cannot be.
    pub async fn answer_today(
        &self,
        subject: &Subject,
        write: impl Fn(&Answer) -> Bytes,
    ) -> Result<Bytes, ServiceError> {
        let found;
        let id = match subject {
            Subject::Customer(id) => id,
            Subject::Identifier(_) => {
                found = self.subjects.find(subject).await?;
                match &*found {
                    [id] => id,
                    // Nobody or several: made anew, for it hangs on more profiles than one.
                    _ => return Ok(write(&self.answer(subject, &Question::default()).await?)),
                }
            }
        };
        let held = self.profiles.held(id).await?;
        let (basis, as_of) = (self.bases.current(), self.day(None)?);
        if let Some(bytes) = held.answer(&basis, as_of) {
            return Ok(bytes);
        }
        let grounds = Grounds::plain(basis, as_of);
        let found = match self.profiles.date(id, &held, as_of).await? {
            Some(profile) => Match::One(Box::new(one(profile, &grounds))),
            None => Match::Unknown,
        };
        let answer = Answer {
            found,
            as_of,
            basis: grounds.basis,
        };
        let bytes = write(&answer);
        if let Match::One(one) = &answer.found {
            let kept = KeptAnswer::new(&answer.basis, as_of, Bytes::clone(&bytes));
            self.profiles.keep(id, one.profile.profile().version, kept);
        }
        Ok(bytes)
    }
}
