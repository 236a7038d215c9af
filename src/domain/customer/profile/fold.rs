//! The one function that turns facts into a profile.
//!
//! Folding new facts into a known history gives the same as folding all facts at once, in any order and with any repetition.
//! Purchases, contacts, attributes and contracts can be added one by one. A refund, reversal or retraction that names a fact changes what
//! this fact came to, which the history does not tell: then [`fold`] asks for the facts that are related by such names, and
//! [`fold_related`] replaces what they came to. A refund that names nothing may take from any purchase before it: then all facts are asked
//! for, and so they are for a purchase that comes to those days later.

mod contacts;
mod contracts;
mod days;
mod purchases;
mod taken_back;
mod totals;

use std::collections::{BTreeMap, HashSet};

use contacts::NetContacts;
use contracts::add_contracts;
use days::replace;
use purchases::{NetPurchases, Unmatched};
pub use taken_back::{retracted_keys, reversed_keys};

use super::History;
use crate::domain::{
    calendar::Day,
    customer::facts::{
        AttributeFact, Contact, ContactContent, ContractFact, FactKey, Transaction, TransactionKind,
    },
    text::Label,
};

/// Rises when the same facts are folded otherwise than before, so that stored profiles are made anew. 2: refunds are taken off single
/// purchases. 3: the last day of a refund that names nothing is kept. 4: beside the profile, the gaps between purchase days are summed. 5:
/// refunds in another currency are kept with the purchase that they name, and amounts of unmatched refunds are summed. 6: facts of merged
/// customers with one source and id are several where they differ.
pub const FOLD_VERSION: i32 = 6;

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

/// New facts may touch single facts that were folded before, which the history does not tell.
#[derive(Debug, Clone, PartialEq)]
pub struct NeedsRelated {
    /// The history as it was: for [`fold_related`].
    pub history: Box<History>,
}

/// What the new facts touch is not limited to facts that they name: fold all facts of the customer from an empty history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NeedsHistory;

/// Folds facts that are not yet in `history` into it. On the empty history it always succeeds, and facts may repeat.
///
/// # Errors
/// [`NeedsRelated`] when one of the facts takes back another or may have been taken back before it came, and when a purchase comes to a
/// day from which a refund that names nothing takes.
pub fn fold(history: History, facts: &Facts) -> Result<History, NeedsRelated> {
    if touches_purchases(&history, facts) || touches_contacts(&history, facts) {
        let history = Box::new(history);
        return Err(NeedsRelated { history });
    }
    let folded = fold_beside(history, facts, &Facts::default());
    // Nothing is taken off, so nothing can be missing.
    Ok(folded.unwrap_or_default())
}

/// Folds facts that are not yet in `history` into it. `related` are the facts of the customer that name one of them, that one of them
/// names, and so on: all transactions and contacts that can be reached from the new ones by names. The new ones may be among them.
///
/// # Errors
/// [`NeedsHistory`] when a refund that names nothing is involved, or a sum that stands at its greatest number.
pub fn fold_related(
    history: History,
    facts: &Facts,
    related: &Facts,
) -> Result<History, NeedsHistory> {
    if touches_purchases(&history, facts) {
        let transactions = || facts.transactions.iter().chain(&related.transactions);
        if transactions().any(is_unnamed_refund)
            || transactions().any(|it| is_within_reach(&history, it))
        {
            return Err(NeedsHistory);
        }
    }
    fold_beside(history, facts, related)
}

/// Whether the single transactions that were folded before may matter to the new ones.
fn touches_purchases(history: &History, facts: &Facts) -> bool {
    let started = history.has_refunds || !history.purchases.is_empty();
    let mut transactions = facts.transactions.iter();
    started
        && !facts.transactions.is_empty()
        && (history.unmatched_refund_count > 0
            || facts.has_refunds()
            || transactions.any(|fact| is_within_reach(history, fact)))
}

/// The same of contacts.
fn touches_contacts(history: &History, facts: &Facts) -> bool {
    let started = history.has_retractions || !history.contacts.is_empty();
    started
        && !facts.contacts.is_empty()
        && (history.unmatched_retraction_count > 0 || facts.has_retractions())
}

/// Whether a refund that names nothing may take from the purchase.
fn is_within_reach(history: &History, fact: &Transaction) -> bool {
    let last = history.last_unnamed_refund_day;
    fact.kind == TransactionKind::Purchase && last.is_some_and(|last| fact.when.day <= last)
}

fn is_unnamed_refund(fact: &Transaction) -> bool {
    fact.kind != TransactionKind::Purchase && fact.original_id.is_none()
}

/// Replaces what `related` came to before by what they and the new facts come to together.
fn fold_beside(history: History, facts: &Facts, related: &Facts) -> Result<History, NeedsHistory> {
    let last_event_day = history.last_event_day.max(facts.last_day());
    let (before, now) = parted(&related.transactions, &facts.transactions, |fact| &fact.key);
    let (before, now) = (
        NetPurchases::from_transactions(&before),
        NetPurchases::from_transactions(&now),
    );
    let unmatched = Unmatched::new(history.unmatched_refund_count, &history.unmatched_refunds);
    let unmatched = unmatched.replace(&before.unmatched, &now.unmatched);
    let unmatched_refunds = unmatched.ok_or(NeedsHistory)?;
    let purchases = replace(history.purchases, &before.days, now.days)?;

    let (before, now) = parted(&related.contacts, &facts.contacts, |fact| &fact.key);
    let (before, now) = (
        NetContacts::from_contacts(&before),
        NetContacts::from_contacts(&now),
    );
    let unmatched = history
        .unmatched_retraction_count
        .checked_sub(before.unmatched);
    let unmatched_retraction_count = unmatched.ok_or(NeedsHistory)? + now.unmatched;
    let contacts = replace(history.contacts, &before.days, now.days)?;

    let unnamed = facts
        .transactions
        .iter()
        .filter(|fact| is_unnamed_refund(fact));
    let last_unnamed = unnamed.map(|fact| fact.when.day).max();
    Ok(History {
        purchases,
        contacts,
        attributes: add_attributes(history.attributes, &facts.attributes),
        contracts: add_contracts(history.contracts, &facts.contracts),
        unmatched_refund_count: unmatched_refunds.count,
        unmatched_refunds: unmatched_refunds.into_amounts(),
        has_refunds: history.has_refunds || facts.has_refunds(),
        last_unnamed_refund_day: history.last_unnamed_refund_day.max(last_unnamed),
        unmatched_retraction_count,
        has_retractions: history.has_retractions || facts.has_retractions(),
        last_event_day,
    })
}

/// Those of the related facts that are not new, and all of both.
fn parted<'a, T>(
    related: &'a [T],
    new: &'a [T],
    key: impl Fn(&T) -> &FactKey,
) -> (Vec<&'a T>, Vec<&'a T>) {
    let all = distinct(related.iter().chain(new), &key);
    if related.is_empty() {
        return (vec![], all);
    }
    let new: HashSet<&FactKey> = new.iter().map(&key).collect();
    let before = all.iter().copied().filter(|fact| !new.contains(key(fact)));
    (before.collect(), all)
}

/// The facts without repetitions of a key, ordered by key, so that the order of arrival cannot matter.
fn distinct<'a, T>(facts: impl Iterator<Item = &'a T>, key: impl Fn(&T) -> &FactKey) -> Vec<&'a T> {
    let mut sorted: Vec<&T> = facts.collect();
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
