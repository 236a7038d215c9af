//! The version of the database's schema: bringing it up to date, and telling whether it fits this program.
//!
//! The migrations are inside the program. They are never run by surprise: the private cluster is migrated at its start, a server
//! named by `DATABASE_URL` only by `patron migrate`.

use std::sync::LazyLock;

use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::{Connection as _, PgPool, SqlStr};

/// The migrations this program was built with, in pairs of up and down.
pub static MIGRATOR: LazyLock<Migrator> =
    LazyLock::new(|| Migrator::with_migrations(FILES.iter().map(read_migration).collect()));

/// Name and text of each file of `migrations/`, written by `build.rs`. (`sqlx::migrate!` would do it, and compile the driver twice.)
const FILES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/migrations.rs"));

/// The migration in a file named `0001_what_it_does.up.sql` or `.down.sql`; a test holds the names. The description, the checksum
/// and whether it runs in a transaction are those that `sqlx::migrate!` would give it: databases have them.
fn read_migration(&(name, text): &(&'static str, &'static str)) -> Migration {
    let (number, rest) = name.split_once('_').unwrap_or((name, ""));
    let (stem, kind) = match rest.strip_suffix(".down.sql") {
        Some(stem) => (stem, MigrationType::ReversibleDown),
        None => (
            rest.trim_end_matches(".up.sql"),
            MigrationType::ReversibleUp,
        ),
    };
    let version = number.parse().unwrap_or(0);
    let description = stem.replace('_', " ").into();
    let no_transaction = text.starts_with("-- no-transaction");
    let sql = SqlStr::from_static(text);
    Migration::new(version, description, kind, sql, no_transaction)
}

/// SQLSTATE of a lock that was not had within `lock_timeout`.
const LOCK_NOT_AVAILABLE: &str = "55P03";

/// How the schema of a database stands to this program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SchemaState {
    /// It is the one this program was built for.
    Current {
        /// Its version: the number of the last migration.
        version: i64,
    },
    /// Migrations of this program have not been run there.
    Older {
        /// The last migration that was; 0 for an empty database.
        version: i64,
        /// The last migration of this program.
        wanted: i64,
    },
    /// A newer program's migrations have been run there.
    Newer {
        /// The first one that this program does not know.
        version: i64,
        /// The last migration of this program.
        known: i64,
    },
    /// A migration was run there in another wording than this program has.
    Altered {
        /// Its number.
        version: i64,
    },
    /// A migration was begun and not finished.
    Interrupted {
        /// Its number.
        version: i64,
    },
}

/// Why the schema cannot be used or brought up to date.
#[derive(Debug, thiserror::Error)]
pub enum SchemaError {
    /// `patron migrate` has not been run since the program was upgraded.
    #[error(
        "the database has schema version {version}, but this program needs {wanted}; run `patron migrate`"
    )]
    Older {
        /// What the database has; 0 if it is empty.
        version: i64,
        /// What this program needs.
        wanted: i64,
    },
    /// The program is the older one.
    #[error(
        "the database has schema version {version}, but this program supports at most {known}; upgrade the program"
    )]
    Newer {
        /// The first version of the database that is not known here.
        version: i64,
        /// The last one that is.
        known: i64,
    },
    /// The database was not made by this program's migrations.
    #[error(
        "migration {version} of the database differs from the one in this program; use the program that ran it, or restore a backup"
    )]
    Altered {
        /// The migration.
        version: i64,
    },
    /// A migration that cannot run in a transaction was cut short.
    #[error(
        "migration {version} is incomplete; undo its changes, delete its row from _sqlx_migrations, then run `patron migrate`"
    )]
    Interrupted {
        /// The migration.
        version: i64,
    },
    /// Somebody else holds a lock that is needed.
    #[error(
        "another migration or a long transaction holds a lock; nothing was changed, run `patron migrate` again"
    )]
    Busy,
    /// The database refused a statement or cannot be reached.
    #[error("could not read or migrate the schema")]
    Database(#[source] sqlx::Error),
    /// Anything else that the migrations ran into.
    #[error("migration failed")]
    Migrate(#[source] MigrateError),
}

impl SchemaState {
    /// The version, if it is the one this program was built for.
    ///
    /// # Errors
    ///
    /// The variant of [`SchemaError`] that says what to do.
    pub fn require_current(self) -> Result<i64, SchemaError> {
        match self {
            Self::Current { version } => Ok(version),
            Self::Older { version, wanted } => Err(SchemaError::Older { version, wanted }),
            Self::Newer { version, known } => Err(SchemaError::Newer { version, known }),
            Self::Altered { version } => Err(SchemaError::Altered { version }),
            Self::Interrupted { version } => Err(SchemaError::Interrupted { version }),
        }
    }
}

/// How the database's schema stands to this program. Reads only.
///
/// # Errors
///
/// [`SchemaError::Database`] if the database cannot be asked.
pub async fn get_schema_state(pool: &PgPool) -> Result<SchemaState, SchemaError> {
    let (exists,): (bool,) = sqlx::query_as("SELECT to_regclass('_sqlx_migrations') IS NOT NULL")
        .fetch_one(pool)
        .await
        .map_err(SchemaError::Database)?;
    let applied = if exists {
        list_applied(pool).await?
    } else {
        Vec::new()
    };
    Ok(compare(&MIGRATOR, &applied))
}

/// Brings the database's schema up to this program's, one migration a transaction. Any number of processes may do so at once.
///
/// # Errors
///
/// [`SchemaError::Busy`] if a lock is not had within ten seconds; any other variant but `Older`.
pub async fn migrate(pool: &PgPool) -> Result<(), SchemaError> {
    let mut connection = pool
        .acquire()
        .await
        .map_err(SchemaError::Database)?
        .detach();
    // Waiting for an exclusive lock makes every reader of the table wait behind us: rather give up and try again. The lock that
    // keeps migrators apart would otherwise be waited for without limit. The time limit of ordinary statements is not for these.
    let outcome = async {
        for setting in ["SET lock_timeout = '10s'", "SET statement_timeout = 0"] {
            sqlx::query(setting)
                .execute(&mut connection)
                .await
                .map_err(SchemaError::Database)?;
        }
        MIGRATOR
            .run_direct(None, &mut connection, false)
            .await
            .map_err(SchemaError::from)
    }
    .await;
    // The settings and, after a failure, the migrators' lock belong to the session, so it is ended here.
    // How it ends says nothing of the migrations, which are committed or not.
    let _ = connection.close().await;
    outcome
}

/// What is kept of one migration that was run.
struct Applied {
    version: i64,
    success: bool,
    checksum: Vec<u8>,
}

crate::store::row::from_row!(Applied {
    version,
    success,
    checksum
});

async fn list_applied(pool: &PgPool) -> Result<Vec<Applied>, SchemaError> {
    sqlx::query_as(
        "SELECT version, success, checksum
           FROM _sqlx_migrations
          ORDER BY version",
    )
    .fetch_all(pool)
    .await
    .map_err(SchemaError::Database)
}

fn compare(migrator: &Migrator, applied: &[Applied]) -> SchemaState {
    let up = || {
        migrator
            .iter()
            .filter(|migration| !migration.migration_type.is_down_migration())
    };
    let wanted = up().map(|migration| migration.version).max().unwrap_or(0);
    for row in applied {
        let version = row.version;
        if !row.success {
            return SchemaState::Interrupted { version };
        }
        match up().find(|migration| migration.version == version) {
            None => {
                return SchemaState::Newer {
                    version,
                    known: wanted,
                };
            }
            Some(known) if *known.checksum != *row.checksum => {
                return SchemaState::Altered { version };
            }
            Some(_) => {}
        }
    }
    let is_applied = |version| applied.iter().any(|row| row.version == version);
    let version = applied.last().map_or(0, |row| row.version);
    if up().all(|migration| is_applied(migration.version)) {
        SchemaState::Current { version }
    } else {
        SchemaState::Older { version, wanted }
    }
}

impl From<MigrateError> for SchemaError {
    fn from(error: MigrateError) -> Self {
        let known = MIGRATOR
            .iter()
            .map(|migration| migration.version)
            .max()
            .unwrap_or(0);
        if let MigrateError::Execute(source) | MigrateError::ExecuteMigration(source, _) = &error
            && let Some(refusal) = source.as_database_error()
            && refusal.code().as_deref() == Some(LOCK_NOT_AVAILABLE)
        {
            return Self::Busy;
        }
        #[expect(
            clippy::wildcard_enum_match_arm,
            reason = "the list of the migrator's errors is open; those not named here have no cure of their own"
        )]
        match error {
            MigrateError::VersionMissing(version) => Self::Newer { version, known },
            MigrateError::VersionMismatch(version) => Self::Altered { version },
            MigrateError::Dirty(version) => Self::Interrupted { version },
            MigrateError::Execute(source) => Self::Database(source),
            other => Self::Migrate(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_migration_that_asks_for_no_transaction_has_none() {
        let read = |text| read_migration(&("0001_a.up.sql", text)).no_tx;
        assert!(read(
            "-- no-transaction\nCREATE INDEX CONCURRENTLY a ON b (c);"
        ));
        assert!(!read("CREATE INDEX a ON b (c);"));
    }

    #[test]
    fn a_migration_is_what_sqlx_makes_of_its_file() {
        let first = MIGRATOR.iter().next().unwrap();
        assert_eq!((first.version, &*first.description), (1, "deployment"));
        assert_eq!(first.migration_type, MigrationType::ReversibleUp);
        // The beginning of `sha384sum migrations/0001_deployment.up.sql`.
        let beginning = [0x97, 0x93, 0xc2, 0x1e, 0x0c, 0x20];
        assert!(
            first.checksum.starts_with(&beginning),
            "{:x?}",
            first.checksum
        );
        let versions = MIGRATOR.iter().map(|migration| migration.version);
        assert!(versions.eq((1..).flat_map(|version| [version; 2]).take(FILES.len())));
    }
}
