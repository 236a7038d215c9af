//! Reversals that are recorded only where there is something to reverse: a source that exports the states of its orders, and not what became
//! of them, states of each one that is no sale that it is none, whether it ever was one or not.

use std::collections::{HashMap, HashSet};

use sqlx::PgConnection;

use super::{NewFact, locked::Locked};
use crate::{
    domain::{
        customer::{
            facts::{FactKey, Transaction},
            group::{Groups, namesakes::Namesakes},
            profile::{Facts, reversed_keys},
        },
        text::CustomerId,
    },
    store::{self, error::StoreError, fact_keys::KeyedKind},
};

/// The items of a batch that are not recorded.
#[derive(Debug, Default)]
pub(super) struct Unneeded {
    /// Those that have nothing to reverse.
    pub(super) idle: HashSet<FactKey>,
    /// Those whose original is another customer's, and whose.
    pub(super) foreign: HashMap<FactKey, CustomerId>,
}

impl Unneeded {
    pub(super) fn contains(&self, key: &FactKey) -> bool {
        self.idle.contains(key) || self.foreign.contains_key(key)
    }
}

/// Compares the conditional reversals of a batch with what is recorded. The customers are locked, so that nothing is recorded in between.
pub(super) async fn sort_out(
    tx: &mut PgConnection,
    items: &[&NewFact<Transaction>],
    locked: &Locked,
) -> Result<Unneeded, StoreError> {
    let (conditional, others): (Vec<_>, Vec<_>) =
        items.iter().copied().partition(|item| item.needs_original);
    let mut unneeded = Unneeded::default();
    if conditional.is_empty() {
        return Ok(unneeded);
    }
    let Related { facts, namesakes } = list_related(tx, &conditional, &others, locked).await?;
    let facts: HashMap<FactKey, Transaction> =
        facts.into_iter().map(|it| (it.key.clone(), it)).collect();
    let groups = Groups::from_profiles(locked.profiles.values());
    let of_root = |key: &FactKey| groups.transaction_key(key, &namesakes);
    let reversed = reversed_keys(facts.values());
    let mut missing = vec![];
    for item in conditional {
        let Some(original) = item.fact.original_key() else {
            continue;
        };
        let root = of_root(&original);
        // One that was recorded before is a duplicate, like any fact.
        let is_known = facts.contains_key(&of_root(&item.fact.key));
        if !facts.contains_key(&root) {
            missing.push((item.fact.key.clone(), original));
        } else if reversed.contains(&root) && !is_known {
            unneeded.idle.insert(item.fact.key.clone());
        }
    }
    let originals = missing.iter().map(|(_, original)| original).collect();
    let owners = store::fact_keys::list_others(tx, KeyedKind::Transaction, originals).await?;
    for (key, original) in missing {
        match owners.get(&original) {
            // It goes where its original was moved.
            Some(owner) if owner.is_moved => {}
            Some(owner) if !locked.is_one(&owner.customer_id, &original.customer_id) => {
                unneeded.foreign.insert(key, owner.customer_id.clone());
            }
            _ => {
                unneeded.idle.insert(key);
            }
        }
    }
    Ok(unneeded)
}

/// What the items of a batch are compared with.
struct Related {
    /// Transactions as those of the customers as whose they count.
    facts: Vec<Transaction>,
    /// Those among them that have the source and id of another one.
    namesakes: Namesakes,
}

/// The originals of the items, with all that is related to them by names, and what comes with the same call, which counts whatever stands
/// first. Facts of customers who were merged count together.
async fn list_related(
    tx: &mut PgConnection,
    conditional: &[&NewFact<Transaction>],
    others: &[&NewFact<Transaction>],
    locked: &Locked,
) -> Result<Related, StoreError> {
    let groups = Groups::from_profiles(locked.profiles.values());
    let mut orders = Facts::default();
    for item in conditional {
        let Some(original) = item.fact.original_key() else {
            continue;
        };
        let root = locked.root(&original.customer_id).clone();
        for customer_id in groups.with_members(&[root]) {
            let mut order = item.fact.clone();
            order.key = FactKey {
                customer_id,
                ..original.clone()
            };
            orders.transactions.push(order);
        }
    }
    let mut related = store::related::list(tx, std::iter::once(&orders)).await?;
    let recorded = related.values().flat_map(|facts| &facts.transactions);
    let mut known: HashSet<FactKey> = recorded.map(|fact| fact.key.clone()).collect();
    for item in others {
        if known.insert(item.fact.key.clone()) {
            let of_customer = related.entry(item.fact.key.customer_id.clone());
            let facts = of_customer.or_default();
            facts.transactions.push(item.fact.clone());
        }
    }
    let namesakes = Namesakes::new(&groups, &related);
    let facts = groups.join(related, &namesakes).into_values();
    Ok(Related {
        facts: facts.flat_map(|facts| facts.transactions).collect(),
        namesakes,
    })
}
