//! Metrics of lanes: what runs, what waits, what was refused, and what computes although nobody waits for it.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

/// Upper bounds of the waiting time, in seconds: from "had a place at once" to the longest wait that a lane accepts.
const WAIT_BUCKETS_SECONDS: [f64; 9] = [0.001, 0.005, 0.02, 0.1, 0.25, 0.5, 1.0, 5.0, 60.0];

/// Handles for one lane.
#[derive(Debug, Clone)]
pub struct LaneMetrics {
    /// Calls that have a place.
    pub running: Gauge,
    /// Calls that wait for one.
    pub waiting: Gauge,
    /// Calls refused on arrival because the queue was too long.
    pub refused: Counter,
    /// Calls whose caller gave up while they waited.
    pub dropped: Counter,
    /// Time between arrival and place.
    pub wait: Histogram,
    /// Computations that occupy a thread, those without a caller included.
    pub computing: Gauge,
    /// Computations stopped because the caller disconnected.
    pub abandoned: Counter,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct LaneLabels {
    lane: &'static str,
}

impl LaneMetrics {
    /// Declares the metrics and returns a handle for each of the lanes named.
    pub(super) fn register<const N: usize>(
        registry: &mut Registry,
        lanes: [&'static str; N],
    ) -> [Self; N] {
        let mut gauge = |name: &str, help: &str| {
            let family = Family::<LaneLabels, Gauge>::default();
            registry.register(name, help, family.clone());
            family
        };
        let running = gauge(
            "lane_running",
            "Calls running in the lane (a thread pool for long work: batch, ingest, fit or admin)",
        );
        let waiting = gauge("lane_waiting", "Calls queued for the lane");
        let computing = gauge(
            "lane_computing",
            "Computations running on threads of the lane, including abandoned ones",
        );
        let mut counter = |name: &str, help: &str| {
            let family = Family::<LaneLabels, Counter>::default();
            registry.register(name, help, family.clone());
            family
        };
        let refused = counter(
            "lane_refused",
            "Calls refused on arrival because the queue was too long",
        );
        let dropped = counter("lane_dropped", "Calls cancelled by the caller while queued");
        let abandoned = counter(
            "lane_abandoned",
            "Computations stopped because the caller disconnected",
        );
        let wait = Family::<LaneLabels, Histogram>::new_with_constructor(|| {
            Histogram::new(WAIT_BUCKETS_SECONDS)
        });
        registry.register_with_unit(
            "lane_wait",
            "Time that calls spent in the queue of the lane",
            Unit::Seconds,
            wait.clone(),
        );
        lanes.map(|lane| {
            let labels = LaneLabels { lane };
            Self {
                running: running.get_or_create_owned(&labels),
                waiting: waiting.get_or_create_owned(&labels),
                refused: refused.get_or_create_owned(&labels),
                dropped: dropped.get_or_create_owned(&labels),
                wait: wait.get_or_create_owned(&labels),
                computing: computing.get_or_create_owned(&labels),
                abandoned: abandoned.get_or_create_owned(&labels),
            }
        })
    }
}
