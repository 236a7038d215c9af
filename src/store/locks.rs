//! The one lock that every writer of a profile takes.

use sqlx::PgConnection;

use crate::{
    domain::text::CustomerId,
    store::{codes, error::StoreError},
};

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
