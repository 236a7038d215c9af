//! Metrics of what connections make the server hold.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

/// Handles for all connections together. Each is one atomic: count freely.
#[derive(Debug, Clone, Default)]
pub struct PeerMetrics {
    /// Bytes of requests under way, as of the last look.
    pub request_bytes: Gauge,
    /// Bytes of answers that wait to be read, as of the last look.
    pub answer_bytes: Gauge,
    /// Connections closed because they left responses unread or held too much memory.
    pub cut: Counter,
    /// Requests refused because too many request bytes were in progress.
    pub requests_refused: Counter,
    /// Requests that did not arrive in time.
    pub requests_timed_out: Counter,
    /// Times that a connection waited for the next turn of its caller.
    pub turns_waited: Counter,
}

impl PeerMetrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        registry.register_with_unit(
            "grpc_requests_held",
            "Bytes of requests in progress: being received, queued or processed",
            Unit::Bytes,
            metrics.request_bytes.clone(),
        );
        registry.register_with_unit(
            "grpc_answers_unread",
            "Bytes of responses not yet read by their callers",
            Unit::Bytes,
            metrics.answer_bytes.clone(),
        );
        registry.register(
            "grpc_connections_cut",
            "Connections closed because they left responses unread or held too much memory",
            metrics.cut.clone(),
        );
        registry.register(
            "grpc_requests_refused",
            "Requests refused because too many request bytes were in progress",
            metrics.requests_refused.clone(),
        );
        registry.register(
            "grpc_requests_timed_out",
            "Requests that did not arrive in time",
            metrics.requests_timed_out.clone(),
        );
        registry.register(
            "grpc_turns_waited",
            "Times that a connection waited because its caller had sent its part and others call too",
            metrics.turns_waited.clone(),
        );
        metrics
    }
}
