//! Recording contracts. A contract may be observed again and again: what differs from what is known of it is a new fact.
//!
//! What says since when it holds is known if that was said before of the same day. What does not say it is how the contract stands now,
//! and is known if it stands so already: to return to earlier terms is news. Of several sayings of a contract in a call the last is how it
//! stands; those before it are how it came to that, and are known wherever they were recorded.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use sqlx::PgConnection;

use super::{
    Call, Ingest, Outcome,
    commit::{Changes, Imported, commit, end_unwritten},
    creation::create_customers,
    facts::{CustomerFact, NewFact, add_currencies},
    fold::fold_new,
    keys::Sources,
    locked::{Locked, begin, distinct},
    moves,
    placement::{FoundBy, confirm, created_by, insert_begun},
    repeats::note_facts,
};
use crate::{
    domain::{
        calendar::Day,
        customer::{
            CustomerKind,
            facts::{ContractFact, ContractTerms, FactKey},
            profile::Facts,
        },
        definitions::SameId,
        money::Currency,
        text::CustomerId,
    },
    service::{error::ServiceError, retry::retry_unless_placed},
    store::{
        self, customers::Customer, error::StoreError, fact_keys::KeyedKind, imports::ImportedKind,
        repeats::RepeatedFact,
    },
};

/// How a contract stands, as a source says it.
#[derive(Debug, Clone)]
pub struct NewContract {
    /// Customer, source and contract id.
    pub key: FactKey,
    /// What is agreed.
    pub terms: ContractTerms,
    /// The day from which this is so, where the source says it; not before the first day of the contract.
    pub effective_on: Option<Day>,
    /// The day on which it is recorded.
    pub today: Day,
    /// What the customer is, if this fact creates them; a person when it is `None`.
    pub customer_kind: Option<CustomerKind>,
    /// By which identifier the customer was found, if not named by id.
    pub found_by: Option<Arc<FoundBy>>,
}

/// An observation that is new.
#[derive(Debug, Clone)]
struct Observation {
    customer_id: CustomerId,
    fact: ContractFact,
}

impl CustomerFact for Observation {
    fn customer_id(&self) -> &CustomerId {
        &self.customer_id
    }

    fn currency(&self) -> Option<Currency> {
        Some(self.fact.terms.price.currency)
    }

    fn add_to(self, facts: &mut Facts) {
        facts.contracts.push(self.fact);
    }
}

/// Records a batch. One outcome for each item, in their order.
pub(super) async fn write(
    ingest: &Ingest,
    batch: &[NewContract],
    call: &Call,
) -> Result<Vec<Outcome>, ServiceError> {
    if batch.is_empty() {
        return Ok(vec![]);
    }
    let is_placed = batch.iter().any(|item| item.found_by.is_some());
    let write = || retry_unless_placed(is_placed, || write_once(ingest, batch, call));
    let mut tried = write().await?;
    if !tried.following.is_empty() {
        let named = |id: &CustomerId| {
            let item = batch.iter().find(|item| item.key.customer_id == *id)?;
            Some(Customer {
                customer_id: id.clone(),
                kind: item.customer_kind.unwrap_or(CustomerKind::Person),
                display_name: None,
            })
        };
        let kind = KeyedKind::Contract;
        moves::follow(ingest, kind, &tried.following, named, call.deadline).await?;
        tried = write().await?;
        // Somebody else moves them at the same time.
        if !tried.following.is_empty() {
            return Err(ServiceError::Contended);
        }
    }
    Ok(tried.outcomes)
}

/// What a try came to.
#[derive(Default)]
struct Tried {
    outcomes: Vec<Outcome>,
    /// Contracts that are to be moved to the customer they were sent for, and whose they are: nothing is written before.
    following: Vec<(FactKey, CustomerId)>,
}

/// One try.
#[expect(
    clippy::too_many_lines,
    reason = "one transaction, in the order of its steps: each needs what those before it found"
)]
async fn write_once(
    ingest: &Ingest,
    batch: &[NewContract],
    call: &Call,
) -> Result<Tried, StoreError> {
    let recorded_at = ingest.clock.now();
    let customers = distinct(batch.iter().map(|item| &item.key.customer_id));
    let (mut tx, locked) = begin(ingest, &customers, call.deadline).await?;
    let placed = batch
        .iter()
        .map(|item| (&item.key.customer_id, item.found_by.as_ref()));
    let begun = confirm(&mut tx, placed.clone(), &locked).await?;
    let identifiers = created_by(placed.map(|(_, found_by)| found_by));
    let erased = locked.erased();
    let foreign = claim(ingest, &mut tx, batch, &locked).await?;
    let following: Vec<(FactKey, CustomerId)> = foreign
        .iter()
        .filter(|(_, contract)| contract.follows)
        .map(|(key, contract)| (key.clone(), contract.owner.clone()))
        .collect();
    if !following.is_empty() {
        tx.rollback().await?;
        return Ok(Tried {
            following,
            ..Tried::default()
        });
    }
    let mut known = list_known(&mut tx, batch).await?;
    let mut last_of: HashMap<&FactKey, usize> = HashMap::with_capacity(batch.len());
    last_of.extend(batch.iter().enumerate().map(|(at, item)| (&item.key, at)));
    let mut outcomes = Vec::with_capacity(batch.len());
    let mut new: Vec<NewFact<Observation>> = vec![];
    let mut repeated = vec![];
    for (at, item) in batch.iter().enumerate() {
        let id = &item.key.customer_id;
        if erased.contains(id) {
            outcomes.push(Outcome::CustomerErased);
            continue;
        }
        if let Some(foreign) = foreign.get(&item.key) {
            outcomes.push(foreign.outcome(item));
            continue;
        }
        let stored = locked.version(id);
        let known = known.entry(item.key.clone()).or_default();
        let is_last = last_of.get(&item.key) == Some(&at);
        outcomes.push(match observe(item, is_last, known, stored) {
            Ok(fact) => {
                known.push(fact.clone());
                let customer_id = id.clone();
                let is_first = locked.profile(id).is_none()
                    && new.iter().all(|item| item.fact.customer_id != *id);
                new.push(NewFact {
                    fact: Observation { customer_id, fact },
                    customer_kind: item.customer_kind,
                    is_total: false,
                    found_by: None,
                });
                Outcome::written(is_first)
            }
            Err(outcome) => {
                if let (Outcome::Duplicate, Some(fact)) =
                    (&outcome, find_known(item, is_last, known))
                {
                    repeated.push(RepeatedFact::contract(&item.key, fact.profile_version));
                }
                outcome
            }
        });
    }
    // Before anything is written: what the call itself writes repeats nothing.
    let notes = note_facts(&mut tx, call, &repeated, recorded_at).await?;
    if new.is_empty() {
        end_unwritten(ingest, tx, notes).await?;
        ingest.identifiers.renew(&identifiers).await;
        return Ok(Tried {
            outcomes,
            ..Tried::default()
        });
    }
    let written: Vec<&NewFact<Observation>> = new.iter().collect();
    let facts = new
        .iter()
        .map(|item| (&item.fact.customer_id, &item.fact.fact));
    store::contracts::insert(&mut tx, facts, recorded_at).await?;
    let import_id = call.import.as_ref();
    create_customers(&mut tx, import_id, &written, &locked, recorded_at).await?;
    let created = new.iter().map(|item| &item.fact.customer_id).collect();
    insert_begun(&mut tx, begun, &created, recorded_at).await?;
    let kind = ImportedKind::Contract;
    let written_to = new.iter().map(|item| &item.fact.customer_id);
    let imported = Imported::begin(call, kind, new.len(), written_to, &locked);
    let roots = locked.roots(&customers);
    let mut folded = fold_new(&mut tx, &written, locked, recorded_at).await?;
    for item in &new {
        let id = &item.fact.customer_id;
        if let Some(profile) = folded.get_mut(roots.get(id).unwrap_or(id)) {
            profile.version = profile.version.max(item.fact.fact.profile_version);
        }
    }
    let changes = Changes {
        profiles: folded,
        identifiers,
        new_currency: add_currencies(&mut tx, &written, recorded_at).await?,
        imported,
        former: vec![],
        merged: vec![],
    };
    commit(ingest, tx, changes, recorded_at).await?;
    Ok(Tried {
        outcomes,
        ..Tried::default()
    })
}

/// A contract of a batch that another customer has.
struct ForeignContract {
    owner: CustomerId,
    /// What is recorded of it, if it was moved from the customer it was sent for, or both are merged.
    moved: Option<Vec<ContractFact>>,
    /// Whether it is to be moved to that one.
    follows: bool,
}

impl ForeignContract {
    /// What becomes of an item that names it: what was moved away is known there; what is new of it is to be sent for the other customer.
    fn outcome(&self, item: &NewContract) -> Outcome {
        let mut moved = self.moved.iter().flatten();
        if moved.any(|fact| fact.terms == item.terms) {
            Outcome::Duplicate
        } else {
            Outcome::OtherCustomer(self.owner.clone())
        }
    }
}

/// Notes whose the contracts of a batch are. Returns those that another customer has.
async fn claim(
    ingest: &Ingest,
    tx: &mut PgConnection,
    batch: &[NewContract],
    locked: &Locked,
) -> Result<HashMap<FactKey, ForeignContract>, StoreError> {
    let keys: HashSet<&FactKey> = batch.iter().map(|item| &item.key).collect();
    let keys = keys
        .into_iter()
        .filter(|key| locked.erased_at(&key.customer_id).is_none());
    let sources = Sources::new(ingest);
    let owners = sources.claim(tx, KeyedKind::Contract, keys).await?;
    let mut foreign = HashMap::with_capacity(owners.len());
    for (key, owner) in owners {
        let owned = FactKey {
            customer_id: owner.customer_id.clone(),
            ..key.clone()
        };
        let mut recorded = store::contracts::list_by_key(tx, &[&owned]).await?;
        let recorded = recorded.remove(&owner.customer_id);
        let is_same = |item: &NewContract| {
            let mut recorded = recorded.iter().flatten();
            item.key != key || recorded.all(|fact| identity(&fact.terms) == identity(&item.terms))
        };
        let is_known = owner.is_moved || locked.is_one(&key.customer_id, &owner.customer_id);
        let follows =
            !is_known && sources.same_id(&key.source) == SameId::Move && batch.iter().all(is_same);
        let contract = ForeignContract {
            owner: owner.customer_id,
            moved: recorded.filter(|_| is_known),
            follows,
        };
        foreign.insert(key, contract);
    }
    Ok(foreign)
}

/// What is recorded of the contracts of a batch.
async fn list_known(
    tx: &mut PgConnection,
    batch: &[NewContract],
) -> Result<HashMap<FactKey, Vec<ContractFact>>, StoreError> {
    let keys: Vec<&FactKey> = batch.iter().map(|item| &item.key).collect();
    let mut known: HashMap<FactKey, Vec<ContractFact>> = HashMap::new();
    for (customer_id, facts) in store::contracts::list_by_key(tx, &keys).await? {
        for fact in facts {
            let key = FactKey {
                customer_id: customer_id.clone(),
                source: fact.source.clone(),
                id: fact.contract_id.clone(),
            };
            known.entry(key).or_default().push(fact);
        }
    }
    Ok(known)
}

/// What an item adds to what is known of its contract, or why it adds nothing. `is_last`: nothing more is said of the contract in the
/// call; `stored_version` is that of the profile before it.
fn observe(
    item: &NewContract,
    is_last: bool,
    known: &[ContractFact],
    stored_version: i64,
) -> Result<ContractFact, Outcome> {
    let terms = &item.terms;
    if known
        .iter()
        .any(|fact| identity(&fact.terms) != identity(terms))
    {
        return Err(Outcome::OtherContract);
    }
    if find_known(item, is_last, known).is_some() {
        return Err(Outcome::Duplicate);
    }
    let effective_on = item
        .effective_on
        .unwrap_or_else(|| from_now_on(item, known));
    // Of two observations for one day the one of the later version holds: the second of a call is one further.
    let versions = known.iter().map(|fact| fact.profile_version);
    let last_version = versions.fold(stored_version, i64::max);
    Ok(ContractFact {
        source: item.key.source.clone(),
        contract_id: item.key.id.clone(),
        terms: terms.clone(),
        effective_on,
        profile_version: last_version + 1,
    })
}

/// What makes terms those of one contract.
fn identity(terms: &ContractTerms) -> (Day, u32) {
    (terms.started_on, terms.period_months)
}

/// The recorded observation that an item repeats.
fn find_known<'a>(
    item: &NewContract,
    is_last: bool,
    known: &'a [ContractFact],
) -> Option<&'a ContractFact> {
    let mut same = known.iter().filter(|fact| fact.terms == item.terms);
    if let Some(day) = item.effective_on {
        return same.find(|fact| fact.effective_on == day);
    }
    if !is_last {
        return same.next();
    }
    let order = |fact: &&ContractFact| (fact.effective_on, fact.profile_version);
    let so_far = known.iter().filter(|fact| fact.effective_on <= item.today);
    // What holds from tomorrow on may be known today, and either may be meant.
    let holding = so_far.max_by_key(order);
    let latest = known.iter().max_by_key(order);
    let mut stands = holding.into_iter().chain(latest);
    stands.find(|fact| fact.terms == item.terms)
}

/// The day from which an observation holds that does not say it: the first thing said of a contract from its first day on, a change
/// from the day it is recorded, an end from the day of the end if that is earlier. Never behind what is known: it is the news.
fn from_now_on(item: &NewContract, known: &[ContractFact]) -> Day {
    let terms = &item.terms;
    let news = terms.ended_on.map_or(item.today, |end| end.min(item.today));
    match known.iter().map(|fact| fact.effective_on).max() {
        Some(last) => news.max(last),
        None if terms.ended_on.is_some() => news.max(terms.started_on),
        None => terms.started_on,
    }
}

#[cfg(test)]
mod tests;
