//! A bounded cache that loads what it misses: at most one load of a key at a time, however many callers want it, finished even when
//! every caller has given up.
//!
//! Three traps shape it. A load must not run in a caller's future: callers with deadlines shorter than the load would cancel it one
//! after another and nothing would ever be cached. A load that began before a write may finish after it: every value carries a version,
//! every write names the version it made, and a load that returns an older one is not taken, however long ago the write was (see `cache::floors`).
//! And the store may go away: what is held is answered, the rest fails at once (see [`Breaker`]).

mod flights;

use std::{
    collections::HashMap,
    future::Future,
    hash::Hash,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use flights::{Flight, landed};
use tokio::runtime::Handle;

use crate::{
    cache::{floors::Floors, memory::Memory},
    metrics::CacheMetrics,
    store::{breaker::Breaker, error::StoreError, pool::Lease},
};

/// A value whose age can be told.
pub trait Versioned: Clone + Send + Sync + 'static {
    /// Rises with every write of what the value is a copy of.
    fn version(&self) -> i64;
    /// Bytes that holding the value takes, roughly.
    fn weight(&self) -> u32;
}

/// What values are held by.
pub trait Key: Hash + Eq + Clone + Send + Sync + 'static {
    /// Bytes that holding the key takes beyond what every entry takes, roughly.
    fn weight(&self) -> u32;
}

/// Why a value could not be loaded.
#[derive(Debug, Clone, thiserror::Error)]
pub enum LoadError {
    /// The store said no; shared, because many callers wait for one load.
    #[error(transparent)]
    Store(Arc<StoreError>),
    /// The load took longer than a load may.
    #[error("the load took longer than {} ms", .0.as_millis())]
    TooSlow(Duration),
    /// Again and again the store answered with what it was before a write that it has acknowledged to this process.
    #[error("the database returned a state older than an acknowledged write")]
    Behind,
    /// The task that loaded ended without a result.
    #[error("the load was abandoned")]
    Abandoned,
}

/// What a load brought.
pub struct Batch<K, V> {
    /// A value for each key that was asked for.
    pub values: HashMap<K, V>,
    /// The connection that brought them, if it was one: closed when they turn out to be of the past.
    pub lease: Option<Lease>,
}

type Loaded<K, V> = Result<Batch<K, V>, StoreError>;

/// Loads the values of many keys at once; every key must be in the result.
pub type Load<K, V> =
    Box<dyn Fn(Vec<K>) -> Pin<Box<dyn Future<Output = Loaded<K, V>> + Send>> + Send + Sync>;

/// What is heavier than this share of the cache is not held: moka makes room for a value that replaces another one at any price, so that one
/// of more than the capacity would leave nothing else.
const LARGEST_SHARE: u64 = 8;

/// How a cache is bounded.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Greatest weight of all values held, in bytes.
    pub max_bytes: u64,
    /// How long one load may take before those who wait are told.
    pub load_timeout: Duration,
}

type Outcome<V> = Result<V, LoadError>;

/// What misses and writes share.
struct State<K, V> {
    flights: HashMap<K, Flight<V>>,
    floors: Floors,
}

/// A bounded cache in front of a store.
pub struct ReadThrough<K, V, M = moka::sync::Cache<K, V>> {
    held: M,
    /// Also the lock that orders "a load puts its result in" and "a write puts the new value in". Only misses and writes take it.
    state: Mutex<State<K, V>>,
    load: Load<K, V>,
    /// Where loads run, for every caller: a lookup may wait for a load that a batch began, and must not wait for the threads of batches.
    loads_on: Handle,
    bounds: Bounds,
    breaker: Arc<Breaker>,
    metrics: CacheMetrics,
}

impl<K, V, M> ReadThrough<K, V, M>
where
    K: Key,
    V: Versioned,
    M: Memory<K, V>,
{
    /// An empty cache, whose loads run on the current runtime.
    ///
    /// # Panics
    /// Outside of a runtime.
    #[must_use]
    pub fn new(
        bounds: Bounds,
        breaker: Arc<Breaker>,
        metrics: CacheMetrics,
        load: Load<K, V>,
    ) -> Self {
        let state = Mutex::new(State {
            flights: HashMap::new(),
            floors: Floors::new(),
        });
        Self {
            held: M::with_capacity(bounds.max_bytes),
            state,
            load,
            loads_on: Handle::current(),
            bounds,
            breaker,
            metrics,
        }
    }

    /// The value of `key`: from memory, or loaded.
    ///
    /// Dropping the future gives up waiting; the load goes on and its result is held for the next caller.
    ///
    /// # Errors
    /// When the store cannot be asked.
    pub async fn get(self: &Arc<Self>, key: &K) -> Outcome<V> {
        if let Some(value) = self.held.get(key) {
            self.metrics.hits.inc();
            return Ok(value);
        }
        self.metrics.misses.inc();
        self.check()?;
        let waits = self.join_or_load(std::slice::from_ref(key));
        match waits.into_iter().next() {
            Some((_, flight)) => landed(flight).await,
            None => Err(LoadError::Abandoned),
        }
    }

    /// What `look` finds in the value of `key`, if memory holds one; counts as a hit when it finds something.
    pub fn get_held<T>(&self, key: &K, look: impl FnOnce(V) -> Option<T>) -> Option<T> {
        let found = self.held.get(key).and_then(look);
        if found.is_some() {
            self.metrics.hits.inc();
        }
        found
    }

    /// The values of `keys`: those that are missing come from one load.
    ///
    /// # Errors
    /// When the store cannot be asked.
    pub async fn get_many(self: &Arc<Self>, keys: &[K]) -> Result<HashMap<K, V>, LoadError> {
        let mut found = HashMap::with_capacity(keys.len());
        let mut missing = vec![];
        for key in keys {
            match self.held.get(key) {
                Some(value) => drop(found.insert(key.clone(), value)),
                None => missing.push(key.clone()),
            }
        }
        self.metrics
            .hits
            .inc_by((keys.len() - missing.len()) as u64);
        self.metrics.misses.inc_by(missing.len() as u64);
        if !missing.is_empty() {
            self.check()?;
        }
        for (key, flight) in self.join_or_load(&missing) {
            found.insert(key, landed(flight).await?);
        }
        Ok(found)
    }

    /// Holds the values of `keys` before anybody asks for them: those that are missing come from one load. Neither hits nor misses.
    ///
    /// # Errors
    /// When the store cannot be asked.
    pub async fn load_ahead(self: &Arc<Self>, keys: &[K]) -> Result<(), LoadError> {
        let missing = keys.iter().filter(|key| !self.held.contains_key(*key));
        let missing: Vec<K> = missing.cloned().collect();
        if missing.is_empty() {
            return Ok(());
        }
        self.check()?;
        for (_, flight) in self.join_or_load(&missing) {
            landed(flight).await?;
            self.metrics.loaded_ahead.inc();
        }
        Ok(())
    }

    /// Whether more would soon push out what is held.
    pub fn is_nearly_full(&self) -> bool {
        let (_, weight) = self.held.measure();
        weight >= self.bounds.max_bytes / 4 * 3
    }

    /// Whether anybody would have an entry of `key` that a write just changed: it is held or being loaded.
    pub fn is_wanted(&self, key: &K) -> bool {
        self.state().flights.contains_key(key) || self.held.contains_key(key)
    }

    /// Takes in what a write that has just been committed made of the value of `key`: in place of what is held, and of what a load under way
    /// may bring. A key that is neither held nor being loaded stays out: an import of strangers is no reason to forget who calls. What has the
    /// same version is replaced too: it was made by a write that a failover lost.
    pub fn commit(&self, key: &K, version: i64, value: impl FnOnce() -> V) {
        let mut state = self.state();
        state.floors.raise(key, version);
        let is_held = self.held.contains_key(key);
        let flight = state.flights.get_mut(key);
        if flight.is_none() && !is_held {
            return;
        }
        let value = value();
        if let Some(flight) = flight
            && flight.wanted_version <= version
        {
            flight.wanted_version = version;
            flight.committed = Some(value.clone());
        }
        if is_held
            && self
                .held
                .get(key)
                .is_none_or(|held| held.version() <= version)
        {
            self.hold(key, value);
        }
    }

    /// Takes out what is older than `version`, which a write has just committed, and makes loads under way repeat that are. Says whether
    /// the key was held or being loaded.
    pub fn invalidate_older_than(&self, key: &K, version: i64) -> bool {
        let mut state = self.state();
        state.floors.raise(key, version);
        let flight = state.flights.get_mut(key);
        let flies = flight.is_some();
        if let Some(flight) = flight {
            flight.wanted_version = flight.wanted_version.max(version);
        }
        let held = self.held.get(key);
        if held.as_ref().is_some_and(|value| value.version() < version) {
            self.held.invalidate(key);
        }
        flies || held.is_some()
    }

    /// Takes out whatever is held, and makes a load under way repeat: for a write of which nobody knows whether it was committed, so
    /// that there is no version to wait for.
    pub fn invalidate_unsure(&self, key: &K) {
        let mut state = self.state();
        if let Some(flight) = state.flights.get_mut(key) {
            flight.doubted = true;
            flight.committed = None;
        }
        self.held.invalidate(key);
    }

    /// Takes out all that is held, and makes all loads under way repeat: what was written since is not known.
    pub fn invalidate_all(&self) {
        let room = self.held.room();
        let mut state = self.state();
        for flight in state.flights.values_mut() {
            flight.doubted = true;
            flight.committed = None;
        }
        let free = self.held.invalidate_all(room);
        drop(state);
        free();
    }

    /// As [`Self::invalidate_all`], where the store went back to an earlier state: versions that writes made are no measure any more.
    pub fn start_over(&self) {
        self.state().floors.clear();
        self.invalidate_all();
    }

    /// Adds to what is held of `key` what was made from it, so that it is weighed with it. Does nothing when what is held is not of
    /// `version` any more: then it was made from what a write has outdated. Nor while somebody else changes what is held: what was made is only
    /// made again.
    pub fn update_if_version(&self, key: &K, version: i64, change: impl FnOnce(&mut V)) {
        // A lookup must not wait here: who holds the lock may be a writer of low priority that has no processor now.
        let Ok(_order) = self.state.try_lock() else {
            return;
        };
        if let Some(mut value) = self.held.get(key)
            && value.version() == version
        {
            change(&mut value);
            if self.has_room_for(key, &value) {
                self.held.insert(key.clone(), value);
            }
        }
    }

    /// Brings the gauges of the metrics up to date.
    pub fn measure(&self) {
        let (count, weight) = self.held.measure();
        let gauge = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        self.metrics.entries.set(gauge(count));
        self.metrics.weighted_bytes.set(gauge(weight));
    }

    fn check(&self) -> Result<(), LoadError> {
        let checked = self.breaker.check();
        checked.map_err(|error| LoadError::Store(Arc::new(error)))
    }

    /// Holds a value, unless it is too heavy: then nothing is held.
    fn hold(&self, key: &K, value: V) {
        if self.has_room_for(key, &value) {
            self.held.insert(key.clone(), value);
        } else {
            self.held.invalidate(key);
        }
    }

    fn has_room_for(&self, key: &K, value: &V) -> bool {
        u64::from(key.weight()) + u64::from(value.weight()) <= self.bounds.max_bytes / LARGEST_SHARE
    }

    fn state(&self) -> MutexGuard<'_, State<K, V>> {
        // A map of waiting callers is as good after a panic as before. Where one ended a change of the memory, its values are whole all the
        // same, and only its sums may be off.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
impl<K, V, M> ReadThrough<K, V, M> {
    pub(super) fn metrics(&self) -> &CacheMetrics {
        &self.metrics
    }
}

#[cfg(test)]
mod ahead;
#[cfg(test)]
mod interleaved;
#[cfg(test)]
mod tests;
