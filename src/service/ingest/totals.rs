//! Totals of refunds: a source that states how much of an order was paid back so far, and not when and how much each time.
//!
//! What is recorded is a plain refund of what is missing of the total, so that facts stay what they are: each says what happened, none is
//! changed, and the fold does not know of totals.

use std::collections::{HashMap, HashSet};

use sqlx::PgConnection;

use super::{NewFact, locked::Locked};
use crate::{
    domain::{
        customer::{
            facts::{FactKey, Transaction, TransactionKind},
            group::Groups,
            profile::{Facts, reversed_keys},
        },
        money::Currency,
    },
    store::{self, error::StoreError},
};

/// What follows from the items of a batch that state totals.
#[derive(Debug)]
pub(super) struct Settled<F> {
    /// What is to be recorded.
    pub(super) refunds: Vec<NewFact<F>>,
    /// Items of which nothing is missing.
    pub(super) repeated: Vec<F>,
    /// The keys of refunds that could not have the key that their item states, with that one.
    pub(super) renamed: Vec<(FactKey, FactKey)>,
}

impl<F> Default for Settled<F> {
    fn default() -> Self {
        Self {
            refunds: vec![],
            repeated: vec![],
            renamed: vec![],
        }
    }
}

/// Compares the totals of a batch with the refunds that are recorded, in the order of the batch: of two totals of one order the second is
/// compared with what the first one adds. The customers are locked, so that no refund is recorded in between.
pub(super) async fn settle(
    tx: &mut PgConnection,
    items: &[&NewFact<Transaction>],
    locked: &Locked,
) -> Result<Settled<Transaction>, StoreError> {
    let totals: Vec<&NewFact<Transaction>> =
        items.iter().copied().filter(|item| item.is_total).collect();
    let mut settled = Settled::default();
    if totals.is_empty() {
        return Ok(settled);
    }
    // Plain refunds of the same call are recorded with it, whatever stands first.
    let plain = items.iter().filter(|item| !item.is_total);
    let plain = plain.map(|item| &item.fact);
    let (mut refunded, mut taken) = sum_refunds(tx, &totals, plain, locked).await?;
    for total in totals {
        // Refunds of customers who were merged count together.
        let key = of_root(&total.fact.key, locked);
        let sum = sum_of(&total.fact, locked).and_then(|key| refunded.get_mut(&key));
        let Some(sum) = sum else {
            continue;
        };
        let missing = total.fact.amount.amount_minor - *sum;
        if missing <= 0 {
            settled.repeated.push(total.fact.clone());
            continue;
        }
        *sum += missing;
        let mut refund = total.clone();
        refund.fact.amount.amount_minor = missing;
        // The key of a total may belong to what was missing of it at an earlier time, before other refunds were withdrawn or reversed.
        refund.fact.key.id = free_key(&key, &taken).id;
        if refund.fact.key != total.fact.key {
            let keys = (refund.fact.key.clone(), total.fact.key.clone());
            settled.renamed.push(keys);
        }
        taken.insert(of_root(&refund.fact.key, locked));
        settled.refunds.push(refund);
    }
    Ok(settled)
}

/// The key of a fact as one of the customer with whose profile it is.
fn of_root(key: &FactKey, locked: &Locked) -> FactKey {
    FactKey {
        customer_id: locked.root(&key.customer_id).clone(),
        ..key.clone()
    }
}

/// A key that no refund of the order has: the one stated, or with `+2`, `+3` and so on behind it.
fn free_key(stated: &FactKey, taken: &HashSet<FactKey>) -> FactKey {
    let mut key = stated.clone();
    for number in 2.. {
        if !taken.contains(&key) {
            break;
        }
        key.id = format!("{}+{number}", &*stated.id).into();
    }
    key
}

/// The order and currency whose refunds a transaction adds to; `None` if it is not a refund that names its order.
fn sum_of(fact: &Transaction, locked: &Locked) -> Option<(FactKey, Currency)> {
    let original = of_root(&fact.original_key()?, locked);
    (fact.kind == TransactionKind::Refund).then_some((original, fact.amount.currency))
}

/// What is paid back of an order in a currency, in minor units.
type Sums = HashMap<(FactKey, Currency), i64>;

/// What is paid back of the orders of `totals` by recorded and by `new` transactions, an entry for each order; and the keys of the recorded ones.
async fn sum_refunds<'a>(
    tx: &mut PgConnection,
    totals: &[&NewFact<Transaction>],
    new: impl Iterator<Item = &'a Transaction>,
    locked: &Locked,
) -> Result<(Sums, HashSet<FactKey>), StoreError> {
    let mut sums = Sums::new();
    let mut orders = Facts::default();
    let groups = Groups::from_profiles(locked.profiles.values());
    for total in totals {
        if let Some((original, currency)) = sum_of(&total.fact, locked) {
            for customer_id in groups.with_members(std::slice::from_ref(&original.customer_id)) {
                let mut order = total.fact.clone();
                order.key = original.clone();
                order.key.customer_id = customer_id;
                orders.transactions.push(order);
            }
            sums.insert((original, currency), 0);
        }
    }
    let recorded = store::related::list(tx, std::iter::once(&orders)).await?;
    let recorded = recorded.into_values().flat_map(|facts| facts.transactions);
    let recorded = groups.join_keyed(recorded.collect(), |fact| &mut fact.key);
    let taken = recorded.iter().map(|fact| fact.key.clone()).collect();
    let new = new.map(|fact| Transaction {
        key: of_root(&fact.key, locked),
        ..fact.clone()
    });
    let facts = new.chain(recorded).map(|fact| (fact.key.clone(), fact));
    let facts: HashMap<FactKey, Transaction> = facts.collect();
    let reversed = reversed_keys(facts.values());
    for fact in facts.values().filter(|fact| !reversed.contains(&fact.key)) {
        if let Some(sum) = sum_of(fact, locked).and_then(|key| sums.get_mut(&key)) {
            *sum += fact.amount.amount_minor;
        }
    }
    Ok((sums, taken))
}
