//! What goes on beside the calls.

use std::{sync::Arc, time::Duration};

use tokio::{
    runtime::Handle,
    time::{Instant, MissedTickBehavior, interval_at},
};
use tokio_util::sync::CancellationToken;

use crate::{
    app::{database::Database, server::Shared, settings::Settings},
    cache::{identifiers::IdentifierCache, profiles::ProfileCache},
    clock::Clock,
    metrics::{Metrics, SessionMetrics},
    service::{
        current_basis::CurrentBasis,
        warm_start::{WarmStart, list_customers},
    },
    store::{self, change_log::trim, error::StoreError, pool::Pool},
};

/// How often the gauges of the caches are brought up to date, and a basis that could not be renewed is tried again.
const UPKEEP_INTERVAL: Duration = Duration::from_secs(5);
/// How often the database is asked for a sign of life.
const WATCH_INTERVAL: Duration = Duration::from_secs(1);
/// In how many of these rounds sessions that are idle in a transaction are counted once.
const SESSIONS_EVERY: u64 = 5;
/// How often old rows of the logs are deleted.
const TRIM_INTERVAL: Duration = Duration::from_mins(1);
/// Batches that are deleted one after another at most.
const TRIM_BATCHES: usize = 100;

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

/// Starts what goes on beside the calls and may wait for them, until `stop`.
pub(super) fn tend_background(
    settings: &Settings,
    bases: &Arc<CurrentBasis>,
    database: &Database,
    shared: &Shared,
    (background, stop): (&Handle, &CancellationToken),
) {
    let renewals = catch_up(Arc::clone(bases));
    background.spawn(stop.clone().run_until_cancelled_owned(renewals));
    let kept = settings.processes.change_log_kept();
    let trimming = trim(database.batch.clone(), Arc::clone(&shared.clock), kept);
    background.spawn(stop.clone().run_until_cancelled_owned(trimming));
}

/// Begins to fill memory with the customers who bought last, until `stop`. Who they are is found out in the background, where a statement may
/// take its time; they are loaded on the threads of lookups.
pub(super) fn warm_start(
    settings: &Settings,
    database: &Database,
    (profiles, identifiers): (Arc<ProfileCache>, Arc<IdentifierCache>),
    (background, stop): (&Handle, &CancellationToken),
) {
    let most = settings.memory.warm_start_most();
    if most == 0 {
        return;
    }
    let batch = database.batch.clone();
    let listed = background.spawn(
        stop.clone()
            .run_until_cancelled_owned(async move { list_customers(&batch, most).await }),
    );
    let warm = WarmStart {
        profiles,
        identifiers,
        pool: database.read.clone(),
    };
    let filled = async move {
        let start = Instant::now();
        let customers = match listed.await {
            Ok(Some(Ok(customers))) => customers,
            Ok(Some(Err(error))) => {
                tracing::warn!(
                    error.cause = %error,
                    "could not find the customers who bought last: only calls load customers into memory"
                );
                return;
            }
            // The service stops.
            Ok(None) | Err(_) => return,
        };
        let warmed = warm.run(&customers).await;
        tracing::info!(
            customers = warmed.customers,
            failed = warmed.failed,
            is_full = warmed.is_full,
            took_ms = start.elapsed().as_millis(),
            "warm start: loaded the customers who bought last into memory"
        );
    };
    tokio::spawn(stop.clone().run_until_cancelled_owned(filled));
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
async fn catch_up(bases: Arc<CurrentBasis>) {
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

/// Deletes rows of the logs that are older than `kept`, forever.
async fn trim(pool: Pool, clock: Arc<dyn Clock>, kept: Duration) {
    // Not at the start, which writes nothing but its fence.
    let mut due = interval_at(Instant::now() + TRIM_INTERVAL, TRIM_INTERVAL);
    due.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        due.tick().await;
        for _ in 0..TRIM_BATCHES {
            match trim_once(&pool, clock.as_ref(), kept).await {
                Ok(0) => break,
                Ok(_) => {}
                Err(error) => {
                    tracing::debug!(error.cause = %error, "old rows of the logs are deleted later");
                    break;
                }
            }
        }
    }
}

async fn trim_once(pool: &Pool, clock: &dyn Clock, kept: Duration) -> Result<u64, StoreError> {
    let now = clock.now();
    // Nothing is that old before the year -9999.
    let Ok(before) = now.checked_sub(kept) else {
        return Ok(0);
    };
    let mut tx = pool.begin().await?;
    let deleted = trim::delete_old(&mut tx, before, now).await?;
    tx.commit().await?;
    Ok(deleted)
}
