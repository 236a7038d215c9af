//! Many subjects in one call: each distinct one is answered once, and the call ends at a budget.
//!
//! What a batch costs does not follow from its size: a number that a thousand customers share takes sixteen bytes to name. So customers are
//! counted as they are assessed, bytes as they are written, and where one of the two is used up the batch ends: what it has is answered,
//! the rest is left to another call. Only what is written is kept: a batch holds its answer, and never all that it was made from.
//!
//! While the database is away, subjects that are in memory are answered and the others are marked as unavailable.

use std::{collections::HashMap, ops::Range, sync::Arc};

use super::{
    Answer, AnswerContext, Classifier, CustomerAnswer, Found, MAX_CANDIDATES, Question, assessable,
    resolve,
};
use crate::{
    cache::identifiers::Owners,
    domain::{calendar::Day, customer::profile::DatedProfile, text::CustomerId},
    service::{answer::subjects::Subject, error::ServiceError},
    store::error::StoreError,
};

/// Most customers that a batch assesses. Chosen: ten times what a batch of ordinary subjects needs, some hundred milliseconds of work.
const MOST_ASSESSED: usize = 10_000;

/// Most customers that a batch lists with all that was asked about them, candidates included: with intervals, two seconds of work.
const MOST_LISTED: usize = 4_000;

/// So many subjects are looked up together, so that a batch of widely shared names does not hold a million ids.
const PART: usize = 64;

/// Profiles of about so many customers are read ahead.
const AHEAD: usize = 64;

/// After so many assessed customers another task has its turn, and a caller who has gone is noticed: about a millisecond of work.
const TURN: usize = 32;

/// After the database was asked so often in vain, the rest of a batch is answered from memory alone. Chosen: a connection that breaks costs
/// one, and where every login is refused, a provider that locks accounts sees few of them.
const MOST_FAILURES: usize = 3;

/// The answer about one subject of a batch.
#[derive(Debug)]
pub enum BatchAnswer<T: CustomerAnswer> {
    /// It was looked up.
    Found(Answer<T>),
    /// It is not in memory, and the database is away.
    Unavailable,
    /// The subject at this place cannot be read.
    Unreadable(usize),
}

/// The answer to a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// The answers as they were written, one after another, in the order of their subjects.
    pub written: Vec<u8>,
    /// How many of the subjects are answered: all, or the first so many.
    pub answered: usize,
    /// Why not all are.
    pub end: Option<BatchEnd>,
}

/// Why a batch ended before its last subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BatchEnd {
    /// The answer would have become too long.
    Bytes,
    /// Too many customers stand behind the subjects.
    Customers,
}

/// What a batch has used.
#[derive(Default)]
struct Used {
    assessed: usize,
    listed: usize,
    /// Assessed since other tasks had their turn.
    since_turn: usize,
}

impl Used {
    /// Adds a name of so many customers, unless that would be too much. The first name is answered in any case.
    fn add(&mut self, customers: usize) -> bool {
        let (assessed, listed) = (customers.max(1), customers.clamp(1, MAX_CANDIDATES));
        let is_first = self.assessed == 0;
        if !is_first
            && (self.assessed + assessed > MOST_ASSESSED || self.listed + listed > MOST_LISTED)
        {
            return false;
        }
        self.assessed += assessed;
        self.listed += listed;
        self.since_turn += assessed;
        true
    }

    /// Lets other tasks have their turn, when it is time.
    async fn take_turn(&mut self) {
        if self.since_turn >= TURN {
            self.since_turn = 0;
            tokio::task::yield_now().await;
        }
    }
}

/// The subjects of a part that were not answered before, with the customers that they name, and the profiles of the next of them.
struct Fresh<'a> {
    /// Without customers where the database had to be asked and is away.
    named: Vec<(&'a Subject, Option<Owners>)>,
    /// Whose turn it is.
    next: usize,
    /// Up to which of them profiles were read.
    read: usize,
    profiles: HashMap<CustomerId, DatedProfile>,
    /// Whether subjects are read one by one: the database is away.
    one_by_one: bool,
}

/// The times that a batch asked the database in vain.
#[derive(Default)]
struct Failures {
    count: usize,
    first: Option<Arc<StoreError>>,
}

impl Classifier {
    /// Answers about many subjects as of one day and on one basis, in their order; `None` stands for a subject that cannot be read.
    /// `write` appends an answer to what is written so far, and must depend on nothing but the answer. Ends where the written answers
    /// would exceed `most_bytes`, or the customers behind the subjects what a batch may cost.
    ///
    /// # Errors
    /// As [`Self::score`], with the database away only where no subject is in memory.
    pub async fn answer_batch<T: CustomerAnswer>(
        &self,
        subjects: &[Option<Subject>],
        question: &Question,
        most_bytes: usize,
        write: impl Fn(BatchAnswer<T>, &mut Vec<u8>) + Send + Sync,
    ) -> Result<Batch, ServiceError> {
        let mut context = self.context(question).await?;
        let mut batch = Batch {
            written: vec![],
            answered: 0,
            end: None,
        };
        // A subject that comes twice has one answer, with the mark of when it was read.
        let mut known: HashMap<&Subject, Range<usize>> = HashMap::new();
        let mut used = Used::default();
        let (mut some_found, mut failures) = (false, Failures::default());
        for part in subjects.chunks(PART) {
            let mut fresh = self.resolve(part, &known, &mut failures).await?;
            for subject in part {
                let start = batch.written.len();
                let Some(subject) = subject else {
                    write(BatchAnswer::Unreadable(batch.answered), &mut batch.written);
                    if !batch.keep(start, most_bytes) {
                        break;
                    }
                    continue;
                };
                if let Some(range) = known.get(subject) {
                    batch.written.extend_from_within(range.clone());
                } else {
                    if !used.add(fresh.customers()) {
                        batch.end = Some(BatchEnd::Customers);
                        break;
                    }
                    let found = self.next_match(&mut fresh, &context, &mut failures).await?;
                    some_found |= found.is_some();
                    context.mark_stale(&self.breaker);
                    let answer = found.map_or(BatchAnswer::Unavailable, |found| {
                        BatchAnswer::Found(context.answer(found))
                    });
                    write(answer, &mut batch.written);
                    known.insert(subject, start..batch.written.len());
                }
                if !batch.keep(start, most_bytes) {
                    break;
                }
                used.take_turn().await;
            }
            if batch.end.is_some() {
                break;
            }
        }
        match failures.first {
            Some(cause) if !some_found => Err(ServiceError::Unavailable(cause)),
            Some(_) | None => Ok(batch),
        }
    }

    /// What the next subject names; `None` where the database would have to be asked and is away.
    async fn next_match(
        &self,
        fresh: &mut Fresh<'_>,
        context: &AnswerContext,
        failures: &mut Failures,
    ) -> Result<Option<Found>, ServiceError> {
        let is_read = self.read_ahead(fresh, context.as_of, failures).await?;
        let ids = fresh.take().filter(|_| is_read);
        Ok(ids.map(|ids| resolve(&ids, &fresh.profiles)))
    }

    /// The customers that those subjects of a part name that are not `known`, each once.
    async fn resolve<'a>(
        &self,
        part: &'a [Option<Subject>],
        known: &HashMap<&Subject, Range<usize>>,
        failures: &mut Failures,
    ) -> Result<Fresh<'a>, ServiceError> {
        let mut subjects: Vec<&Subject> = vec![];
        for subject in part.iter().flatten() {
            if !known.contains_key(subject) && !subjects.contains(&subject) {
                subjects.push(subject);
            }
        }
        let asked: Vec<Subject> = subjects.iter().copied().cloned().collect();
        let (named, one_by_one) = match self.find_many(&asked, failures).await? {
            Some(named) => (named.into_iter().map(Some).collect(), false),
            None => (self.find_each(&asked, failures).await?, true),
        };
        Ok(Fresh {
            named: subjects.into_iter().zip(named).collect(),
            next: 0,
            read: 0,
            profiles: HashMap::new(),
            one_by_one,
        })
    }

    /// The customers that each subject names; `None` where the database would have to be asked and is away.
    async fn find_many(
        &self,
        subjects: &[Subject],
        failures: &mut Failures,
    ) -> Result<Option<Vec<Owners>>, ServiceError> {
        if failures.are_enough() {
            return Ok(None);
        }
        failures.count(self.subjects.find_many(subjects).await)
    }

    /// The customers that each subject names, as far as memory knows.
    async fn find_each(
        &self,
        subjects: &[Subject],
        failures: &mut Failures,
    ) -> Result<Vec<Option<Owners>>, ServiceError> {
        let mut named = vec![];
        for subject in subjects {
            named.push(match self.subjects.find_held(subject) {
                None if !failures.are_enough() => {
                    failures.count(self.subjects.find(subject).await)?
                }
                held => held,
            });
        }
        Ok(named)
    }

    /// Reads the profiles that the next subject needs, and those of some after it. Returns whether it could: the database may be away.
    async fn read_ahead(
        &self,
        fresh: &mut Fresh<'_>,
        as_of: Day,
        failures: &mut Failures,
    ) -> Result<bool, ServiceError> {
        while fresh.next >= fresh.read {
            fresh.one_by_one |= failures.are_enough();
            let mut ids: Vec<CustomerId> = vec![];
            let mut read = fresh.next;
            for (_, named) in &fresh.named[fresh.next..] {
                let named = named.as_deref().map_or(&[][..], assessable);
                let is_next = read == fresh.next;
                if !is_next && (fresh.one_by_one || ids.len() + named.len() > AHEAD) {
                    break;
                }
                ids.extend_from_slice(named);
                read += 1;
            }
            let profiles = if failures.are_enough() {
                self.held_profiles(&ids, as_of)
            } else {
                failures.count(self.list_profiles(&ids, as_of).await)?
            };
            match profiles {
                Some(profiles) => fresh.profiles = profiles,
                // One of them is not in memory: which, their own turn shows.
                None if !fresh.one_by_one => {
                    fresh.one_by_one = true;
                    continue;
                }
                None => {
                    fresh.read = read;
                    return Ok(false);
                }
            }
            fresh.read = read;
        }
        Ok(true)
    }

    /// As [`Self::list_profiles`], from memory alone; `None` where it does not hold all of them.
    fn held_profiles(
        &self,
        ids: &[CustomerId],
        as_of: Day,
    ) -> Option<HashMap<CustomerId, DatedProfile>> {
        let mut found = HashMap::with_capacity(ids.len());
        for id in ids {
            if let Some(profile) = self.profiles.at_held(id, as_of)?.profile() {
                found.insert(id.clone(), profile);
            }
        }
        Some(found)
    }
}

impl Batch {
    /// Keeps the answer that was written from `start` on, unless the whole would become too long. The first one is kept in any case.
    fn keep(&mut self, start: usize, most_bytes: usize) -> bool {
        if self.written.len() > most_bytes && self.answered > 0 {
            self.written.truncate(start);
            self.end = Some(BatchEnd::Bytes);
            return false;
        }
        self.answered += 1;
        true
    }
}

impl Failures {
    /// Whether the rest of the batch is answered from memory alone.
    fn are_enough(&self) -> bool {
        self.count >= MOST_FAILURES
    }

    /// What was read; `None`, and one failure more, where the database is away.
    fn count<T>(&mut self, read: Result<T, ServiceError>) -> Result<Option<T>, ServiceError> {
        match read {
            Ok(read) => Ok(Some(read)),
            Err(ServiceError::Unavailable(cause)) => {
                self.count += 1;
                self.first.get_or_insert(cause);
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}

impl Fresh<'_> {
    /// How many customers the next subject takes to assess.
    fn customers(&self) -> usize {
        let next = self.named.get(self.next);
        let ids = next.and_then(|(_, ids)| ids.as_deref());
        ids.map_or(0, |ids| assessable(ids).len())
    }

    /// The customers that the next subject names.
    fn take(&mut self) -> Option<Owners> {
        let (_, ids) = self.named.get(self.next)?;
        self.next += 1;
        ids.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_name_always_fits_and_others_as_far_as_the_budget_goes() {
        let mut used = Used::default();
        assert!(used.add(2 * MOST_ASSESSED));
        assert!(!used.add(1));
        let mut used = Used::default();
        let crowds = (0..1_000).take_while(|_| used.add(1_000)).count();
        assert_eq!(crowds, 10);
        let mut used = Used::default();
        let pairs = (0..10_000).take_while(|_| used.add(2)).count();
        assert_eq!(pairs, MOST_LISTED / 2);
        let mut used = Used::default();
        let unknown = (0..1_000).take_while(|_| used.add(0)).count();
        assert_eq!(unknown, 1_000, "a batch of ordinary subjects always fits");
    }
}
