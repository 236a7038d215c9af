//! Our own sessions, as the database sees them.

use sqlx::PgConnection;

use crate::store::{error::StoreError, pool::APPLICATION_NAME};

/// How many sessions of this program on this database have been idle inside a transaction for more than five seconds. Between two
/// statements of a transaction the program waits for its own arithmetic alone, which is over long before.
///
/// # Errors
/// When the database cannot be asked.
pub async fn count_idle_in_transaction(connection: &mut PgConnection) -> Result<i64, StoreError> {
    let count = sqlx::query_scalar(
        "SELECT count(*)
         FROM pg_stat_activity
         WHERE datname = current_database()
           AND application_name = $1
           AND state LIKE 'idle in transaction%'
           AND state_change < clock_timestamp() - interval '5 seconds'",
    )
    .bind(APPLICATION_NAME)
    .fetch_one(connection)
    .await?;
    Ok(count)
}
