//! Metrics of following the writes of other processes.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

/// From a notice that arrives at once to a server that has lost touch.
const BUCKETS_SECONDS: [f64; 12] = [
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0,
];

/// Handles for what a process that shares its database reads of the writes of others.
#[derive(Debug, Clone)]
pub struct FollowMetrics {
    /// Looks at the logs that came to an end.
    pub looks: Counter,
    /// Looks that failed.
    pub failed: Counter,
    /// Rows that were read and applied.
    pub rows: Counter,
    /// How often all in memory was dropped, since not all changes could be read.
    pub resets: Counter,
    /// Time since the last look after which memory was up to date, in milliseconds.
    pub age_ms: Gauge,
    /// Time from the recording of a write until it was applied here, of the first one of each look.
    pub staleness: Histogram,
}

impl FollowMetrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let metrics = Self {
            looks: Counter::default(),
            failed: Counter::default(),
            rows: Counter::default(),
            resets: Counter::default(),
            age_ms: Gauge::default(),
            staleness: Histogram::new(BUCKETS_SECONDS),
        };
        registry.register(
            "follow_looks",
            "With --shared: successful looks at the logs of changes",
            metrics.looks.clone(),
        );
        registry.register(
            "follow_looks_failed",
            "With --shared: failed looks at the logs of changes",
            metrics.failed.clone(),
        );
        registry.register(
            "follow_rows",
            "With --shared: changes read from the logs, those of this server included",
            metrics.rows.clone(),
        );
        registry.register(
            "follow_resets",
            "With --shared: times that the memory was dropped because changes could not all be read",
            metrics.resets.clone(),
        );
        registry.register(
            "follow_age_milliseconds",
            "With --shared: time since the memory was last found up to date; above 5000, answers are marked stale",
            metrics.age_ms.clone(),
        );
        registry.register_with_unit(
            "follow_staleness",
            "With --shared: time from the recording of a change to its effect on this server, the oldest of each look",
            Unit::Seconds,
            metrics.staleness.clone(),
        );
        metrics
    }
}
