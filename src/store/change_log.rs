//! The change logs: one row for every write of a profile, and one for every identifier whose customers a write may have changed, in the
//! transaction of the write.

pub mod news;
mod position;
pub mod trim;

pub use self::position::Position;

use jiff::Timestamp;
use sqlx::PgConnection;

use crate::{
    domain::text::CustomerId,
    store::{error::StoreError, identifiers::IdentifierDigest, instant::Instant},
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

/// Appends the identifiers whose customers a write may have changed.
///
/// # Errors
/// When the database cannot be asked.
pub async fn insert_identifiers(
    tx: &mut PgConnection,
    digests: &[IdentifierDigest],
    recorded_at: Timestamp,
) -> Result<(), StoreError> {
    if digests.is_empty() {
        return Ok(());
    }
    let (kinds, digests): (Vec<i16>, Vec<&[u8]>) =
        digests.iter().map(IdentifierDigest::columns).unzip();
    sqlx::query(
        "INSERT INTO identifier_changes (kind, digest, recorded_at)
         SELECT kind, digest, $3
         FROM unnest($1::smallint[], $2::bytea[]) AS new (kind, digest)",
    )
    .bind(kinds)
    .bind(digests)
    .bind(Instant(recorded_at))
    .execute(tx)
    .await?;
    Ok(())
}
