//! Which version of the fold made the stored profiles.

use sqlx::{PgConnection, Postgres, Transaction};

use crate::{
    domain::text::CustomerId,
    store::{codes, error::StoreError},
};

/// Whether all stored profiles were made by version `version` of the fold, or a later one. True as long as there are none.
///
/// # Errors
/// When the database cannot be asked.
pub async fn is_current(connection: &mut PgConnection, version: i32) -> Result<bool, StoreError> {
    let current = sqlx::query_scalar(
        "SELECT EXISTS (SELECT FROM profile_fold WHERE version >= $1) OR NOT EXISTS (SELECT FROM profiles)",
    )
    .bind(version)
    .fetch_one(connection)
    .await?;
    Ok(current)
}

/// Notes that they are now. In a transaction, since it is those that compare the fence's epoch.
///
/// # Errors
/// When the database cannot be asked.
pub async fn upsert(tx: &mut Transaction<'_, Postgres>, version: i32) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO profile_fold (version)
         VALUES ($1)
         ON CONFLICT (singleton) DO UPDATE
         SET version = excluded.version
         WHERE profile_fold.version < excluded.version",
    )
    .bind(version)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// At most `limit` customers with a refund or reversal whose id comes after `after`, in the order of the ids.
///
/// # Errors
/// When the database cannot be asked or a row cannot be read.
pub async fn list_refunded(
    connection: &mut PgConnection,
    after: &str,
    limit: i64,
) -> Result<Vec<CustomerId>, StoreError> {
    let ids: Vec<String> = sqlx::query_scalar(
        "SELECT DISTINCT customer_id
         FROM transactions
         WHERE kind <> 1 AND customer_id > $1
         ORDER BY customer_id
         LIMIT $2",
    )
    .bind(after)
    .bind(limit)
    .fetch_all(connection)
    .await?;
    ids.iter().map(|id| codes::customer_id(id)).collect()
}
