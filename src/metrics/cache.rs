//! Metrics of the caches, one handle struct a cache.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

/// Handles for one cache. Each is one atomic: count freely.
#[derive(Debug, Clone, Default)]
pub struct CacheMetrics {
    /// Lookups answered from memory.
    pub hits: Counter,
    /// Lookups that waited for a load, their own or one that ran already.
    pub misses: Counter,
    /// Loads begun. With single flight, many misses share one.
    pub loads_started: Counter,
    /// Successful loads, "there is none" included.
    pub loads_completed: Counter,
    /// Failed loads.
    pub loads_failed: Counter,
    /// Values loaded that were older than a write which this process acknowledged, and so were not taken.
    pub loads_behind: Counter,
    /// Values loaded at the start, before anybody asked for them.
    pub loaded_ahead: Counter,
    /// Entries held, as of the last time the cache said so.
    pub entries: Gauge,
    /// Weight of the entries in bytes, as of the last time the cache said so.
    pub weighted_bytes: Gauge,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CacheLabels {
    cache: &'static str,
}

impl CacheMetrics {
    /// Declares the metrics and returns a handle for each of the caches named.
    pub(super) fn register<const N: usize>(
        registry: &mut Registry,
        caches: [&'static str; N],
    ) -> [Self; N] {
        let mut counter = |name: &str, help: &str| {
            let family = Family::<CacheLabels, Counter>::default();
            registry.register(name, help, family.clone());
            family
        };
        let hits = counter("cache_hits", "Lookups answered from memory");
        let misses = counter("cache_misses", "Lookups that waited for a load");
        let started = counter("cache_loads_started", "Loads begun");
        let completed = counter("cache_loads_completed", "Successful loads");
        let failed = counter("cache_loads_failed", "Failed loads");
        let behind = counter(
            "cache_loads_behind",
            "Loaded values discarded because they were older than an acknowledged write",
        );
        let ahead = counter(
            "cache_loaded_ahead",
            "Values loaded at the start, before any call needed them",
        );
        let entries = Family::<CacheLabels, Gauge>::default();
        registry.register("cache_entries", "Entries held", entries.clone());
        let weighted = Family::<CacheLabels, Gauge>::default();
        registry.register_with_unit(
            "cache_weighted",
            "Size of the cached entries",
            Unit::Bytes,
            weighted.clone(),
        );
        caches.map(|cache| {
            let labels = CacheLabels { cache };
            Self {
                hits: hits.get_or_create_owned(&labels),
                misses: misses.get_or_create_owned(&labels),
                loads_started: started.get_or_create_owned(&labels),
                loads_completed: completed.get_or_create_owned(&labels),
                loads_failed: failed.get_or_create_owned(&labels),
                loads_behind: behind.get_or_create_owned(&labels),
                loaded_ahead: ahead.get_or_create_owned(&labels),
                entries: entries.get_or_create_owned(&labels),
                weighted_bytes: weighted.get_or_create_owned(&labels),
            }
        })
    }
}
