//! One attempt to connect, and what its failure means.

use std::{io, time::Duration};

use sqlx::Connection as _;

use crate::store::{pool::APPLICATION_NAME, target::Target};

/// Connects once and says plainly why that does not work, which a pool, that keeps trying, cannot.
///
/// # Errors
/// Whatever the server or the network says.
pub async fn probe(target: &Target, limit: Duration) -> Result<(), sqlx::Error> {
    let connecting = target.connect(|it| it.application_name(APPLICATION_NAME));
    let connected = tokio::time::timeout(limit, connecting).await;
    let connection = connected.map_err(|_| timed_out(limit))??;
    connection.close().await
}

fn timed_out(limit: Duration) -> sqlx::Error {
    let message = format!("no connection within {} s", limit.as_secs());
    sqlx::Error::Io(io::Error::new(io::ErrorKind::TimedOut, message))
}

/// Whether a failure to connect may pass by itself: nobody listens yet, the network is down, the server starts or has no place. A wrong
/// password, a certificate that is not trusted, no such database or what cannot be read in the URL does not.
#[must_use]
pub fn may_pass(error: &sqlx::Error) -> bool {
    if let Some(refusal) = error.as_database_error() {
        let code = refusal.code().unwrap_or_default();
        let passing = ["08", "53", "55", "57", "58"];
        return passing.iter().any(|class| code.starts_with(class));
    }
    !is_about_tls(error) && matches!(error, sqlx::Error::Io(_) | sqlx::Error::Protocol(_))
}

/// Whether a failure to connect comes from the encryption, and not from the network or the login.
#[must_use]
pub fn is_about_tls(error: &sqlx::Error) -> bool {
    // What rustls refuses in the handshake comes as an error of the socket.
    let is_refused = |cause: &io::Error| cause.kind() == io::ErrorKind::InvalidData;
    matches!(error, sqlx::Error::Tls(_))
        || matches!(error, sqlx::Error::Io(cause) if is_refused(cause))
}
