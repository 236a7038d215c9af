//! Which version of the fold made the stored profiles.

use sqlx::{PgConnection, Postgres, Transaction};

use crate::{
    domain::{clv::history::LogGaps, customer::profile::History, text::CustomerId},
    store::{codes, error::StoreError, packed},
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

/// Whether it is noted that this version of the fold, or a later one, made them: also where there are none.
///
/// # Errors
/// When the database cannot be asked.
pub async fn is_noted(connection: &mut PgConnection, version: i32) -> Result<bool, StoreError> {
    let noted = sqlx::query_scalar("SELECT EXISTS (SELECT FROM profile_fold WHERE version >= $1)");
    Ok(noted.bind(version).fetch_one(connection).await?)
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

/// At most `limit` customers into whom others are merged whose id comes after `after`, in the order of the ids.
///
/// # Errors
/// When the database cannot be asked or a row cannot be read.
pub async fn list_merged_into(
    connection: &mut PgConnection,
    after: &str,
    limit: i64,
) -> Result<Vec<CustomerId>, StoreError> {
    let ids: Vec<String> = sqlx::query_scalar(
        "SELECT customer_id
         FROM profiles
         WHERE members IS NOT NULL AND customer_id > $1
         ORDER BY customer_id
         LIMIT $2",
    )
    .bind(after)
    .bind(limit)
    .fetch_all(connection)
    .await?;
    ids.iter().map(|id| codes::customer_id(id)).collect()
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

/// At most `limit` customers who bought again, whose gaps between purchase days were not summed and whose id comes after `after`, in
/// the order of the ids: each with what the facts say.
///
/// # Errors
/// When the database cannot be asked or a row cannot be read.
pub async fn list_without_log_gaps(
    connection: &mut PgConnection,
    after: &str,
    limit: i64,
) -> Result<Vec<(CustomerId, History)>, StoreError> {
    let rows: Vec<(String, Vec<u8>)> = sqlx::query_as(
        "SELECT customer_id, packed
         FROM profiles
         WHERE customer_id > $1 AND purchase_day_count > 1 AND log_gap_billionths IS NULL
         ORDER BY customer_id
         LIMIT $2",
    )
    .bind(after)
    .bind(limit)
    .fetch_all(connection)
    .await?;
    rows.into_iter()
        .map(|(id, bytes)| Ok((codes::customer_id(&id)?, packed::unpack(&bytes)?)))
        .collect()
}

/// Stores the sums of such customers; nothing else of their profiles changes. One that was stored since is newer, and stays.
///
/// # Errors
/// When the database cannot be asked.
pub async fn update_log_gaps(
    tx: &mut Transaction<'_, Postgres>,
    sums: &[(CustomerId, LogGaps)],
) -> Result<(), StoreError> {
    let ids = sums.iter().map(|(id, _)| id.as_str());
    let sums = sums.iter().map(|(_, sum)| codes::billionths(*sum));
    sqlx::query(
        "UPDATE profiles
         SET log_gap_billionths = new.log_gap_billionths
         FROM unnest($1::text[], $2::bigint[]) AS new (customer_id, log_gap_billionths)
         WHERE profiles.customer_id = new.customer_id AND profiles.log_gap_billionths IS NULL",
    )
    .bind(ids.collect::<Vec<_>>())
    .bind(sums.collect::<Vec<_>>())
    .execute(&mut **tx)
    .await?;
    Ok(())
}
