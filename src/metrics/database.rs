//! Metrics of the database as this process sees it.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// Handles for the breaker in front of the database.
#[derive(Debug, Clone, Default)]
pub struct BreakerMetrics {
    /// 1 while the database does not answer.
    pub open: Gauge,
    /// How often it was found not to answer.
    pub openings: Counter,
}

/// Handles for the fence, which lets one process serve the database.
#[derive(Debug, Clone, Default)]
pub struct FenceMetrics {
    /// 1 while this process holds it.
    pub held: Gauge,
}

/// Handles for the sessions that this process has at the database.
#[derive(Debug, Clone, Default)]
pub struct SessionMetrics {
    /// Sessions of ours that have been idle inside a transaction for seconds; none, unless something is wrong.
    pub idle_in_transaction: Gauge,
}

impl BreakerMetrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        registry.register(
            "database_breaker_open",
            "1 while the database is unreachable: cached customers are served and marked stale, other calls fail with UNAVAILABLE",
            metrics.open.clone(),
        );
        registry.register(
            "database_breaker_openings",
            "Number of times the database became unreachable",
            metrics.openings.clone(),
        );
        metrics
    }
}

impl FenceMetrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        registry.register(
            "fence_held",
            "1 while this process holds the fence (the lock that allows one server per database), 0 while it tries to regain it",
            metrics.held.clone(),
        );
        metrics
    }
}

impl SessionMetrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        registry.register(
            "database_sessions_idle_in_transaction",
            "Sessions of Patron that have been idle in a transaction for over 5 seconds",
            metrics.idle_in_transaction.clone(),
        );
        metrics
    }
}
