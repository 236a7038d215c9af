//! Purchases by day, currency and category, net of what refunds and reversals take back.
//!
//! Each purchase is kept by itself while refunds are taken off it, so that what it leaves on its day never depends on what else was
//! bought there.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, HashMap},
};

use super::{
    days::{Entry, add, subtract, sum_up},
    taken_back::reversed_keys,
    totals::{Refund, paid_back},
};
use crate::domain::{
    calendar::Day,
    customer::{
        facts::{FactKey, Transaction, TransactionKind},
        profile::{ForeignRefund, ForeignRefunds, PurchaseDay},
    },
    money::{Currency, Money},
    text::Label,
};

/// What transactions, each key once and in the order of the keys, come to.
#[derive(Debug, Default)]
pub(super) struct NetPurchases {
    /// In order.
    pub(super) days: Vec<PurchaseDay>,
    /// Refunds and reversals that found not everything they take back.
    pub(super) unmatched: Unmatched,
}

/// Refunds and reversals that found not everything they take back.
#[derive(Debug, Default)]
pub(super) struct Unmatched {
    /// How many.
    pub(super) count: u32,
    /// What refunds found nothing for, in minor units.
    pub(super) amounts: BTreeMap<Currency, i64>,
}

impl Unmatched {
    /// What a history knows of them.
    pub(super) fn new(count: u32, amounts: &[Money]) -> Self {
        let amounts = amounts.iter();
        Self {
            count,
            amounts: amounts.map(|it| (it.currency, it.amount_minor)).collect(),
        }
    }

    fn push(&mut self, refund: Refund<'_>, missing_minor: i64) {
        self.count += 1;
        if missing_minor > 0 {
            let sum = self.amounts.entry(refund.currency()).or_default();
            add(sum, missing_minor);
        }
    }

    /// These with what some of them came to before replaced by what they come to now; `None` where that much was never added.
    pub(super) fn replace(mut self, before: &Self, now: &Self) -> Option<Self> {
        self.count = self.count.checked_sub(before.count)? + now.count;
        for (currency, amount_minor) in &before.amounts {
            subtract(self.amounts.get_mut(currency)?, *amount_minor)?;
        }
        for (currency, amount_minor) in &now.amounts {
            add(self.amounts.entry(*currency).or_default(), *amount_minor);
        }
        self.amounts.retain(|_, amount_minor| *amount_minor > 0);
        Some(self)
    }

    /// The amounts, by currency.
    pub(super) fn into_amounts(self) -> Box<[Money]> {
        let amounts = self.amounts.into_iter();
        let amounts = amounts.map(|(currency, amount_minor)| Money {
            amount_minor,
            currency,
        });
        amounts.collect()
    }
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
        let refunds: Vec<&Transaction> = counting().filter(|fact| !is_purchase(fact)).collect();
        let mut refunds = paid_back(&refunds);
        // Refunds that name a purchase come first: what they leave is what the others may take.
        refunds.sort_by_key(|refund| (refund.fact.original_id.is_none(), refund.fact.when.day));
        let mut unmatched = Unmatched::default();
        for refund in refunds {
            let missing_minor = match refund.fact.original_key() {
                Some(key) if refund.fact.kind == TransactionKind::Reversal => {
                    let found = transactions.binary_search_by(|fact| fact.key.cmp(&key));
                    // The amount of a reversal says nothing.
                    found.err().map(|_| 0)
                }
                Some(key) => ledger.refund_named(refund, &key),
                None => ledger.refund_latest(refund),
            };
            if let Some(missing_minor) = missing_minor {
                unmatched.push(refund, missing_minor);
            }
        }
        Self {
            days: ledger.close(&mut unmatched),
            unmatched,
        }
    }
}

impl Entry for PurchaseDay {
    type Key<'a> = (Day, Currency, Option<&'a Label>, Option<&'a ForeignRefunds>);

    fn key(&self) -> Self::Key<'_> {
        let foreign = self.foreign_refunds.as_deref();
        (self.day, self.currency, self.category.as_ref(), foreign)
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
    /// Refunds in other currencies, which take from it when amounts are converted.
    foreign: Vec<Refund<'a>>,
}

impl<'a> Purchase<'a> {
    fn new(fact: &'a Transaction) -> Self {
        Self {
            fact,
            amount_minor: fact.amount.amount_minor,
            cost_minor: fact.cost_minor,
            foreign: vec![],
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
    fn take(&mut self, wanted: i64, refund: Refund<'_>) -> i64 {
        let taken = wanted.min(self.amount_minor);
        if let Some(cost_minor) = &mut self.cost_minor {
            let whole = refund.amount_minor;
            let returned = match refund.fact.cost_minor {
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

    /// The refunds in other currencies of a purchase that has money left; where it has none, they found nothing.
    fn close_foreign(&self, unmatched: &mut Unmatched) -> Option<Box<ForeignRefunds>> {
        if self.foreign.is_empty() {
            return None;
        }
        if self.amount_minor == 0 {
            let refunds = self.foreign.iter();
            for refund in refunds.filter(|refund| refund.amount_minor > 0) {
                unmatched.push(*refund, refund.amount_minor);
            }
            return None;
        }
        let refunds = self.foreign.iter().map(|refund| ForeignRefund {
            day: refund.fact.when.day,
            currency: refund.currency(),
            amount_minor: refund.amount_minor,
            cost_minor: refund.fact.cost_minor,
        });
        let mut refunds: Box<[ForeignRefund]> = refunds.collect();
        refunds.sort_unstable();
        Some(Box::new(ForeignRefunds {
            amount_minor: self.amount_minor,
            cost_minor: self.cost_minor,
            refunds,
        }))
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

    /// Takes a refund off the purchase it names, or puts it next to it where it is in another currency. Returns what of it was not found;
    /// `None` if all of it was.
    fn refund_named(&mut self, refund: Refund<'a>, key: &FactKey) -> Option<i64> {
        let wanted = refund.amount_minor;
        let Some(&at) = self.at.get(key) else {
            return Some(wanted);
        };
        if self.purchases[at].currency() != refund.currency() {
            self.purchases[at].foreign.push(refund);
            return None;
        }
        let taken = self.take(at, wanted, refund);
        (taken < wanted).then(|| wanted - taken)
    }

    /// Takes a refund off the latest day on or before it that has money in its currency, and what is left of it off the days before.
    /// Returns what of it was not found; `None` if all of it was.
    fn refund_latest(&mut self, refund: Refund<'_>) -> Option<i64> {
        let (currency, day) = (refund.currency(), refund.fact.when.day);
        let mut left = refund.amount_minor;
        let mut from = self.purchases.partition_point(|purchase| {
            (purchase.currency(), Reverse(purchase.fact.when.day)) < (currency, Reverse(day))
        });
        while left > 0 {
            let next = self.with_money.range(from..).next().copied();
            let Some(at) = next.filter(|&at| self.purchases[at].currency() == currency) else {
                return Some(left);
            };
            left -= self.take(at, left, refund);
            from = at + 1;
        }
        None
    }

    fn take(&mut self, at: usize, wanted: i64, refund: Refund<'_>) -> i64 {
        let purchase = &mut self.purchases[at];
        let taken = purchase.take(wanted, refund);
        if purchase.amount_minor == 0 {
            self.with_money.remove(&at);
        }
        taken
    }

    /// The purchases that were not taken back in full, by day. Notes the refunds in other currencies that found no money.
    fn close(self, unmatched: &mut Unmatched) -> Vec<PurchaseDay> {
        let mut closed = Vec::with_capacity(self.purchases.len());
        for purchase in self.purchases {
            let foreign = purchase.close_foreign(unmatched);
            if !purchase.is_gone() {
                closed.push((purchase, foreign));
            }
        }
        let entries = closed.into_iter().map(|(purchase, foreign_refunds)| {
            let cost_minor = purchase.cost_minor;
            PurchaseDay {
                day: purchase.fact.when.day,
                currency: purchase.currency(),
                category: purchase.fact.category.clone(),
                count: 1,
                amount_minor: purchase.amount_minor,
                costed_amount_minor: cost_minor.map_or(0, |_| purchase.amount_minor),
                cost_minor: cost_minor.unwrap_or(0),
                foreign_refunds,
            }
        });
        sum_up(entries.collect())
    }
}
