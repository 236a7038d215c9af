//! Connections: separate pools for reads and writes, each statement bounded in time by the server itself.

use std::{io, time::Duration};

use sqlx::{
    Connection, PgConnection, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};

use crate::store::{demotion, error::StoreError};

/// Begins a transaction that reads one state of the data and writes nothing.
pub const SNAPSHOT: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY";

/// How a pool behaves.
#[derive(Debug, Clone, Copy)]
pub struct PoolOptions {
    /// Greatest number of connections.
    pub max_connections: u32,
    /// How long to wait for a free connection.
    pub acquire_timeout: Duration,
    /// How long one statement may run. A dropped future leaves its statement running on the server, so the server must end it.
    pub statement_timeout: Duration,
    /// How statements are planned.
    pub plans: Plans,
}

/// When Postgres makes the plan of a prepared statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plans {
    /// Once for all of its executions, after a few: for look-ups that are fast whatever they ask for.
    Kept,
    /// At every execution. A kept plan does not see how many customers a batch names, nor that a table has grown since: of a table that was
    /// empty then it reads all rows, and compares each with every customer of the batch, until the table is analysed.
    Anew,
}

/// Opens a pool. Connections are made when they are needed.
///
/// # Errors
/// When the URL cannot be read.
pub fn open(url: &str, options: PoolOptions) -> Result<PgPool, StoreError> {
    let statement_timeout = format!("{}ms", options.statement_timeout.as_millis());
    let connect = url
        .parse::<PgConnectOptions>()?
        .application_name("patron")
        .options([
            ("statement_timeout", statement_timeout.as_str()),
            (
                "plan_cache_mode",
                match options.plans {
                    Plans::Kept => "auto",
                    Plans::Anew => "force_custom_plan",
                },
            ),
            ("idle_in_transaction_session_timeout", "60s"),
            // Times are bound and read in binary; nothing may depend on the session's zone.
            ("timezone", "UTC"),
        ]);
    Ok(PgPoolOptions::new()
        .max_connections(options.max_connections)
        .acquire_timeout(options.acquire_timeout)
        // A session to a server that takes no writes any more is closed: the next one may lead to the new primary.
        .before_acquire(|_, session| {
            let usable = !demotion::is_outdated(session.age);
            Box::pin(async move { Ok(usable) })
        })
        .connect_lazy_with(connect))
}

/// Connects once and says plainly why that does not work, which a pool, that keeps trying, cannot.
///
/// # Errors
/// Whatever the server or the network says.
pub async fn probe(url: &str, limit: Duration) -> Result<(), StoreError> {
    let options = url.parse::<PgConnectOptions>()?.application_name("patron");
    let connected = tokio::time::timeout(limit, PgConnection::connect_with(&options)).await;
    let connection = connected.map_err(|_| timed_out(limit))??;
    Ok(connection.close().await?)
}

fn timed_out(limit: Duration) -> sqlx::Error {
    let message = format!("no connection within {} s", limit.as_secs());
    sqlx::Error::Io(io::Error::new(io::ErrorKind::TimedOut, message))
}
