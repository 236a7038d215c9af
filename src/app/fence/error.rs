//! Why a process may not serve a database.

use crate::store::{error::StoreError, fence::Holder};

/// Why this process may not serve.
#[derive(Debug, thiserror::Error)]
pub enum FenceError {
    /// Another process serves the database, or several that share it.
    #[error(
        "{} ({}); {}",
        held_text(.0.as_ref()), holder_text(.0.as_ref()), held_hint(.0.as_ref())
    )]
    Held(Option<Holder>),
    /// Another process serves the database alone, and this one would share it.
    #[error(
        "a server without --shared uses this database ({}); start it again with --shared, or stop it",
        holder_text(.0.as_ref())
    )]
    HeldAlone(Option<Holder>),
    /// A server uses the database that is to be migrated.
    #[error("a server uses this database ({}); stop it first", holder_text(.0.as_ref()))]
    InUse(Option<Holder>),
    /// Another process took over.
    #[error(
        "another server ({}) took over this database while the connection was down; this server has stopped",
        holder_text(.0.as_ref())
    )]
    Lost(Option<Holder>),
    /// Transactions of a server that had the fence before have not ended.
    #[error(
        "transactions of another server still run ({}); wait for their end, or end them with pg_terminate_backend",
        sessions_text(.0)
    )]
    Writing(Vec<i32>),
    /// The database takes no writes, so that nobody can say who may write.
    #[error("the database takes no writes")]
    ReadOnly,
    /// The database does not keep what a session holds.
    #[error(
        "the session lost its lock on the database: connect to Postgres directly, or through a pooler in session mode"
    )]
    NoSession,
    /// The database cannot be asked.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The thread cannot be started.
    #[error("cannot watch the fence: {0}")]
    Thread(std::io::Error),
}

fn is_shared(holder: Option<&Holder>) -> bool {
    holder.is_some_and(|holder| holder.is_shared)
}

fn held_text(holder: Option<&Holder>) -> &'static str {
    if is_shared(holder) {
        return "servers with --shared use this database";
    }
    "another server uses this database"
}

fn held_hint(holder: Option<&Holder>) -> &'static str {
    if is_shared(holder) {
        return "start this one with --shared too, or stop all of them";
    }
    "stop it, wait for it with --fence-wait-seconds, or start both with --shared"
}

pub(super) fn holder_text(holder: Option<&Holder>) -> String {
    holder.map_or_else(|| "its session just ended".to_owned(), Holder::to_string)
}

/// The first three of the sessions, and how many more there are.
pub(super) fn sessions_text(sessions: &[i32]) -> String {
    let first: Vec<String> = sessions.iter().take(3).map(i32::to_string).collect();
    let more = sessions.len().saturating_sub(first.len());
    let text = format!("sessions {}", first.join(", "));
    if more == 0 {
        return text;
    }
    format!("{text} and {more} more")
}
