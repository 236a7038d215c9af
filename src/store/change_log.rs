//! The change log: one row for every write of a profile, in the transaction of the write.

use jiff::Timestamp;
use sqlx::PgConnection;

use crate::{
    domain::text::CustomerId,
    store::{error::StoreError, instant::Instant},
};

/// Appends the versions that a write made. They must be values that the database returned: on a distributed database a log row
/// selected from another table would carry another node's transaction number.
///
/// # Errors
/// When the database cannot be asked.
pub async fn insert(
    tx: &mut PgConnection,
    versions: &[(CustomerId, i64)],
    recorded_at: Timestamp,
) -> Result<(), StoreError> {
    if versions.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "INSERT INTO change_log (customer_id, version, recorded_at)
         SELECT customer_id, version, $3
         FROM unnest($1::text[], $2::bigint[]) AS new (customer_id, version)",
    )
    .bind(
        versions
            .iter()
            .map(|(id, _)| id.as_str())
            .collect::<Vec<_>>(),
    )
    .bind(
        versions
            .iter()
            .map(|(_, version)| *version)
            .collect::<Vec<_>>(),
    )
    .bind(Instant(recorded_at))
    .execute(tx)
    .await?;
    Ok(())
}
