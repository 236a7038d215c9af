//! The customers who are not known any more, because every fact of them was taken back: their last versions, from which those of a later
//! customer with the same id go on. Beside them, as likewise without a profile, those who are merged into another customer.

use std::collections::HashMap;

use sqlx::PgConnection;

use crate::{
    domain::text::CustomerId,
    store::{codes, error::StoreError},
};

/// Why a customer has no profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Gone {
    /// Every fact was taken back with this version.
    Former(i64),
    /// The customer was merged into another one with this version.
    Merged(i64, CustomerId),
    /// The customer has one: it came after it was looked for.
    Back,
}

/// Why those of `customers` who were known once have no profile. Counts only for those without one.
///
/// # Errors
/// When the database cannot be asked or a row cannot be read.
pub async fn list(
    connection: &mut PgConnection,
    customers: &[CustomerId],
) -> Result<HashMap<CustomerId, Gone>, StoreError> {
    if customers.is_empty() {
        return Ok(HashMap::new());
    }
    let rows: Vec<(String, i64, Option<String>, bool)> = sqlx::query_as(
        "SELECT customer_id, version, NULL::text AS into_customer_id, false AS is_back
         FROM former_customers
         WHERE customer_id = ANY($1)
         UNION ALL
         SELECT customer_id, merged_version, into_customer_id, false
         FROM customer_merges
         WHERE customer_id = ANY($1) AND unmerged_version IS NULL
         UNION ALL
         SELECT customer_id, version, NULL, true
         FROM profiles
         WHERE customer_id = ANY($1)",
    )
    .bind(codes::id_array(customers))
    .fetch_all(connection)
    .await?;
    let mut gone: HashMap<CustomerId, Gone> = HashMap::with_capacity(rows.len());
    for (id, version, into, is_back) in rows {
        let id = codes::customer_id(&id)?;
        match into.as_deref().map(codes::customer_id).transpose()? {
            // Who went, came again and was merged has both rows: what came later holds.
            Some(into) => drop(gone.insert(id, Gone::Merged(version, into))),
            None if is_back => drop(gone.insert(id, Gone::Back)),
            None => drop(gone.entry(id).or_insert(Gone::Former(version))),
        }
    }
    Ok(gone)
}

/// Those of `customers` without any fact left.
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
           AND NOT EXISTS (SELECT 1 FROM contact_outcomes AS t WHERE t.customer_id = asked.customer_id)",
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
