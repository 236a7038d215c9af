//! Which version a request to fit was answered with.

use jiff::Timestamp;
use sqlx::PgConnection;

use crate::store::{error::StoreError, instant::Instant};

/// A request that was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnsweredRequest {
    /// What was asked for.
    pub request: String,
    /// The version it was answered with.
    pub version: i64,
}

crate::store::row::from_row!(AnsweredRequest { request, version });

/// The answered request of that id, if there is one.
///
/// # Errors
/// When the database cannot be asked.
pub async fn find(
    connection: &mut PgConnection,
    request_id: &str,
) -> Result<Option<AnsweredRequest>, StoreError> {
    let found = sqlx::query_as("SELECT request, version FROM fit_requests WHERE request_id = $1")
        .bind(request_id)
        .fetch_optional(connection)
        .await?;
    Ok(found)
}

/// Notes that a request was answered. Says whether it was the first of its id: waits for another that is about to commit.
///
/// # Errors
/// When the database cannot be asked.
pub async fn insert(
    tx: &mut PgConnection,
    request_id: &str,
    request: &str,
    version: i64,
    created_at: Timestamp,
) -> Result<bool, StoreError> {
    let inserted = sqlx::query(
        "INSERT INTO fit_requests (request_id, request, version, created_at)
         VALUES ($1, $2, $3, $4)
         ON CONFLICT (request_id) DO NOTHING",
    )
    .bind(request_id)
    .bind(request)
    .bind(version)
    .bind(Instant(created_at))
    .execute(tx)
    .await?;
    Ok(inserted.rows_affected() == 1)
}
