//! The lock that lets one process at a time serve a database: held by a session of its own, for as long as the session lives.
//!
//! A session behind a pooler in transaction mode cannot hold it, since its statements go to any of the pooler's own sessions. What a process
//! does with the fence, and when it is lost, is not known here.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use sqlx::{ConnectOptions as _, Connection as _, PgConnection, postgres::PgConnectOptions};

use crate::store::error::StoreError;

/// How long a connection, and each statement, may take.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Longest name of a session that Postgres keeps, in bytes.
const MAX_NAME_BYTES: usize = 63;

/// The process that holds the fence, as the database shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// Number of its session in the database.
    pub session_pid: i32,
    /// What its session is called.
    pub application_name: String,
    /// Where its session comes from; `None`: from the database's own machine, by a Unix socket, or not ours to see.
    pub client_address: Option<String>,
}

crate::store::row::from_row!(Holder {
    session_pid,
    application_name,
    client_address
});

impl std::fmt::Display for Holder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let address = self.client_address.as_deref().unwrap_or("this machine");
        let Self {
            session_pid,
            application_name,
            ..
        } = self;
        write!(
            f,
            "{application_name:?} from {address}, session {session_pid}"
        )
    }
}

/// The epoch of this process: the number that it wrote when it took the fence. Clones share it; 0 until then.
#[derive(Debug, Clone, Default)]
pub struct Epoch(Arc<AtomicI64>);

impl Epoch {
    /// The number.
    #[must_use]
    pub fn get(&self) -> i64 {
        self.0.load(Ordering::Acquire)
    }

    /// Fails when another process took the fence, which by this cannot happen before the end of the transaction.
    ///
    /// # Errors
    /// [`StoreError::TakenOver`], or when the database cannot be asked.
    pub async fn check(&self, transaction: &mut PgConnection) -> Result<(), StoreError> {
        let epoch: Option<i64> = sqlx::query_scalar(
            "SELECT epoch
             FROM fence_epoch
             WHERE singleton
             FOR SHARE",
        )
        .fetch_optional(transaction)
        .await?;
        if epoch.is_some_and(|epoch| epoch == self.get()) {
            return Ok(());
        }
        Err(StoreError::TakenOver)
    }
}

/// A session that may hold the fence.
#[derive(Debug)]
pub struct Session(PgConnection);

/// What became of an attempt to take the fence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Attempt {
    /// It is ours.
    Taken,
    /// Another session has it; which, unless it ended meanwhile.
    HeldBy(Option<Holder>),
}

impl Session {
    /// Opens one under a name that tells people which process it is.
    ///
    /// # Errors
    /// When the URL cannot be read or the database cannot be reached.
    pub async fn open(url: &str, name: &str) -> Result<Self, StoreError> {
        let name = &name[..name.floor_char_boundary(MAX_NAME_BYTES)];
        let options = url.parse::<PgConnectOptions>()?.application_name(name);
        let mut session = Self(within(options.connect()).await?);
        // The server's own settings may end sessions that do nothing for long, which is what this one does. By statements, since poolers
        // refuse settings at the connect.
        for statement in [
            "SET idle_session_timeout = 0",
            "SET statement_timeout = '5s'",
        ] {
            within(sqlx::query(statement).execute(&mut session.0)).await?;
        }
        Ok(session)
    }

    /// Takes the fence unless somebody has it.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn take(&mut self) -> Result<Attempt, StoreError> {
        let taken = sqlx::query_scalar("SELECT pg_try_advisory_lock(9, 1)");
        if within(taken.fetch_one(&mut self.0)).await? {
            return Ok(Attempt::Taken);
        }
        let holder = sqlx::query_as(
            "SELECT s.pid AS session_pid, s.application_name, host(s.client_addr) AS client_address
             FROM pg_locks AS l
             JOIN pg_stat_activity AS s ON s.pid = l.pid
             WHERE l.locktype = 'advisory' AND l.classid = 9 AND l.objid = 1 AND l.objsubid = 2 AND l.granted
               AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())",
        );
        Ok(Attempt::HeldBy(
            within(holder.fetch_optional(&mut self.0)).await?,
        ))
    }

    /// Whether this very session still holds the fence.
    ///
    /// # Errors
    /// When the database cannot be asked: then the session is of no use any more.
    pub async fn holds(&mut self) -> Result<bool, StoreError> {
        let held = sqlx::query_scalar(
            "SELECT EXISTS (
               SELECT FROM pg_locks
               WHERE locktype = 'advisory' AND classid = 9 AND objid = 1 AND objsubid = 2 AND granted
                 AND pid = pg_backend_pid())",
        );
        within(held.fetch_one(&mut self.0)).await
    }

    /// The epoch of the process that took the fence last.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn epoch(&mut self) -> Result<i64, StoreError> {
        let epoch = sqlx::query_scalar("SELECT coalesce(max(epoch), 0) FROM fence_epoch");
        within(epoch.fetch_one(&mut self.0)).await
    }

    /// Makes this process the one that may write, once every transaction of others that writes has ended. By the session that holds the
    /// fence: where it broke, this fails.
    ///
    /// # Errors
    /// When the database cannot be asked, or such a transaction does not end in time.
    pub async fn raise(&mut self, epoch: &Epoch) -> Result<(), StoreError> {
        let raised = sqlx::query_scalar(
            "INSERT INTO fence_epoch (epoch)
             VALUES ($1 + 1)
             ON CONFLICT (singleton) DO UPDATE
             SET epoch = greatest(fence_epoch.epoch, $1) + 1
             RETURNING epoch",
        );
        let raised = within(raised.bind(epoch.get()).fetch_one(&mut self.0)).await?;
        epoch.0.store(raised, Ordering::Release);
        Ok(())
    }

    /// Ends a session of the same name that the network left behind: nobody else is called so. Whether it was still there does not matter.
    ///
    /// # Errors
    /// When the database cannot be asked, or does not let us.
    pub async fn end(&mut self, left_behind: &Holder) -> Result<(), StoreError> {
        let ended = sqlx::query(
            "SELECT pg_terminate_backend(pid)
             FROM pg_stat_activity
             WHERE pid = $1 AND application_name = $2",
        );
        let ended = ended
            .bind(left_behind.session_pid)
            .bind(&left_behind.application_name);
        within(ended.execute(&mut self.0)).await?;
        Ok(())
    }

    /// Gives the fence back by ending the session.
    pub async fn close(self) {
        // Where this fails the connection is broken, and the database gives the fence back by itself.
        drop(within(self.0.close()).await);
    }
}

async fn within<T>(work: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, StoreError> {
    match tokio::time::timeout(TIMEOUT, work).await {
        Ok(done) => Ok(done?),
        Err(_) => Err(sqlx::Error::Io(io::ErrorKind::TimedOut.into()).into()),
    }
}
