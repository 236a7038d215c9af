//! The database of a process: a private cluster or a named server, with a schema that fits, the deployment's zone and identifier key.

mod decided;
mod key;
pub mod migration;
mod protection;
mod waiting;

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use jiff::{Timestamp, tz::TimeZone};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use self::decided::decided;
use crate::{
    app::{
        failure::{DatabaseWatch, Failure},
        fence::{Fence, FenceError},
        settings::Settings,
    },
    clock::Clock,
    metrics::Metrics,
    postgres::{self, cluster::Cluster},
    service::ingest::refold::{self, refold},
    store::{
        breaker::Breaker,
        error::StoreError,
        fence::{self, Epoch},
        identifiers::IdentifierKey,
        pool::{self, Plans, Pool, PoolOptions},
        probe::ProbeError,
        schema::{self, SchemaError},
        target::{InvalidUrl, Target},
    },
};

/// How long to wait for a free connection: well below the deadline of a call.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(1);
/// How long a read may take. Also the limit of a load into memory, which no caller's deadline ends.
pub const READ_TIMEOUT: Duration = Duration::from_secs(10);
/// How long one statement of a write may take, the wait for other writers of the same customers included.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a read of identities may take, which are some hundred rows.
const IDENTITY_TIMEOUT: Duration = Duration::from_secs(2);
/// How long a look at the logs of changes may take: what is late is read by the next one.
const FOLLOW_TIMEOUT: Duration = Duration::from_secs(2);
/// Connections to follow others by: one reads the logs, one notifies.
const FOLLOW_CONNECTIONS: u32 = 2;
/// How long one statement of a fit may take.
const BATCH_TIMEOUT: Duration = Duration::from_mins(10);
/// Connections for fits, one for each kind of order model and one for an evaluation, for two walks over all customers, and for the registry
/// of models and definitions.
const BATCH_CONNECTIONS: u32 = 8;
/// Connections for batches and other long answers: each reads in parts, and waits for the cores more than for the database.
const ANSWER_CONNECTIONS: u32 = 4;
/// How long to wait at the end for connections to become free: a commit takes milliseconds, a statement of a fit may go on for minutes.
pub const CLOSE_LIMIT: Duration = Duration::from_secs(2);
/// Zone of a database that is created without naming one.
const DEFAULT_ZONE: &str = "UTC";
/// The private cluster gets this long to stop, whatever the connections left of the time.
const MIN_STOP_LIMIT: Duration = Duration::from_millis(100);

/// The database of a process.
pub struct Database {
    /// For loads and lookups: used on their threads alone (see `app::lanes`).
    pub read: Pool,
    /// For batches and other long answers.
    pub answers: Pool,
    /// For ingest.
    pub write: Pool,
    /// For fits, definitions and the registry of models.
    pub batch: Pool,
    /// For identities alone: used on the control runtime.
    pub identities: Pool,
    /// To follow the writes of other processes; `None`: there are none. Used on the control runtime.
    pub follow: Option<Box<Follow>>,
    /// Whether it answers.
    pub breaker: Arc<Breaker>,
    /// The zone in which days are counted.
    pub zone: TimeZone,
    /// Under which identifiers are stored.
    pub key: IdentifierKey,
    /// Version of the schema.
    pub schema_version: i64,
    /// Held as long as the pools are used.
    fence: Option<Fence>,
    /// The private cluster, when the settings name no server. Dropping it stops it.
    cluster: Option<Cluster>,
}

/// The way to the writes of other processes.
pub struct Follow {
    /// Reads the logs, and sends notices of writes.
    pub pool: Pool,
    /// Where to listen for the notices of others.
    pub target: Target,
    /// Cancelled when the database is closed: calls that are still answered until then must not miss what others write.
    pub stop: CancellationToken,
}

/// Why the database cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// The private cluster does not start.
    #[error(transparent)]
    Cluster(#[from] postgres::error::Error),
    /// The schema does not fit this program.
    #[error(transparent)]
    Schema(#[from] SchemaError),
    /// An earlier version of the program made the profiles.
    #[error("the profiles in the database are from an earlier version: run `patron migrate`")]
    EarlierProfiles,
    /// Another process serves the database.
    #[error(transparent)]
    Fence(#[from] FenceError),
    /// The server that the settings name cannot be asked.
    #[error("{0}")]
    Store(#[from] StoreError),
    /// The server that `DATABASE_URL` names does not let us in.
    #[error("cannot use the database in DATABASE_URL: {cause}")]
    Unreachable {
        /// What the server or the network said.
        cause: sqlx::Error,
    },
    /// A pooler in front of the server gives us no sessions of our own.
    #[error(transparent)]
    Pooler(ProbeError),
    /// The URL cannot be read.
    #[error("DATABASE_URL {0}")]
    Url(#[from] InvalidUrl),
    /// A stop was asked for while the database was waited for or made ready.
    #[error("stopped before the database was ready")]
    Stopped,
    /// The zone is decided when the database is created.
    #[error(
        "the database uses time zone {stored}, but --time-zone is {given}: remove the option, or use a new database"
    )]
    OtherZone {
        /// What the database says.
        stored: String,
        /// What the settings say.
        given: String,
    },
    /// Not the key that the database was created with.
    #[error(
        "{} is not the identifier key of this database: set the right file with --identifier-key-file",
        .0.display()
    )]
    OtherKey(PathBuf),
    /// The key that the database was created with is not there.
    #[error(
        "{}, the identifier key of this database, is missing: copy it from the machine that created the database (--identifier-key-file)",
        .0.display()
    )]
    NoKey(PathBuf),
    /// The file is no key.
    #[error(
        "{} is not an identifier key (64 hexadecimal digits): restore it from a backup, or remove it if the database is new",
        .0.display()
    )]
    NotAKey(PathBuf),
    /// The file cannot be read or made.
    #[error("{}: {cause}", .path.display())]
    KeyFile {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
}

impl DatabaseError {
    /// What to do about it. Empty: the message says it.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Unreachable { cause } => waiting::hint(cause),
            Self::Cluster(_)
            | Self::Fence(_)
            | Self::Schema(_)
            | Self::EarlierProfiles
            | Self::Store(_)
            | Self::Pooler(_)
            | Self::Url(_)
            | Self::Stopped
            | Self::OtherZone { .. }
            | Self::OtherKey(_)
            | Self::NoKey(_)
            | Self::NotAKey(_)
            | Self::KeyFile { .. } => "",
        }
    }
}

impl Database {
    /// Opens the database that `settings` ask for; a private cluster is started, and brought to the schema of this program. A server that
    /// does not answer yet is waited for, until `stop`. `watch` is told what becomes of it later.
    ///
    /// # Errors
    /// Whatever is in the way, with what to do about it.
    pub async fn open(
        settings: &Settings,
        clock: &Arc<dyn Clock>,
        metrics: &Metrics,
        stop: &CancellationToken,
        watch: &DatabaseWatch,
    ) -> Result<Self, DatabaseError> {
        let (cluster, target) = if let Some(url) = settings.external_database() {
            (None, settings.database_tls.target(url)?)
        } else {
            let cluster = start_cluster(settings, watch.clone()).await?;
            let target = Target::parse(&cluster.url())?;
            (Some(cluster), target)
        };
        if cluster.is_none() {
            protection::warn(&target);
            let waiting = waiting::until_admitted(&target, settings.database_wait());
            let waited = stop.run_until_cancelled(waiting).await;
            waited.ok_or(DatabaseError::Stopped)??;
        }
        let (time, failures) = (Arc::clone(clock), watch.failures.clone());
        let breaker = pool::breaker(&target, move || time.now(), metrics.breaker.clone());
        let writers: Arc<OnceLock<[Pool; 2]>> = Arc::default();
        let to_shut = Arc::clone(&writers);
        let lost = move |error| {
            // At once, not when the calls have ended: another process answers from what it has read.
            to_shut.get().into_iter().flatten().for_each(Pool::shut);
            failures.report(Failure::Fence(error));
        };
        let wait = Duration::from_secs(settings.fence_wait_seconds);
        let (epoch, held) = (Epoch::random(), metrics.fence.held.clone());
        let claimed = (target.clone(), settings.processes.fence_mode());
        let taking = Fence::take(claimed, wait, epoch.clone(), held, lost);
        let taken = stop.run_until_cancelled(taking).await;
        let fence = taken.ok_or(DatabaseError::Stopped)??;
        let fenced = (&fence, epoch);
        let opening = Self::open_pools(
            settings,
            clock.now(),
            &target,
            &breaker,
            fenced,
            cluster.is_some(),
        );
        let opened = stop.run_until_cancelled(Box::pin(opening)).await;
        match opened.unwrap_or(Err(DatabaseError::Stopped)) {
            Ok(opened) => {
                writers.get_or_init(|| [opened.write.clone(), opened.batch.clone()]);
                Ok(Self {
                    fence: Some(fence),
                    cluster,
                    ..opened
                })
            }
            Err(error) => {
                fence.release().await;
                Err(error)
            }
        }
    }

    /// The rest of [`Self::open`], once nobody else uses the database; a `private` one is brought to the schema of this program.
    async fn open_pools(
        settings: &Settings,
        now: Timestamp,
        target: &Target,
        breaker: &Arc<Breaker>,
        (fence, epoch): (&Fence, Epoch),
        private: bool,
    ) -> Result<Self, DatabaseError> {
        let pool = |max_connections, statement_timeout, plans| {
            let options = PoolOptions {
                max_connections,
                acquire_timeout: ACQUIRE_TIMEOUT,
                statement_timeout,
                plans,
            };
            Pool::open(target, options, breaker)
        };
        let read = pool(settings.read_pool, READ_TIMEOUT, Plans::Kept);
        let answers = pool(ANSWER_CONNECTIONS, READ_TIMEOUT, Plans::Anew);
        let write = pool(settings.write_pool, WRITE_TIMEOUT, Plans::Anew).fenced(epoch.clone());
        let batch = pool(BATCH_CONNECTIONS, BATCH_TIMEOUT, Plans::Anew).fenced(epoch.clone());
        let identities = pool(1, IDENTITY_TIMEOUT, Plans::Kept);
        let follow = settings.processes.shared.then(|| {
            Box::new(Follow {
                pool: pool(FOLLOW_CONNECTIONS, FOLLOW_TIMEOUT, Plans::Anew),
                target: target.clone(),
                stop: CancellationToken::new(),
            })
        });
        // Of its own: a connection belongs to the runtime that opened it, and this one is that of lookups.
        let start = pool(1, BATCH_TIMEOUT, Plans::Anew).fenced(epoch);
        let is_raised = private && raise_before_migrating(&start, fence).await?;
        if private {
            schema::migrate(start.unguarded()).await?;
        }
        let schema_state = schema::get_schema_state(start.unguarded()).await?;
        let schema_version = schema_state.require_current()?;
        if !is_raised {
            match fence.raise().await {
                // It is raised as soon as the database takes writes.
                Err(FenceError::ReadOnly) if !private => tracing::warn!(
                    "the database takes no writes: calls that write are refused until it does"
                ),
                raised => raised?,
            }
        }
        if !private && refold::is_due(&start).await? {
            return Err(DatabaseError::EarlierProfiles);
        }
        refold(&start, now).await?;
        let (zone, key) = decided(&start, settings, now).await?;
        start.close().await;
        Ok(Self {
            read,
            answers,
            write,
            batch,
            identities,
            follow,
            breaker: Arc::clone(breaker),
            zone,
            key,
            schema_version,
            fence: None,
            cluster: None,
        })
    }

    /// Closes the connections, for which it waits at most `limit`, and stops the private cluster: all of it within `stop_limit`. What the
    /// database is busy with is left to the database.
    pub async fn close(self, limit: Duration, stop_limit: Duration) {
        let start = Instant::now();
        let follow = async {
            if let Some(follow) = &self.follow {
                follow.stop.cancel();
                follow.pool.close().await;
            }
        };
        let closed = async {
            tokio::join!(
                follow,
                self.read.close(),
                self.answers.close(),
                self.write.close(),
                self.batch.close(),
                self.identities.close()
            );
        };
        if tokio::time::timeout(limit, closed).await.is_err() {
            tracing::warn!("abandoned statements are still running in the database");
        }
        if let Some(fence) = self.fence {
            // Where the database does not answer, it gives the fence back by itself.
            drop(tokio::time::timeout(limit, fence.release()).await);
        }
        if let Some(cluster) = self.cluster {
            let left = stop_limit
                .saturating_sub(start.elapsed())
                .max(MIN_STOP_LIMIT);
            // Stopping waits for the server; a worker thread must not.
            let stopped = tokio::task::spawn_blocking(move || cluster.stop_within(left)).await;
            if !stopped.is_ok_and(|stopped| stopped) {
                tracing::warn!("the private PostgreSQL is still stopping: it ends by itself");
            }
        }
    }
}

/// Raises the epoch where the schema has epochs already: a server that lost its session, and does not know it, must not write while the schema
/// changes. Whether it did.
async fn raise_before_migrating(pool: &Pool, fence: &Fence) -> Result<bool, DatabaseError> {
    let mut connection = pool.acquire().await?;
    let has_epochs = fence::has_epochs(&mut connection).await?;
    if has_epochs {
        fence.raise().await?;
    }
    Ok(has_epochs)
}

async fn start_cluster(
    settings: &Settings,
    watch: DatabaseWatch,
) -> Result<Cluster, DatabaseError> {
    let directory = settings.data_dir();
    let start =
        move || Cluster::start_watched(&directory, move |change| watch.cluster_changed(change));
    let started = tokio::task::spawn_blocking(start).await;
    match started {
        Ok(cluster) => Ok(cluster?),
        Err(panic) => std::panic::resume_unwind(panic.into_panic()),
    }
}
