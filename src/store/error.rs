//! What can go wrong with the database, sorted by what the caller would do about it.

use std::borrow::Cow;

use sqlx::error::DatabaseError;

use crate::{domain::text::Label, store::demotion};

/// What went wrong with the database.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database cannot work now, or no connection could be had, or it broke: try again later. [`Self::outage`] says which.
    #[error("cannot use the database: {0}")]
    Unavailable(#[source] sqlx::Error),
    /// Another server has taken the database over: this process writes no more.
    #[error("another server has taken the database over")]
    TakenOver,
    /// Every connection of the pool was in use for as long as one may be waited for.
    #[error("every database connection is in use: {0}")]
    Queued(#[source] sqlx::Error),
    /// The transaction met another one: run it again.
    #[error("transaction conflict: {0}")]
    Conflict(#[source] sqlx::Error),
    /// The statement ran longer than it may.
    #[error("the database did not respond in time: {0}")]
    Timeout(#[source] sqlx::Error),
    /// The import to which the write belongs was undone.
    #[error("import {0:?} was undone")]
    ImportUndone(Label),
    /// A stored value cannot be read: somebody else wrote it, or this program is older than the data.
    #[error("cannot read stored data: {0}")]
    Corrupt(String),
    /// Anything else: a fault of this program or of the server.
    #[error("the database refused a statement: {0}")]
    Database(#[source] sqlx::Error),
}

/// Why the database cannot work now: what an operator would look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outage {
    /// No connection could be had, or it broke.
    Away,
    /// It takes no writes: a standby, or a primary that was demoted.
    ReadOnly,
    /// It does not let us in: role, password, database or its permission.
    RefusesLogin,
    /// No disk, memory or connections are left.
    Full,
    /// It starts, stops or recovers.
    Restarting,
    /// It ended our session, because we did nothing in it for too long.
    SessionEnded,
    /// It cannot read or write its files.
    StorageFailed,
    /// It works, for another server: this process writes no more.
    TakenOver,
}

impl Outage {
    /// What the server says by an SQLSTATE; `None` for what is no outage.
    fn from_code(code: &str) -> Option<Self> {
        Some(match code {
            "25006" => Self::ReadOnly,
            "25P03" | "57P05" => Self::SessionEnded,
            // The last is how a database says that it accepts no connections.
            "3D000" | "55000" => Self::RefusesLogin,
            _ if code.starts_with("28") => Self::RefusesLogin,
            _ if code.starts_with("53") => Self::Full,
            _ if code.starts_with("57P") => Self::Restarting,
            _ if code.starts_with("58") => Self::StorageFailed,
            _ if code.starts_with("08") => Self::Away,
            _ => return None,
        })
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        let code = error.as_database_error().and_then(DatabaseError::code);
        match code.as_deref() {
            Some(code) if is_conflict(code) => Self::Conflict(error),
            Some(code) if is_timeout(code) => Self::Timeout(error),
            Some(code) => match Outage::from_code(code) {
                Some(outage) => {
                    if outage == Outage::ReadOnly {
                        demotion::note();
                    }
                    Self::Unavailable(error)
                }
                None => Self::Database(error),
            },
            None if matches!(error, sqlx::Error::PoolTimedOut) => Self::Queued(error),
            None if is_connection_fault(&error) => Self::Unavailable(error),
            None => Self::Database(error),
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

fn is_connection_fault(error: &sqlx::Error) -> bool {
    matches!(
        error,
        sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::Protocol(_)
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed
    )
}

impl StoreError {
    /// The transaction rests on what another one has changed since: run it again. `what` says what changed.
    #[must_use]
    pub fn overtaken(what: &str) -> Self {
        Self::Conflict(sqlx::Error::Protocol(what.to_owned()))
    }

    /// A stored value that cannot be read.
    pub(super) fn corrupt(what: &str, why: impl std::fmt::Display) -> Self {
        Self::Corrupt(format!("{what}: {why}"))
    }

    /// Why the database cannot work now; [`Outage::Away`] where it did not say.
    #[must_use]
    pub fn outage(&self) -> Outage {
        match self {
            Self::Unavailable(error) => sqlstate(error)
                .and_then(|code| Outage::from_code(&code))
                .unwrap_or(Outage::Away),
            Self::TakenOver => Outage::TakenOver,
            Self::Queued(_)
            | Self::Conflict(_)
            | Self::Timeout(_)
            | Self::ImportUndone(_)
            | Self::Corrupt(_)
            | Self::Database(_) => Outage::Away,
        }
    }

    /// Whether a lock was not to be had in time, and not the statement itself too slow.
    #[must_use]
    pub fn is_locked_out(&self) -> bool {
        matches!(self, Self::Timeout(error) if sqlstate(error).as_deref() == Some("55P03"))
    }
}

fn sqlstate(error: &sqlx::Error) -> Option<Cow<'_, str>> {
    error.as_database_error().and_then(DatabaseError::code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(code: &str, conflict: bool, timeout: bool, outage: Option<Outage>) {
        assert_eq!(
            (is_conflict(code), is_timeout(code), Outage::from_code(code)),
            (conflict, timeout, outage),
            "{code}"
        );
    }

    #[test]
    fn what_passes_by_itself_is_no_fault_of_the_program() {
        for again in ["40001", "40P01", "23505"] {
            check(again, true, false, None);
        }
        for late in ["57014", "55P03"] {
            check(late, false, true, None);
        }
        for fault in ["23514", "22003", "42P01", "XX000", "25P02"] {
            check(fault, false, false, None);
        }
    }

    #[test]
    fn what_an_operator_would_look_at_is_told_apart() {
        for (outage, codes) in [
            (Outage::ReadOnly, &["25006"][..]),
            (Outage::SessionEnded, &["25P03", "57P05"]),
            (Outage::RefusesLogin, &["28000", "28P01", "3D000", "55000"]),
            // disk_full, out_of_memory, too_many_connections
            (Outage::Full, &["53100", "53200", "53300"]),
            (Outage::Restarting, &["57P01", "57P02", "57P03"]),
            (Outage::StorageFailed, &["58030"]),
            (Outage::Away, &["08006"]),
        ] {
            for code in codes {
                check(code, false, false, Some(outage));
            }
        }
    }

    #[test]
    fn a_queue_for_connections_is_no_outage() {
        let queued = StoreError::from(sqlx::Error::PoolTimedOut);
        assert!(matches!(queued, StoreError::Queued(_)), "{queued}");
        let closed = StoreError::from(sqlx::Error::PoolClosed);
        assert!(matches!(closed, StoreError::Unavailable(_)), "{closed}");
    }
}
