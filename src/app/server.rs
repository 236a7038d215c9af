//! The gRPC listener: tonic's transport with every limit set, health and reflection, the layers, and a drain that ends.
//!
//! tonic sends no stream limit unless told, accepts without end, takes accept errors for a reason to spin, and on shutdown waits for
//! every peer for ever. All of that is decided here. What the services do is not known here: they come as routes.

mod incoming;
mod reflection;

pub use reflection::{ReflectionError, methods};

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tonic::transport::Server;
use tonic_health::ServingStatus;
use tonic_health::server::{HealthReporter, HealthService};
use tower::Layer as _;

use crate::app::failure::Failure;
use crate::app::server::incoming::Incoming;
use crate::app::shutdown::{Lifecycle, Phase};
use crate::clock::Clock;
use crate::grpc::layers::deadline::DeadlineLayer;
use crate::grpc::layers::lane::{LaneLayer, Lanes};
use crate::grpc::layers::limit::LimitLayer;
use crate::grpc::layers::observe::ObserveLayer;
use crate::grpc::layers::request_id::RequestIdLayer;
use crate::metrics::Metrics;

/// Most streams a connection may reset by its own faults before it is closed: hyper's default, which tonic takes away (RUSTSEC-2024-0003).
const MAX_LOCAL_ERROR_RESETS: usize = 1024;

/// Most streams a peer may have cancelled before we saw them. h2's default of 20 is hit by honest clients that cancel a burst of calls;
/// this many cost some kilobytes.
const MAX_PENDING_ACCEPT_RESETS: usize = 256;

/// Most bytes of the headers of a request. gRPC clients assume 8 KiB; hyper's default of 16 leaves room for proxies.
const MAX_HEADER_LIST_BYTES: u32 = 16 * 1024;

/// Largest HTTP/2 frame taken: the smallest the protocol allows to say, so that a large message never holds up the small ones beside it.
const MAX_FRAME_BYTES: u32 = 16 * 1024;

/// Time without a sign of life after which a peer is pinged. Below the idle timeouts of common balancers (60 s and more).
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(30);

/// Time a peer has to answer the ping before it is taken for dead.
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(10);

/// What the server takes and for how long it stops. Made from the settings; tests make it by hand.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Streams a connection may have open at once.
    pub max_concurrent_streams: u32,
    /// Connections open at once; more are closed at once.
    pub max_connections: u32,
    /// Calls in progress at once, over all connections.
    pub max_in_flight: u32,
    /// Bytes of one message, either way. Services are built with it (`max_decoding_message_size`, `max_encoding_message_size`).
    pub max_message_bytes: usize,
    /// Time a call gets whose caller set no deadline.
    pub default_deadline: Duration,
    /// Time a new connection has to send its preface.
    pub handshake_timeout: Duration,
    /// Time between "not serving" and the closing of the listener.
    pub lame_duck: Duration,
    /// Time calls in progress have after that, before they are cut.
    pub drain_limit: Duration,
}

impl Default for Limits {
    /// The defaults of the settings, whose documentation gives the reasons.
    fn default() -> Self {
        Self {
            max_concurrent_streams: 256,
            max_connections: 4096,
            max_in_flight: 1024,
            max_message_bytes: 4 * 1024 * 1024,
            default_deadline: Duration::from_secs(2),
            handshake_timeout: Duration::from_secs(10),
            lame_duck: Duration::ZERO,
            drain_limit: Duration::from_secs(10),
        }
    }
}

/// How serving ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DrainOutcome {
    /// Every connection ended by itself.
    Drained,
    /// The drain limit passed; this many connections were cut.
    Cut {
        /// Connections that were still open.
        connections: u64,
    },
}

/// Why the server could not serve.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The descriptors compiled into the program cannot be served.
    #[error(transparent)]
    Reflection(#[from] ReflectionError),
    /// The transport failed.
    #[error("the gRPC listener failed")]
    Transport(#[from] tonic::transport::Error),
    /// The service had to stop.
    #[error(transparent)]
    Failure(#[from] Failure),
}

/// `grpc.health.v1` of every service and of the server as a whole (the empty name). Clones share the state.
#[derive(Debug, Clone)]
pub struct Health {
    reporter: HealthReporter,
    services: Arc<[String]>,
    stopping: Arc<AtomicBool>,
}

impl Default for Health {
    fn default() -> Self {
        Self::new()
    }
}

impl Health {
    /// Health of the services in the descriptor set. Nothing serves until [`serve`] runs.
    #[must_use]
    pub fn new() -> Self {
        Self {
            reporter: HealthReporter::new(),
            services: reflection::services().into(),
            stopping: Arc::default(),
        }
    }

    /// Says that one service (`patron.v1.IngestService`) serves or does not, while the others go on. Has no effect once the server stops,
    /// so that whoever watches the database cannot call traffic back.
    pub async fn set(&self, service: &str, serving: bool) {
        if !self.stopping.load(Ordering::Acquire) {
            self.reporter
                .set_service_status(service, status_of(serving))
                .await;
        }
    }

    /// Nothing serves any more, whatever is said after this.
    async fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
        self.set_all(false).await;
    }

    async fn set_all(&self, serving: bool) {
        let status = status_of(serving);
        self.reporter.set_service_status("", status).await;
        for service in &*self.services {
            self.reporter.set_service_status(service, status).await;
        }
    }
}

fn status_of(serving: bool) -> ServingStatus {
    if serving {
        ServingStatus::Serving
    } else {
        ServingStatus::NotServing
    }
}

/// What a server shares with the rest of the process.
#[derive(Debug, Clone)]
pub struct Shared {
    /// Where it counts.
    pub metrics: Arc<Metrics>,
    /// Where it says how it is.
    pub health: Health,
    /// Where it says which phase it is in.
    pub lifecycle: Lifecycle,
    /// The time within request ids.
    pub clock: Arc<dyn Clock>,
    /// Where long work runs; `None`: where it arrives.
    pub lanes: Option<Lanes>,
}

impl Shared {
    /// What a process shares, with the metrics of all methods in the descriptor sets.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        let methods = methods();
        let metrics = Metrics::new(methods.iter().map(String::as_str));
        Self {
            lifecycle: Lifecycle::new(metrics.phase.clone()),
            metrics: Arc::new(metrics),
            health: Health::new(),
            clock,
            lanes: None,
        }
    }
}

/// Serves `routes`, health and reflection on `listener` until `shutdown` is cancelled, then stops in order: says `NOT_SERVING`, waits the
/// lame-duck time, closes the listener, lets calls finish up to the drain limit, and cuts what is left. Returns within lame-duck time and
/// drain limit, whatever the peers do.
///
/// # Errors
///
/// [`ServeError`] when the server cannot be built or its transport fails; peers cannot cause either.
pub async fn serve(
    listener: TcpListener,
    routes: Routes,
    limits: &Limits,
    shared: &Shared,
    shutdown: CancellationToken,
) -> Result<DrainOutcome, ServeError> {
    let routes = with_manners(routes, &shared.health)?;
    let stop_accepting = CancellationToken::new();
    let cut = CancellationToken::new();
    let incoming = Incoming::new(
        listener,
        limits,
        shared.metrics.connections.clone(),
        cut.clone(),
    );
    // Layers wrap from the last to the first; `grpc::layers` explains their order.
    let service = LaneLayer::new(shared.lanes.clone()).layer(routes.prepare());
    let service = DeadlineLayer::new(limits.default_deadline).layer(service);
    let service = LimitLayer::new(limits.max_in_flight, shared.metrics.rpc.clone()).layer(service);
    let service = ObserveLayer::new(shared.metrics.rpc.clone()).layer(service);
    let service = RequestIdLayer::new(Arc::clone(&shared.clock)).layer(service);
    let serving = transport(limits).serve_with_incoming_shutdown(
        service,
        incoming,
        stop_accepting.clone().cancelled_owned(),
    );
    tokio::pin!(serving);

    shared.health.set_all(true).await;
    shared.lifecycle.advance(Phase::Serving);
    let ended = tokio::select! {
        // Nothing ends it but its own failure; the listener does not.
        ended = &mut serving => ended.map(|()| DrainOutcome::Drained),
        () = shutdown.cancelled() => stop(serving, limits, shared, &stop_accepting, &cut).await,
    };
    shared.lifecycle.advance(Phase::Stopped);
    Ok(ended?)
}

/// The orderly stop of [`serve`]. `serving` goes on answering meanwhile, so it is polled and not merely waited for.
async fn stop<F>(
    mut serving: Pin<&mut F>,
    limits: &Limits,
    shared: &Shared,
    stop_accepting: &CancellationToken,
    cut: &CancellationToken,
) -> Result<DrainOutcome, tonic::transport::Error>
where
    F: Future<Output = Result<(), tonic::transport::Error>>,
{
    shared.lifecycle.advance(Phase::LameDuck);
    shared.health.stop().await;
    if let Ok(ended) = timeout(limits.lame_duck, &mut serving).await {
        return ended.map(|()| DrainOutcome::Drained);
    }
    shared.lifecycle.advance(Phase::Draining);
    stop_accepting.cancel();
    if let Ok(ended) = timeout(limits.drain_limit, serving).await {
        return ended.map(|()| DrainOutcome::Drained);
    }
    let open = shared.metrics.connections.open.get();
    cut.cancel();
    Ok(DrainOutcome::Cut {
        connections: u64::try_from(open).unwrap_or(0),
    })
}

/// tonic's transport with all limits set.
fn transport(limits: &Limits) -> Server {
    Server::builder()
        .max_concurrent_streams(limits.max_concurrent_streams)
        .http2_max_local_error_reset_streams(Some(MAX_LOCAL_ERROR_RESETS))
        .http2_max_pending_accept_reset_streams(Some(MAX_PENDING_ACCEPT_RESETS))
        .http2_max_header_list_size(MAX_HEADER_LIST_BYTES)
        .max_frame_size(MAX_FRAME_BYTES)
        .http2_keepalive_interval(Some(KEEPALIVE_INTERVAL))
        .http2_keepalive_timeout(Some(KEEPALIVE_TIMEOUT))
}

/// Adds what every gRPC service is expected to have: health, and reflection in both versions (Python's client speaks v1alpha only).
fn with_manners(routes: Routes, health: &Health) -> Result<Routes, ReflectionError> {
    let health_service = HealthService::from_health_reporter(health.reporter.clone());
    Ok(routes
        .add_service(tonic_health::pb::health_server::HealthServer::new(
            health_service,
        ))
        .add_service(reflection::builder().build_v1()?)
        .add_service(reflection::builder().build_v1alpha()?))
}
