//! Which facts were taken back in full, where one that takes back may itself be taken back.

use std::collections::{HashMap, HashSet};

use crate::domain::customer::facts::{Contact, FactKey, Transaction, TransactionKind};

/// The keys of contacts that do not count: retracted by one of `contacts`, each key once, that was not itself retracted. Retractions are among
/// them where they were retracted.
#[must_use]
pub fn retracted_keys(contacts: &[Contact]) -> HashSet<FactKey> {
    let facts = contacts.iter();
    taken_back(facts.map(|fact| (&fact.key, fact.retracted_key())))
}

/// The keys of transactions that do not count: reversed by one of `transactions`, each key once, that was not itself reversed.
#[must_use]
pub fn reversed_keys<'a>(transactions: impl Iterator<Item = &'a Transaction>) -> HashSet<FactKey> {
    taken_back(transactions.map(|fact| {
        let reverses = fact.kind == TransactionKind::Reversal;
        (&fact.key, fact.original_key().filter(|_| reverses))
    }))
}

/// The keys of facts that never counted: those named by a fact that takes them back and was not itself taken back.
///
/// `facts` are keys, each once, with the key that the fact takes back, if it does. Facts that take each other back in a circle take
/// nothing back. Keys that are not among the facts may be in the answer.
pub(super) fn taken_back<'a>(
    facts: impl Iterator<Item = (&'a FactKey, Option<FactKey>)>,
) -> HashSet<FactKey> {
    let takers: HashMap<&FactKey, FactKey> = facts
        .filter_map(|(key, named)| Some((key, named?)))
        .collect();
    // A taker is decided once all takers that name it are.
    let mut undecided: HashMap<&FactKey, usize> = HashMap::new();
    for named in takers.values().filter(|named| takers.contains_key(*named)) {
        *undecided.entry(named).or_default() += 1;
    }
    let mut next: Vec<&FactKey> = takers
        .keys()
        .copied()
        .filter(|key| !undecided.contains_key(key))
        .collect();
    let mut taken_back = HashSet::new();
    while let Some(taker) = next.pop() {
        let named = &takers[taker];
        if !taken_back.contains(taker) {
            taken_back.insert(named.clone());
        }
        if let Some(left) = undecided.get_mut(named) {
            *left -= 1;
            if *left == 0 {
                next.push(named);
            }
        }
    }
    taken_back
}
