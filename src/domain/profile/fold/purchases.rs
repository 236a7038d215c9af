//! Purchases by day, currency and category, net of what refunds and reversals take back.
//!
//! Each purchase is kept by itself while refunds are taken off it, so that what it leaves on its day never depends on what else was
//! bought there.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, HashMap},
};

use super::taken_back::taken_back;
use crate::domain::{
    calendar::Day,
    facts::{FactKey, Transaction, TransactionKind},
    money::Currency,
    profile::PurchaseDay,
    text::Label,
};

/// Adds transactions, each key once and in the order of the keys, to folded days. With refunds or reversals among them there must be
/// none yet. Returns the days, and how many refunds and reversals found not everything they take back.
pub(super) fn add_transactions(
    days: Vec<PurchaseDay>,
    transactions: &[&Transaction],
) -> (Vec<PurchaseDay>, u32) {
    if transactions.is_empty() {
        return (days, 0);
    }
    let reversals = transactions.iter().map(|fact| {
        let reverses = fact.kind == TransactionKind::Reversal;
        (&fact.key, original_key(fact).filter(|_| reverses))
    });
    let reversed = taken_back(reversals);
    let counting = || {
        let all = transactions.iter().copied();
        all.filter(|fact| !reversed.contains(&fact.key))
    };
    let is_purchase = |fact: &&Transaction| fact.kind == TransactionKind::Purchase;
    let mut ledger = Ledger::of(counting().filter(is_purchase).collect());
    let mut refunds: Vec<&Transaction> = counting().filter(|fact| !is_purchase(fact)).collect();
    // Refunds that name a purchase come first: what they leave is what the others may take.
    refunds.sort_by_key(|fact| (fact.original_id.is_none(), fact.when.day));
    let mut unmatched = 0;
    for refund in refunds {
        let matched = match original_key(refund) {
            Some(key) if refund.kind == TransactionKind::Reversal => {
                let found = transactions.binary_search_by(|fact| fact.key.cmp(&key));
                found.is_ok()
            }
            Some(key) => ledger.refund_named(refund, &key),
            None => ledger.refund_latest(refund),
        };
        unmatched += u32::from(!matched);
    }
    (ledger.close(days), unmatched)
}

/// A purchase and what refunds have left of it.
struct Purchase<'a> {
    fact: &'a Transaction,
    amount_minor: i64,
    /// `None`: not known.
    cost_minor: Option<i64>,
}

impl<'a> Purchase<'a> {
    fn new(fact: &'a Transaction) -> Self {
        Self {
            fact,
            amount_minor: fact.amount.amount_minor,
            cost_minor: fact.cost_minor,
        }
    }

    fn currency(&self) -> Currency {
        self.fact.amount.currency
    }

    /// Whether it was taken back in full; then it is none. No refund of money takes a free purchase back.
    fn is_gone(&self) -> bool {
        self.amount_minor == 0 && self.fact.amount.amount_minor > 0
    }

    /// Takes at most `wanted` of a refund off, and the cost of what came back with it. Returns how much was taken.
    fn take(&mut self, wanted: i64, refund: &Transaction) -> i64 {
        let taken = wanted.min(self.amount_minor);
        if let Some(cost_minor) = &mut self.cost_minor {
            let whole = refund.amount.amount_minor;
            let returned = match refund.cost_minor {
                Some(stated) if whole == 0 => stated,
                Some(stated) => share_of(stated, taken, whole),
                // Nothing is said of the goods: as much of them came back as of the money.
                None if taken == 0 => 0,
                None => share_of(*cost_minor, taken, self.amount_minor),
            };
            *cost_minor -= returned.min(*cost_minor);
        }
        self.amount_minor -= taken;
        taken
    }
}

/// `part / whole` of an amount, rounded half up; none of them negative, `whole` positive.
fn share_of(amount_minor: i64, part: i64, whole: i64) -> i64 {
    let [amount, part, whole] = [amount_minor, part, whole].map(i128::from);
    let share = (2 * amount * part + whole) / (2 * whole);
    i64::try_from(share).unwrap_or(i64::MAX)
}

/// The purchases that no reversal takes back.
struct Ledger<'a> {
    /// By currency; of one currency the latest day first; of one day by category and key.
    purchases: Vec<Purchase<'a>>,
    at: HashMap<&'a FactKey, usize>,
    /// Places of those with money that may still be taken.
    with_money: BTreeSet<usize>,
}

type DayKey = (Day, Currency, Option<Label>);

impl<'a> Ledger<'a> {
    fn of(mut facts: Vec<&'a Transaction>) -> Self {
        // Stable: of equal ones the order of the keys stays.
        facts.sort_by(|one, other| {
            let place = |fact: &'a Transaction| {
                let (currency, day) = (fact.amount.currency, fact.when.day);
                (currency, Reverse(day), &fact.category)
            };
            place(one).cmp(&place(other))
        });
        let purchases: Vec<Purchase<'a>> = facts.iter().map(|fact| Purchase::new(fact)).collect();
        let has_money = |&at: &usize| purchases[at].amount_minor > 0;
        Self {
            at: facts.iter().map(|fact| &fact.key).zip(0..).collect(),
            with_money: (0..purchases.len()).filter(has_money).collect(),
            purchases,
        }
    }

    /// Takes a refund off the purchase it names. Says whether all of it was taken.
    fn refund_named(&mut self, refund: &Transaction, key: &FactKey) -> bool {
        let Some(&at) = self.at.get(key) else {
            return false;
        };
        let wanted = refund.amount.amount_minor;
        let same_currency = self.purchases[at].currency() == refund.amount.currency;
        same_currency && self.take(at, wanted, refund) == wanted
    }

    /// Takes a refund off the latest day on or before it that has money in its currency, and what is left of it off the days before.
    /// Says whether all of it was taken.
    fn refund_latest(&mut self, refund: &Transaction) -> bool {
        let (currency, day) = (refund.amount.currency, refund.when.day);
        let mut left = refund.amount.amount_minor;
        let mut from = self.purchases.partition_point(|purchase| {
            (purchase.currency(), Reverse(purchase.fact.when.day)) < (currency, Reverse(day))
        });
        while left > 0 {
            let next = self.with_money.range(from..).next().copied();
            let Some(at) = next.filter(|&at| self.purchases[at].currency() == currency) else {
                return false;
            };
            left -= self.take(at, left, refund);
            from = at + 1;
        }
        true
    }

    fn take(&mut self, at: usize, wanted: i64, refund: &Transaction) -> i64 {
        let purchase = &mut self.purchases[at];
        let taken = purchase.take(wanted, refund);
        if purchase.amount_minor == 0 {
            self.with_money.remove(&at);
        }
        taken
    }

    /// `days` with the purchases that were not taken back in full.
    fn close(self, days: Vec<PurchaseDay>) -> Vec<PurchaseDay> {
        let by_key = |day: PurchaseDay| ((day.day, day.currency, day.category.clone()), day);
        let mut days: BTreeMap<DayKey, PurchaseDay> = days.into_iter().map(by_key).collect();
        for purchase in self.purchases {
            if purchase.is_gone() {
                continue;
            }
            let (day, category) = (purchase.fact.when.day, &purchase.fact.category);
            let key = (day, purchase.currency(), category.clone());
            let entry = days.entry(key).or_insert_with(|| PurchaseDay {
                day,
                currency: purchase.currency(),
                category: category.clone(),
                count: 0,
                amount_minor: 0,
                costed_amount_minor: 0,
                cost_minor: 0,
            });
            entry.count += 1;
            add(&mut entry.amount_minor, purchase.amount_minor);
            if let Some(cost_minor) = purchase.cost_minor {
                add(&mut entry.costed_amount_minor, purchase.amount_minor);
                add(&mut entry.cost_minor, cost_minor);
            }
        }
        days.into_values().collect()
    }
}

/// Adds to a sum of amounts, none of them negative. A sum beyond all bounds stays at the greatest number, whatever the order: nobody
/// earned so much, and no source may stop the facts of its customers from being taken.
pub(super) fn add(sum: &mut i64, amount_minor: i64) {
    *sum = sum.saturating_add(amount_minor);
}

/// The key of the transaction that a refund or reversal names.
fn original_key(fact: &Transaction) -> Option<FactKey> {
    let id = fact.original_id.clone()?;
    Some(FactKey {
        customer_id: fact.key.customer_id.clone(),
        source: fact.key.source.clone(),
        id,
    })
}
