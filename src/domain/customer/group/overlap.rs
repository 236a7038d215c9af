//! Which facts two customers share, before their facts are counted together.

use std::{collections::HashMap, hash::Hash};

use crate::domain::customer::{facts::ContractFact, profile::Facts};

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
                |fact| (fact.key.source.clone(), fact.key.id.clone()),
                |one, other| {
                    let mut other = other.clone();
                    other.key.customer_id = one.key.customer_id.clone();
                    *one == other
                },
            ),
            contacts: compare(
                &kept.contacts,
                &merged.contacts,
                |fact| (fact.key.source.clone(), fact.key.id.clone()),
                |one, other| (one.when, &one.content) == (other.when, &other.content),
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
