//! `patron migrate`: an external database becomes one of this program, in its schema and in what its profiles are made of.

use std::time::Duration;

use jiff::Timestamp;
use prometheus_client::metrics::gauge::Gauge;
use tokio::sync::oneshot;

use super::{DatabaseError, raise_before_migrating};
use crate::{
    app::fence::{Fence, FenceError},
    service::ingest::refold::refold,
    store::{
        breaker::Breaker,
        fence::{Epoch, Mode},
        pool::{Plans, Pool, PoolOptions},
        probe,
        schema::{self, SchemaState},
        target::Target,
    },
};

/// How long `patron migrate` waits for the server.
const MIGRATION_CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long one statement of a migration may take; locks are waited for far shorter, see `store::schema`.
const MIGRATION_TIMEOUT: Duration = Duration::from_hours(1);

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

/// Brings a database to the schema of this program, and its profiles to what this program makes of their facts at `now`.
///
/// # Errors
/// When a server uses the database, or it cannot be asked, is newer than this program, or is locked by somebody else.
pub async fn migrate(target: &Target, now: Timestamp) -> Result<Migration, DatabaseError> {
    let options = PoolOptions {
        max_connections: 1,
        acquire_timeout: MIGRATION_CONNECT_TIMEOUT,
        statement_timeout: MIGRATION_TIMEOUT,
        plans: Plans::Anew,
    };
    // Once, and not by the pool, which goes on trying: where nobody listens, that is the answer.
    probe::probe(target, MIGRATION_CONNECT_TIMEOUT).await?;
    let epoch = Epoch::random();
    let (sender, lost) = oneshot::channel();
    let held = Gauge::default();
    let lost_fence = move |error| drop(sender.send(error));
    let fence = Fence::take(
        (target.clone(), Mode::Alone),
        Duration::ZERO,
        epoch.clone(),
        held,
        lost_fence,
    );
    let fence = fence.await.map_err(in_use)?;
    let pool = Pool::open(target, options, &Breaker::never_opens()).fenced(epoch);
    let migrated = tokio::select! {
        migrated = migrate_alone(&pool, &fence, now) => migrated,
        Ok(error) = lost => Err(error.into()),
    };
    pool.close().await;
    fence.release().await;
    migrated
}

/// The hint of a server is none for a migration, which does not wait.
fn in_use(error: FenceError) -> FenceError {
    match error {
        FenceError::Held(holder) => FenceError::InUse(holder),
        FenceError::InUse(_)
        | FenceError::HeldAlone(_)
        | FenceError::Lost(_)
        | FenceError::NoSession
        | FenceError::ReadOnly
        | FenceError::Writing(_)
        | FenceError::Store(_)
        | FenceError::Thread(_) => error,
    }
}

/// The rest of [`migrate`], while no server uses the database.
async fn migrate_alone(
    pool: &Pool,
    fence: &Fence,
    now: Timestamp,
) -> Result<Migration, DatabaseError> {
    let is_raised = raise_before_migrating(pool, fence).await?;
    let schema = match schema::get_schema_state(pool.unguarded()).await? {
        SchemaState::Current { version } => Migrated::Already { version },
        SchemaState::Older { .. }
        | SchemaState::Newer { .. }
        | SchemaState::Altered { .. }
        | SchemaState::Interrupted { .. } => {
            let migrated = schema::migrate(pool.unguarded()).await;
            // What it is now counts: after the last migration only the lock is left to give back, and that may fail.
            match (schema::get_schema_state(pool.unguarded()).await, migrated) {
                (Ok(SchemaState::Current { version }), _) => Migrated::Now { version },
                (_, Err(error)) => return Err(error.into()),
                (state, Ok(())) => Migrated::Now {
                    version: state?.require_current()?,
                },
            }
        }
    };
    if !is_raised {
        fence.raise().await?;
    }
    let refolded = refold(pool, now).await?;
    Ok(Migration { schema, refolded })
}
