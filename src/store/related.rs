//! The facts that are related to others by names: what takes back what.
//!
//! Mostly a purchase and its refund; the number of statements grows with the length of the chain, not with the number of facts.

use std::collections::{HashMap, HashSet};

use sqlx::PgConnection;

use crate::{
    domain::{
        customer::{
            facts::{Contact, FactKey, Transaction},
            profile::Facts,
        },
        text::CustomerId,
    },
    store::{contacts, error::StoreError, transactions},
};

/// A fact that may name another one of its sort.
trait Naming: Sized {
    fn key(&self) -> &FactKey;
    fn named(&self) -> Option<FactKey>;
    async fn list_by_key(
        connection: &mut PgConnection,
        keys: &[&FactKey],
    ) -> Result<Vec<Self>, StoreError>;
    async fn list_naming(
        connection: &mut PgConnection,
        keys: &[&FactKey],
    ) -> Result<Vec<Self>, StoreError>;
}

impl Naming for Transaction {
    fn key(&self) -> &FactKey {
        &self.key
    }

    fn named(&self) -> Option<FactKey> {
        self.original_key()
    }

    async fn list_by_key(
        connection: &mut PgConnection,
        keys: &[&FactKey],
    ) -> Result<Vec<Self>, StoreError> {
        transactions::list_by_key(connection, keys).await
    }

    async fn list_naming(
        connection: &mut PgConnection,
        keys: &[&FactKey],
    ) -> Result<Vec<Self>, StoreError> {
        transactions::list_naming(connection, keys).await
    }
}

impl Naming for Contact {
    fn key(&self) -> &FactKey {
        &self.key
    }

    fn named(&self) -> Option<FactKey> {
        self.retracted_key()
    }

    async fn list_by_key(
        connection: &mut PgConnection,
        keys: &[&FactKey],
    ) -> Result<Vec<Self>, StoreError> {
        contacts::list_by_key(connection, keys).await
    }

    async fn list_naming(
        connection: &mut PgConnection,
        keys: &[&FactKey],
    ) -> Result<Vec<Self>, StoreError> {
        contacts::list_naming(connection, keys).await
    }
}

/// All stored transactions and contacts that can be reached from those of `facts` by names, in either direction, by customer. Those of
/// `facts` that are stored are among them.
///
/// # Errors
/// When the database cannot be asked or a row cannot be read.
pub async fn list<'a>(
    connection: &mut PgConnection,
    facts: impl Iterator<Item = &'a Facts> + Clone,
) -> Result<HashMap<CustomerId, Facts>, StoreError> {
    let mut by_customer: HashMap<CustomerId, Facts> = HashMap::new();
    let from = facts.clone().flat_map(|facts| &facts.transactions);
    for fact in reach(connection, from).await? {
        let customer = fact.key.customer_id.clone();
        let facts = by_customer.entry(customer).or_default();
        facts.transactions.push(fact);
    }
    let from = facts.flat_map(|facts| &facts.contacts);
    for fact in reach(connection, from).await? {
        let customer = fact.key.customer_id.clone();
        by_customer.entry(customer).or_default().contacts.push(fact);
    }
    Ok(by_customer)
}

async fn reach<'a, F: Naming + 'a>(
    connection: &mut PgConnection,
    from: impl Iterator<Item = &'a F>,
) -> Result<Vec<F>, StoreError> {
    let mut found: HashMap<FactKey, F> = HashMap::new();
    let mut looked_for: HashSet<FactKey> = HashSet::new();
    let mut next: HashSet<FactKey> = from.map(|fact| fact.key().clone()).collect();
    while !next.is_empty() {
        let keys: Vec<&FactKey> = next.iter().collect();
        let mut facts = F::list_by_key(connection, &keys).await?;
        facts.extend(F::list_naming(connection, &keys).await?);
        looked_for.extend(next.drain());
        for fact in facts {
            let reached = [Some(fact.key().clone()), fact.named()];
            next.extend(reached.into_iter().flatten());
            found.insert(fact.key().clone(), fact);
        }
        next.retain(|key| !looked_for.contains(key));
    }
    Ok(found.into_values().collect())
}
