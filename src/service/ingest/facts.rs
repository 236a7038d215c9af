//! Recording transactions and contacts.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use jiff::Timestamp;
use sqlx::{PgConnection, Postgres, Transaction as Tx};

use super::{
    Call, Ingest, Outcome,
    commit::{Changes, Imported, commit},
    fold::fold_new,
    locked::{Locked, begin, distinct},
    placement::{FoundBy, confirm, created_by, insert_begun},
    totals::{self, Settled},
};
use crate::{
    domain::{
        customer::{
            CustomerKind,
            facts::{Contact, ContactContent, FactKey, Transaction},
            profile::Facts,
        },
        money::Currency,
        text::CustomerId,
    },
    service::{error::ServiceError, retry::retry},
    store::{self, customers::Customer, error::StoreError, imports::ImportedKind},
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
    fn key(&self) -> &FactKey;
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
    /// What is to be recorded for the items that state totals. Facts without totals have none.
    fn settle_totals(
        _: &mut PgConnection,
        _: &[&NewFact<Self>],
        _: &Locked,
    ) -> impl Future<Output = Result<Settled<Self>, StoreError>> + Send {
        std::future::ready(Ok(Settled::default()))
    }
}

impl CustomerFact for Transaction {
    fn customer_id(&self) -> &CustomerId {
        &self.key.customer_id
    }

    fn currency(&self) -> Option<Currency> {
        Some(self.amount.currency)
    }

    fn add_to(self, facts: &mut Facts) {
        facts.transactions.push(self);
    }
}

impl KeyedFact for Transaction {
    const IMPORTED: ImportedKind = ImportedKind::Transaction;

    fn key(&self) -> &FactKey {
        &self.key
    }

    async fn insert(
        tx: &mut PgConnection,
        facts: &[(&Self, i64)],
        recorded_at: Timestamp,
    ) -> Result<Vec<FactKey>, StoreError> {
        store::transactions::insert(tx, facts.iter().copied(), recorded_at).await
    }

    async fn list_by_key(
        tx: &mut PgConnection,
        keys: &[&FactKey],
    ) -> Result<Vec<Self>, StoreError> {
        store::transactions::list_by_key(tx, keys).await
    }

    async fn settle_totals(
        tx: &mut PgConnection,
        items: &[&NewFact<Self>],
        locked: &Locked,
    ) -> Result<Settled<Self>, StoreError> {
        totals::settle(tx, items, locked).await
    }
}

impl CustomerFact for Contact {
    fn customer_id(&self) -> &CustomerId {
        &self.key.customer_id
    }

    /// A contact's cost needs no reporting currency until definitions value it.
    fn currency(&self) -> Option<Currency> {
        None
    }

    fn contact_currency(&self) -> Option<Currency> {
        match &self.content {
            ContactContent::Happened(interaction) => interaction.cost.map(|cost| cost.currency),
            ContactContent::Retracts(_) => None,
        }
    }

    fn add_to(self, facts: &mut Facts) {
        facts.contacts.push(self);
    }
}

impl KeyedFact for Contact {
    const IMPORTED: ImportedKind = ImportedKind::Contact;

    fn key(&self) -> &FactKey {
        &self.key
    }

    async fn insert(
        tx: &mut PgConnection,
        facts: &[(&Self, i64)],
        recorded_at: Timestamp,
    ) -> Result<Vec<FactKey>, StoreError> {
        store::contacts::insert(tx, facts.iter().copied(), recorded_at).await
    }

    async fn list_by_key(
        tx: &mut PgConnection,
        keys: &[&FactKey],
    ) -> Result<Vec<Self>, StoreError> {
        store::contacts::list_by_key(tx, keys).await
    }
}

/// Records a batch. One outcome for each item, in their order.
pub(super) async fn write<F: KeyedFact>(
    ingest: &Ingest,
    batch: &[NewFact<F>],
    call: &Call,
) -> Result<Vec<Outcome>, ServiceError> {
    if batch.is_empty() {
        return Ok(vec![]);
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
    let (mut new, stored) = retry(|| write_once(ingest, &firsts, call)).await?;
    let outcome = |item: &NewFact<F>| {
        let key = item.fact.key();
        if new.remove(key) {
            return Outcome::Written;
        }
        let known = stored
            .get(key)
            .or_else(|| first_of_key.get(key).map(|first| &first.fact));
        if known == Some(&item.fact) {
            Outcome::Duplicate
        } else {
            Outcome::KeyReused
        }
    };
    Ok(batch.iter().map(outcome).collect())
}

/// One try. Returns the keys that were new, and what is stored under those that were not.
async fn write_once<F: KeyedFact>(
    ingest: &Ingest,
    items: &[&NewFact<F>],
    call: &Call,
) -> Result<(HashSet<FactKey>, HashMap<FactKey, F>), StoreError> {
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
    let items: Vec<&NewFact<F>> = stated.chain(&settled.refunds).collect();
    let facts: Vec<(&F, i64)> = items
        .iter()
        .map(|item| (&item.fact, locked.version(item.fact.customer_id()) + 1))
        .collect();
    let mut new: HashSet<FactKey> = F::insert(&mut tx, &facts, recorded_at)
        .await?
        .into_iter()
        .collect();
    let known: Vec<&FactKey> = items
        .iter()
        .map(|item| item.fact.key())
        .filter(|key| !new.contains(key))
        .collect();
    let stored = F::list_by_key(&mut tx, &known).await?;
    let stored = stored
        .into_iter()
        .chain(settled.repeated)
        .map(|fact| (fact.key().clone(), fact))
        .collect();
    if new.is_empty() {
        tx.rollback().await?;
        ingest.identifiers.renew(&identifiers).await;
        return Ok((new, stored));
    }
    let written: Vec<&NewFact<F>> = items
        .iter()
        .copied()
        .filter(|item| new.contains(item.fact.key()))
        .collect();
    create_customers(&mut tx, &written, &locked, recorded_at).await?;
    let created = written.iter().map(|item| item.fact.customer_id()).collect();
    insert_begun(&mut tx, begun, &created, recorded_at).await?;
    let customers = written.iter().map(|item| item.fact.customer_id());
    let imported = Imported::begin(call, F::IMPORTED, new.len(), customers, &locked);
    let folded = fold_new(&mut tx, &written, locked, recorded_at).await?;
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
    Ok((new, stored))
}

/// Creates the customers of new facts of whom nothing was known.
pub(super) async fn create_customers<F: CustomerFact>(
    tx: &mut Tx<'_, Postgres>,
    written: &[&NewFact<F>],
    locked: &Locked,
    recorded_at: Timestamp,
) -> Result<(), StoreError> {
    let mut created: HashMap<&CustomerId, Customer> = HashMap::new();
    for item in written {
        let id = item.fact.customer_id();
        if locked.profile(id).is_none() {
            created.entry(id).or_insert_with(|| new_customer(item));
        }
    }
    let created: Vec<Customer> = created.into_values().collect();
    store::customers::upsert(tx, &created, recorded_at).await
}

pub(super) fn new_customer<F: CustomerFact>(item: &NewFact<F>) -> Customer {
    Customer {
        customer_id: item.fact.customer_id().clone(),
        kind: item.customer_kind.unwrap_or(CustomerKind::Person),
        display_name: None,
    }
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
