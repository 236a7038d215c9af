//! Connections: separate pools for reads and writes, each statement bounded in time by the server itself.
//!
//! The one place that begins transactions. sqlx 0.9 hands a connection back to its pool *inside* the transaction when the future is dropped
//! while BEGIN is under way, and its next user reads a frozen past. So BEGIN runs in a task that no caller ends, and no connection is
//! handed out before it has proved to be outside of any transaction.

mod patient;
mod settings;
mod sign;
mod way;

use std::{
    io,
    ops::{Deref, DerefMut},
    sync::Arc,
    time::Duration,
};

use sqlx::{
    Connection, PgConnection, PgPool, Postgres, SqlSafeStr as _, Transaction,
    error::DatabaseError,
    pool::PoolConnection,
    postgres::{PgListener, PgPoolOptions},
};
use tokio::time::error::Elapsed;
use tracing::Instrument as _;

pub use self::sign::breaker;
use self::way::Way;
use crate::store::{
    breaker::Breaker,
    demotion,
    error::{Outage, StoreError},
    fence::Epoch,
    queue,
    target::Target,
};

/// Begins a transaction that reads one state of the data and writes nothing.
const SNAPSHOT: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY";
/// Begins a transaction of any other kind.
const PLAIN: &str = "BEGIN";
/// The name under which the database shows our sessions.
pub const APPLICATION_NAME: &str = "patron";
/// No connection lives longer. What memory knows of acknowledged writes reaches further back (`cache::floors`), so that even a session that
/// had got stuck in a transaction could not bring back what was before them.
pub const MAX_LIFETIME: Duration = Duration::from_mins(10);

/// A connection that was given up within a statement must have come to its end within this share of the longest one's time, or it is closed.
/// The statement itself goes on: where it may take minutes, places are freed more slowly, so that they still bound how many there are.
const REST_SHARE: u32 = 10;

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

/// Connections to one database.
#[derive(Debug, Clone)]
pub struct Pool {
    connections: PgPool,
    way: Arc<Way>,
    breaker: Arc<Breaker>,
    /// How long the answer to BEGIN is waited for.
    begin_timeout: Duration,
    /// What transactions that write compare; `None` where no other process can be in the way.
    epoch: Option<Epoch>,
}

impl Pool {
    /// A pool of connections to the database, which are made when they are needed.
    #[must_use]
    pub fn open(target: &Target, options: PoolOptions, breaker: &Arc<Breaker>) -> Self {
        let way = Arc::new(Way::new(target));
        let there = Arc::clone(breaker);
        let rest_limit = options.statement_timeout / REST_SHARE;
        let (used, returned) = (target.clone(), target.clone());
        let connections = PgPoolOptions::new()
            .max_connections(options.max_connections)
            .acquire_timeout(options.acquire_timeout)
            .max_lifetime(MAX_LIFETIME)
            // In place of sqlx's own look whether the server is there, at the same price of one round trip.
            .test_before_acquire(false)
            .after_connect(move |connection, _| Box::pin(options.apply(connection)))
            .before_acquire(move |connection, session| {
                let is_left = used.is_left(session.age);
                Box::pin(async move {
                    if is_left || demotion::leads_astray(connection, session.age).await? {
                        return Ok(false);
                    }
                    is_clean(connection).await
                })
            })
            // sqlx waits without limit for the end of a statement that was given up. On a path that went silent there is none.
            .after_release(move |connection, session| {
                let is_there = there.check().is_ok() && !returned.is_left(session.age);
                Box::pin(async move { Ok(is_there && at_rest(connection, rest_limit).await?) })
            })
            .connect_lazy_with(way.options());
        Self {
            connections,
            way,
            breaker: Arc::clone(breaker),
            begin_timeout: options.acquire_timeout,
            epoch: None,
        }
    }

    /// The same pool, whose transactions that write fail once another process has taken the fence.
    #[must_use]
    pub fn fenced(self, epoch: Epoch) -> Self {
        Self {
            epoch: Some(epoch),
            ..self
        }
    }

    /// A connection that is outside of any transaction.
    ///
    /// # Errors
    /// When none is free in time, or at once while the database is away.
    pub async fn acquire(&self) -> Result<PoolConnection<Postgres>, StoreError> {
        self.way.follow(&self.connections);
        // Boxed: a future that may connect is large, by its handshake of TLS, and all futures of lookups would be.
        let acquired = Box::pin(self.acquire_or_renew());
        match self.breaker.guard(acquired).await {
            Ok(connection) => Ok(connection),
            Err(error) => {
                // Whatever is in the way of a connection, a probe says whether it is in the way of all.
                self.breaker.suspect();
                let database = self.connections.connect_options();
                Err(Box::pin(queue::explain(&database, error)).await)
            }
        }
    }

    /// A connection; where the login is refused, and the file with the password says another one by now, with that.
    async fn acquire_or_renew(&self) -> Result<PoolConnection<Postgres>, StoreError> {
        let before = self.way.target.generation();
        let acquired = self.connections.acquire().await.map_err(refused);
        match acquired {
            Err(error)
                if error.outage() == Outage::RefusesLogin
                    && self.way.target.has_changed_since(before) =>
            {
                self.way.follow(&self.connections);
                self.connections.acquire().await.map_err(refused)
            }
            acquired => acquired,
        }
    }

    /// A connection for one load, which is closed when the load is given up.
    ///
    /// # Errors
    /// As for [`Self::acquire`].
    pub async fn lease(&self) -> Result<Lease, StoreError> {
        Ok(Lease {
            connection: Some(self.acquire().await?),
            returns: false,
        })
    }

    /// Begins a transaction that may write.
    ///
    /// # Errors
    /// As for [`Self::acquire`]; [`StoreError::TakenOver`] in a pool that is fenced.
    pub async fn begin(&self) -> Result<Transaction<'static, Postgres>, StoreError> {
        let mut transaction = self.begin_as(PLAIN).await?;
        if let Some(epoch) = &self.epoch {
            self.breaker.guard(epoch.check(&mut transaction)).await?;
        }
        Ok(transaction)
    }

    /// Begins a transaction that reads one state of the data and writes nothing.
    ///
    /// # Errors
    /// As for [`Self::acquire`].
    pub async fn begin_snapshot(&self) -> Result<Transaction<'static, Postgres>, StoreError> {
        self.begin_as(SNAPSHOT).await
    }

    async fn begin_as(
        &self,
        statement: &'static str,
    ) -> Result<Transaction<'static, Postgres>, StoreError> {
        let connection = self.acquire().await?;
        // A task of its own: when the caller is gone by then, the transaction is dropped once it has begun, and so is rolled back.
        let (breaker, limit) = (Arc::clone(&self.breaker), self.begin_timeout);
        let begun = async move {
            let begin = Transaction::begin(connection, Some(statement.into_sql_str()));
            let begin = async { Ok(tokio::time::timeout(limit, begin).await.map_err(silent)??) };
            breaker.guard(begin).await
        };
        match tokio::spawn(begun.in_current_span()).await {
            Ok(begun) => begun,
            Err(panic) => std::panic::resume_unwind(panic.into_panic()),
        }
    }

    /// Waits for work that writes in connections of this pool; see [`Breaker::endure`].
    ///
    /// # Errors
    /// As there.
    pub async fn endure<T, E: From<StoreError>>(
        &self,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        self.breaker.endure(work).await
    }

    /// Hands out no connection any more, and does not wait for those in use: see [`Self::check_open`].
    pub fn shut(&self) {
        // It is closed when this returns; the future only waits.
        drop(self.connections.close());
    }

    /// Fails once the pool is closed. To be asked before a commit: a transaction that began before it may go on.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub fn check_open(&self) -> Result<(), StoreError> {
        if self.connections.is_closed() {
            return Err(StoreError::Unavailable(sqlx::Error::PoolClosed));
        }
        Ok(())
    }

    /// Closes the pool and its connections, and waits for those in use.
    pub async fn close(&self) {
        self.connections.close().await;
    }

    /// The pool itself, for migrations, which are sqlx's own.
    #[must_use]
    pub fn unguarded(&self) -> &PgPool {
        &self.connections
    }
}

/// Why there is no connection. A database that is closed to everybody, as for an upgrade, comes back like one that is down.
fn refused(error: sqlx::Error) -> StoreError {
    /// SQLSTATE `object_not_in_prerequisite_state`: "database is not currently accepting connections".
    const CLOSED: &str = "55000";
    let code = error.as_database_error().and_then(DatabaseError::code);
    match code.as_deref() {
        Some(CLOSED) => StoreError::Unavailable(error),
        Some(_) | None => error.into(),
    }
}

/// Whether a connection answers and is outside of any transaction: BEGIN without the word is an empty statement, of which sqlx only accepts
/// that the session is in a transaction afterwards.
async fn is_clean(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    match connection.begin_with("").await {
        Err(sqlx::Error::BeginFailed) => Ok(true),
        Ok(_) | Err(sqlx::Error::InvalidSavePointStatement) => {
            tracing::error!("closed a pooled connection that was inside a transaction");
            Ok(false)
        }
        // The server is gone, or closed the connection.
        Err(_) => Ok(false),
    }
}

/// Waits until nothing runs on a connection that was returned. An error closes it on the spot.
async fn at_rest(connection: &mut PgConnection, limit: Duration) -> Result<bool, sqlx::Error> {
    let answered = tokio::time::timeout(limit, connection.ping()).await;
    answered.map_err(silent)?.map(|()| true)
}

/// Nobody answers on a connection.
fn silent(_: Elapsed) -> sqlx::Error {
    let message = "the database does not answer on this connection";
    sqlx::Error::Io(io::Error::new(io::ErrorKind::TimedOut, message))
}

/// A connection of a pool for one load. Dropped before its end, the load may be anywhere within a statement that never ends: then the
/// connection is closed on the spot. Returned to the pool, it would keep its place there until the network gives up.
#[derive(Debug)]
pub struct Lease {
    connection: Option<PoolConnection<Postgres>>,
    returns: bool,
}

impl Lease {
    /// The load has come to its end.
    #[must_use]
    pub fn done(mut self) -> Self {
        self.returns = true;
        self
    }

    /// Closes the connection: what it brought was wrong.
    pub fn distrust(mut self) {
        self.returns = false;
    }
}

impl Deref for Lease {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        // Unwrap safety: there is a connection until the lease is dropped.
        #[expect(
            clippy::unwrap_used,
            reason = "there is one until the lease is dropped"
        )]
        self.connection.as_ref().unwrap()
    }
}

impl DerefMut for Lease {
    fn deref_mut(&mut self) -> &mut PgConnection {
        // Unwrap safety: there is a connection until the lease is dropped.
        #[expect(
            clippy::unwrap_used,
            reason = "there is one until the lease is dropped"
        )]
        self.connection.as_mut().unwrap()
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let connection = self.connection.take();
        if !self.returns {
            drop(connection.map(PoolConnection::detach));
        }
    }
}

/// A session that listens: its own, without limits of time.
///
/// # Errors
/// When the database cannot be reached.
pub async fn open_listener(target: &Target, name: &str) -> Result<PgListener, StoreError> {
    let session = PgPoolOptions::new()
        .max_connections(1)
        .max_lifetime(None)
        .idle_timeout(None)
        .connect_with(target.options(name));
    Ok(PgListener::connect_with(&session.await?).await?)
}
