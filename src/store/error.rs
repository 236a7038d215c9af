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
            Some(code) if is_conflict(code) => Self::Conflict(error),
            Some(code) if is_timeout(code) => Self::Timeout(error),
            Some(code) if is_away(code) => Self::Unavailable(error),
            None if is_connection_fault(&error) => Self::Unavailable(error),
            Some(_) | None => Self::Database(error),
        }
    }
}

/// `serialization_failure`, `deadlock_detected`, and `unique_violation`: revisions and model versions are numbered by counting.
fn is_conflict(code: &str) -> bool {
    matches!(code, "40001" | "40P01" | "23505")
}

/// `query_canceled` by `statement_timeout`, `lock_not_available` by `lock_timeout`.
fn is_timeout(code: &str) -> bool {
    matches!(code, "57014" | "55P03")
}

/// The server cannot do it now, whatever it is: connection exceptions; a full disk, no memory, too many connections; shutdown, crash
/// recovery and start; read-only after a failover; a connection that it ended because we were asleep; a fault of its disk.
fn is_away(code: &str) -> bool {
    ["08", "53", "57P", "58"]
        .iter()
        .any(|class| code.starts_with(class))
        || matches!(code, "25006" | "25P03")
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

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(code: &str, conflict: bool, timeout: bool, away: bool) {
        assert_eq!(
            (is_conflict(code), is_timeout(code), is_away(code)),
            (conflict, timeout, away),
            "{code}"
        );
    }

    #[test]
    fn what_passes_by_itself_is_no_fault_of_the_program() {
        for again in ["40001", "40P01", "23505"] {
            check(again, true, false, false);
        }
        for late in ["57014", "55P03"] {
            check(late, false, true, false);
        }
        // Among them: disk_full, out_of_memory, idle_in_transaction_session_timeout, io_error.
        for away in [
            "08006", "53100", "53200", "53300", "57P01", "57P03", "25006", "25P03", "58030",
        ] {
            check(away, false, false, true);
        }
        for fault in ["23514", "22003", "42P01", "XX000", "25P02"] {
            check(fault, false, false, false);
        }
    }
}
