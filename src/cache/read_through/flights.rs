//! Loads under way: who joins one, what becomes of its result, and how it ends.
//!
//! What the lock of the cache orders is decided here: a value lands only if no write has made a newer one, whether the write came while the
//! load ran or long before it.

use std::{sync::Arc, time::Duration};

use tokio::sync::watch;

use crate::cache::memory::Memory;

use super::{Batch, Key, LoadError, Outcome, ReadThrough, State, Versioned};

/// How long a failed load stands for its key: long enough to spare a store in trouble, short enough for nobody to notice its recovery.
pub(super) const FAILURE_HELD: Duration = Duration::from_millis(200);

/// How often a load is tried that brings what was before an acknowledged write: each try is on another connection.
pub(super) const MOST_BEHIND: usize = 5;

/// A load that is under way.
pub(super) struct Flight<V> {
    pub(super) outcome: watch::Sender<Option<Outcome<V>>>,
    /// The latest version that a write made while the load ran: an older result is not good enough.
    pub(super) wanted_version: i64,
    /// What the latest write made of the value while the load ran: as good as any result that is not newer.
    pub(super) committed: Option<V>,
    /// Whether a write came to an unknown end while the load ran: its result may be older or not.
    pub(super) doubted: bool,
}

/// What became of a value that was loaded.
enum Landed {
    /// Handed out.
    Done,
    /// A write came in between: to be loaded again.
    Outdated,
    /// From before a write that was acknowledged before the load began: to be loaded again from elsewhere.
    Behind,
}

impl<K, V, M> ReadThrough<K, V, M>
where
    K: Key,
    V: Versioned,
    M: Memory<K, V>,
{
    /// Joins the flights of `keys`, starting one load for those that have none.
    pub(super) fn join_or_load(
        self: &Arc<Self>,
        keys: &[K],
    ) -> Vec<(K, watch::Receiver<Option<Outcome<V>>>)> {
        let mut waits = Vec::with_capacity(keys.len());
        let mut own = vec![];
        let mut state = self.state();
        for key in keys {
            // Between the miss and this lock a flight may have landed.
            if let Some(value) = self.held.get(key) {
                waits.push((key.clone(), watch::channel(Some(Ok(value))).1));
                continue;
            }
            let flight = state.flights.entry(key.clone()).or_insert_with(|| {
                own.push(key.clone());
                Flight {
                    outcome: watch::channel(None).0,
                    wanted_version: 0,
                    committed: None,
                    doubted: false,
                }
            });
            waits.push((key.clone(), flight.outcome.subscribe()));
        }
        drop(state);
        if !own.is_empty() {
            // A task of its own: no caller's deadline ends it.
            self.loads_on.spawn(Arc::clone(self).run_load(own));
        }
        waits
    }

    /// Loads `keys` until every one has a value that no write has outdated.
    async fn run_load(self: Arc<Self>, keys: Vec<K>) {
        let mut crew = LoadGuard {
            cache: Arc::clone(&self),
            keys,
        };
        let mut times_behind = 0;
        while !crew.keys.is_empty() {
            self.metrics.loads_started.inc();
            let load = self.breaker.guard((self.load)(crew.keys.clone()));
            let error = match tokio::time::timeout(self.bounds.load_timeout, load).await {
                Ok(Ok(batch)) => {
                    self.metrics.loads_completed.inc();
                    let keys = std::mem::take(&mut crew.keys);
                    let (again, behind) = self.publish(keys, batch);
                    crew.keys = again;
                    times_behind += usize::from(behind);
                    if times_behind < MOST_BEHIND {
                        continue;
                    }
                    LoadError::Behind
                }
                Ok(Err(error)) => LoadError::Store(Arc::new(error)),
                Err(_) => LoadError::TooSlow(self.bounds.load_timeout),
            };
            return self.fail(&crew.keys, &error).await;
        }
    }

    /// Hands out what was loaded. Returns the keys to be loaded again, and whether any of them was from before an acknowledged write.
    fn publish(&self, keys: Vec<K>, mut batch: Batch<K, V>) -> (Vec<K>, bool) {
        let mut again = vec![];
        let mut is_behind = false;
        let mut state = self.state();
        for key in keys {
            let value = batch.values.remove(&key);
            match self.land_one(&mut state, &key, value) {
                Landed::Done => {}
                Landed::Outdated => again.push(key),
                Landed::Behind => {
                    self.metrics.loads_behind.inc();
                    is_behind = true;
                    again.push(key);
                }
            }
        }
        drop(state);
        if is_behind {
            tracing::error!(
                "the database returned a state older than an acknowledged write; closing the connection and loading again"
            );
            if let Some(lease) = batch.lease {
                lease.distrust();
            }
        }
        (again, is_behind)
    }

    fn land_one(&self, state: &mut State<K, V>, key: &K, loaded: Option<V>) -> Landed {
        let floor = state.floors.get(key);
        let Some(flight) = state.flights.get_mut(key) else {
            return Landed::Done;
        };
        if std::mem::take(&mut flight.doubted) {
            return Landed::Outdated;
        }
        let wanted = std::mem::take(&mut flight.wanted_version);
        let committed = flight.committed.take();
        let newer = |value: &V| {
            let committed = committed.as_ref();
            committed.is_none_or(|committed| committed.version() <= value.version())
        };
        let value = loaded.filter(newer).or(committed);
        match value.as_ref().map(Versioned::version) {
            Some(version) if version < wanted => return Landed::Outdated,
            Some(version) if version < floor => return Landed::Behind,
            _ => {}
        }
        if let Some(value) = &value {
            self.hold(key, value.clone());
        }
        if let Some(flight) = state.flights.remove(key) {
            let outcome = value.ok_or(LoadError::Abandoned);
            flight.outcome.send_replace(Some(outcome));
        }
        Landed::Done
    }

    /// Tells those who wait, and for a moment those who come, that the load failed: a store in trouble is not asked again by every call.
    async fn fail(&self, keys: &[K], error: &LoadError) {
        self.metrics.loads_failed.inc();
        {
            let mut state = self.state();
            for key in keys {
                let Some(flight) = state.flights.get_mut(key) else {
                    continue;
                };
                let Some(value) = flight.committed.take() else {
                    flight.outcome.send_replace(Some(Err(error.clone())));
                    continue;
                };
                // What a write has made of it meanwhile is as good as loaded.
                self.hold(key, value.clone());
                flight.outcome.send_replace(Some(Ok(value)));
                state.flights.remove(key);
            }
        }
        tokio::time::sleep(FAILURE_HELD).await;
    }
}

/// The keys of a load that have no value yet. However the load ends, by failure, panic or the end of the runtime, their flights are
/// removed, so that the next caller starts anew.
struct LoadGuard<K, V, M>
where
    K: Key,
    V: Versioned,
    M: Memory<K, V>,
{
    cache: Arc<ReadThrough<K, V, M>>,
    keys: Vec<K>,
}

impl<K, V, M> Drop for LoadGuard<K, V, M>
where
    K: Key,
    V: Versioned,
    M: Memory<K, V>,
{
    fn drop(&mut self) {
        let mut state = self.cache.state();
        for key in &self.keys {
            state.flights.remove(key);
        }
    }
}

pub(super) async fn landed<V: Clone>(
    mut flight: watch::Receiver<Option<Outcome<V>>>,
) -> Outcome<V> {
    match flight.wait_for(Option::is_some).await {
        Ok(outcome) => outcome.clone().unwrap_or(Err(LoadError::Abandoned)),
        Err(_) => Err(LoadError::Abandoned),
    }
}
