//! Waiting at the start for a server that is not there yet, and what to do about one that does not let us in.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::DatabaseError;
use crate::store::{
    probe::{self, ProbeError},
    target::Target,
};

/// How long one try to connect to a server that `DATABASE_URL` names may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// The first and the longest time between two tries at the start: an outage of seconds costs no more than it lasts, one of minutes costs
/// the server that comes back no more than one connection every two seconds.
const CONNECT_PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(2));
/// How often the start says that it still waits for the database.
const WAIT_NOTICE: Duration = Duration::from_secs(5);
/// Waits until the server lets us in, for at most `limit`: after a restart of a whole machine, or in an outage, the program may be
/// there first. What does not pass by itself, such as a wrong password, is not waited for.
pub(super) async fn until_admitted(target: &Target, limit: Duration) -> Result<(), DatabaseError> {
    let start = Instant::now();
    let (mut pause, longest) = CONNECT_PAUSES;
    let mut said: Option<Instant> = None;
    loop {
        let cause = match probe::probe(target, CONNECT_TIMEOUT).await {
            Ok(()) => return Ok(()),
            Err(ProbeError::Unreachable(cause)) => cause,
            Err(pooled) => return Err(pooled.into()),
        };
        let left = limit.saturating_sub(start.elapsed());
        if left.is_zero() || !probe::may_pass(&cause) {
            return Err(DatabaseError::Unreachable { cause });
        }
        if said.is_none_or(|said| said.elapsed() >= WAIT_NOTICE) {
            said = Some(Instant::now());
            tracing::warn!(
                error.cause = %cause,
                wait.left_seconds = left.as_secs(),
                "waiting for the database in DATABASE_URL; set the limit with --database-wait"
            );
        }
        sleep(pause.min(left)).await;
        pause = (pause * 2).min(longest);
    }
}

impl From<ProbeError> for DatabaseError {
    fn from(error: ProbeError) -> Self {
        match error {
            ProbeError::Unreachable(cause) => Self::Unreachable { cause },
            ProbeError::SharedSessions
            | ProbeError::UnclearedSessions
            | ProbeError::IgnoredOption(_) => Self::Pooler(error),
        }
    }
}

/// What to do about a server that did not let us in.
pub(super) fn hint(cause: &sqlx::Error) -> &'static str {
    if probe::is_about_tls(cause) {
        return "check sslmode and the host name in DATABASE_URL; --database-root-certificate names the authority of its certificate";
    }
    if probe::is_refused_parameter(cause) {
        return "remove `options` from DATABASE_URL and PGOPTIONS, and set them for the role: ALTER ROLE ... SET ...";
    }
    let code = cause
        .as_database_error()
        .and_then(sqlx::error::DatabaseError::code);
    match code.as_deref() {
        Some("3D000") => "create the database (createdb NAME), then run `patron migrate`",
        Some("28000") => {
            "check the user in DATABASE_URL, its sslmode (require or more where only TLS is let in), and pg_hba.conf on the server"
        }
        Some(code) if code.starts_with("28") => {
            "check the user and password in DATABASE_URL, and pg_hba.conf on the server"
        }
        Some(_) | None => {
            "check that Postgres is running, and the host and port in DATABASE_URL; a pooler needs pool_size = 40"
        }
    }
}
