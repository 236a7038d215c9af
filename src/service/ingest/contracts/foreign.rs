//! Contracts of a batch that other customers have: their source and id name a contract that is recorded already.
//!
//! Merged customers are one: a contract of one of them goes on with it, whichever of their ids it is sent for.

use std::collections::{HashMap, HashSet};

use sqlx::PgConnection;

use super::{NewContract, identity, list_known};
use crate::{
    domain::{
        customer::facts::{ContractFact, FactKey},
        definitions::SameId,
        text::CustomerId,
    },
    service::ingest::{Ingest, Outcome, keys::Sources, locked::Locked, moves::Settled},
    store::{
        error::StoreError,
        fact_keys::{KeyedKind, Owner},
    },
};

/// The contracts of a batch that other customers have.
#[derive(Default)]
pub(super) struct Foreign {
    /// Those of customers who are merged with the one they were sent for, with the keys under which they are recorded.
    continued: HashMap<FactKey, FactKey>,
    /// Those that stay where they are.
    staying: HashMap<FactKey, ForeignContract>,
    /// Those that are to be moved to the customer they were sent for, and whose they are: nothing else is written before.
    pub(super) following: Vec<(FactKey, CustomerId)>,
}

/// A contract that another customer has and keeps.
struct ForeignContract {
    owner: CustomerId,
    /// What is recorded of it, if it was moved from the customer it was sent for.
    moved: Vec<ContractFact>,
}

impl Foreign {
    /// The key under which a contract that is sent with this one is recorded.
    pub(super) fn recorded_key<'a>(&'a self, key: &'a FactKey) -> &'a FactKey {
        self.continued.get(key).unwrap_or(key)
    }

    /// What becomes of an item whose contract another customer has and keeps: what is known there is a duplicate; what is new of it is to be
    /// sent for that customer.
    pub(super) fn outcome(&self, item: &NewContract) -> Option<Outcome> {
        let contract = self.staying.get(&item.key)?;
        let mut moved = contract.moved.iter();
        Some(if moved.any(|fact| fact.terms == item.terms) {
            Outcome::Duplicate
        } else {
            Outcome::OtherCustomer(contract.owner.clone())
        })
    }
}

/// Notes whose the contracts of a batch are, and sorts out those that another customer has.
pub(super) async fn claim(
    ingest: &Ingest,
    tx: &mut PgConnection,
    batch: &[NewContract],
    locked: &Locked,
    settled: &Settled,
) -> Result<Foreign, StoreError> {
    // In their order: of several customers with one contract the first one has it.
    let mut seen = HashSet::with_capacity(batch.len());
    let keys = batch.iter().map(|item| &item.key);
    let keys = keys.filter(|key| seen.insert(*key) && locked.erased_at(&key.customer_id).is_none());
    let sources = Sources::new(ingest);
    let owners = sources.claim(tx, KeyedKind::Contract, keys).await?;
    let owned = |key: &FactKey, owner: &Owner| FactKey {
        customer_id: owner.customer_id.clone(),
        ..key.clone()
    };
    let (one, others): (Vec<_>, Vec<_>) = owners
        .into_iter()
        .partition(|(key, owner)| locked.is_one(&key.customer_id, &owner.customer_id));
    let continued = one.into_iter().map(|(key, owner)| {
        let recorded = owned(&key, &owner);
        (key, recorded)
    });
    let mut foreign = Foreign {
        continued: continued.collect(),
        ..Foreign::default()
    };
    let keys = others.iter().map(|(key, owner)| owned(key, owner));
    let keys: Vec<FactKey> = keys.collect();
    let known = list_known(tx, &keys.iter().collect::<Vec<_>>()).await?;
    for ((key, owner), owned) in others.into_iter().zip(&keys) {
        let recorded = known.get(owned).map_or(&[][..], Vec::as_slice);
        let is_same = |item: &NewContract| {
            let mut recorded = recorded.iter();
            item.key != key || recorded.all(|fact| identity(&fact.terms) == identity(&item.terms))
        };
        let follows = sources.same_id(&key.source) == SameId::Move && batch.iter().all(is_same);
        if follows && !owner.is_moved && !settled.has_moved(&key) {
            foreign.following.push((key, owner.customer_id));
        } else {
            let contract = ForeignContract {
                owner: owner.customer_id,
                moved: if owner.is_moved {
                    recorded.to_vec()
                } else {
                    vec![]
                },
            };
            foreign.staying.insert(key, contract);
        }
    }
    Ok(foreign)
}
