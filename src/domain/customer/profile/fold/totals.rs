//! What refunds paid back, where a source states totals: how much of a purchase was paid back so far, and not when and how much each time.
//!
//! Paid back of a transaction, in a currency, is the greatest of its totals and the sum of its single refunds. So totals and refunds may be
//! recorded in any order, repeatedly, and by several sources who speak of the same money.

use std::collections::HashMap;

use super::days::add;
use crate::domain::{
    customer::facts::{FactKey, Transaction, TransactionKind},
    money::Currency,
};

/// A refund or reversal with what it alone took back.
#[derive(Debug, Clone, Copy)]
pub(super) struct Refund<'a> {
    pub(super) fact: &'a Transaction,
    /// Of a total: what it adds to single refunds and smaller totals.
    pub(super) amount_minor: i64,
}

impl Refund<'_> {
    /// The currency of what was paid back.
    pub(super) fn currency(self) -> Currency {
        self.fact.amount.currency
    }
}

/// Each of the refunds and reversals, none of which was reversed, with what it took back; totals that add nothing are left out.
pub(super) fn paid_back<'a>(refunds: &[&'a Transaction]) -> Vec<Refund<'a>> {
    let mut totals: Vec<&Transaction> = refunds
        .iter()
        .copied()
        .filter(|fact| fact.kind == TransactionKind::RefundTotal)
        .collect();
    if totals.is_empty() {
        let refunds = refunds.iter().map(|fact| Refund {
            fact,
            amount_minor: fact.amount.amount_minor,
        });
        return refunds.collect();
    }
    let mut sums: HashMap<(FactKey, Currency), i64> = HashMap::new();
    for fact in refunds {
        if fact.kind == TransactionKind::Refund
            && let Some(original) = fact.original_key()
        {
            let sum = sums.entry((original, fact.amount.currency)).or_default();
            add(sum, fact.amount.amount_minor);
        }
    }
    totals.sort_by_key(|fact| (fact.amount.amount_minor, fact.when.day, &fact.key));
    let mut added: HashMap<&FactKey, i64> = HashMap::with_capacity(totals.len());
    for total in totals {
        if let Some(original) = total.original_key() {
            let sum = sums.entry((original, total.amount.currency)).or_default();
            let known = std::mem::replace(sum, total.amount.amount_minor.max(*sum));
            added.insert(&total.key, *sum - known);
        }
    }
    let refunds = refunds.iter().map(|fact| Refund {
        fact,
        amount_minor: if fact.kind == TransactionKind::RefundTotal {
            added.get(&fact.key).copied().unwrap_or_default()
        } else {
            fact.amount.amount_minor
        },
    });
    let adds = |refund: &Refund<'_>| {
        refund.amount_minor > 0 || refund.fact.kind != TransactionKind::RefundTotal
    };
    refunds.filter(adds).collect()
}
