//! What was decided when the database was created.

use jiff::{Timestamp, tz::TimeZone};
use sqlx::{PgConnection, Postgres, Transaction};

use crate::store::{error::StoreError, identifiers::IdentifierKey, instant::Instant};

/// What was decided when the database was created.
#[derive(Debug, Clone)]
pub struct Deployment {
    /// The zone in which days are counted.
    pub time_zone: TimeZone,
    /// [`IdentifierKey::check_value`] of the key that the database was created with.
    pub identifier_key_check: Vec<u8>,
}

struct Row {
    time_zone: String,
    identifier_key_check: Vec<u8>,
}

crate::store::row::from_row!(Row {
    time_zone,
    identifier_key_check
});

/// The deployment, if it was written already.
///
/// # Errors
/// When the database cannot be asked, or names a zone that this program does not know.
pub async fn find(connection: &mut PgConnection) -> Result<Option<Deployment>, StoreError> {
    let row: Option<Row> = sqlx::query_as(
        "SELECT time_zone, identifier_key_check
         FROM deployment",
    )
    .fetch_optional(connection)
    .await?;
    row.map(|row| {
        let time_zone = TimeZone::get(&row.time_zone)
            .map_err(|error| StoreError::corrupt("deployment time zone", error))?;
        Ok(Deployment {
            time_zone,
            identifier_key_check: row.identifier_key_check,
        })
    })
    .transpose()
}

/// Writes the deployment, unless another process was first. In a transaction, since it is those that compare the fence's epoch.
///
/// # Errors
/// When the database cannot be asked.
pub async fn insert(
    tx: &mut Transaction<'_, Postgres>,
    time_zone: &str,
    key: &IdentifierKey,
    created_at: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO deployment (time_zone, identifier_key_check, created_at)
         VALUES ($1, $2, $3)
         ON CONFLICT (singleton) DO NOTHING",
    )
    .bind(time_zone)
    .bind(key.check_value().as_slice())
    .bind(Instant(created_at))
    .execute(&mut **tx)
    .await?;
    Ok(())
}
