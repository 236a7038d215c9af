//! One attempt to connect, and what its failure means.

use std::{io, time::Duration};

use crate::store::{
    pooler::{self, Sessions},
    target::Target,
};

/// Why a database cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// It does not let us in, or does not answer.
    #[error(transparent)]
    Unreachable(#[from] sqlx::Error),
    /// A pooler gives each transaction another session.
    #[error(
        "the pooler in DATABASE_URL is not in session mode: set pool_mode = session for this database, or connect to Postgres itself"
    )]
    SharedSessions,
    /// A pooler does not clear a session before another client has it. So does one in another mode that happened to give each of our connections
    /// another session.
    #[error(
        "the pooler in DATABASE_URL is not in session mode or keeps locks of closed sessions: set pool_mode = session and server_reset_query = DISCARD ALL"
    )]
    UnclearedSessions,
    /// A pooler drops settings of the URL.
    #[error(
        "the pooler in DATABASE_URL ignores {0} in its options: remove it there, and set it for the role (ALTER ROLE ... SET ...)"
    )]
    IgnoredOption(String),
}

/// Connects once and says plainly why that does not work, which a pool, that keeps trying, cannot.
///
/// # Errors
/// Whatever the server or the network says, and a pooler that gives no session of our own.
pub async fn probe(target: &Target, limit: Duration) -> Result<(), ProbeError> {
    let examining = async {
        match pooler::examine(target).await? {
            Sessions::Own => {}
            Sessions::Shared => return Err(ProbeError::SharedSessions),
            Sessions::Uncleared => return Err(ProbeError::UnclearedSessions),
        }
        let ignored = pooler::find_ignored(target).await?;
        ignored.map_or(Ok(()), |name| Err(ProbeError::IgnoredOption(name)))
    };
    let examined = tokio::time::timeout(limit, examining).await;
    examined.map_err(|_| timed_out(limit))?
}

fn timed_out(limit: Duration) -> sqlx::Error {
    let message = format!("no session within {} s", limit.as_secs());
    sqlx::Error::Io(io::Error::new(io::ErrorKind::TimedOut, message))
}

/// Whether a failure to connect may pass by itself: nobody listens yet, the network is down, the server starts or has no place. A wrong
/// password, a certificate that is not trusted, no such database or what cannot be read in the URL does not.
#[must_use]
pub fn may_pass(error: &sqlx::Error) -> bool {
    if is_refused_parameter(error) {
        return false;
    }
    if let Some(refusal) = error.as_database_error() {
        let code = refusal.code().unwrap_or_default();
        let passing = ["08", "53", "55", "57", "58"];
        return passing.iter().any(|class| code.starts_with(class));
    }
    !is_about_tls(error) && matches!(error, sqlx::Error::Io(_) | sqlx::Error::Protocol(_))
}

/// Whether a pooler refuses a parameter of the URL. It has one SQLSTATE for whatever is wrong.
#[must_use]
pub fn is_refused_parameter(error: &sqlx::Error) -> bool {
    let refusal = error.as_database_error();
    refusal.is_some_and(|it| it.message().starts_with("unsupported startup parameter"))
}

/// Whether a failure to connect comes from the encryption, and not from the network or the login.
#[must_use]
pub fn is_about_tls(error: &sqlx::Error) -> bool {
    // What rustls refuses in the handshake comes as an error of the socket.
    let is_refused = |cause: &io::Error| cause.kind() == io::ErrorKind::InvalidData;
    matches!(error, sqlx::Error::Tls(_))
        || matches!(error, sqlx::Error::Io(cause) if is_refused(cause))
}
