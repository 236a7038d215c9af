//! Which version answers, and which answered before: a history to which rows are only added.

use jiff::Timestamp;
use sqlx::PgConnection;

use crate::store::{
    error::StoreError,
    instant::Instant,
    locks::{Single, lock_single},
};

/// Makes a stored version the active one. To activate what is active adds nothing to the history.
///
/// # Errors
/// When the database cannot be asked, or there is no such version.
pub async fn activate(
    tx: &mut PgConnection,
    version: i64,
    activated_at: Timestamp,
) -> Result<(), StoreError> {
    lock_single(tx, Single::Activations).await?;
    set(tx, version, activated_at).await?;
    sqlx::query(
        "INSERT INTO model_activations (number, version, previous, activated_at)
         SELECT coalesce(max(number), 0) + 1, $1, max(number), $2
         FROM model_activations
         HAVING coalesce((SELECT version FROM model_activations ORDER BY number DESC LIMIT 1), 0) <> $1",
    )
    .bind(version)
    .bind(Instant(activated_at))
    .execute(tx)
    .await?;
    Ok(())
}

/// Makes the version active again that was active before the present one, and returns it; `None` when there was none. What it returns
/// to is the state before the last activation that was not taken back yet, so that repeated calls go further and further back.
///
/// # Errors
/// When the database cannot be asked.
pub async fn roll_back(
    tx: &mut PgConnection,
    activated_at: Timestamp,
) -> Result<Option<i64>, StoreError> {
    lock_single(tx, Single::Activations).await?;
    let earlier: Option<(i64,)> = sqlx::query_as(
        "INSERT INTO model_activations (number, version, previous, activated_at)
         SELECT now.number + 1, before.version, before.previous, $1
         FROM model_activations AS now
         JOIN model_activations AS before ON before.number = now.previous
         WHERE now.number = (SELECT max(number) FROM model_activations)
         RETURNING version",
    )
    .bind(Instant(activated_at))
    .fetch_optional(&mut *tx)
    .await?;
    let Some((version,)) = earlier else {
        return Ok(None);
    };
    set(tx, version, activated_at).await?;
    Ok(Some(version))
}

async fn set(
    tx: &mut PgConnection,
    version: i64,
    activated_at: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO active_model (version, activated_at)
         VALUES ($1, $2)
         ON CONFLICT (singleton) DO UPDATE
         SET version      = excluded.version,
             activated_at = excluded.activated_at",
    )
    .bind(version)
    .bind(Instant(activated_at))
    .execute(tx)
    .await?;
    Ok(())
}
