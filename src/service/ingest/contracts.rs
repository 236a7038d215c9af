//! Recording contracts. A contract may be observed again and again: what differs from what is known of it is a new fact.
//!
//! What says since when it holds is known if that was said before of the same day. What does not say it is how the contract stands now,
//! and is known if it stands so already: to return to earlier terms is news. Of several sayings of a contract in a call the last is how it
//! stands; those before it are how it came to that, and are known wherever they were recorded.

mod foreign;

use std::{collections::HashMap, sync::Arc};

use sqlx::PgConnection;

use self::foreign::Foreign;
use super::{
    Call, Ingest, Outcome,
    facts::{CustomerFact, NewFact},
    locked::{Locked, begin, distinct},
    moves::{self, Attempt, Settled},
    placement::{FoundBy, confirm},
    repeats::note_facts,
    written::{Written, finish},
};
use crate::{
    domain::{
        calendar::Day,
        customer::{
            CustomerKind,
            facts::{ContractFact, ContractTerms, FactKey},
            profile::Facts,
        },
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

    fn version(&self) -> Option<i64> {
        Some(self.fact.profile_version)
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
    let write = |settled: Arc<Settled>| {
        retry_unless_placed(&ingest.pool, is_placed, move || {
            write_once(ingest, batch, call, Arc::clone(&settled))
        })
    };
    let named = |id: &CustomerId| {
        let item = batch.iter().find(|item| item.key.customer_id == *id)?;
        Some(Customer {
            customer_id: id.clone(),
            kind: item.customer_kind.unwrap_or(CustomerKind::Person),
            display_name: None,
        })
    };
    let kind = KeyedKind::Contract;
    let done = moves::write_following(ingest, kind, named, call, write).await?;
    let (outcomes, _) = done;
    Ok(outcomes)
}

/// One try.
async fn write_once(
    ingest: &Ingest,
    batch: &[NewContract],
    call: &Call,
    settled: Arc<Settled>,
) -> Result<Attempt<Vec<Outcome>>, StoreError> {
    let recorded_at = ingest.clock.now();
    let customers = distinct(batch.iter().map(|item| &item.key.customer_id));
    let (mut tx, locked) = begin(ingest, &customers, call.deadline).await?;
    let placed = batch
        .iter()
        .map(|item| (&item.key.customer_id, item.found_by.as_ref()));
    let confirmed = confirm(&mut tx, placed, &locked).await?;
    let foreign = foreign::claim(ingest, &mut tx, batch, &locked, &settled).await?;
    if !foreign.following.is_empty() {
        tx.rollback().await?;
        return Ok(Attempt::Follows(foreign.following));
    }
    let keys = batch.iter().map(|item| foreign.recorded_key(&item.key));
    let known = list_known(&mut tx, &keys.collect::<Vec<_>>()).await?;
    let Observed {
        outcomes,
        new,
        repeated,
    } = observe_all(batch, &locked, &foreign, known);
    // Before anything is written: what the call itself writes repeats nothing.
    let has_notes = note_facts(&mut tx, call, &repeated, recorded_at).await?;
    let facts = new
        .iter()
        .map(|item| (&item.fact.customer_id, &item.fact.fact));
    store::contracts::insert(&mut tx, facts, recorded_at).await?;
    let written = Written {
        kind: ImportedKind::Contract,
        new: &new.iter().collect::<Vec<_>>(),
        has_notes,
        confirmed,
    };
    finish(ingest, tx, locked, written, call, recorded_at).await?;
    Ok(Attempt::Done(outcomes))
}

/// What becomes of the items of a batch.
#[derive(Default)]
struct Observed {
    /// One for each item, in their order.
    outcomes: Vec<Outcome>,
    /// The observations that are new.
    new: Vec<NewFact<Observation>>,
    /// Recorded observations that items repeat.
    repeated: Vec<RepeatedFact>,
}

/// Compares the items of a batch with what is `known` of their contracts, each with those before it.
fn observe_all(
    batch: &[NewContract],
    locked: &Locked,
    foreign: &Foreign,
    mut known: HashMap<FactKey, Vec<ContractFact>>,
) -> Observed {
    let mut last_of: HashMap<&FactKey, usize> = HashMap::with_capacity(batch.len());
    let keys = batch.iter().map(|item| foreign.recorded_key(&item.key));
    last_of.extend(keys.enumerate().map(|(at, key)| (key, at)));
    let mut observed = Observed::default();
    for (at, item) in batch.iter().enumerate() {
        let id = &item.key.customer_id;
        if locked.erased_at(id).is_some() {
            observed.outcomes.push(Outcome::CustomerErased);
            continue;
        }
        if let Some(outcome) = foreign.outcome(item) {
            observed.outcomes.push(outcome);
            continue;
        }
        let stored = locked.version(id);
        let key = foreign.recorded_key(&item.key);
        let known = known.entry(key.clone()).or_default();
        let is_last = last_of.get(key) == Some(&at);
        match observe(item, is_last, known, stored) {
            Ok(fact) => {
                known.push(fact.clone());
                let is_unknown = locked.profile(id).is_none();
                observed.add(item, &key.customer_id, fact, is_unknown);
            }
            Err(outcome) => {
                let repeated = find_known(item, is_last, known);
                if let (Outcome::Duplicate, Some(fact)) = (&outcome, repeated) {
                    let repeated = RepeatedFact::contract(key, fact.profile_version);
                    observed.repeated.push(repeated);
                }
                observed.outcomes.push(outcome);
            }
        }
    }
    observed
}

impl Observed {
    /// Adds what an item says that is new, for the customer with whom it is recorded; `is_unknown`: who was not known before the batch.
    fn add(
        &mut self,
        item: &NewContract,
        customer: &CustomerId,
        fact: ContractFact,
        is_unknown: bool,
    ) {
        let customer_id = customer.clone();
        let mut of_batch = self.new.iter();
        let is_first = is_unknown && of_batch.all(|item| item.fact.customer_id != customer_id);
        self.outcomes.push(Outcome::written(is_first));
        self.new.push(NewFact {
            fact: Observation { customer_id, fact },
            customer_kind: item.customer_kind,
            needs_original: false,
            found_by: None,
        });
    }
}

/// What is recorded of the contracts of a batch.
async fn list_known(
    tx: &mut PgConnection,
    keys: &[&FactKey],
) -> Result<HashMap<FactKey, Vec<ContractFact>>, StoreError> {
    let mut known: HashMap<FactKey, Vec<ContractFact>> = HashMap::new();
    for (customer_id, facts) in store::contracts::list_by_key(tx, keys).await? {
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
