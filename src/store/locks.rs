//! The locks of writers: one for each customer, and one for each thing that is written by one transaction at a time.
//!
//! Advisory locks have a space of 32 bits and a key of 32 bits: 7 is the space of customers, 8 that of single things, 9 that of the fence, 10 that of
//! imports.

use std::time::Duration;

use sqlx::PgConnection;

use crate::{
    domain::text::CustomerId,
    store::{codes, error::StoreError},
};

/// Lets the server end every further statement of the transaction after `limit`. A caller who gives up drops the future, not the
/// statement, which would keep its connection and its place in the queue for a lock.
///
/// # Errors
/// When the database cannot be asked.
pub async fn limit_statements(tx: &mut PgConnection, limit: Duration) -> Result<(), StoreError> {
    // 0 would mean no limit.
    let limit = format!("{}ms", limit.as_millis().max(1));
    sqlx::query("SELECT set_config('statement_timeout', $1, true)")
        .bind(limit)
        .execute(tx)
        .await?;
    Ok(())
}

/// Takes the transaction's locks on `customers`, in one order for all, and waits for who holds them. They end with the transaction.
///
/// Advisory locks by all 32 bits of a hash, so that batches of other customers do not meet: one statement for any number of customers, on a distributed database too, where
/// `FOR UPDATE` over several customers is refused.
///
/// # Errors
/// When the database cannot be asked.
pub async fn lock_customers(
    tx: &mut PgConnection,
    customers: &[CustomerId],
) -> Result<(), StoreError> {
    sqlx::query(
        "SELECT count(pg_advisory_xact_lock(7, keys.key))
         FROM (SELECT DISTINCT hashtext(id) AS key
               FROM unnest($1::text[]) AS id
               ORDER BY 1) AS keys",
    )
    .bind(codes::id_array(customers))
    .execute(tx)
    .await?;
    Ok(())
}

/// Takes the transaction's lock on an import, which others who write under it may have too: it is not undone before they end.
///
/// # Errors
/// When the database cannot be asked.
pub async fn lock_import_for_writing(tx: &mut PgConnection, number: i64) -> Result<(), StoreError> {
    sqlx::query("SELECT pg_advisory_xact_lock_shared(10, hashint8($1))")
        .bind(number)
        .execute(tx)
        .await?;
    Ok(())
}

/// Takes the transaction's lock on an import, and waits for those who write under it.
///
/// # Errors
/// When the database cannot be asked.
pub async fn lock_import(tx: &mut PgConnection, number: i64) -> Result<(), StoreError> {
    sqlx::query("SELECT pg_advisory_xact_lock(10, hashint8($1))")
        .bind(number)
        .execute(tx)
        .await?;
    Ok(())
}

/// What is written by one transaction at a time, whatever customers there are: each has a lock of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Single {
    /// Model versions, numbered one after another.
    ModelVersions = 1,
    /// Activations of model versions: one that did not see the one before would lose it from the history.
    Activations = 2,
    /// Exchange rates, numbered one after another.
    Rates = 3,
    /// Revisions of the definitions, numbered one after another, and which is in force.
    Revisions = 4,
    /// Deleting old rows of the logs of changes: two at once would get in each other's way.
    Trims = 5,
}

/// Takes the transaction's lock on `what` and waits for who holds it. It ends with the transaction.
///
/// # Errors
/// When the database cannot be asked.
pub async fn lock_single(tx: &mut PgConnection, what: Single) -> Result<(), StoreError> {
    sqlx::query("SELECT pg_advisory_xact_lock(8, $1)")
        .bind(what as i32)
        .execute(tx)
        .await?;
    Ok(())
}

/// Takes the transaction's lock on `what` unless somebody holds it. Whether it did.
///
/// # Errors
/// When the database cannot be asked.
pub async fn try_lock_single(tx: &mut PgConnection, what: Single) -> Result<bool, StoreError> {
    let taken = sqlx::query_scalar("SELECT pg_try_advisory_xact_lock(8, $1)");
    Ok(taken.bind(what as i32).fetch_one(tx).await?)
}
