//! Metrics of the HTTP face.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

/// Upper bounds of the histogram, in seconds: from an answer in memory to the limit on a request.
const BUCKETS_SECONDS: [f64; 11] = [
    0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.005, 0.02, 0.05, 0.15, 0.5, 5.0,
];

/// The statuses that are answered. Others are counted under the last.
const STATUSES: [u16; 16] = [
    200, 400, 401, 403, 404, 405, 408, 409, 413, 415, 429, 499, 501, 503, 504, 500,
];

/// Handles for requests over HTTP.
#[derive(Debug, Clone)]
pub struct HttpMetrics {
    /// Time from the head of a request to the answer.
    pub duration: Histogram,
    /// In the order of [`STATUSES`].
    requests: [Counter; STATUSES.len()],
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    status: u16,
}

impl HttpMetrics {
    /// Counter of the requests that ended with this status.
    #[must_use]
    pub fn requests(&self, status: u16) -> &Counter {
        let at = STATUSES.iter().position(|known| *known == status);
        &self.requests[at.unwrap_or(STATUSES.len() - 1)]
    }

    pub(super) fn register(registry: &mut Registry) -> Self {
        let requests = Family::<Labels, Counter>::default();
        registry.register(
            "http_requests",
            "Requests on the HTTP listener, by status",
            requests.clone(),
        );
        let duration = Histogram::new(BUCKETS_SECONDS);
        registry.register_with_unit(
            "http_request_duration",
            "Time from the head of an HTTP request to its answer",
            Unit::Seconds,
            duration.clone(),
        );
        Self {
            duration,
            requests: STATUSES.map(|status| requests.get_or_create_owned(&Labels { status })),
        }
    }
}
