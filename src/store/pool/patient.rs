//! Reads that no caller waits for.

use std::time::Duration;

use futures_util::future::BoxFuture;
use sqlx::PgConnection;
use tokio::time::timeout;

use super::{Pool, silent};
use crate::store::error::StoreError;

/// So long the first try may take, each further one four times as long: there may be much to read, or the database is slow.
const FIRST_LIMIT: Duration = Duration::from_secs(5);
/// The last try.
const LAST_LIMIT: Duration = Duration::from_mins(5);

impl Pool {
    /// Reads on a connection that answers. A call's deadline ends what it reads; without one, a statement on a path that went silent would
    /// not end before the network gives up. So `read` begins anew on another connection, with more time, until it has come to its end.
    ///
    /// # Errors
    /// When the database cannot be asked, or does not answer in five minutes.
    pub async fn read_patiently<T>(
        &self,
        read: impl for<'c> Fn(&'c mut PgConnection) -> BoxFuture<'c, Result<T, StoreError>>
        + Send
        + Sync,
    ) -> Result<T, StoreError> {
        let mut limit = FIRST_LIMIT;
        loop {
            let mut lease = self.lease().await?;
            match timeout(limit, read(&mut lease)).await {
                Ok(read) => {
                    let read = read?;
                    drop(lease.done());
                    return Ok(read);
                }
                Err(_) if limit < LAST_LIMIT => {
                    tracing::debug!(
                        limit_ms = limit.as_millis(),
                        "a read takes long: trying another connection"
                    );
                    limit = LAST_LIMIT.min(limit * 4);
                }
                Err(late) => return Err(silent(late).into()),
            }
        }
    }
}
