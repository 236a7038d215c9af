//! The customers who are not known any more, because every fact of them was taken back: their last versions, from which those of a later
//! customer with the same id go on. Beside them, as likewise without a profile, those who are merged into another customer.

use std::collections::HashMap;

use jiff::Timestamp;
use sqlx::PgConnection;

use crate::{
    domain::text::CustomerId,
    store::{codes, error::StoreError, instant::Instant},
};

/// What is left of a customer who is not known any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FormerCustomer {
    /// The version with which the customer went.
    pub version: i64,
    /// When the customer was erased, if they were, and nothing is to be recorded of them again.
    pub erased_at: Option<Timestamp>,
}

/// Why a customer has no profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Gone {
    /// Every fact was taken back, or the customer was erased.
    Former(FormerCustomer),
    /// The customer was merged into another one with this version.
    Merged(i64, CustomerId),
    /// The customer has one: it came after it was looked for.
    Back,
}

/// Customer, version, into whom, since when erased, and whether there is a profile.
type GoneRow = (String, i64, Option<String>, Option<Instant>, bool);

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
    let rows: Vec<GoneRow> = sqlx::query_as(
        "SELECT customer_id, version, NULL::text AS into_customer_id, erased_at, false AS is_back
         FROM former_customers
         WHERE customer_id = ANY($1)
         UNION ALL
         SELECT customer_id, merged_version, into_customer_id, NULL, false
         FROM customer_merges
         WHERE customer_id = ANY($1) AND unmerged_version IS NULL
         UNION ALL
         SELECT customer_id, version, NULL, NULL, true
         FROM profiles
         WHERE customer_id = ANY($1)",
    )
    .bind(codes::id_array(customers))
    .fetch_all(connection)
    .await?;
    let mut gone: HashMap<CustomerId, Gone> = HashMap::with_capacity(rows.len());
    for (id, version, into, erased_at, is_back) in rows {
        let id = codes::customer_id(&id)?;
        let erased_at = erased_at.map(|instant| instant.0);
        let former = FormerCustomer { version, erased_at };
        match into.as_deref().map(codes::customer_id).transpose()? {
            // Who went, came again and was merged has both rows: what came later holds.
            Some(into) => drop(gone.insert(id, Gone::Merged(version, into))),
            None if is_back => drop(gone.insert(id, Gone::Back)),
            None => drop(gone.entry(id).or_insert(Gone::Former(former))),
        }
    }
    Ok(gone)
}

/// Notes that a customer was erased, with the version with which they went; `None` lets facts bring them back.
///
/// # Errors
/// When the database cannot be asked.
pub async fn set_erased(
    tx: &mut PgConnection,
    customer: &CustomerId,
    version: i64,
    erased_at: Option<Timestamp>,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO former_customers (customer_id, version, erased_at)
         VALUES ($1, $2, $3)
         ON CONFLICT (customer_id) DO UPDATE
         SET version = excluded.version, erased_at = excluded.erased_at",
    )
    .bind(customer.as_str())
    .bind(version)
    .bind(erased_at.map(Instant))
    .execute(tx)
    .await?;
    Ok(())
}

/// Those of `customers` without any fact left, and without any statement left that there is such a customer.
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
