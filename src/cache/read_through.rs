//! A bounded cache that loads what it misses: at most one load of a key at a time, however many callers want it, finished even when
//! every caller has given up.
//!
//! Two traps shape it. A load must not run in a caller's future: callers with deadlines shorter than the load would cancel it one
//! after another and nothing would ever be cached. And a load that began before a write may finish after it: every value carries a
//! version, every write names the version it made, and a load that returns an older one is repeated.

use std::{
    collections::HashMap,
    future::Future,
    hash::Hash,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::watch;

use crate::{metrics::CacheMetrics, store::error::StoreError};

/// A value whose age can be told.
pub trait Versioned: Clone + Send + Sync + 'static {
    /// Rises with every write of what the value is a copy of.
    fn version(&self) -> i64;
    /// Bytes that holding the value takes, roughly.
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
    /// The task that loaded ended without a result.
    #[error("the load was abandoned")]
    Abandoned,
}

type Loaded<K, V> = Result<HashMap<K, V>, StoreError>;

/// Loads the values of many keys at once; every key must be in the result.
pub type Load<K, V> =
    Box<dyn Fn(Vec<K>) -> Pin<Box<dyn Future<Output = Loaded<K, V>> + Send>> + Send + Sync>;

/// How long a failed load stands for its key: long enough to spare a store in trouble, short enough for nobody to notice its recovery.
const FAILURE_HELD: Duration = Duration::from_millis(200);

/// How a cache is bounded.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Greatest weight of all values held, in bytes.
    pub max_bytes: u64,
    /// How long one load may take before those who wait are told.
    pub load_timeout: Duration,
}

type Outcome<V> = Result<V, LoadError>;

/// A load that is under way.
struct Flight<V> {
    outcome: watch::Sender<Option<Outcome<V>>>,
    /// The latest version that a write made while the load ran: an older result is not good enough.
    wanted_version: i64,
    /// Whether a write came to an unknown end while the load ran: its result may be older or not.
    doubted: bool,
}

/// A bounded cache in front of a store.
pub struct ReadThrough<K, V> {
    held: moka::sync::Cache<K, V>,
    /// Also the lock that orders "a load puts its result in" and "a write takes the old value out". Only misses and writes take it.
    flights: Mutex<HashMap<K, Flight<V>>>,
    load: Load<K, V>,
    load_timeout: Duration,
    metrics: CacheMetrics,
}

impl<K, V> ReadThrough<K, V>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Versioned,
{
    /// An empty cache.
    #[must_use]
    pub fn new(bounds: Bounds, metrics: CacheMetrics, load: Load<K, V>) -> Self {
        let held = moka::sync::Cache::builder()
            .max_capacity(bounds.max_bytes)
            .weigher(|_, value: &V| value.weight())
            .build();
        let flights = Mutex::new(HashMap::new());
        Self {
            held,
            flights,
            load,
            load_timeout: bounds.load_timeout,
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
        let waits = self.board(std::slice::from_ref(key));
        match waits.into_iter().next() {
            Some((_, flight)) => landed(flight).await,
            None => Err(LoadError::Abandoned),
        }
    }

    /// What `look` finds in the value of `key`, if memory holds one; counts as a hit when it finds something.
    pub fn get_held<T>(&self, key: &K, look: impl FnOnce(&V) -> Option<T>) -> Option<T> {
        let found = self.held.get(key).and_then(|value| look(&value));
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
        for (key, flight) in self.board(&missing) {
            found.insert(key, landed(flight).await?);
        }
        Ok(found)
    }

    /// Takes out what is older than `version`, which a write has just committed, and makes loads under way repeat that are.
    pub fn outdate(&self, key: &K, version: i64) {
        let mut flights = self.flights();
        if let Some(flight) = flights.get_mut(key) {
            flight.wanted_version = flight.wanted_version.max(version);
        }
        if self
            .held
            .get(key)
            .is_some_and(|value| value.version() < version)
        {
            self.held.invalidate(key);
        }
    }

    /// Takes out whatever is held, and makes a load under way repeat: for a write of which nobody knows whether it was committed, so
    /// that there is no version to wait for.
    pub fn doubt(&self, key: &K) {
        let mut flights = self.flights();
        if let Some(flight) = flights.get_mut(key) {
            flight.doubted = true;
        }
        self.held.invalidate(key);
    }

    /// Adds to what is held of `key` what was made from it, so that it is weighed with it. Does nothing when what is held is not of
    /// `version` any more: then it was made from what a write has outdated.
    pub fn enrich(&self, key: &K, version: i64, change: impl FnOnce(&mut V)) {
        let _order = self.flights();
        if let Some(mut value) = self.held.get(key)
            && value.version() == version
        {
            change(&mut value);
            self.held.insert(key.clone(), value);
        }
    }

    /// Brings the gauges of the metrics up to date.
    pub fn measure(&self) {
        self.held.run_pending_tasks();
        let gauge = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        self.metrics.entries.set(gauge(self.held.entry_count()));
        self.metrics
            .weighted_bytes
            .set(gauge(self.held.weighted_size()));
    }

    /// Joins the flights of `keys`, starting one load for those that have none.
    fn board(self: &Arc<Self>, keys: &[K]) -> Vec<(K, watch::Receiver<Option<Outcome<V>>>)> {
        let mut waits = Vec::with_capacity(keys.len());
        let mut own = vec![];
        let mut flights = self.flights();
        for key in keys {
            // Between the miss and this lock a flight may have landed.
            if let Some(value) = self.held.get(key) {
                waits.push((key.clone(), watch::channel(Some(Ok(value))).1));
                continue;
            }
            let flight = flights.entry(key.clone()).or_insert_with(|| {
                own.push(key.clone());
                Flight {
                    outcome: watch::channel(None).0,
                    wanted_version: 0,
                    doubted: false,
                }
            });
            waits.push((key.clone(), flight.outcome.subscribe()));
        }
        drop(flights);
        if !own.is_empty() {
            // A task of its own: no caller's deadline ends it.
            tokio::spawn(Arc::clone(self).fly(own));
        }
        waits
    }

    /// Loads `keys` until every one has a value that no write has outdated.
    async fn fly(self: Arc<Self>, keys: Vec<K>) {
        let mut crew = Crew {
            cache: Arc::clone(&self),
            keys,
        };
        while !crew.keys.is_empty() {
            self.metrics.loads_started.inc();
            let load = (self.load)(crew.keys.clone());
            match tokio::time::timeout(self.load_timeout, load).await {
                Ok(Ok(values)) => {
                    self.metrics.loads_completed.inc();
                    let keys = std::mem::take(&mut crew.keys);
                    crew.keys = self.land(keys, values);
                }
                Ok(Err(error)) => {
                    return self
                        .fail(&crew.keys, &LoadError::Store(Arc::new(error)))
                        .await;
                }
                Err(_) => {
                    return self
                        .fail(&crew.keys, &LoadError::TooSlow(self.load_timeout))
                        .await;
                }
            }
        }
    }

    /// Hands out what was loaded. Returns the keys that a write outdated meanwhile.
    fn land(&self, keys: Vec<K>, mut values: HashMap<K, V>) -> Vec<K> {
        let mut again = vec![];
        let mut flights = self.flights();
        for key in keys {
            let value = values.remove(&key);
            let outdated = flights.get_mut(&key).is_some_and(|flight| {
                let is_older = |value: &V| value.version() < flight.wanted_version;
                std::mem::take(&mut flight.doubted) || value.as_ref().is_some_and(is_older)
            });
            if outdated {
                again.push(key);
                continue;
            }
            if let Some(value) = &value {
                self.held.insert(key.clone(), value.clone());
            }
            if let Some(flight) = flights.remove(&key) {
                flight
                    .outcome
                    .send_replace(Some(value.ok_or(LoadError::Abandoned)));
            }
        }
        again
    }

    /// Tells those who wait, and for a moment those who come, that the load failed: a store in trouble is not asked again by every call.
    async fn fail(&self, keys: &[K], error: &LoadError) {
        self.metrics.loads_failed.inc();
        for flight in keys
            .iter()
            .filter_map(|key| self.flights().get(key).map(|flight| flight.outcome.clone()))
        {
            flight.send_replace(Some(Err(error.clone())));
        }
        tokio::time::sleep(FAILURE_HELD).await;
    }

    fn flights(&self) -> MutexGuard<'_, HashMap<K, Flight<V>>> {
        // Nothing that can panic runs under the lock, and a map of waiting callers is as good after a panic as before.
        self.flights.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The keys of a load that have no value yet. However the load ends, by failure, panic or the end of the runtime, their flights are
/// removed, so that the next caller starts anew.
struct Crew<K, V>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Versioned,
{
    cache: Arc<ReadThrough<K, V>>,
    keys: Vec<K>,
}

impl<K, V> Drop for Crew<K, V>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Versioned,
{
    fn drop(&mut self) {
        let mut flights = self.cache.flights();
        for key in &self.keys {
            flights.remove(key);
        }
    }
}

async fn landed<V: Clone>(mut flight: watch::Receiver<Option<Outcome<V>>>) -> Outcome<V> {
    match flight.wait_for(Option::is_some).await {
        Ok(outcome) => outcome.clone().unwrap_or(Err(LoadError::Abandoned)),
        Err(_) => Err(LoadError::Abandoned),
    }
}

#[cfg(test)]
impl<K, V> ReadThrough<K, V>
where
    K: Hash + Eq + Send + Sync + 'static,
    V: Versioned,
{
    /// What everything held weighs, as of the last look at it.
    pub(super) fn weighted_bytes(&self) -> u64 {
        self.held.weighted_size()
    }
}

#[cfg(test)]
mod tests;
