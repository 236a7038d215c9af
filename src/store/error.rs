//! What can go wrong with the database, sorted by what the caller would do about it.

use sqlx::error::DatabaseError;

/// What went wrong with the database.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// No connection could be had, or it broke: try again later.
    #[error("the database cannot be reached: {0}")]
    Unavailable(#[source] sqlx::Error),
    /// The transaction met another one: run it again.
    #[error("the transaction met another one: {0}")]
    Conflict(#[source] sqlx::Error),
    /// The statement ran longer than it may.
    #[error("the database did not answer in time: {0}")]
    Timeout(#[source] sqlx::Error),
    /// A stored value cannot be read: somebody else wrote it, or this program is older than the data.
    #[error("stored data cannot be read: {0}")]
    Corrupt(String),
    /// Anything else: a fault of this program or of the server.
    #[error("the database refused a statement: {0}")]
    Database(#[source] sqlx::Error),
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        let code = error.as_database_error().and_then(DatabaseError::code);
        match code.as_deref() {
            // serialization_failure, deadlock_detected
            Some("40001" | "40P01") => Self::Conflict(error),
            // query_canceled by statement_timeout, lock_not_available by lock_timeout
            Some("57014" | "55P03") => Self::Timeout(error),
            // connection exceptions, admin_shutdown, crash_shutdown, cannot_connect_now, too_many_connections, read-only after a failover
            Some(code)
                if code.starts_with("08")
                    || code.starts_with("57P")
                    || matches!(code, "53300" | "25006") =>
            {
                Self::Unavailable(error)
            }
            None if is_connection_fault(&error) => Self::Unavailable(error),
            Some(_) | None => Self::Database(error),
        }
    }
}

fn is_connection_fault(error: &sqlx::Error) -> bool {
    matches!(
        error,
        sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::Protocol(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed
    )
}

impl StoreError {
    /// A stored value that cannot be read.
    pub(super) fn corrupt(what: &str, why: impl std::fmt::Display) -> Self {
        Self::Corrupt(format!("{what}: {why}"))
    }
}
