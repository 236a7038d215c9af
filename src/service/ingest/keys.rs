//! Facts that were sent for a customer, and are another's: their source and id name a fact that is recorded already.
//!
//! Such a fact would count twice. What becomes of it is for the definitions in force to say, source by source. A refund or retraction, which
//! takes such a fact back, would find nothing: it goes where that one was moved, and is refused with one that is refused.

use std::collections::{HashMap, HashSet};

use sqlx::PgConnection;

use super::{Ingest, NewFact, facts::KeyedFact, locked::Locked, moves::Settled};
use crate::{
    domain::{
        customer::{facts::FactKey, group::Groups},
        definitions::SameId,
        text::{CustomerId, Label},
    },
    store::{
        error::StoreError,
        fact_keys::{self, KeyedKind, Owner},
        fact_moves::Moving,
    },
};

/// What the definitions in force say of sources.
pub(super) struct Sources<'a> {
    ingest: &'a Ingest,
}

impl<'a> Sources<'a> {
    pub(super) fn new(ingest: &'a Ingest) -> Self {
        Self { ingest }
    }

    pub(super) fn same_id(&self, source: &Label) -> SameId {
        let basis = self.ingest.bases.current();
        let definitions = basis.revision.definitions.as_deref();
        definitions.map_or_else(SameId::default, |it| it.same_id(source))
    }

    /// Notes whose the facts of `keys` are. Returns those that another customer has.
    pub(super) async fn claim<'k>(
        &self,
        tx: &mut PgConnection,
        kind: KeyedKind,
        keys: impl Iterator<Item = &'k FactKey>,
    ) -> Result<HashMap<FactKey, Owner>, StoreError> {
        let kept = keys.filter(|key| self.same_id(&key.source) != SameId::Separate);
        fact_keys::claim(tx, kind, kept.collect()).await
    }
}

/// The facts of a batch that are other customers'.
#[derive(Debug)]
pub(super) struct Foreign<F> {
    /// What is recorded of those that are known for the customer they were sent for, because they were moved from there, or both are merged;
    /// and of those whose content differs, which are not moved.
    pub(super) stored: HashMap<FactKey, F>,
    /// Those that are refused, and whose they are.
    pub(super) refused: HashMap<FactKey, CustomerId>,
    /// Those that are to be moved to the customer they were sent for, and whose they are: nothing else is written before.
    pub(super) following: Vec<(FactKey, CustomerId)>,
    /// Those that take back what was moved, and to whom: nothing else is written before they are recorded for that customer.
    pub(super) belonging: Vec<(FactKey, CustomerId)>,
}

impl<F> Default for Foreign<F> {
    fn default() -> Self {
        Self {
            stored: HashMap::new(),
            refused: HashMap::new(),
            following: vec![],
            belonging: vec![],
        }
    }
}

impl<F> Foreign<F> {
    pub(super) fn contains(&self, key: &FactKey) -> bool {
        self.stored.contains_key(key) || self.refused.contains_key(key)
    }
}

/// Notes whose the facts of a batch are, and sorts out those that another customer has.
pub(super) async fn claim<F: KeyedFact>(
    ingest: &Ingest,
    tx: &mut PgConnection,
    items: &[&NewFact<F>],
    locked: &Locked,
    settled: &Settled,
) -> Result<Foreign<F>, StoreError> {
    let sources = Sources::new(ingest);
    let mut foreign = Foreign::default();
    let apart = list_apart(tx, &sources, items, locked).await?;
    for (key, owner) in &apart {
        let owned = (FactKey::clone(key), owner.customer_id.clone());
        if owner.is_moved {
            foreign.belonging.push(owned);
        } else {
            foreign.refused.extend([owned]);
        }
    }
    foreign.stored = list_repeated(tx, &sources, items, locked).await?;
    let keys = items.iter().map(|item| item.fact.key());
    let keys = keys.filter(|key| !apart.contains_key(key));
    let others = sources.claim(tx, F::KEYED, keys).await?;
    if others.is_empty() {
        return Ok(foreign);
    }
    let under_owner = |key: &FactKey, owner: &Owner| FactKey {
        customer_id: owner.customer_id.clone(),
        ..key.clone()
    };
    let keys: Vec<FactKey> = others
        .iter()
        .map(|(key, it)| under_owner(key, it))
        .collect();
    let recorded = F::list_by_key(tx, &keys.iter().collect::<Vec<_>>()).await?;
    let recorded: HashMap<FactKey, F> = recorded
        .into_iter()
        .map(|fact| (fact.key().clone(), fact))
        .collect();
    for item in items {
        let key = item.fact.key();
        let Some(owner) = others.get(key) else {
            continue;
        };
        let recorded = recorded.get(&under_owner(key, owner)).cloned();
        let recorded = recorded.map(|fact| fact.of_customer(key.customer_id.clone()));
        let follows = sources.same_id(&key.source) == SameId::Move && !settled.has_moved(key);
        // Merged customers are one: what one of them has the other one has.
        let is_known = owner.is_moved || locked.is_one(&key.customer_id, &owner.customer_id);
        match recorded {
            Some(fact) if is_known || (follows && fact != item.fact) => {
                foreign.stored.insert(key.clone(), fact);
            }
            Some(_) if follows => {
                let following = (key.clone(), owner.customer_id.clone());
                foreign.following.push(following);
            }
            _ => {
                let id = owner.customer_id.clone();
                foreign.refused.insert(key.clone(), id);
            }
        }
    }
    Ok(foreign)
}

/// The facts of a batch whose ids are unique per customer only, that were found by an identifier and are recorded alike for another customer of
/// their group: a file that names customers by identifiers comes for the customer who stays after a merge.
async fn list_repeated<F: KeyedFact>(
    tx: &mut PgConnection,
    sources: &Sources<'_>,
    items: &[&NewFact<F>],
    locked: &Locked,
) -> Result<HashMap<FactKey, F>, StoreError> {
    let groups = Groups::from_profiles(locked.profiles.values());
    if groups.is_empty() {
        return Ok(HashMap::new());
    }
    let found = items.iter().filter(|item| {
        let source = &item.fact.key().source;
        item.found_by.is_some() && sources.same_id(source) == SameId::Separate
    });
    let found: HashMap<&FactKey, &F> = found.map(|item| (item.fact.key(), &item.fact)).collect();
    let mut sent: HashMap<FactKey, &FactKey> = HashMap::new();
    for key in found.keys() {
        let root = locked.root(&key.customer_id).clone();
        let others = groups.with_members(&[root]).into_iter();
        sent.extend(
            others
                .filter(|id| *id != key.customer_id)
                .map(|customer_id| {
                    let other = FactKey {
                        customer_id,
                        ..FactKey::clone(key)
                    };
                    (other, *key)
                }),
        );
    }
    let mut repeated = HashMap::new();
    for fact in F::list_by_key(tx, &sent.keys().collect::<Vec<_>>()).await? {
        let Some(key) = sent.get(fact.key()).copied() else {
            continue;
        };
        let fact = fact.of_customer(key.customer_id.clone());
        if found.get(key).is_some_and(|sent| **sent == fact) {
            repeated.insert(key.clone(), fact);
        }
    }
    Ok(repeated)
}

/// The new facts of a batch that take back a fact of another customer, to whom it was moved or for whom it is not sent here; and whose that is.
async fn list_apart<'a, F: KeyedFact>(
    tx: &mut PgConnection,
    sources: &Sources<'_>,
    items: &[&'a NewFact<F>],
    locked: &Locked,
) -> Result<HashMap<&'a FactKey, Owner>, StoreError> {
    let named = items.iter().filter_map(|item| {
        let taken_back = item.fact.taken_back()?;
        Some((item.fact.key(), taken_back))
    });
    let named = named.filter(|(_, it)| sources.same_id(&it.source) != SameId::Separate);
    let named: Vec<(&FactKey, FactKey)> = named.collect();
    let owners = named.iter().map(|(_, taken_back)| taken_back);
    let owners = fact_keys::list_others(tx, F::KEYED, owners.collect()).await?;
    let sent: HashSet<&FactKey> = items.iter().map(|item| item.fact.key()).collect();
    let mut apart: HashMap<&FactKey, Owner> = HashMap::new();
    for (key, taken_back) in named {
        let owner = owners.get(&taken_back);
        let owner = owner.filter(|it| !locked.is_one(&key.customer_id, &it.customer_id));
        // By itself it may be early: its customer may be merged with the other one, or get the fact.
        let owner = owner.filter(|it| it.is_moved || sent.contains(&taken_back));
        apart.extend(owner.map(|owner| (key, owner.clone())));
    }
    if apart.is_empty() {
        return Ok(apart);
    }
    // What is recorded stays where it is.
    let keys: Vec<&FactKey> = apart.keys().copied().collect();
    for fact in F::list_by_key(tx, &keys).await? {
        apart.remove(fact.key());
    }
    for key in fact_keys::list_others(tx, F::KEYED, keys).await?.keys() {
        apart.remove(key);
    }
    Ok(apart)
}

/// Notes for whom new facts were sent that are recorded for others, so that they are known when they come again.
pub(super) async fn note_placed(
    tx: &mut PgConnection,
    kind: KeyedKind,
    settled: &Settled,
    new: &HashSet<FactKey>,
) -> Result<(), StoreError> {
    for (sent, owner) in settled.all_placed() {
        let key = FactKey {
            customer_id: owner.clone(),
            ..sent.clone()
        };
        if new.contains(&key) {
            let moving = Moving {
                kind,
                names: &[(sent.source.clone(), sent.id.clone())],
                from: &sent.customer_id,
                to: owner,
            };
            fact_keys::note_sent_for(tx, moving).await?;
        }
    }
    Ok(())
}
