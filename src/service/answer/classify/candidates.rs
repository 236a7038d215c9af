//! Several customers behind one name: how many, which of them are listed, and what all of them share.
//!
//! A switchboard's number may be that of a whole town. What an answer costs is bounded whatever the name: so many profiles are read, and
//! beyond that nothing is said of all of them.

use std::collections::HashMap;

use super::{AnswerContext, Assessed, Match, one};
use crate::domain::{
    assess::tiers::{TierIndex, Unrated},
    customer::{CustomerKind, profile::DatedProfile},
    text::CustomerId,
};

/// How many candidates an answer lists at most: nobody reads more on the phone.
pub(super) const MAX_CANDIDATES: usize = 16;

/// Of how many customers behind one name the profiles are read and assessed. Chosen: as many as subjects in a batch, so that one name
/// costs no more than a batch does.
const MAX_LOOKED_AT: usize = 1_000;

/// Several customers behind one name.
#[derive(Debug, Clone)]
pub struct Candidates {
    /// Those with the latest purchase or contact first, then by id; at most 16. Of more than 1,000 customers, the 16 are taken from
    /// the first 1,000 by id.
    pub listed: Vec<Assessed>,
    /// How many there are.
    pub count: usize,
    /// The kind that all of them share; `None` for more than 1,000, which are not all looked at.
    pub shared_kind: Option<CustomerKind>,
    /// The tier, or the reason for none, that all of them share; `None` for more than 1,000.
    pub shared_tier: Option<Result<TierIndex, Unrated>>,
}

/// Those of the customers behind one name, by id, whose profiles an answer needs.
pub(super) fn assessable(ids: &[CustomerId]) -> &[CustomerId] {
    &ids[..ids.len().min(MAX_LOOKED_AT)]
}

/// The answer about a name of the customers `ids`. `profiles` has at least those of [`assessable`] that are known.
pub(super) fn resolve(
    ids: &[CustomerId],
    profiles: &HashMap<CustomerId, DatedProfile>,
    grounds: &AnswerContext,
) -> Match {
    let known = assessable(ids).iter().filter_map(|id| profiles.get(id));
    let mut known: Vec<DatedProfile> = known.cloned().collect();
    let unseen = ids.len() - assessable(ids).len();
    if known.len() + unseen > 1 {
        return Match::Ambiguous(candidates(known, unseen, grounds));
    }
    match known.pop() {
        Some(profile) => Match::One(Box::new(one(profile, grounds))),
        None => Match::Unknown,
    }
}

fn candidates(mut known: Vec<DatedProfile>, unseen: usize, grounds: &AnswerContext) -> Candidates {
    known.sort_by(|one, other| {
        let (one, other) = (one.profile(), other.profile());
        let latest_first = other.last_activity().cmp(&one.last_activity());
        latest_first.then_with(|| one.customer_id.cmp(&other.customer_id))
    });
    let count = known.len() + unseen;
    if unseen > 0 {
        known.truncate(MAX_CANDIDATES);
    }
    // Else all of them are assessed: what they share must hold for those that are not listed too. Of those nothing else is kept.
    let mut listed = Vec::with_capacity(MAX_CANDIDATES.min(known.len()));
    let mut facts = Vec::with_capacity(known.len());
    for profile in known {
        let kind = profile.profile().kind;
        let one = Assessed::new(profile, grounds);
        facts.push((kind, one.assessment.tier));
        if listed.len() < MAX_CANDIDATES {
            listed.push(one.completed(grounds));
        }
    }
    let (mut shared_kind, mut shared_tier) = (None, None);
    if unseen == 0 {
        shared_kind = shared(facts.iter().map(|(kind, _)| *kind));
        shared_tier = shared(facts.iter().map(|(_, tier)| *tier));
    }
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
