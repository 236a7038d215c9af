//! Transactions and contacts as facts with keys.

use jiff::Timestamp;
use sqlx::PgConnection;

use super::{CustomerFact, KeyedFact, NewFact};
use crate::{
    domain::{
        customer::{
            facts::{Contact, ContactContent, FactKey, Transaction},
            profile::Facts,
        },
        money::Currency,
        text::CustomerId,
    },
    service::ingest::{
        conditional::{self, Unneeded},
        locked::Locked,
    },
    store::{self, error::StoreError, fact_keys::KeyedKind, imports::ImportedKind},
};

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
    const KEYED: KeyedKind = KeyedKind::Transaction;

    fn key(&self) -> &FactKey {
        &self.key
    }

    fn taken_back(&self) -> Option<FactKey> {
        self.original_key()
    }

    fn of_customer(mut self, customer_id: CustomerId) -> Self {
        self.key.customer_id = customer_id;
        self
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

    async fn note_repeats(
        tx: &mut PgConnection,
        import: i64,
        keys: &[&FactKey],
    ) -> Result<bool, StoreError> {
        store::repeats::insert_transactions(tx, import, keys).await
    }

    async fn sort_out_unneeded(
        tx: &mut PgConnection,
        items: &[&NewFact<Self>],
        locked: &Locked,
    ) -> Result<Unneeded, StoreError> {
        conditional::sort_out(tx, items, locked).await
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
    const KEYED: KeyedKind = KeyedKind::Contact;

    fn key(&self) -> &FactKey {
        &self.key
    }

    fn taken_back(&self) -> Option<FactKey> {
        self.retracted_key()
    }

    fn of_customer(mut self, customer_id: CustomerId) -> Self {
        self.key.customer_id = customer_id;
        self
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

    async fn note_repeats(
        tx: &mut PgConnection,
        import: i64,
        keys: &[&FactKey],
    ) -> Result<bool, StoreError> {
        store::repeats::insert_contacts(tx, import, keys).await
    }
}
