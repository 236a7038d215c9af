//! What it means that no connection was to be had in time: sqlx reports one error for a queue at a database that works, and for one that
//! refuses connections for so long (connection refused, too many connections, starting up).

use std::time::Duration;

use sqlx::{ConnectOptions as _, Connection as _, Executor as _, postgres::PgConnectOptions};
use tokio::sync::Semaphore;

use crate::store::error::StoreError;

/// How long the look may take: the caller has waited for a connection already.
const LOOK_TIMEOUT: Duration = Duration::from_millis(500);

/// One look at a time: a queue is no time for more connections.
static LOOK: Semaphore = Semaphore::const_new(1);

/// Why `error` happened: where no connection was to be had in time, the database is asked whether it lets anybody in.
pub(super) async fn explain(database: &PgConnectOptions, error: StoreError) -> StoreError {
    if !matches!(error, StoreError::Queued(_)) {
        return error;
    }
    let Ok(_one) = LOOK.try_acquire() else {
        return error;
    };
    // A pooler lets us in by itself: only an answer comes from the server.
    let look = async {
        let mut connection = database.connect().await?;
        connection.execute("SELECT 1").await?;
        Ok::<_, sqlx::Error>(connection)
    };
    match tokio::time::timeout(LOOK_TIMEOUT, look).await {
        Ok(Ok(connection)) => {
            // Whether it ends well is nobody's concern.
            drop(connection.close().await);
            error
        }
        Ok(Err(cause)) => cause.into(),
        Err(_) => StoreError::Unavailable(sqlx::Error::PoolTimedOut),
    }
}
