//! The customers: who was ever named by a fact.

use std::collections::HashSet;

use jiff::Timestamp;
use sqlx::PgConnection;

use crate::{
    domain::{
        customer::CustomerKind,
        text::{CustomerId, Label},
    },
    store::{codes, error::StoreError, instant::Instant},
};

/// What is stored of a customer beside the facts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Customer {
    /// The customer.
    pub customer_id: CustomerId,
    /// What the customer is.
    pub kind: CustomerKind,
    /// Name to show to people.
    pub display_name: Option<Label>,
}

/// Writes customers over what is stored of them; new ones get `recorded_at` as the time of their creation.
///
/// # Errors
/// When the database cannot be asked.
pub async fn upsert(
    tx: &mut PgConnection,
    customers: &[Customer],
    recorded_at: Timestamp,
) -> Result<(), StoreError> {
    if customers.is_empty() {
        return Ok(());
    }
    let ids: Vec<&str> = customers
        .iter()
        .map(|customer| customer.customer_id.as_str())
        .collect();
    let kinds: Vec<i16> = customers
        .iter()
        .map(|customer| codes::customer_kind_code(customer.kind))
        .collect();
    let names: Vec<Option<&str>> = customers
        .iter()
        .map(|customer| customer.display_name.as_deref())
        .collect();
    sqlx::query(
        "INSERT INTO customers (customer_id, kind, display_name, created_at)
         SELECT customer_id, kind, display_name, $4
         FROM unnest($1::text[], $2::smallint[], $3::text[]) AS new (customer_id, kind, display_name)
         ON CONFLICT (customer_id) DO UPDATE
         SET kind         = excluded.kind,
             display_name = excluded.display_name",
    )
    .bind(ids)
    .bind(kinds)
    .bind(names)
    .bind(Instant(recorded_at))
    .execute(tx)
    .await?;
    Ok(())
}

/// Kind and name of a customer.
pub type KindAndName = (CustomerKind, Option<Label>);

/// Those of `customers` whose profiles have another kind or name than they have.
///
/// # Errors
/// When the database cannot be asked or a row cannot be read.
pub async fn list_named_otherwise(
    connection: &mut PgConnection,
    customers: &[CustomerId],
) -> Result<HashSet<CustomerId>, StoreError> {
    let ids: Vec<String> = sqlx::query_scalar(
        "SELECT p.customer_id
         FROM profiles AS p
         LEFT JOIN customers AS c ON c.customer_id = p.customer_id
         WHERE p.customer_id = ANY($1)
           AND (c.kind IS DISTINCT FROM p.kind OR c.display_name IS DISTINCT FROM p.display_name)",
    )
    .bind(codes::id_array(customers))
    .fetch_all(connection)
    .await?;
    ids.iter().map(|id| codes::customer_id(id)).collect()
}

/// What is stored of those of `customers` that are.
///
/// # Errors
/// When the database cannot be asked or a row cannot be read.
pub async fn list(
    connection: &mut PgConnection,
    customers: &[CustomerId],
) -> Result<Vec<Customer>, StoreError> {
    let rows: Vec<(String, i16, Option<String>)> = sqlx::query_as(
        "SELECT customer_id, kind, display_name FROM customers WHERE customer_id = ANY($1)",
    )
    .bind(codes::id_array(customers))
    .fetch_all(connection)
    .await?;
    let read = rows.into_iter().map(|(id, kind, name)| {
        Ok(Customer {
            customer_id: codes::customer_id(&id)?,
            kind: codes::customer_kind(kind)?,
            display_name: name.map(Label::from),
        })
    });
    read.collect()
}
