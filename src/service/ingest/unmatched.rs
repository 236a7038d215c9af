//! Refunds and retractions that find nothing to take back: how many more or fewer there are after a call.

use std::collections::HashMap;

use super::Outcome;
use crate::{
    domain::{
        customer::profile::{History, Profile},
        text::CustomerId,
    },
    store::imports::ImportedKind,
};

/// What became of a batch of facts that may take back others.
#[derive(Debug, Default)]
pub struct Recorded {
    /// One for each item, in their order.
    pub outcomes: Vec<Outcome>,
    /// What it changed about facts that find nothing to take back.
    pub unmatched: UnmatchedChange,
}

impl From<Vec<Outcome>> for Recorded {
    /// Of facts that take back no other.
    fn from(outcomes: Vec<Outcome>) -> Self {
        Self {
            outcomes,
            unmatched: UnmatchedChange::default(),
        }
    }
}

/// By how much the unmatched refunds, or retractions, of the customers of a call grew in number and fell.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct UnmatchedChange {
    /// By how much, among customers who have more of them now.
    pub added: u32,
    /// By how much, among customers who have fewer of them now: what they take back has arrived.
    pub matched: u32,
}

impl UnmatchedChange {
    /// The difference.
    #[must_use]
    pub fn net(self) -> i64 {
        i64::from(self.added) - i64::from(self.matched)
    }
}

/// How many there were of each customer who had one.
pub(super) struct UnmatchedBefore {
    kind: ImportedKind,
    counts: HashMap<CustomerId, u32>,
}

impl UnmatchedBefore {
    /// Of facts of a kind, in the profiles before a write.
    pub(super) fn new(kind: ImportedKind, profiles: &HashMap<CustomerId, Profile>) -> Self {
        let counts = profiles.iter().filter_map(|(id, profile)| {
            let count = count(kind, &profile.history);
            (count > 0).then(|| (id.clone(), count))
        });
        Self {
            kind,
            counts: counts.collect(),
        }
    }

    /// What the write changes, which makes `profiles`.
    pub(super) fn change(&self, profiles: &HashMap<CustomerId, Profile>) -> UnmatchedChange {
        let mut change = UnmatchedChange::default();
        for (id, profile) in profiles {
            let before = self.counts.get(id).copied().unwrap_or_default();
            let now = count(self.kind, &profile.history);
            change.added += now.saturating_sub(before);
            change.matched += before.saturating_sub(now);
        }
        change
    }
}

fn count(kind: ImportedKind, history: &History) -> u32 {
    match kind {
        ImportedKind::Transaction => history.unmatched_refund_count,
        ImportedKind::Contact => history.unmatched_retraction_count,
        ImportedKind::Contract
        | ImportedKind::Customer
        | ImportedKind::Rate
        | ImportedKind::Attribute
        | ImportedKind::Identifier => 0,
    }
}
