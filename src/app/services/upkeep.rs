//! What goes on beside the calls.

use std::{sync::Arc, time::Duration};

use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use crate::{
    app::database::Database,
    cache::{identifiers::IdentifierCache, profiles::ProfileCache},
    metrics::{Metrics, SessionMetrics},
    service::current_basis::CurrentBasis,
    store::{self, pool::Pool},
};

/// How often the gauges of the caches are brought up to date, and a basis that could not be renewed is tried again.
const UPKEEP_INTERVAL: Duration = Duration::from_secs(5);
/// How often the database is asked for a sign of life.
const WATCH_INTERVAL: Duration = Duration::from_secs(1);
/// In how many of these rounds sessions that are idle in a transaction are counted once.
const SESSIONS_EVERY: u64 = 5;

/// Starts what goes on beside the calls, until `stop`.
pub(super) fn tend(
    stop: &CancellationToken,
    database: &Database,
    metrics: &Metrics,
    (profiles, identifiers): (Arc<ProfileCache>, Arc<IdentifierCache>),
) {
    let upkeep = upkeep(profiles, identifiers);
    tokio::spawn(stop.clone().run_until_cancelled_owned(upkeep));
    let watch = watch(database.read.clone(), metrics.sessions.clone());
    tokio::spawn(stop.clone().run_until_cancelled_owned(watch));
}

/// Keeps the gauges of the caches up to date, forever. On the threads of lookups: it holds locks of the caches.
async fn upkeep(profiles: Arc<ProfileCache>, identifiers: Arc<IdentifierCache>) {
    let mut due = tokio::time::interval(UPKEEP_INTERVAL);
    loop {
        due.tick().await;
        profiles.measure();
        identifiers.measure();
    }
}

/// Repeats a failed renewal of the basis, forever.
pub(super) async fn catch_up(bases: Arc<CurrentBasis>) {
    let mut due = tokio::time::interval(UPKEEP_INTERVAL);
    loop {
        due.tick().await;
        bases.catch_up().await;
    }
}

/// Asks the database for a sign of life again and again, also when no call needs it, so that an answer from memory says in time that it
/// may be out of date; and how many sessions of ours are stuck in a transaction.
async fn watch(pool: Pool, metrics: SessionMetrics) {
    let mut due = tokio::time::interval(WATCH_INTERVAL);
    due.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for round in 0_u64.. {
        due.tick().await;
        // That it does not answer is the breaker's to say.
        let Ok(mut connection) = pool.acquire().await else {
            continue;
        };
        if round % SESSIONS_EVERY != 0 {
            continue;
        }
        match store::sessions::count_idle_in_transaction(&mut connection).await {
            Ok(count) => {
                metrics.idle_in_transaction.set(count);
            }
            Err(error) => {
                tracing::debug!(error.cause = %error, "could not count the sessions");
            }
        }
    }
}
