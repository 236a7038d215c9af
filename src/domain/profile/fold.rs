//! The one function that turns facts into a profile.
//!
//! Folding new facts into a known history gives the same as folding all facts at once, in any order and with any repetition.
//! Purchases, contacts, attributes and contracts can be added one by one; a refund, reversal or retraction changes days that were folded
//! before, which only the single facts can tell: then [`fold`] asks for all of them.

mod contacts;
mod contracts;
mod purchases;
mod taken_back;

use std::collections::BTreeMap;

use contacts::add_contacts;
use contracts::add_contracts;
use purchases::add_transactions;

use super::History;
use crate::domain::{
    calendar::Day,
    facts::{
        AttributeFact, Contact, ContactContent, ContractFact, FactKey, Transaction, TransactionKind,
    },
    text::Label,
};

/// Rises when the same facts are folded otherwise than before, so that stored profiles are made anew. 2: refunds are taken off single
/// purchases.
pub const FOLD_VERSION: i32 = 2;

/// Facts of one customer.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// Transactions.
    pub transactions: Vec<Transaction>,
    /// Contacts.
    pub contacts: Vec<Contact>,
    /// Observed attributes.
    pub attributes: Vec<AttributeFact>,
    /// Observations of contracts.
    pub contracts: Vec<ContractFact>,
}

impl Facts {
    /// The latest day of any of them.
    fn last_day(&self) -> Option<Day> {
        let transactions = self.transactions.iter().map(|fact| fact.when.day);
        let contacts = self.contacts.iter().map(|fact| fact.when.day);
        let attributes = self.attributes.iter().map(|fact| fact.observed_on);
        let agreed = self.contracts.iter().map(|fact| fact.effective_on);
        let events = transactions.chain(contacts).chain(attributes);
        events.chain(agreed).max()
    }

    fn has_refunds(&self) -> bool {
        self.transactions
            .iter()
            .any(|fact| fact.kind != TransactionKind::Purchase)
    }

    fn has_retractions(&self) -> bool {
        let mut contents = self.contacts.iter().map(|fact| &fact.content);
        contents.any(|content| matches!(content, ContactContent::Retracts(_)))
    }
}

/// The new facts touch what was folded before: fold all facts of the customer from an empty history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NeedsHistory;

/// Folds facts that are not yet in `history` into it. On the empty history it always succeeds, and facts may repeat.
///
/// # Errors
/// [`NeedsHistory`] when a refund or reversal is involved and transactions were folded before, or a retraction and contacts were.
pub fn fold(history: History, facts: &Facts) -> Result<History, NeedsHistory> {
    let has_refunds = history.has_refunds || facts.has_refunds();
    let touches_transactions = !facts.transactions.is_empty();
    if touches_transactions && has_refunds && (history.has_refunds || !history.purchases.is_empty())
    {
        return Err(NeedsHistory);
    }
    let has_retractions = history.has_retractions || facts.has_retractions();
    let touches_contacts = !facts.contacts.is_empty();
    if touches_contacts
        && has_retractions
        && (history.has_retractions || !history.contacts.is_empty())
    {
        return Err(NeedsHistory);
    }
    let last_event_day = history.last_event_day.max(facts.last_day());
    let transactions = distinct(&facts.transactions, |fact| &fact.key);
    let (purchases, unmatched) = add_transactions(history.purchases, &transactions);
    let contacts = distinct(&facts.contacts, |fact| &fact.key);
    let (contacts, unmatched_retractions) = add_contacts(history.contacts, &contacts);
    Ok(History {
        purchases,
        contacts,
        attributes: add_attributes(history.attributes, &facts.attributes),
        contracts: add_contracts(history.contracts, &facts.contracts),
        unmatched_refund_count: history.unmatched_refund_count + unmatched,
        has_refunds,
        unmatched_retraction_count: history.unmatched_retraction_count + unmatched_retractions,
        has_retractions,
        last_event_day,
    })
}

/// The facts without repetitions of a key, ordered by key, so that the order of arrival cannot matter.
fn distinct<T>(facts: &[T], key: impl Fn(&T) -> &FactKey) -> Vec<&T> {
    let mut sorted: Vec<&T> = facts.iter().collect();
    sorted.sort_by(|one, other| key(one).cmp(key(other)));
    sorted.dedup_by(|one, other| key(one) == key(other));
    sorted
}

/// For each attribute, the observation of the latest day; of those, the one recorded last.
fn add_attributes(known: Vec<AttributeFact>, observed: &[AttributeFact]) -> Vec<AttributeFact> {
    let mut by_name: BTreeMap<Label, AttributeFact> = known
        .into_iter()
        .map(|fact| (fact.name.clone(), fact))
        .collect();
    for fact in observed {
        let newer = by_name.get(&fact.name).is_none_or(|held| {
            (held.observed_on, held.profile_version) < (fact.observed_on, fact.profile_version)
        });
        if newer {
            by_name.insert(fact.name.clone(), fact.clone());
        }
    }
    by_name.into_values().collect()
}

#[cfg(test)]
mod tests;
