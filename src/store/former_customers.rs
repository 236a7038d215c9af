//! The customers who are not known any more, because every fact of them was taken back: their last versions, from which those of a later
//! customer with the same id go on.

use std::collections::HashMap;

use sqlx::PgConnection;

use crate::{
    domain::text::CustomerId,
    store::{codes, error::StoreError},
};

/// The last versions of those of `customers` who were known once. Counts only for those without a profile.
///
/// # Errors
/// When the database cannot be asked or a row cannot be read.
pub async fn list(
    connection: &mut PgConnection,
    customers: &[CustomerId],
) -> Result<HashMap<CustomerId, i64>, StoreError> {
    if customers.is_empty() {
        return Ok(HashMap::new());
    }
    let rows: Vec<(String, i64)> = sqlx::query_as(
        "SELECT customer_id, version FROM former_customers WHERE customer_id = ANY($1)",
    )
    .bind(codes::id_array(customers))
    .fetch_all(connection)
    .await?;
    let read = rows.into_iter();
    read.map(|(id, version)| Ok((codes::customer_id(&id)?, version)))
        .collect()
}

/// Those of `customers` without any fact left, and of whom no statement is left that there is such a customer.
///
/// # Errors
/// When the database cannot be asked or a row cannot be read.
pub async fn list_without_facts(
    connection: &mut PgConnection,
    customers: &[CustomerId],
) -> Result<Vec<CustomerId>, StoreError> {
    if customers.is_empty() {
        return Ok(vec![]);
    }
    let ids: Vec<String> = sqlx::query_scalar(
        "SELECT customer_id
         FROM unnest($1::text[]) AS asked (customer_id)
         WHERE NOT EXISTS (SELECT 1 FROM transactions AS t WHERE t.customer_id = asked.customer_id)
           AND NOT EXISTS (SELECT 1 FROM contacts AS t WHERE t.customer_id = asked.customer_id)
           AND NOT EXISTS (SELECT 1 FROM contracts AS t WHERE t.customer_id = asked.customer_id)
           AND NOT EXISTS (SELECT 1 FROM attribute_values AS t WHERE t.customer_id = asked.customer_id)
           AND NOT EXISTS (SELECT 1 FROM identifiers AS t WHERE t.customer_id = asked.customer_id)
           AND NOT EXISTS (SELECT 1 FROM contact_outcomes AS t WHERE t.customer_id = asked.customer_id)
           AND NOT EXISTS (SELECT 1 FROM customer_namings AS t
                           WHERE t.customer_id = asked.customer_id AND t.withdrawn_version IS NULL)",
    )
    .bind(codes::id_array(customers))
    .fetch_all(connection)
    .await?;
    ids.iter().map(|id| codes::customer_id(id)).collect()
}

/// Takes customers without facts out of the known ones; `versions` are those with which they go.
///
/// # Errors
/// When the database cannot be asked.
pub async fn insert(
    tx: &mut PgConnection,
    versions: &[(CustomerId, i64)],
) -> Result<(), StoreError> {
    if versions.is_empty() {
        return Ok(());
    }
    let ids: Vec<&str> = versions.iter().map(|(id, _)| id.as_str()).collect();
    sqlx::query(
        "INSERT INTO former_customers (customer_id, version)
         SELECT customer_id, version
         FROM unnest($1::text[], $2::bigint[]) AS new (customer_id, version)
         ON CONFLICT (customer_id) DO UPDATE
         SET version = excluded.version",
    )
    .bind(&ids)
    .bind(
        versions
            .iter()
            .map(|(_, version)| *version)
            .collect::<Vec<_>>(),
    )
    .execute(&mut *tx)
    .await?;
    sqlx::query("DELETE FROM profiles WHERE customer_id = ANY($1)")
        .bind(&ids)
        .execute(&mut *tx)
        .await?;
    sqlx::query("DELETE FROM customers WHERE customer_id = ANY($1)")
        .bind(&ids)
        .execute(tx)
        .await?;
    Ok(())
}
