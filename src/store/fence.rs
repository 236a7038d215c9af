//! The lock that lets one process at a time serve a database, or several that share it: held by a session of its own, for as long as the session lives.
//!
//! A session behind a pooler in transaction mode cannot hold it, since its statements go to any of the pooler's own sessions. What a process
//! does with the fence, and when it is lost, is not known here.

mod epoch;
mod joining;

use std::{io, time::Duration};

pub use self::epoch::Epoch;

use sqlx::{Connection as _, PgConnection, Postgres, postgres::PgArguments, query::QueryScalar};

use crate::store::{
    error::{Outage, StoreError},
    target::Target,
};

/// How long a connection, and each statement, may take.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Longest name of a session that Postgres keeps, in bytes.
const MAX_NAME_BYTES: usize = 63;

/// With whom a process serves a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// With nobody.
    Alone,
    /// With any number of processes that share it too.
    Shared,
}

/// The process that holds the fence, as the database shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// Number of its session in the database.
    pub session_pid: i32,
    /// What its session is called.
    pub application_name: String,
    /// Where its session comes from; `None`: from the database's own machine, by a Unix socket, or not ours to see.
    pub client_address: Option<String>,
    /// Whether it shares the database.
    pub is_shared: bool,
}

crate::store::row::from_row!(Holder {
    session_pid,
    application_name,
    client_address,
    is_shared
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

/// Whether the schema of the database has epochs yet.
///
/// # Errors
/// When the database cannot be asked.
pub async fn has_epochs(connection: &mut PgConnection) -> Result<bool, StoreError> {
    let there = sqlx::query_scalar("SELECT to_regclass('fence_epoch') IS NOT NULL");
    Ok(there.fetch_one(connection).await?)
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

/// How the fence stands for a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hold {
    /// It is ours.
    Held,
    /// The session does not hold it any more.
    Released,
    /// The session holds it, but the epoch is another one's: as in a database that was restored.
    Overtaken,
}

/// What became of an attempt to raise the epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Raised {
    /// It is raised: the number of it, for people.
    Now(i64),
    /// It is not, since transactions in these sessions have not ended.
    WaitsFor(Vec<i32>),
    /// It is not, since the database takes no writes.
    ReadOnly,
}

/// What others have written, as far as a process can tell that writes nothing itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// Who may write.
    owner: Option<String>,
    /// The last change of a profile.
    change: i64,
}

crate::store::row::from_row!(Mark { owner, change });

impl Session {
    /// Opens one under a name that tells people which process it is.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn open(target: &Target, name: &str) -> Result<Self, StoreError> {
        let name = &name[..name.floor_char_boundary(MAX_NAME_BYTES)];
        let mut session = Self(within(target.connect(|it| it.application_name(name))).await?);
        // The server's own settings may end sessions that do nothing for long, which is what this one does. By statements, since poolers
        // refuse settings at the connect.
        for statement in [
            "SET idle_session_timeout = 0",
            // Less than what this side waits: who hears nothing would not know what was done.
            "SET statement_timeout = '4s'",
            "SET lock_timeout = '2s'",
        ] {
            within(sqlx::query(statement).execute(&mut session.0)).await?;
        }
        Ok(session)
    }

    /// Takes the fence unless somebody has it, or, to share it, unless somebody has it alone.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn take(&mut self, mode: Mode) -> Result<Attempt, StoreError> {
        let taken = sqlx::query_scalar(match mode {
            Mode::Alone => "SELECT pg_try_advisory_lock(9, 1)",
            Mode::Shared => "SELECT pg_try_advisory_lock_shared(9, 1)",
        });
        if within(taken.fetch_one(&mut self.0)).await? {
            return Ok(Attempt::Taken);
        }
        let holder = sqlx::query_as(
            "SELECT s.pid AS session_pid, s.application_name, host(s.client_addr) AS client_address,
                    l.mode = 'ShareLock' AS is_shared
             FROM pg_locks AS l
             JOIN pg_stat_activity AS s ON s.pid = l.pid
             WHERE l.locktype = 'advisory' AND l.classid = 9 AND l.objid = 1 AND l.objsubid = 2 AND l.granted
               AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
             ORDER BY s.pid",
        );
        Ok(Attempt::HeldBy(
            within(holder.fetch_optional(&mut self.0)).await?,
        ))
    }

    /// Whether this very session still holds the fence, and since `epoch` was raised, whether it is still the last one.
    ///
    /// # Errors
    /// When the database cannot be asked: then the session is of no use any more.
    pub async fn look(&mut self, epoch: &Epoch) -> Result<Hold, StoreError> {
        let held = sqlx::query_scalar(
            "SELECT EXISTS (
               SELECT FROM pg_locks
               WHERE locktype = 'advisory' AND classid = 9 AND objid = 1 AND objsubid = 2 AND granted
                 AND pid = pg_backend_pid())",
        );
        if !within(held.fetch_one(&mut self.0)).await? {
            return Ok(Hold::Released);
        }
        if epoch.is_raised() && !self.is_last(epoch).await? {
            return Ok(Hold::Overtaken);
        }
        Ok(Hold::Held)
    }

    /// Whether no process raised another epoch since. Where the table is gone, the database is not what this process took.
    async fn is_last(&mut self, epoch: &Epoch) -> Result<bool, StoreError> {
        /// SQLSTATE `undefined_table`.
        const NO_TABLE: &str = "42P01";
        let owner = sqlx::query_scalar(
            "SELECT owner::text
             FROM fence_epoch
             WHERE singleton",
        );
        match within(owner.fetch_optional(&mut self.0)).await {
            Ok(owner) => Ok(epoch.is(Option::<String>::as_deref(&owner))),
            Err(StoreError::Database(sqlx::Error::Database(refusal)))
                if refusal.code().as_deref() == Some(NO_TABLE) =>
            {
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    /// Makes this process the one that may write, once every transaction of others that writes has ended; those that begin meanwhile queue
    /// behind it. Tried for two seconds. By the session that holds the fence: where it broke, this fails.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn raise(&mut self, epoch: &Epoch) -> Result<Raised, StoreError> {
        let raise = sqlx::query_scalar(
            "INSERT INTO fence_epoch (owner, epoch)
             VALUES ($1::uuid, 1)
             ON CONFLICT (singleton) DO UPDATE
             SET owner = excluded.owner, epoch = fence_epoch.epoch + 1
             RETURNING epoch",
        );
        let raised = self.raise_by(raise.bind(epoch.own_id())).await?;
        if let Raised::Now(_) = raised {
            epoch.set_raised(epoch.own_id());
        }
        Ok(raised)
    }

    /// Raises the epoch by a statement that returns its number, when no transaction of others writes.
    async fn raise_by(
        &mut self,
        raise: QueryScalar<'_, Postgres, i64, PgArguments>,
    ) -> Result<Raised, StoreError> {
        let lock = sqlx::query("SELECT pg_advisory_lock(9, 2)");
        match within(lock.execute(&mut self.0)).await {
            Ok(_) => {}
            Err(StoreError::Timeout(_)) => {
                return Ok(Raised::WaitsFor(self.list_writers().await?));
            }
            Err(error) => return Err(error),
        }
        let raised = within(raise.fetch_one(&mut self.0)).await;
        // Also after a failure: the session may live on.
        let unlock = sqlx::query("SELECT pg_advisory_unlock(9, 2)");
        within(unlock.execute(&mut self.0)).await?;
        match raised {
            Err(error) if error.outage() == Outage::ReadOnly => Ok(Raised::ReadOnly),
            raised => Ok(Raised::Now(raised?)),
        }
    }

    /// Whether the database takes writes in this session.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn takes_writes(&mut self) -> Result<bool, StoreError> {
        let takes = "SELECT NOT current_setting('transaction_read_only')::boolean";
        within(sqlx::query_scalar(takes).fetch_one(&mut self.0)).await
    }

    /// What others have written so far.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn mark(&mut self) -> Result<Mark, StoreError> {
        let mark = sqlx::query_as(
            "SELECT (SELECT owner::text FROM fence_epoch WHERE singleton) AS owner,
                    (SELECT coalesce(max(id), 0) FROM change_log) AS change",
        );
        within(mark.fetch_one(&mut self.0)).await
    }

    /// The sessions whose transactions compared the epoch and have not ended.
    async fn list_writers(&mut self) -> Result<Vec<i32>, StoreError> {
        let writers = sqlx::query_scalar(
            "SELECT pid
             FROM pg_locks
             WHERE locktype = 'advisory' AND classid = 9 AND objid = 2 AND objsubid = 2 AND granted
               AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
             ORDER BY pid",
        );
        within(writers.fetch_all(&mut self.0)).await
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
