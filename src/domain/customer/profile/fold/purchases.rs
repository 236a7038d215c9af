//! Purchases by day, currency and category, net of what refunds and reversals take back.
//!
//! Each purchase is kept by itself while refunds are taken off it, so that what it leaves on its day never depends on what else was
//! bought there.

use std::{
    cmp::Reverse,
    collections::{BTreeSet, HashMap},
};

use super::{
    days::{Entry, add, subtract, sum_up},
    taken_back::reversed_keys,
};
use crate::domain::{
    calendar::Day,
    customer::{
        facts::{FactKey, Transaction, TransactionKind},
        profile::PurchaseDay,
    },
    money::Currency,
    text::Label,
};

/// What transactions, each key once and in the order of the keys, come to.
#[derive(Debug, Default)]
pub(super) struct NetPurchases {
    /// In order.
    pub(super) days: Vec<PurchaseDay>,
    /// How many refunds and reversals found not everything they take back.
    pub(super) unmatched: u32,
}

impl NetPurchases {
    pub(super) fn from_transactions(transactions: &[&Transaction]) -> Self {
        let reversed = reversed_keys(transactions.iter().copied());
        let counting = || {
            let all = transactions.iter().copied();
            all.filter(|fact| !reversed.contains(&fact.key))
        };
        let is_purchase = |fact: &&Transaction| fact.kind == TransactionKind::Purchase;
        let mut ledger = Ledger::from_facts(counting().filter(is_purchase).collect());
        let mut refunds: Vec<&Transaction> = counting().filter(|fact| !is_purchase(fact)).collect();
        // Refunds that name a purchase come first: what they leave is what the others may take.
        refunds.sort_by_key(|fact| (fact.original_id.is_none(), fact.when.day));
        let mut unmatched = 0;
        for refund in refunds {
            let matched = match refund.original_key() {
                Some(key) if refund.kind == TransactionKind::Reversal => {
                    let found = transactions.binary_search_by(|fact| fact.key.cmp(&key));
                    found.is_ok()
                }
                Some(key) => ledger.refund_named(refund, &key),
                None => ledger.refund_latest(refund),
            };
            unmatched += u32::from(!matched);
        }
        Self {
            days: ledger.close(),
            unmatched,
        }
    }
}

impl Entry for PurchaseDay {
    type Key<'a> = (Day, Currency, Option<&'a Label>);

    fn key(&self) -> Self::Key<'_> {
        (self.day, self.currency, self.category.as_ref())
    }

    fn count(&self) -> u32 {
        self.count
    }

    fn add(&mut self, other: &Self) {
        self.count += other.count;
        add(&mut self.amount_minor, other.amount_minor);
        add(&mut self.costed_amount_minor, other.costed_amount_minor);
        add(&mut self.cost_minor, other.cost_minor);
    }

    fn subtract(&mut self, other: &Self) -> Option<()> {
        self.count = self.count.checked_sub(other.count)?;
        subtract(&mut self.amount_minor, other.amount_minor)?;
        subtract(&mut self.costed_amount_minor, other.costed_amount_minor)?;
        subtract(&mut self.cost_minor, other.cost_minor)
    }
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

impl<'a> Ledger<'a> {
    fn from_facts(mut facts: Vec<&'a Transaction>) -> Self {
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

    /// The purchases that were not taken back in full, by day.
    fn close(self) -> Vec<PurchaseDay> {
        let left = self.purchases.into_iter().filter(|it| !it.is_gone());
        let entries = left.map(|purchase| {
            let cost_minor = purchase.cost_minor;
            PurchaseDay {
                day: purchase.fact.when.day,
                currency: purchase.currency(),
                category: purchase.fact.category.clone(),
                count: 1,
                amount_minor: purchase.amount_minor,
                costed_amount_minor: cost_minor.map_or(0, |_| purchase.amount_minor),
                cost_minor: cost_minor.unwrap_or(0),
            }
        });
        sum_up(entries.collect())
    }
}
