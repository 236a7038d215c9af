//! Deleting old rows of the logs.

use jiff::Timestamp;
use sqlx::PgConnection;

use crate::store::{
    error::StoreError,
    instant::Instant,
    locks::{Single, try_lock_single},
};

/// So many of the oldest rows of each log are looked at: few enough for a statement of milliseconds.
const BATCH_ROWS: i64 = 1_000;

/// Deletes rows that were recorded before `before`, a batch of each log, and notes how far. Rows whose transactions are not over for everybody
/// stay; those of transactions that have not begun came with a dump of another database, and go. Returns how many were deleted; none also while another process does this.
///
/// # Errors
/// When the database cannot be asked.
pub async fn delete_old(
    tx: &mut PgConnection,
    before: Timestamp,
    now: Timestamp,
) -> Result<u64, StoreError> {
    if !try_lock_single(tx, Single::Trims).await? {
        return Ok(0);
    }
    // The oldest rows by their number: without them every young log would be read in vain, to its end.
    let customers: Vec<Option<String>> = sqlx::query_scalar(
        "DELETE FROM change_log
         WHERE id = ANY (ARRAY(SELECT id FROM change_log ORDER BY id LIMIT $2))
           AND recorded_at < $1
           AND (xid < pg_snapshot_xmin(pg_current_snapshot()) OR xid >= pg_snapshot_xmax(pg_current_snapshot()))
         RETURNING CASE WHEN xid < pg_snapshot_xmin(pg_current_snapshot()) THEN xid::text END",
    )
    .bind(Instant(before))
    .bind(BATCH_ROWS)
    .fetch_all(&mut *tx)
    .await?;
    let identifiers: Vec<Option<String>> = sqlx::query_scalar(
        "DELETE FROM identifier_changes
         WHERE id = ANY (ARRAY(SELECT id FROM identifier_changes ORDER BY id LIMIT $2))
           AND recorded_at < $1
           AND (xid < pg_snapshot_xmin(pg_current_snapshot()) OR xid >= pg_snapshot_xmax(pg_current_snapshot()))
         RETURNING CASE WHEN xid < pg_snapshot_xmin(pg_current_snapshot()) THEN xid::text END",
    )
    .bind(Instant(before))
    .bind(BATCH_ROWS)
    .fetch_all(&mut *tx)
    .await?;
    let last = customers.iter().chain(&identifiers).flatten();
    let last = last.filter_map(|xid| xid.parse::<u64>().ok()).max();
    if let Some(last) = last {
        sqlx::query(
            "INSERT INTO log_trims (trimmed_xid, trimmed_at)
             VALUES ($1::text::xid8, $2)
             ON CONFLICT (singleton) DO UPDATE
             SET trimmed_xid = CASE WHEN log_trims.trimmed_xid < pg_snapshot_xmax(pg_current_snapshot())
                                    THEN greatest(log_trims.trimmed_xid, excluded.trimmed_xid)
                                    ELSE excluded.trimmed_xid END,
                 trimmed_at = excluded.trimmed_at",
        )
        .bind(last.to_string())
        .bind(Instant(now))
        .execute(tx)
        .await?;
    }
    Ok((customers.len() + identifiers.len()) as u64)
}
