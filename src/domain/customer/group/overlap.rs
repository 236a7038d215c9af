//! Which facts two customers share, before their facts are counted together.

use std::{collections::HashMap, hash::Hash};

use super::namesakes::given_id;
use crate::domain::{
    customer::{
        facts::{Contact, ContactContent, ContractFact, FactKey, Transaction},
        profile::Facts,
    },
    text::Label,
};

/// Facts of one kind of a customer who is merged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SharedCount {
    /// How many there are.
    pub count: usize,
    /// Those that the other customer has too: they count once.
    pub shared: usize,
    /// Those among them with other content.
    pub differing: usize,
}

/// Facts of a customer who is merged, by kind, compared with those of the customer who stays.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SharedFacts {
    /// Transactions.
    pub transactions: SharedCount,
    /// Contacts.
    pub contacts: SharedCount,
    /// Observations of contracts.
    pub contracts: SharedCount,
    /// Observations of attributes.
    pub attributes: SharedCount,
}

impl SharedFacts {
    /// Compares the facts of `merged` with those of `kept`.
    #[must_use]
    pub fn new(kept: &Facts, merged: &Facts) -> Self {
        let day = |fact: &ContractFact| {
            (
                fact.source.clone(),
                fact.contract_id.clone(),
                fact.effective_on,
            )
        };
        Self {
            transactions: compare(
                &kept.transactions,
                &merged.transactions,
                |fact| given(&fact.key),
                |one, other| {
                    let other = Transaction {
                        key: one.key.clone(),
                        original_id: given_original(other),
                        ..other.clone()
                    };
                    let one = Transaction {
                        original_id: given_original(one),
                        ..one.clone()
                    };
                    one == other
                },
            ),
            contacts: compare(
                &kept.contacts,
                &merged.contacts,
                |fact| given(&fact.key),
                |one, other| one.when == other.when && is_same_content(one, other),
            ),
            contracts: compare(&kept.contracts, &merged.contracts, day, |one, other| {
                one.terms == other.terms
            }),
            attributes: compare(
                &kept.attributes,
                &merged.attributes,
                |fact| (fact.name.clone(), fact.observed_on),
                |one, other| one.value == other.value,
            ),
        }
    }
}

/// The source and id of a fact, as the source gave them.
fn given(key: &FactKey) -> (Label, Label) {
    (key.source.clone(), given_id(&key.id).into())
}

fn given_original(fact: &Transaction) -> Option<Label> {
    fact.original_id.as_deref().map(|id| given_id(id).into())
}

fn is_same_content(one: &Contact, other: &Contact) -> bool {
    match (&one.content, &other.content) {
        (ContactContent::Retracts(one), ContactContent::Retracts(other)) => {
            given_id(one) == given_id(other)
        }
        (one, other) => one == other,
    }
}

/// Compares facts of one kind. Of several facts of the other customer with one key, one that is the same suffices.
pub fn compare<T, K: Hash + Eq>(
    kept: &[T],
    merged: &[T],
    key: impl Fn(&T) -> K,
    is_same: impl Fn(&T, &T) -> bool,
) -> SharedCount {
    let mut by_key: HashMap<K, Vec<&T>> = HashMap::new();
    for fact in kept {
        by_key.entry(key(fact)).or_default().push(fact);
    }
    let mut counted = SharedCount {
        count: merged.len(),
        ..SharedCount::default()
    };
    for fact in merged {
        if let Some(others) = by_key.get(&key(fact)) {
            counted.shared += 1;
            counted.differing += usize::from(!others.iter().any(|other| is_same(other, fact)));
        }
    }
    counted
}
