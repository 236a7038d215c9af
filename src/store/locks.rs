//! The one lock that every writer of a profile takes, and the one of writers of rates.

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
/// Advisory locks by a wide hash: one statement for any number of customers, on a distributed database too, where
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
         FROM (SELECT DISTINCT hashtext(id) & 1048575 AS key
               FROM unnest($1::text[]) AS id
               ORDER BY 1) AS keys",
    )
    .bind(codes::id_array(customers))
    .execute(tx)
    .await?;
    Ok(())
}

/// Takes the transaction's lock on exchange rates and waits for who holds it: rates are numbered one after another.
///
/// # Errors
/// When the database cannot be asked.
pub async fn lock_rates(tx: &mut PgConnection) -> Result<(), StoreError> {
    sqlx::query("SELECT pg_advisory_xact_lock(8, 1)")
        .execute(tx)
        .await?;
    Ok(())
}
