//! The one function that turns facts into a profile.
//!
//! Folding new facts into a known history gives the same as folding all facts at once, in any order and with any repetition.
//! Purchases, contacts, attributes and contracts can be added one by one; a refund or reversal changes days that were folded before, which
//! only the single transactions can tell: then [`fold`] asks for all of them.

mod contracts;

use std::collections::{BTreeMap, HashMap, HashSet};

use contracts::add_contracts;

use super::{ContactDay, History, PurchaseDay};
use crate::domain::{
    calendar::Day,
    facts::{AttributeFact, Contact, ContractFact, FactKey, Transaction, TransactionKind},
    money::Currency,
    text::Label,
};

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
}

/// The new facts touch what was folded before: fold all facts of the customer from an empty history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NeedsHistory;

/// Folds facts that are not yet in `history` into it. On the empty history it always succeeds, and facts may repeat.
///
/// # Errors
/// [`NeedsHistory`] when a refund or reversal is involved and transactions were folded before.
pub fn fold(history: History, facts: &Facts) -> Result<History, NeedsHistory> {
    let has_refunds = history.has_refunds || facts.has_refunds();
    let touches_transactions = !facts.transactions.is_empty();
    if touches_transactions && has_refunds && (history.has_refunds || !history.purchases.is_empty())
    {
        return Err(NeedsHistory);
    }
    let last_event_day = history.last_event_day.max(facts.last_day());
    let transactions = distinct(&facts.transactions, |fact| &fact.key);
    let mut ledger = Ledger::resume(history.purchases);
    ledger.add_purchases(&transactions);
    let unmatched = ledger.take_back(&transactions);
    Ok(History {
        purchases: ledger.close(),
        contacts: add_contacts(
            history.contacts,
            &distinct(&facts.contacts, |fact| &fact.key),
        ),
        attributes: add_attributes(history.attributes, &facts.attributes),
        contracts: add_contracts(history.contracts, &facts.contracts),
        unmatched_refund_count: history.unmatched_refund_count + unmatched,
        has_refunds,
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

type DayKey = (Day, Currency, Option<Label>);

/// The purchases of a day, currency and category while refunds are being taken off.
#[derive(Default)]
struct Entry {
    count: u32,
    /// Purchases with an amount of 0: a refund of money never takes them back.
    free_count: u32,
    amount_minor: i64,
    costed_amount_minor: i64,
    cost_minor: i64,
}

#[derive(Default)]
struct Ledger {
    entries: BTreeMap<DayKey, Entry>,
}

/// What is left of a single purchase while refunds that name it are being taken off.
struct Remaining {
    day_key: DayKey,
    amount_minor: i64,
    costed: bool,
}

impl Ledger {
    /// Goes on from folded days. How many of their purchases were free is no longer known and not needed: refunds never meet them.
    fn resume(days: Vec<PurchaseDay>) -> Self {
        let entries = days.into_iter().map(|day| {
            let entry = Entry {
                count: day.count,
                free_count: 0,
                amount_minor: day.amount_minor,
                costed_amount_minor: day.costed_amount_minor,
                cost_minor: day.cost_minor,
            };
            ((day.day, day.currency, day.category), entry)
        });
        Self {
            entries: entries.collect(),
        }
    }

    /// Adds the purchases that no reversal takes back.
    fn add_purchases(&mut self, transactions: &[&Transaction]) {
        let reversed = reversed_keys(transactions);
        for purchase in transactions {
            if purchase.kind != TransactionKind::Purchase || reversed.contains(&purchase.key) {
                continue;
            }
            let entry = self.entries.entry(day_key(purchase)).or_default();
            entry.count += 1;
            entry.free_count += u32::from(purchase.amount.amount_minor == 0);
            add(&mut entry.amount_minor, purchase.amount.amount_minor);
            if let Some(cost_minor) = purchase.cost_minor {
                add(&mut entry.costed_amount_minor, purchase.amount.amount_minor);
                add(&mut entry.cost_minor, cost_minor);
            }
        }
    }

    /// Takes refunds, and reversals that name nothing, off the days they belong to. Returns how many found nothing to take from.
    fn take_back(&mut self, transactions: &[&Transaction]) -> u32 {
        let reversed = reversed_keys(transactions);
        let mut remaining: HashMap<FactKey, Remaining> = transactions
            .iter()
            .filter(|fact| fact.kind == TransactionKind::Purchase && !reversed.contains(&fact.key))
            .map(|fact| (fact.key.clone(), Remaining::of(fact)))
            .collect();
        let mut refunds: Vec<&&Transaction> = transactions
            .iter()
            .filter(|fact| fact.kind != TransactionKind::Purchase && !reversed.contains(&fact.key))
            .collect();
        // Refunds that name a purchase come first: what they leave is what the others may take.
        refunds.sort_by_key(|fact| (fact.original_id.is_none(), fact.when.day));
        let mut unmatched = 0;
        for refund in refunds {
            let matched = match original_key(refund) {
                Some(key) if refund.kind == TransactionKind::Reversal => reversed.contains(&key),
                Some(key) => remaining
                    .get_mut(&key)
                    .is_some_and(|purchase| self.refund_named(refund, purchase)),
                None => self.refund_latest(refund),
            };
            unmatched += u32::from(!matched);
        }
        unmatched
    }

    /// Takes a refund off the purchase it names. Says whether all of it was taken.
    fn refund_named(&mut self, refund: &Transaction, purchase: &mut Remaining) -> bool {
        if purchase.day_key.1 != refund.amount.currency {
            return false;
        }
        let Some(entry) = self.entries.get_mut(&purchase.day_key) else {
            return false;
        };
        let taken = refund.amount.amount_minor.min(purchase.amount_minor);
        if taken > 0 {
            purchase.amount_minor -= taken;
            take(&mut entry.amount_minor, taken);
            if purchase.costed {
                take(&mut entry.costed_amount_minor, taken);
            }
            entry.count -= u32::from(purchase.amount_minor == 0);
        }
        entry.return_cost(refund);
        taken == refund.amount.amount_minor
    }

    /// Takes a refund off the latest purchase day, in its currency, on or before it. Says whether all of it was taken.
    fn refund_latest(&mut self, refund: &Transaction) -> bool {
        let currency = refund.amount.currency;
        let found = self.entries.iter().rev().find(|((day, of, _), entry)| {
            *day <= refund.when.day && *of == currency && entry.count > 0
        });
        let Some(((day, ..), _)) = found else {
            return false;
        };
        let (day, mut left, mut first) = (*day, refund.amount.amount_minor, true);
        let of_the_day = (day, currency, None)..;
        for ((of_day, of_currency, _), entry) in self.entries.range_mut(of_the_day) {
            if (*of_day, *of_currency) != (day, currency) {
                break;
            }
            if std::mem::take(&mut first) {
                entry.return_cost(refund);
            }
            let taken = left.min(entry.amount_minor);
            if taken > 0 {
                left -= taken;
                entry.amount_minor -= taken;
                entry.costed_amount_minor = entry.costed_amount_minor.min(entry.amount_minor);
                if entry.amount_minor == 0 {
                    entry.count = entry.count.min(entry.free_count);
                }
            }
        }
        left == 0
    }

    /// The days with purchases that were not taken back in full.
    fn close(self) -> Vec<PurchaseDay> {
        let days = self
            .entries
            .into_iter()
            .filter(|(_, entry)| entry.count > 0);
        days.map(|((day, currency, category), entry)| PurchaseDay {
            day,
            currency,
            category,
            count: entry.count,
            amount_minor: entry.amount_minor,
            costed_amount_minor: entry.costed_amount_minor,
            cost_minor: entry.cost_minor,
        })
        .collect()
    }
}

impl Entry {
    /// Goods that came back lower the cost of the day, never below nothing.
    fn return_cost(&mut self, refund: &Transaction) {
        self.cost_minor -= refund.cost_minor.unwrap_or(0).min(self.cost_minor);
    }
}

impl Remaining {
    fn of(purchase: &Transaction) -> Self {
        Self {
            day_key: day_key(purchase),
            amount_minor: purchase.amount.amount_minor,
            costed: purchase.cost_minor.is_some(),
        }
    }
}

/// Adds to a sum of amounts, none of them negative. A sum beyond all bounds stays at the greatest number, whatever the order: nobody
/// earned so much, and no source may stop the facts of its customers from being taken.
fn add(sum: &mut i64, amount_minor: i64) {
    *sum = sum.saturating_add(amount_minor);
}

/// Takes from such a sum, which may have been more than it says.
fn take(sum: &mut i64, amount_minor: i64) {
    *sum = sum.saturating_sub(amount_minor).max(0);
}

fn day_key(purchase: &Transaction) -> DayKey {
    (
        purchase.when.day,
        purchase.amount.currency,
        purchase.category.clone(),
    )
}

fn original_key(fact: &Transaction) -> Option<FactKey> {
    let id = fact.original_id.clone()?;
    Some(FactKey {
        customer_id: fact.key.customer_id.clone(),
        source: fact.key.source.clone(),
        id,
    })
}

/// Keys of the purchases and refunds that a reversal takes back. A reversal cannot itself be reversed.
fn reversed_keys(transactions: &[&Transaction]) -> HashSet<FactKey> {
    let named: HashSet<FactKey> = transactions
        .iter()
        .filter(|fact| fact.kind == TransactionKind::Reversal)
        .filter_map(|fact| original_key(fact))
        .collect();
    let known = transactions
        .iter()
        .filter(|fact| fact.kind != TransactionKind::Reversal);
    known
        .filter(|fact| named.contains(&fact.key))
        .map(|fact| fact.key.clone())
        .collect()
}

fn add_contacts(days: Vec<ContactDay>, contacts: &[&Contact]) -> Vec<ContactDay> {
    if contacts.is_empty() {
        return days;
    }
    let mut entries: BTreeMap<(Day, Label, Option<Currency>), ContactDay> = days
        .into_iter()
        .map(|day| ((day.day, day.channel.clone(), day.currency), day))
        .collect();
    for contact in contacts {
        let currency = contact.cost.map(|cost| cost.currency);
        let key = (contact.when.day, contact.channel.clone(), currency);
        let entry = entries.entry(key).or_insert_with(|| ContactDay {
            day: contact.when.day,
            channel: contact.channel.clone(),
            currency,
            count: 0,
            cost_minor: 0,
            duration_seconds: 0,
        });
        entry.count += 1;
        let cost_minor = contact.cost.map_or(0, |cost| cost.amount_minor);
        add(&mut entry.cost_minor, cost_minor);
        entry.duration_seconds += i64::from(contact.duration_seconds.unwrap_or(0));
    }
    entries.into_values().collect()
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
