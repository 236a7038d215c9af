//! Recording transactions and contacts.

mod keyed;

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use jiff::Timestamp;
use sqlx::{PgConnection, Postgres, Transaction as Tx};

use super::{
    Call, Ingest, Outcome, Recorded,
    commit::{Changes, Imported, commit, end_unwritten},
    creation::{create_customers, new_customer},
    fold::fold_new,
    keys::{self, Foreign},
    locked::{Locked, begin, distinct},
    moves,
    placement::{FoundBy, confirm, created_by, insert_begun},
    repeats::note_keys,
    totals::Settled,
    unmatched::{UnmatchedBefore, UnmatchedChange},
};
use crate::{
    domain::{
        customer::{CustomerKind, facts::FactKey, profile::Facts},
        money::Currency,
        text::CustomerId,
    },
    service::{error::ServiceError, retry::retry_unless_placed},
    store::{self, error::StoreError, fact_keys::KeyedKind, imports::ImportedKind},
};

/// A fact that a source sent.
#[derive(Debug, Clone)]
pub struct NewFact<F> {
    /// The fact.
    pub fact: F,
    /// What the customer is, if this fact creates them; a person when it is `None`.
    pub customer_kind: Option<CustomerKind>,
    /// Whether the amount is all that was paid back so far of the transaction it names; always `false` but of a refund.
    pub is_total: bool,
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
    fn add_to(self, facts: &mut Facts);
}

/// A fact with a key of its own, under which nothing else is ever recorded: what transactions and contacts have in common.
pub(super) trait KeyedFact: CustomerFact + PartialEq {
    /// As what it is counted in imports.
    const IMPORTED: ImportedKind;
    /// As what sources name it.
    const KEYED: KeyedKind;
    fn key(&self) -> &FactKey;
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
    /// What is to be recorded for the items that state totals. Facts without totals have none.
    fn settle_totals(
        _: &mut PgConnection,
        _: &[&NewFact<Self>],
        _: &Locked,
    ) -> impl Future<Output = Result<Settled<Self>, StoreError>> + Send {
        std::future::ready(Ok(Settled::default()))
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
    let mut moved: HashSet<FactKey> = HashSet::new();
    let is_placed = batch.iter().any(|item| item.found_by.is_some());
    let write = || retry_unless_placed(is_placed, || write_once(ingest, &firsts, call));
    let mut tried = write().await?;
    if !tried.foreign.following.is_empty() {
        let following = &tried.foreign.following;
        let named = |id: &CustomerId| {
            let mut items = firsts.iter();
            let item = items.find(|item| item.fact.customer_id() == id)?;
            Some(new_customer(item))
        };
        moves::follow(ingest, F::KEYED, following, named, call.deadline).await?;
        moved.extend(following.iter().map(|(key, _)| key.clone()));
        tried = write().await?;
        // Somebody else moves them at the same time.
        if !tried.foreign.following.is_empty() {
            return Err(ServiceError::Contended);
        }
    }
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
        } else if let Some(owner) = tried.foreign.refused.get(key) {
            Outcome::OtherCustomer(owner.clone())
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
    /// The customers of whom nothing was known.
    created: HashSet<CustomerId>,
    /// Facts of other customers.
    foreign: Foreign<F>,
    /// Customers who were erased, of whom nothing is recorded.
    erased: HashSet<CustomerId>,
    /// What changed about facts that take back what is not there.
    unmatched: UnmatchedChange,
}

/// One try.
#[expect(
    clippy::too_many_lines,
    reason = "one transaction, in the order of its steps: each needs what those before it found"
)]
async fn write_once<F: KeyedFact>(
    ingest: &Ingest,
    items: &[&NewFact<F>],
    call: &Call,
) -> Result<Tried<F>, StoreError> {
    let recorded_at = ingest.clock.now();
    let customers = distinct(items.iter().map(|item| &item.fact.key().customer_id));
    let (mut tx, locked) = begin(ingest, &customers, call.deadline).await?;
    let placed = items
        .iter()
        .map(|item| (item.fact.customer_id(), item.found_by.as_ref()));
    let begun = confirm(&mut tx, placed.clone(), &locked).await?;
    let identifiers = created_by(placed.map(|(_, found_by)| found_by));
    let settled = F::settle_totals(&mut tx, items, &locked).await?;
    let stated = items.iter().copied().filter(|item| !item.is_total);
    let mut items: Vec<&NewFact<F>> = stated.chain(&settled.refunds).collect();
    let erased = locked.erased();
    items.retain(|item| !erased.contains(item.fact.customer_id()));
    let foreign = keys::claim(ingest, &mut tx, &items, &locked).await?;
    if !foreign.following.is_empty() {
        tx.rollback().await?;
        return Ok(Tried {
            new: HashSet::new(),
            stored: HashMap::new(),
            created: HashSet::new(),
            foreign,
            erased,
            unmatched: UnmatchedChange::default(),
        });
    }
    items.retain(|item| !foreign.contains(item.fact.key()));
    let facts: Vec<(&F, i64)> = items
        .iter()
        .map(|item| (&item.fact, locked.version(item.fact.customer_id()) + 1))
        .collect();
    let new: HashSet<FactKey> = F::insert(&mut tx, &facts, recorded_at)
        .await?
        .into_iter()
        .collect();
    let known: Vec<&FactKey> = items
        .iter()
        .map(|item| item.fact.key())
        .filter(|key| !new.contains(key))
        .collect();
    let stored = F::list_by_key(&mut tx, &known).await?;
    let stored: HashMap<FactKey, F> = stored
        .into_iter()
        .chain(settled.repeated)
        .map(|fact| (fact.key().clone(), fact))
        .chain(
            foreign
                .stored
                .iter()
                .map(|(key, fact)| (key.clone(), fact.clone())),
        )
        .collect();
    let repeated = items.iter().map(|item| &item.fact);
    let repeated = repeated.filter(|fact| stored.get(fact.key()) == Some(fact));
    let repeated: Vec<&FactKey> = repeated.map(F::key).collect();
    let notes = note_keys::<F>(&mut tx, call, &repeated, recorded_at).await?;
    let mut tried = Tried {
        new,
        stored,
        created: HashSet::new(),
        foreign,
        erased,
        unmatched: UnmatchedChange::default(),
    };
    let new = &mut tried.new;
    if new.is_empty() {
        end_unwritten(ingest, tx, notes).await?;
        ingest.identifiers.renew(&identifiers).await;
        return Ok(tried);
    }
    let written: Vec<&NewFact<F>> = items
        .iter()
        .copied()
        .filter(|item| new.contains(item.fact.key()))
        .collect();
    let import_id = call.import.as_ref();
    create_customers(&mut tx, import_id, &written, &locked, recorded_at).await?;
    let customers_written = written.iter().map(|item| item.fact.customer_id());
    let created = customers_written
        .clone()
        .filter(|id| locked.profile(id).is_none());
    tried.created = created.cloned().collect();
    let ids = customers_written.clone().collect();
    insert_begun(&mut tx, begun, &ids, recorded_at).await?;
    let imported = Imported::begin(call, F::IMPORTED, new.len(), customers_written, &locked);
    let before = UnmatchedBefore::new(F::IMPORTED, &locked.profiles);
    let folded = fold_new(&mut tx, &written, locked, recorded_at).await?;
    let unmatched = before.change(&folded);
    let changes = Changes {
        profiles: folded,
        identifiers,
        new_currency: add_currencies(&mut tx, &written, recorded_at).await?,
        imported,
        former: vec![],
        merged: vec![],
    };
    commit(ingest, tx, changes, recorded_at).await?;
    let renamed = settled.renamed.into_iter();
    let stated: Vec<FactKey> = renamed
        .filter_map(|(key, stated)| new.contains(&key).then_some(stated))
        .collect();
    new.extend(stated);
    tried.unmatched = unmatched;
    Ok(tried)
}

/// Notes the currencies of new facts. Says whether one came into use.
pub(super) async fn add_currencies<F: CustomerFact>(
    tx: &mut Tx<'_, Postgres>,
    written: &[&NewFact<F>],
    recorded_at: Timestamp,
) -> Result<bool, StoreError> {
    let distinct = |of: fn(&F) -> Option<Currency>| {
        let mut found: Vec<Currency> = written.iter().filter_map(|item| of(&item.fact)).collect();
        found.sort();
        found.dedup();
        found
    };
    let (booked, of_contacts) = (distinct(F::currency), distinct(F::contact_currency));
    let booked = store::currencies::insert(tx, &booked, recorded_at).await?;
    let of_contacts = store::currencies::insert_of_contacts(tx, &of_contacts, recorded_at).await?;
    Ok(!booked.is_empty() || !of_contacts.is_empty())
}
