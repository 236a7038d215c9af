//! The database of a process: a private cluster or a server that the settings name, with a schema that fits and the deployment's zone
//! and identifier key.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use jiff::{Timestamp, tz::TimeZone};
use sqlx::PgPool;

use crate::{
    app::settings::{DatabaseUrl, Settings},
    postgres::{self, cluster::Cluster},
    service::refold::{self, refold},
    store::{
        deployment::{self, Deployment},
        error::StoreError,
        identifiers::IdentifierKey,
        pool::{self, Plans, PoolOptions},
        schema::{self, SchemaError, SchemaState},
    },
};

/// How long to wait for a free connection: well below the deadline of a call.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(1);
/// How long the first connection to a server that `DATABASE_URL` names may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a read may take. Also the limit of a load into memory, which no caller's deadline ends.
pub const READ_TIMEOUT: Duration = Duration::from_secs(10);
/// How long one statement of a write may take, the wait for other writers of the same customers included.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);
/// How long one statement of a fit may take.
const BATCH_TIMEOUT: Duration = Duration::from_mins(10);
/// Connections for fits: one for each kind of order model, and one may be ending.
const BATCH_CONNECTIONS: u32 = 4;
/// How long to wait at the end for connections to become free: a commit that nobody waits for any more takes milliseconds, a statement
/// of a fit may go on for minutes.
pub const CLOSE_LIMIT: Duration = Duration::from_secs(2);
/// How long `patron migrate` waits for the server.
const MIGRATION_CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long one statement of a migration may take; locks are waited for far shorter, see `store::schema`.
const MIGRATION_TIMEOUT: Duration = Duration::from_hours(1);
/// Zone of a database that is created without naming one.
const DEFAULT_ZONE: &str = "UTC";
/// Bytes of an identifier key.
const KEY_BYTES: usize = 32;

/// The database of a process.
pub struct Database {
    /// For loads and reads of calls.
    pub read: PgPool,
    /// For ingest.
    pub write: PgPool,
    /// For fits.
    pub batch: PgPool,
    /// The zone in which days are counted.
    pub zone: TimeZone,
    /// Under which identifiers are stored.
    pub key: IdentifierKey,
    /// Version of the schema.
    pub schema_version: i64,
    /// The private cluster, when the settings name no server. Dropping it stops it.
    cluster: Option<Cluster>,
}

/// What [`migrate`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Migration {
    /// To the schema.
    pub schema: Migrated,
    /// So many profiles are other ones now, since an earlier version of the program made something else of their facts.
    pub refolded: u64,
}

/// What [`migrate`] found to do about the schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Migrated {
    /// Nothing: the schema was that of this program.
    Already {
        /// Its version.
        version: i64,
    },
    /// The schema is that of this program now.
    Now {
        /// Its version.
        version: i64,
    },
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
    #[error(
        "the profiles in the database were made by an earlier version of the program; run `patron migrate`"
    )]
    EarlierProfiles,
    /// The server that the settings name cannot be asked.
    #[error("{0}")]
    Store(#[from] StoreError),
    /// The server that `DATABASE_URL` names does not let us in.
    #[error("the database that DATABASE_URL names cannot be used: {cause}")]
    Unreachable {
        /// What the server or the network said.
        cause: StoreError,
    },
    /// The zone is decided when the database is created.
    #[error(
        "the database counts days in {stored}, and --time-zone says {given}: leave the option out, or use a new database"
    )]
    OtherZone {
        /// What the database says.
        stored: String,
        /// What the settings say.
        given: String,
    },
    /// Not the key that the database was created with.
    #[error(
        "the identifier key in {} is not the one this database was created with, so no phone number would be found: \
         name the right file with --identifier-key-file",
        .0.display()
    )]
    OtherKey(PathBuf),
    /// The key that the database was created with is not there.
    #[error(
        "this database was created with an identifier key, and {} does not exist: bring the file from where the database was \
         created, and name it with --identifier-key-file",
        .0.display()
    )]
    NoKey(PathBuf),
    /// The file is no key.
    #[error("{} holds no identifier key: 64 hexadecimal digits are expected", .0.display())]
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

impl Database {
    /// Opens the database that `settings` ask for; a private cluster is started, and brought to the schema of this program.
    ///
    /// # Errors
    /// Whatever is in the way, with what to do about it.
    pub async fn open(settings: &Settings, now: Timestamp) -> Result<Self, DatabaseError> {
        let (cluster, url) = if let Some(url) = settings.external_database() {
            (None, url.expose().to_owned())
        } else {
            let cluster = start_cluster(settings).await?;
            let url = cluster.url();
            (Some(cluster), url)
        };
        if cluster.is_none() {
            let probed = pool::probe(&url, CONNECT_TIMEOUT).await;
            probed.map_err(|cause| DatabaseError::Unreachable { cause })?;
        }
        let pool = |max_connections, statement_timeout, plans| {
            pool::open(
                &url,
                PoolOptions {
                    max_connections,
                    acquire_timeout: ACQUIRE_TIMEOUT,
                    statement_timeout,
                    plans,
                },
            )
        };
        let read = pool(settings.read_pool, READ_TIMEOUT, Plans::Kept)?;
        let write = pool(settings.write_pool, WRITE_TIMEOUT, Plans::Anew)?;
        let batch = pool(BATCH_CONNECTIONS, BATCH_TIMEOUT, Plans::Anew)?;
        if cluster.is_some() {
            schema::migrate(&batch).await?;
        }
        let schema_version = schema::get_schema_state(&batch).await?.require_current()?;
        if cluster.is_none() && refold::is_due(&batch).await? {
            return Err(DatabaseError::EarlierProfiles);
        }
        refold(&batch, now).await?;
        let (zone, key) = decided(&batch, settings, now).await?;
        Ok(Self {
            read,
            write,
            batch,
            zone,
            key,
            schema_version,
            cluster,
        })
    }

    /// Closes the connections and stops the private cluster, and waits for both, but not for what the database is still busy with.
    pub async fn close(self, limit: Duration) {
        let closed = async {
            tokio::join!(self.read.close(), self.write.close(), self.batch.close());
        };
        if tokio::time::timeout(limit, closed).await.is_err() {
            tracing::warn!("statements that nobody waits for any more were left to the database");
        }
        if let Some(cluster) = self.cluster {
            // Stopping waits for the server; a worker thread must not.
            let _ = tokio::task::spawn_blocking(move || cluster.stop()).await;
        }
    }
}

/// Brings the database at `url` to the schema of this program, and its profiles to what this program makes of their facts at `now`.
///
/// # Errors
/// When the database cannot be asked, is newer than this program, or is locked by somebody else.
pub async fn migrate(url: &DatabaseUrl, now: Timestamp) -> Result<Migration, DatabaseError> {
    let options = PoolOptions {
        max_connections: 1,
        acquire_timeout: MIGRATION_CONNECT_TIMEOUT,
        statement_timeout: MIGRATION_TIMEOUT,
        plans: Plans::Anew,
    };
    let pool = pool::open(url.expose(), options)?;
    let schema = match schema::get_schema_state(&pool).await? {
        SchemaState::Current { version } => Migrated::Already { version },
        SchemaState::Older { .. }
        | SchemaState::Newer { .. }
        | SchemaState::Altered { .. }
        | SchemaState::Interrupted { .. } => {
            schema::migrate(&pool).await?;
            let version = schema::get_schema_state(&pool).await?.require_current()?;
            Migrated::Now { version }
        }
    };
    let refolded = refold(&pool, now).await?;
    pool.close().await;
    Ok(Migration { schema, refolded })
}

async fn start_cluster(settings: &Settings) -> Result<Cluster, DatabaseError> {
    let directory = settings.data_dir();
    let started = tokio::task::spawn_blocking(move || Cluster::start(&directory)).await;
    match started {
        Ok(cluster) => Ok(cluster?),
        Err(panic) => std::panic::resume_unwind(panic.into_panic()),
    }
}

/// The zone and key that hold for the database: decided now if it is new, else those it was created with.
async fn decided(
    pool: &PgPool,
    settings: &Settings,
    now: Timestamp,
) -> Result<(TimeZone, IdentifierKey), DatabaseError> {
    let path = settings.identifier_key_file();
    let mut connection = pool.acquire().await.map_err(StoreError::from)?;
    if deployment::find(&mut connection).await?.is_none() {
        let zone = settings.time_zone.as_deref().unwrap_or(DEFAULT_ZONE);
        let key = read_key(&path)?.map_or_else(|| make_key(&path), Ok)?;
        deployment::insert(&mut connection, zone, &key, now).await?;
    }
    // Read again: another process may have been first.
    let stored = deployment::find(&mut connection).await?;
    let stored = stored.ok_or_else(|| StoreError::Corrupt("the deployment is gone".to_owned()))?;
    check_zone(&stored, settings.time_zone.as_deref())?;
    let key = read_key(&path)?.ok_or_else(|| DatabaseError::NoKey(path.clone()))?;
    if stored.identifier_key_check != key.check_value() {
        return Err(DatabaseError::OtherKey(path));
    }
    Ok((stored.time_zone, key))
}

fn check_zone(stored: &Deployment, given: Option<&str>) -> Result<(), DatabaseError> {
    let stored = stored.time_zone.iana_name().unwrap_or(DEFAULT_ZONE);
    match given {
        Some(given) if !given.eq_ignore_ascii_case(stored) => Err(DatabaseError::OtherZone {
            stored: stored.to_owned(),
            given: given.to_owned(),
        }),
        _ => Ok(()),
    }
}

fn key_file(path: &Path) -> impl Fn(io::Error) -> DatabaseError {
    move |cause| DatabaseError::KeyFile {
        path: path.to_owned(),
        cause,
    }
}

fn read_key(path: &Path) -> Result<Option<IdentifierKey>, DatabaseError> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(key_file(path)(error)),
    };
    let bytes = from_hex(text.trim()).ok_or_else(|| DatabaseError::NotAKey(path.to_owned()))?;
    Ok(Some(IdentifierKey::new(bytes)))
}

/// Makes a key that only our account can read. If another process made the file meanwhile, its key counts.
fn make_key(path: &Path) -> Result<IdentifierKey, DatabaseError> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(key_file(path))?;
    }
    // Two random UUIDs: 244 bits from the system's generator, spread over 32 bytes.
    let mut bytes = [0; KEY_BYTES];
    for half in bytes.chunks_mut(16) {
        half.copy_from_slice(uuid::Uuid::new_v4().as_bytes());
    }
    match OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
    {
        Ok(mut file) => {
            let write = |file: &mut fs::File| -> io::Result<()> {
                for byte in bytes {
                    write!(file, "{byte:02x}")?;
                }
                writeln!(file)?;
                file.sync_all()
            };
            write(&mut file).map_err(key_file(path))?;
            Ok(IdentifierKey::new(bytes))
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            read_key(path)?.ok_or_else(|| DatabaseError::NotAKey(path.to_owned()))
        }
        Err(error) => Err(key_file(path)(error)),
    }
}

fn from_hex(text: &str) -> Option<[u8; KEY_BYTES]> {
    if text.len() != 2 * KEY_BYTES || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let mut bytes = [0; KEY_BYTES];
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * at..2 * at + 2], 16).ok()?;
    }
    Some(bytes)
}
