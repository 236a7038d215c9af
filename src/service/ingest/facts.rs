//! Recording transactions and contacts.

mod keyed;

use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
    sync::Arc,
};

use jiff::Timestamp;
use sqlx::PgConnection;

use super::{
    Call, Ingest, Outcome, Recorded,
    conditional::Unneeded,
    creation::new_customer,
    keys,
    locked::{Locked, begin, distinct},
    moves::{self, Attempt, Settled},
    placement::{FoundBy, confirm},
    repeats::note_keys,
    unmatched::UnmatchedChange,
    written::{Written, finish},
};
use crate::{
    domain::{
        customer::{CustomerKind, facts::FactKey, profile::Facts},
        money::Currency,
        text::CustomerId,
    },
    service::{error::ServiceError, retry::retry_unless_placed},
    store::{error::StoreError, fact_keys::KeyedKind, imports::ImportedKind},
};

/// A fact that a source sent.
#[derive(Debug, Clone)]
pub struct NewFact<F> {
    /// The fact.
    pub fact: F,
    /// What the customer is, if this fact creates them; a person when it is `None`.
    pub customer_kind: Option<CustomerKind>,
    /// Whether it is recorded only if the transaction that it names is recorded and not reversed; always `false` but of a reversal.
    pub needs_original: bool,
    /// By which identifier the customer was found, if not named by id.
    pub found_by: Option<Arc<FoundBy>>,
}

/// What is needed of a new fact to fold it into the profile of its customer.
pub(super) trait CustomerFact: Clone + Send + Sync {
    fn customer_id(&self) -> &CustomerId;
    /// The currency that the fact brings into use.
    fn currency(&self) -> Option<Currency>;
    /// The currency of what it cost to serve the customer; it decides nothing about the one to report in.
    fn contact_currency(&self) -> Option<Currency> {
        None
    }
    /// The version of the profile that the fact comes with, if not the next one.
    fn version(&self) -> Option<i64> {
        None
    }
    fn add_to(self, facts: &mut Facts);
}

/// A fact with a key of its own, under which nothing else is ever recorded: what transactions and contacts have in common.
pub(super) trait KeyedFact: CustomerFact + PartialEq {
    /// As what it is counted in imports.
    const IMPORTED: ImportedKind;
    /// As what sources name it.
    const KEYED: KeyedKind;
    fn key(&self) -> &FactKey;
    /// The key of the fact that it takes back, where it names one.
    fn taken_back(&self) -> Option<FactKey>;
    /// The same fact of another customer.
    fn of_customer(self, customer_id: CustomerId) -> Self;
    /// Inserts facts whose key is new and returns those keys.
    fn insert(
        tx: &mut PgConnection,
        facts: &[(&Self, i64)],
        recorded_at: Timestamp,
    ) -> impl Future<Output = Result<Vec<FactKey>, StoreError>> + Send;
    fn list_by_key(
        tx: &mut PgConnection,
        keys: &[&FactKey],
    ) -> impl Future<Output = Result<Vec<Self>, StoreError>> + Send;
    /// Notes that an import, or none, sent recorded facts again. Says whether any note is new.
    fn note_repeats(
        tx: &mut PgConnection,
        import: i64,
        keys: &[&FactKey],
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;
    /// Which items have nothing to take back. Facts without conditions have none.
    fn sort_out_unneeded(
        _: &mut PgConnection,
        _: &[&NewFact<Self>],
        _: &Locked,
    ) -> impl Future<Output = Result<Unneeded, StoreError>> + Send {
        std::future::ready(Ok(Unneeded::default()))
    }
}

/// Records a batch. One outcome for each item, in their order.
pub(super) async fn write<F: KeyedFact>(
    ingest: &Ingest,
    batch: &[NewFact<F>],
    call: &Call,
) -> Result<Recorded, ServiceError> {
    if batch.is_empty() {
        return Ok(Recorded::default());
    }
    // Within the batch the first fact of a key counts; the others are held against it.
    let mut first_of_key: HashMap<&FactKey, &NewFact<F>> = HashMap::with_capacity(batch.len());
    let mut firsts = Vec::with_capacity(batch.len());
    for item in batch {
        first_of_key.entry(item.fact.key()).or_insert_with(|| {
            firsts.push(item);
            item
        });
    }
    let is_placed = batch.iter().any(|item| item.found_by.is_some());
    let firsts = &firsts[..];
    let write = |settled: Arc<Settled>| {
        retry_unless_placed(&ingest.pool, is_placed, move || {
            write_once(ingest, firsts, call, Arc::clone(&settled))
        })
    };
    let named = |id: &CustomerId| {
        let mut items = firsts.iter();
        let item = items.find(|item| item.fact.customer_id() == id)?;
        Some(new_customer(item))
    };
    let done = moves::write_following(ingest, F::KEYED, named, call, write).await?;
    let (mut tried, mut moved) = done;
    let outcome = |item: &NewFact<F>| {
        let key = item.fact.key();
        let known = tried
            .stored
            .get(key)
            .or_else(|| first_of_key.get(key).map(|first| &first.fact));
        let is_same = known == Some(&item.fact);
        if tried.new.remove(key) {
            Outcome::written(tried.created.remove(item.fact.customer_id()))
        } else if is_same && moved.remove(key) {
            Outcome::Written
        } else if let Some(owner) = tried.refused.get(key) {
            Outcome::OtherCustomer(owner.clone())
        } else if tried.idle.contains(key) {
            Outcome::NothingToReverse
        } else if tried.erased.contains(&key.customer_id) {
            Outcome::CustomerErased
        } else if is_same {
            Outcome::Duplicate
        } else {
            Outcome::KeyReused
        }
    };
    let outcomes = batch.iter().map(outcome).collect();
    let unmatched = tried.unmatched;
    Ok(Recorded {
        outcomes,
        unmatched,
    })
}

/// What a try recorded.
struct Tried<F> {
    /// The keys that were new.
    new: HashSet<FactKey>,
    /// What is stored under those that were not.
    stored: HashMap<FactKey, F>,
    /// The customers who were unknown before.
    created: HashSet<CustomerId>,
    /// Facts that are refused because other customers have them, and whose they are.
    refused: HashMap<FactKey, CustomerId>,
    /// Facts that have nothing to take back.
    idle: HashSet<FactKey>,
    /// Customers who were erased, for whom nothing is recorded.
    erased: HashSet<CustomerId>,
    /// What changed about facts that take back what is not there.
    unmatched: UnmatchedChange,
}

impl<F: KeyedFact> Tried<F> {
    /// The same, by the keys with which facts were sent that are recorded for others.
    fn by_sent_keys(mut self, settled: &Settled) -> Self {
        for (sent, owner) in settled.all_placed() {
            let key = FactKey {
                customer_id: owner.clone(),
                ..sent.clone()
            };
            if self.new.remove(&key) {
                self.new.insert(sent.clone());
            }
            if let Some(fact) = self.stored.remove(&key) {
                let fact = fact.of_customer(sent.customer_id.clone());
                self.stored.insert(sent.clone(), fact);
            }
            if self.idle.remove(&key) {
                self.idle.insert(sent.clone());
            }
            if let Some(owner) = self.refused.remove(&key) {
                self.refused.insert(sent.clone(), owner);
            }
        }
        self
    }
}

/// One try.
async fn write_once<F: KeyedFact>(
    ingest: &Ingest,
    items: &[&NewFact<F>],
    call: &Call,
    settled: Arc<Settled>,
) -> Result<Attempt<Tried<F>>, StoreError> {
    let recorded_at = ingest.clock.now();
    let items = items.iter().map(|item| place(item, &settled));
    let items: Vec<Cow<'_, NewFact<F>>> = items.collect();
    let mut items: Vec<&NewFact<F>> = items.iter().map(|item| &**item).collect();
    let customers = distinct(items.iter().map(|item| item.fact.customer_id()));
    let (mut tx, locked) = begin(ingest, &customers, call.deadline).await?;
    let placed = items
        .iter()
        .map(|item| (item.fact.customer_id(), item.found_by.as_ref()));
    let confirmed = confirm(&mut tx, placed, &locked).await?;
    let unneeded = F::sort_out_unneeded(&mut tx, &items, &locked).await?;
    items.retain(|item| !unneeded.contains(item.fact.key()));
    let erased = locked.erased();
    items.retain(|item| !erased.contains(item.fact.customer_id()));
    let foreign = keys::claim(ingest, &mut tx, &items, &locked, &settled).await?;
    if !foreign.following.is_empty() {
        tx.rollback().await?;
        return Ok(Attempt::Follows(foreign.following));
    }
    if !foreign.belonging.is_empty() {
        tx.rollback().await?;
        return Ok(Attempt::Belongs(foreign.belonging));
    }
    items.retain(|item| !foreign.contains(item.fact.key()));
    let Inserted { new, stored } = insert(&mut tx, &items, &locked, recorded_at).await?;
    let has_notes = note_repeated(&mut tx, call, &items, &stored, recorded_at).await?;
    items.retain(|item| new.contains(item.fact.key()));
    keys::note_placed(&mut tx, F::KEYED, &settled, &new).await?;
    let written = Written {
        kind: F::IMPORTED,
        new: &items,
        has_notes,
        confirmed,
    };
    let finished = finish(ingest, tx, locked, written, call, recorded_at).await?;
    let tried = Tried {
        new,
        stored: stored.into_iter().chain(foreign.stored).collect(),
        created: finished.created,
        refused: foreign
            .refused
            .into_iter()
            .chain(unneeded.foreign)
            .collect(),
        idle: unneeded.idle,
        erased,
        unmatched: finished.unmatched,
    };
    Ok(Attempt::Done(tried.by_sent_keys(&settled)))
}

/// An item as it is recorded: for the customer it was sent for, or for the one to whom what it takes back was moved.
fn place<'a, F: KeyedFact>(item: &'a NewFact<F>, settled: &Settled) -> Cow<'a, NewFact<F>> {
    match settled.placed(item.fact.key()) {
        None => Cow::Borrowed(item),
        Some(owner) => Cow::Owned(NewFact {
            fact: item.fact.clone().of_customer(owner.clone()),
            customer_kind: None,
            needs_original: item.needs_original,
            found_by: None,
        }),
    }
}

/// What became of facts that were to be inserted.
struct Inserted<F> {
    /// The keys that were new.
    new: HashSet<FactKey>,
    /// What is stored under those that were not.
    stored: HashMap<FactKey, F>,
}

/// Inserts the facts whose keys are new.
async fn insert<F: KeyedFact>(
    tx: &mut PgConnection,
    items: &[&NewFact<F>],
    locked: &Locked,
    recorded_at: Timestamp,
) -> Result<Inserted<F>, StoreError> {
    let facts = items
        .iter()
        .map(|item| (&item.fact, locked.version(item.fact.customer_id()) + 1));
    let facts: Vec<(&F, i64)> = facts.collect();
    let new = F::insert(tx, &facts, recorded_at).await?;
    let new: HashSet<FactKey> = new.into_iter().collect();
    let keys = items.iter().map(|item| item.fact.key());
    let known: Vec<&FactKey> = keys.filter(|key| !new.contains(key)).collect();
    let stored = F::list_by_key(tx, &known).await?;
    let stored = stored.into_iter().map(|fact| (fact.key().clone(), fact));
    Ok(Inserted {
        new,
        stored: stored.collect(),
    })
}

/// Notes the facts that were stored as they were sent. Returns whether any note is new.
async fn note_repeated<F: KeyedFact>(
    tx: &mut PgConnection,
    call: &Call,
    items: &[&NewFact<F>],
    stored: &HashMap<FactKey, F>,
    recorded_at: Timestamp,
) -> Result<bool, StoreError> {
    let repeated = items.iter().map(|item| &item.fact);
    let repeated = repeated.filter(|fact| stored.get(fact.key()) == Some(fact));
    let repeated: Vec<&FactKey> = repeated.map(F::key).collect();
    note_keys::<F>(tx, call, &repeated, recorded_at).await
}
