//! Several customers behind one name: how many, which of them are listed, and what all of them share.
//!
//! A switchboard's number may be that of a whole town. What an answer costs is bounded whatever the name: so many profiles are read, and
//! beyond that an answer states nothing about all of them. The at most 16 that are listed are answered where a single customer is: with their
//! reasons they cost less than one load from the database.

use std::collections::{HashMap, HashSet};

use super::{AnswerContext, CustomerAnswer, Match};
use crate::domain::{
    assess::{
        tiers::{TierIndex, Unrated},
        valued::Valued,
    },
    customer::{CustomerKind, profile::DatedProfile},
    text::CustomerId,
};

/// How many candidates an answer lists at most: nobody reads more on the phone.
pub(super) const MAX_CANDIDATES: usize = 16;

/// Of how many customers behind one name the profiles are read and assessed. Chosen: as many as subjects in a batch, so that one name
/// costs no more than a batch does.
pub const MAX_ASSESSED: usize = 1_000;

/// Several customers behind one name.
#[derive(Debug, Clone)]
pub struct Candidates<T: CustomerAnswer> {
    /// Those with the latest purchase or contact first, then by id; at most 16. Of more than 1,000 customers, the 16 are taken from
    /// the first 1,000 by id.
    pub listed: Vec<T>,
    /// How many there are.
    pub count: usize,
    /// The kind that all of them share; `None` for more than 1,000, which are not all looked at.
    pub shared_kind: Option<CustomerKind>,
    /// The tier, or the reason for none, that all of them share; `None` for more than 1,000.
    pub shared_tier: Option<Result<TierIndex, Unrated>>,
    /// What the answer states of all of them beside that; `None` for more than 1,000.
    pub shared: Option<T::Shared>,
}

/// The customers behind one name, before anything is answered about them.
#[derive(Debug)]
pub(in crate::service::answer) enum Found {
    /// Nobody.
    Unknown,
    /// Exactly one.
    One(DatedProfile),
    /// Several.
    Several(Several),
}

/// Several customers behind one name.
#[derive(Debug)]
pub(in crate::service::answer) struct Several {
    /// Those who are looked at, in the order in which they are listed.
    known: Vec<DatedProfile>,
    /// How many there are beyond these.
    unseen: usize,
}

/// Those of the customers behind one name, by id, whose profiles an answer needs.
pub(super) fn assessable(ids: &[CustomerId]) -> &[CustomerId] {
    &ids[..ids.len().min(MAX_ASSESSED)]
}

/// The customers behind a name of `ids`. `profiles` has at least those of [`assessable`] that are known.
pub(super) fn resolve(ids: &[CustomerId], profiles: &HashMap<CustomerId, DatedProfile>) -> Found {
    let known = assessable(ids).iter().filter_map(|id| profiles.get(id));
    let mut known: Vec<DatedProfile> = known.cloned().collect();
    if known.len() > 1 {
        // A merge may have come after the ids were found: two of them then lead to one customer.
        let mut seen = HashSet::with_capacity(known.len());
        known.retain(|one| seen.insert(one.profile().customer_id.clone()));
    }
    let unseen = ids.len() - assessable(ids).len();
    if known.len() + unseen > 1 {
        known.sort_by(|one, other| {
            let (one, other) = (one.profile(), other.profile());
            let latest_first = other.last_activity().cmp(&one.last_activity());
            latest_first.then_with(|| one.customer_id.cmp(&other.customer_id))
        });
        return Found::Several(Several { known, unseen });
    }
    known.pop().map_or(Found::Unknown, Found::One)
}

impl Several {
    /// How many there are.
    pub(in crate::service::answer) fn count(&self) -> usize {
        self.known.len() + self.unseen
    }

    /// The ids of those who are listed.
    pub(in crate::service::answer) fn listed_ids(&self) -> Vec<CustomerId> {
        let listed = self.known.iter().take(MAX_CANDIDATES);
        listed
            .map(|one| one.profile().customer_id.clone())
            .collect()
    }

    fn finish<T: CustomerAnswer>(self, context: &AnswerContext) -> Candidates<T> {
        let count = self.count();
        let Self { mut known, unseen } = self;
        let others = known.split_off(known.len().min(MAX_CANDIDATES));
        let kinds: Vec<CustomerKind> = known.iter().map(|one| one.profile().kind).collect();
        let listed: Vec<T> = known
            .into_iter()
            .map(|profile| T::finish(profile, context))
            .collect();
        let (mut shared_kind, mut shared_tier, mut shared_rest) = (None, None, None);
        if unseen == 0 {
            // What they share must hold for those that are not listed too.
            let other_kinds = others.iter().map(|one| one.profile().kind);
            shared_kind = shared(kinds.into_iter().chain(other_kinds));
            let other_tiers = others
                .iter()
                .map(|one| Valued::new(one.view(), &context.basis).tier);
            shared_tier = shared(listed.iter().map(T::tier).chain(other_tiers));
            shared_rest = Some(T::shared(&listed, &others, context));
        }
        Candidates {
            listed,
            count,
            shared_kind,
            shared_tier,
            shared: shared_rest,
        }
    }
}

impl<T: CustomerAnswer> Match<T> {
    /// The answer about those who were found.
    pub(super) fn finish(found: Found, context: &AnswerContext) -> Self {
        match found {
            Found::Unknown => Self::Unknown,
            Found::One(profile) => Self::One(Box::new(T::finish(profile, context))),
            Found::Several(several) => Self::Ambiguous(several.finish(context)),
        }
    }
}

/// The value that all of `values` have.
fn shared<T: PartialEq>(mut values: impl Iterator<Item = T>) -> Option<T> {
    let first = values.next()?;
    values.all(|value| value == first).then_some(first)
}
