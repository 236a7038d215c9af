//! All facts of customers, as the fold takes them, and the keys of facts as rows.

use std::collections::HashMap;

use sqlx::PgConnection;

use crate::{
    domain::{
        calendar::Day,
        customer::{
            facts::FactKey,
            group::{Groups, namesakes::Namesakes},
            profile::Facts,
        },
        text::CustomerId,
    },
    store::{attributes, codes, contacts, contracts, error::StoreError, transactions},
};

/// The key of a fact, as rows name it.
pub(super) struct KeyRow {
    pub(super) customer_id: String,
    pub(super) source: String,
    pub(super) id: String,
}

crate::store::row::from_row!(KeyRow {
    customer_id,
    source,
    id
});

impl TryFrom<KeyRow> for FactKey {
    type Error = StoreError;

    fn try_from(row: KeyRow) -> Result<Self, StoreError> {
        Ok(Self {
            customer_id: codes::customer_id(&row.customer_id)?,
            source: row.source.into(),
            id: row.id.into(),
        })
    }
}

/// Every fact of `customers` known on the day `until`, by customer; those without any are absent.
///
/// # Errors
/// When the database cannot be asked or a row cannot be read.
pub async fn list(
    connection: &mut PgConnection,
    customers: &[CustomerId],
    until: Option<Day>,
) -> Result<HashMap<CustomerId, Facts>, StoreError> {
    let mut by_customer: HashMap<CustomerId, Facts> = HashMap::new();
    if customers.is_empty() {
        return Ok(by_customer);
    }
    for fact in transactions::list(connection, customers, until).await? {
        by_customer
            .entry(fact.key.customer_id.clone())
            .or_default()
            .transactions
            .push(fact);
    }
    for fact in contacts::list(connection, customers, until).await? {
        by_customer
            .entry(fact.key.customer_id.clone())
            .or_default()
            .contacts
            .push(fact);
    }
    for (customer, attributes) in attributes::list(connection, customers, until).await? {
        by_customer.entry(customer).or_default().attributes = attributes;
    }
    for (customer, contracts) in contracts::list(connection, customers, until).await? {
        by_customer.entry(customer).or_default().contracts = contracts;
    }
    Ok(by_customer)
}

/// Every fact of `customers` known on the day `until`, by customer, with those of the customers who were merged into them.
///
/// # Errors
/// When the database cannot be asked or a row cannot be read.
pub async fn list_joined(
    connection: &mut PgConnection,
    customers: &[CustomerId],
    until: Option<Day>,
    groups: &Groups,
) -> Result<HashMap<CustomerId, Facts>, StoreError> {
    if groups.is_empty() {
        return list(connection, customers, until).await;
    }
    let records = groups.with_members(customers);
    // Which of two facts with one key counts does not depend on the day.
    let whole = list(connection, &records, None).await?;
    let namesakes = Namesakes::new(groups, &whole);
    let mut whole = groups.join(whole, &namesakes);
    let Some(day) = until else {
        return Ok(whole);
    };
    let facts = list(connection, &records, until).await?;
    let mut joined = groups.join(facts, &namesakes);
    for (customer, facts) in &mut joined {
        let Facts {
            transactions,
            contacts,
            ..
        } = whole.remove(customer).unwrap_or_default();
        facts.transactions = transactions;
        facts.transactions.retain(|fact| fact.when.day <= day);
        facts.contacts = contacts;
        facts.contacts.retain(|fact| fact.when.day <= day);
    }
    Ok(joined)
}
