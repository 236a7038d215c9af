//! Every metric of the program: name, help, unit, buckets and labels are declared here and nowhere else.
//!
//! Handles are cheap clones around atomics; a part that measures holds one and never looks a label up. Labels are bounded: their values are
//! enums of this file or methods of the descriptor set. All series exist from the start, at zero.
//!
//! The outcome of a call is its `grpc-status`; HTTP says 200 to nearly everything.

mod cache;
mod callers;
mod compression;
mod database;
mod evaluation;
mod facts;
mod follow;
mod http;
mod lane;
mod peers;
mod routing;
mod rpc;
mod tls;

pub use cache::CacheMetrics;
pub use callers::{CallRefused, CallerMetrics, NotIdentified};
pub use compression::{CompressionFormat, CompressionMetrics};
pub use database::{BreakerMetrics, FenceMetrics, SessionMetrics};
pub use evaluation::{EvaluationMetrics, EvaluationOperation};
pub use facts::{FactKind, FactOutcome, FitMetrics, FitOutcome, IngestMetrics, TakesBack};
pub use follow::FollowMetrics;
pub use http::HttpMetrics;
pub use lane::LaneMetrics;
pub use peers::PeerMetrics;
pub use routing::{RouteMetrics, RouteQuality, RouteVerdict};
pub use rpc::{MethodMetrics, RpcMetrics, StatusCode};
pub use tls::{HandshakeFailure, TlsListener, TlsMetrics};

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// The content type of what [`Metrics::render`] returns.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// All metrics of the process. Made once, shared behind an `Arc`.
#[derive(Debug)]
pub struct Metrics {
    /// Calls, by method.
    pub rpc: RpcMetrics,
    /// Calls by who sent them.
    pub callers: CallerMetrics,
    /// Connections of the gRPC listener.
    pub connections: ConnectionMetrics,
    /// TLS of the listeners.
    pub tls: TlsMetrics,
    /// What connections hold.
    pub peers: PeerMetrics,
    /// Compressed messages.
    pub compression: CompressionMetrics,
    /// The cache of profiles by customer id.
    pub profile_cache: CacheMetrics,
    /// The cache of customer ids by identifier.
    pub identifier_cache: CacheMetrics,
    /// Whether the database answers.
    pub breaker: BreakerMetrics,
    /// Whether this process holds the fence.
    pub fence: FenceMetrics,
    /// Our sessions at the database.
    pub sessions: SessionMetrics,
    /// What is read of the writes of other processes.
    pub follow: FollowMetrics,
    /// The lane of batches and of single answers that take long.
    pub batch_lane: LaneMetrics,
    /// The lane of ingest.
    pub ingest_lane: LaneMetrics,
    /// The lane of fits, evaluations and drift checks.
    pub fit_lane: LaneMetrics,
    /// The lane of definitions and of the registry of models.
    pub admin_lane: LaneMetrics,
    /// Facts received.
    pub ingest: IngestMetrics,
    /// Model fits.
    pub fits: FitMetrics,
    /// Currencies in use from which no rate leads to the reporting currency.
    pub currencies_without_rate: Gauge,
    /// Evaluations and drift checks of models.
    pub evaluations: EvaluationMetrics,
    /// Requests over HTTP.
    pub http: HttpMetrics,
    /// Contacts that were routed.
    pub routes: RouteMetrics,
    /// Phase of the process: 0 starting, 1 serving, 2 lame duck, 3 draining, 4 stopped.
    pub phase: Gauge,
    registry: Registry,
}

/// Handles for the connections of the gRPC listener.
#[derive(Debug, Clone, Default)]
pub struct ConnectionMetrics {
    /// Connections open now.
    pub open: Gauge,
    /// Connections accepted.
    pub accepted: Counter,
    /// Connections closed immediately because of the connection limit.
    pub refused: Counter,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct BuildLabels {
    version: &'static str,
}

impl Metrics {
    /// Declares all metrics. `methods` are the full names of the methods served, without the leading slash
    /// (`patron.v1.ScoringService/Classify`); calls of any other are counted together under `other`.
    pub fn new<'a>(methods: impl IntoIterator<Item = &'a str>) -> Self {
        let mut registry = Registry::with_prefix("patron");
        let build = Family::<BuildLabels, Gauge>::default();
        build
            .get_or_create(&BuildLabels {
                version: env!("CARGO_PKG_VERSION"),
            })
            .set(1);
        registry.register(
            "build_info",
            "Version of the running program; always 1",
            build,
        );
        let phase = Gauge::default();
        registry.register(
            "phase",
            "Phase of the process: 0 starting, 1 serving, 2 lame duck (not ready, still answering), 3 draining, 4 stopped",
            phase.clone(),
        );
        let currencies_without_rate = Gauge::default();
        registry.register(
            "currencies_without_rate",
            "Currencies in use without a rate to the reporting currency; customers with such amounts have no value",
            currencies_without_rate.clone(),
        );
        let rpc = RpcMetrics::register(&mut registry, methods);
        let callers = CallerMetrics::register(&mut registry);
        let connections = ConnectionMetrics::register(&mut registry);
        let tls = TlsMetrics::register(&mut registry);
        let peers = PeerMetrics::register(&mut registry);
        let compression = CompressionMetrics::register(&mut registry);
        let [profile_cache, identifier_cache] =
            CacheMetrics::register(&mut registry, ["profile", "identifier"]);
        let breaker = BreakerMetrics::register(&mut registry);
        let fence = FenceMetrics::register(&mut registry);
        let sessions = SessionMetrics::register(&mut registry);
        let follow = FollowMetrics::register(&mut registry);
        let [batch_lane, ingest_lane, fit_lane, admin_lane] =
            LaneMetrics::register(&mut registry, ["batch", "ingest", "fit", "admin"]);
        let ingest = IngestMetrics::register(&mut registry);
        let fits = FitMetrics::register(&mut registry);
        let evaluations = EvaluationMetrics::register(&mut registry);
        let http = HttpMetrics::register(&mut registry);
        let routes = RouteMetrics::register(&mut registry);
        Self {
            rpc,
            callers,
            connections,
            tls,
            peers,
            compression,
            profile_cache,
            identifier_cache,
            breaker,
            fence,
            sessions,
            follow,
            batch_lane,
            ingest_lane,
            fit_lane,
            admin_lane,
            ingest,
            fits,
            currencies_without_rate,
            evaluations,
            http,
            routes,
            phase,
            registry,
        }
    }

    /// All metrics as `OpenMetrics` text, of type [`CONTENT_TYPE`].
    #[must_use]
    pub fn render(&self) -> String {
        let mut text = String::new();
        // Writing to a `String` does not fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}

impl ConnectionMetrics {
    fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        registry.register(
            "grpc_connections_open",
            "Open connections of the gRPC listener",
            metrics.open.clone(),
        );
        registry.register(
            "grpc_connections_accepted",
            "Accepted connections of the gRPC listener",
            metrics.accepted.clone(),
        );
        registry.register(
            "grpc_connections_refused",
            "Connections closed immediately because of the connection limit",
            metrics.refused.clone(),
        );
        metrics
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Value of a series, given as it stands in the text.
    #[track_caller]
    fn check(text: &str, series: &str, value: &str) {
        let line = format!("{series} {value}");
        assert!(
            text.lines().any(|it| it == line),
            "{line:?} is not in\n{text}"
        );
    }

    #[test]
    fn every_series_exists_at_zero_from_the_start() {
        let text = Metrics::new(["patron.v1.ScoringService/Classify"]).render();
        let classify = r#"method="patron.v1.ScoringService/Classify""#;
        check(
            &text,
            &format!("patron_rpc_requests_total{{{classify},grpc_status=\"OK\"}}"),
            "0",
        );
        check(
            &text,
            &format!("patron_rpc_requests_total{{{classify},grpc_status=\"UNAUTHENTICATED\"}}"),
            "0",
        );
        check(&text, r#"patron_rpc_in_flight{method="other"}"#, "0");
        check(
            &text,
            &format!("patron_rpc_duration_seconds_count{{{classify}}}"),
            "0",
        );
        check(
            &text,
            r#"patron_cache_loads_failed_total{cache="identifier"}"#,
            "0",
        );
        check(
            &text,
            r#"patron_cache_weighted_bytes{cache="profile"}"#,
            "0",
        );
        check(
            &text,
            r#"patron_ingest_facts_total{kind="contact",outcome="duplicate"}"#,
            "0",
        );
        check(&text, r#"patron_fits_total{outcome="not_converged"}"#, "0");
        check(&text, "patron_phase", "0");
        check(
            &text,
            &format!(
                "patron_build_info{{version=\"{}\"}}",
                env!("CARGO_PKG_VERSION")
            ),
            "1",
        );
        assert!(text.ends_with("# EOF\n"));
    }

    #[test]
    fn handles_count_into_their_own_series() {
        let metrics = Metrics::new([]);
        metrics.profile_cache.hits.inc();
        metrics.profile_cache.loads_started.inc_by(2);
        metrics.identifier_cache.entries.set(7);
        metrics
            .ingest
            .facts(FactKind::Transaction, FactOutcome::Written)
            .inc_by(3);
        metrics.fits.record(FitOutcome::Converged, 1.5);
        let text = metrics.render();
        check(&text, r#"patron_cache_hits_total{cache="profile"}"#, "1");
        check(&text, r#"patron_cache_hits_total{cache="identifier"}"#, "0");
        check(
            &text,
            r#"patron_cache_loads_started_total{cache="profile"}"#,
            "2",
        );
        check(&text, r#"patron_cache_entries{cache="identifier"}"#, "7");
        check(
            &text,
            r#"patron_ingest_facts_total{kind="transaction",outcome="written"}"#,
            "3",
        );
        check(&text, r#"patron_fits_total{outcome="converged"}"#, "1");
        check(&text, "patron_fit_duration_seconds_sum", "1.5");
    }
}
