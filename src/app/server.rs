//! The gRPC listener: tonic's transport with every limit set, health and reflection, the layers, and a drain that ends.
//!
//! tonic sends no stream limit unless told, accepts without end, takes accept errors for a reason to spin, and on shutdown waits for
//! every peer forever. All of that is decided here. What the services do is not known here: they come as routes.

mod gathered;
mod health;
mod incoming;
mod lifetime;
mod limits;
mod reflection;
mod spread;
mod transport;

pub use health::Health;
pub use lifetime::Lifetime;
pub use limits::Limits;
pub use reflection::{ReflectionError, descriptor_set, methods};

use std::pin::Pin;
use std::sync::Arc;

use futures_util::future::{TryFutureExt as _, try_join_all};
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tonic::body::Body;
use tonic::service::Routes;
use tonic_health::server::HealthService;
use tower::{Layer as _, ServiceExt as _};

use crate::app::failure::Failure;
use crate::app::server::incoming::{Incoming, Setup};
use crate::app::server::transport::{Accepting, Transport, serve_connections};
use crate::app::shutdown::{Lifecycle, Phase};
use crate::app::tls::{ListenerTls, Protocol, Tls};
use crate::clock::Clock;
use crate::grpc::http1::{Calls, HttpCalls};
use crate::grpc::json::CodecError;
use crate::grpc::layers::admit::AdmitLayer;
use crate::grpc::layers::answers::AnswersLayer;
use crate::grpc::layers::call_span::CallSpanLayer;
use crate::grpc::layers::compression::CompressionLayer;
use crate::grpc::layers::deadline::DeadlineLayer;
use crate::grpc::layers::freshness::FreshnessLayer;
use crate::grpc::layers::identity::IdentityLayer;
use crate::grpc::layers::lane::{LaneLayer, Lanes};
use crate::grpc::layers::limit::LimitLayer;
use crate::grpc::layers::memory::{FromMemory, MemoryLayer};
use crate::grpc::layers::observe::ObserveLayer;
use crate::grpc::layers::peer::{Peers, Threads};
use crate::grpc::layers::receive::ReceiveLayer;
use crate::grpc::layers::request_id::RequestIdLayer;
use crate::grpc::layers::transcode::TranscodeLayer;
use crate::metrics::Metrics;
use crate::service::follow::Follower;
use crate::service::identity::Identities;

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
    /// Encrypts its connections; `None`: they are plain.
    pub tls: Option<Arc<Tls>>,
    /// Where connections are served, each on one of these; empty: on the runtime where the server starts.
    pub cores: Vec<Handle>,
    /// Who may call what; `None`: everybody everything.
    pub identities: Option<Arc<Identities>>,
}

impl Shared {
    /// The threads that will serve connections, of those of the present runtime.
    fn threads(&self) -> Threads {
        Threads {
            cores: self.cores.len(),
            others: Handle::current().metrics().num_workers(),
        }
    }

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
            tls: None,
            cores: vec![],
            identities: None,
        }
    }

    /// What encrypts the connections of a listener.
    pub(super) fn listener_tls(&self, protocol: Protocol, limits: &Limits) -> ListenerTls {
        ListenerTls::new(self.tls.clone(), protocol, limits.handshake_timeout)
    }
}

/// What is served: the services, and beside them a shortcut to finished answers.
#[derive(Clone)]
pub struct Served {
    /// The services.
    pub routes: Routes,
    /// What is answered from memory, and when a call is refused.
    pub from_memory: Option<FromMemory>,
    /// What reads the writes of other processes; `None`: nobody else writes.
    pub follower: Option<Arc<Follower>>,
}

impl From<Routes> for Served {
    fn from(routes: Routes) -> Self {
        Self {
            routes,
            from_memory: None,
            follower: None,
        }
    }
}

/// Serves `served`, health and reflection on `listener` until `shutdown` is cancelled, then stops in order: says `NOT_SERVING`, waits the
/// lame-duck time, closes the listener, lets calls finish up to the drain limit, and cuts what is left. Returns within lame-duck time and
/// drain limit, whatever the peers do.
///
/// Everything runs on the runtime of the caller. A process whose calls can keep that runtime busy takes the two parts by themselves:
/// [`start`] there, and [`Running::supervise`] on a runtime that has nothing else to do.
///
/// # Errors
///
/// [`ServeError`] when the server cannot be built or its transport fails; peers cannot cause either.
pub async fn serve(
    listener: TcpListener,
    served: impl Into<Served>,
    limits: &Limits,
    shared: &Shared,
    shutdown: CancellationToken,
) -> Result<DrainOutcome, ServeError> {
    let running = start(listener, served.into(), limits, shared)?;
    running.supervise(shutdown).await
}

/// Starts the transport on the present runtime.
///
/// # Errors
///
/// When the descriptors cannot be served.
pub fn start(
    listener: TcpListener,
    served: Served,
    limits: &Limits,
    shared: &Shared,
) -> Result<Running, ReflectionError> {
    let routes = with_health_and_reflection(served.routes, &shared.health)?;
    let (stop_accepting, cut) = (CancellationToken::new(), CancellationToken::new());
    let peers = Peers::new(
        limits.of_peers(shared.threads()),
        shared.metrics.peers.clone(),
    );
    let connections = &shared.metrics.connections;
    let incoming = Incoming::new(listener, limits, connections.clone());
    let setup = Setup::new(
        shared.listener_tls(Protocol::Grpc, limits),
        limits,
        connections.clone(),
        peers.clone(),
        (stop_accepting.clone(), cut.clone()),
    );
    let rpc = &shared.metrics.rpc;
    // Layers wrap from the last to the first; `grpc::layers` explains their order.
    let service = TranscodeLayer.layer(routes.prepare());
    let compression = shared.metrics.compression.clone();
    let compressing = CompressionLayer::new(compression.clone(), shared.metrics.peers.clone());
    let service = compressing.layer(service);
    let service = LaneLayer::new(shared.lanes.clone()).layer(service);
    let limit = LimitLayer::new(limits.max_in_flight, rpc.clone());
    let service = limit.layer(service);
    let service = CallSpanLayer.layer(service);
    let never_fails = served.from_memory.as_ref().map(|it| it.never_fails);
    let service = MemoryLayer::new(served.from_memory, compression.clone()).layer(service);
    let freshness = FreshnessLayer::new(served.follower, never_fails.unwrap_or(|_| false));
    let service = freshness.layer(service);
    let receive = ReceiveLayer::new(
        limits.of_messages(),
        shared.metrics.peers.clone(),
        compression,
        stop_accepting.clone(),
    );
    let service = receive.layer(service);
    let deadline = DeadlineLayer::new(limits.default_deadline, rpc);
    let service = deadline.layer(service);
    let service = AdmitLayer::new(shared.identities.is_some()).layer(service);
    let service = AnswersLayer::new(stop_accepting.clone()).layer(service);
    let service = ObserveLayer::new(rpc.clone()).layer(service);
    let service = IdentityLayer::new(shared.identities.clone()).layer(service);
    // The face over HTTP has the same layers, not others of their kind: limits, budgets and counts are of both together.
    let calls = service.clone();
    let calls = Calls::new(calls.map_response(|answer| answer.map(Body::new)));
    let service = RequestIdLayer::new(Arc::clone(&shared.clock)).layer(service);
    let (transports, accepting) =
        serve_connections(service, incoming, setup, limits, shared, &stop_accepting);
    Ok(Running {
        transports,
        accepting,
        limits: limits.clone(),
        shared: shared.clone(),
        peers,
        stop_accepting,
        cut,
        calls,
        limit,
    })
}

/// A transport that runs. Dropping it closes the listener.
pub struct Running {
    /// One, or one for each core.
    transports: Vec<Transport>,
    /// Accepts connections for the cores.
    accepting: Option<Accepting>,
    limits: Limits,
    shared: Shared,
    peers: Peers,
    stop_accepting: CancellationToken,
    cut: CancellationToken,
    calls: Calls,
    limit: LimitLayer,
}

/// What other listeners share with that of gRPC.
#[derive(Clone)]
pub struct SharedLimits {
    /// The places of calls in progress.
    pub calls: LimitLayer,
    /// What connections hold.
    pub peers: Peers,
    /// Cuts the connections at the end of the drain.
    pub cut: CancellationToken,
}

impl Running {
    /// Answers calls over HTTP by the same services.
    ///
    /// # Errors
    ///
    /// When the built-in descriptors cannot be used.
    pub fn http_calls(&self) -> Result<HttpCalls, CodecError> {
        let codec = Arc::new(reflection::codec()?);
        Ok(HttpCalls::new(self.calls.clone(), codec))
    }

    /// The limits of this server, for other listeners.
    #[must_use]
    pub fn limits(&self) -> SharedLimits {
        SharedLimits {
            calls: self.limit.clone(),
            // Other listeners are not served by the cores.
            peers: self.peers.on_runtime(self.shared.cores.len()),
            cut: self.cut.clone(),
        }
    }

    /// Says that it serves, watches the connections, and stops in order once `shutdown` is cancelled; see [`serve`]. Its timers are those
    /// of the runtime it is polled on.
    ///
    /// # Errors
    ///
    /// When the transport fails.
    pub async fn supervise(self, shutdown: CancellationToken) -> Result<DrainOutcome, ServeError> {
        let Self {
            transports,
            accepting: _accepting,
            limits,
            shared,
            peers,
            stop_accepting,
            cut,
            ..
        } = self;
        let ended = transports.into_iter().map(|transport| async {
            match transport.await {
                Ok(ended) => ended,
                Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
                Err(_) => Ok(()), // the runtime ends, and with it the connections
            }
        });
        let ended = try_join_all(ended).map_ok(drop);
        tokio::pin!(ended);
        shared.health.set_all(true).await;
        shared.lifecycle.advance(Phase::Serving);
        let stopping = async {
            tokio::select! {
                // Nothing ends it but its own failure; the listener does not.
                ended = &mut ended => ended.map(|()| DrainOutcome::Drained),
                () = shutdown.cancelled() => stop(ended, &limits, &shared, &stop_accepting, &cut).await,
            }
        };
        let outcome = tokio::select! {
            outcome = stopping => outcome,
            () = peers.watch() => Ok(DrainOutcome::Drained), // it watches for as long as it is polled
        };
        shared.lifecycle.advance(Phase::Stopped);
        Ok(outcome?)
    }
}

/// The orderly stop of [`serve`].
async fn stop<F>(
    mut ended: Pin<&mut F>,
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
    if let Ok(ended) = timeout(limits.lame_duck, &mut ended).await {
        return ended.map(|()| DrainOutcome::Drained);
    }
    shared.lifecycle.advance(Phase::Draining);
    stop_accepting.cancel();
    if let Ok(ended) = timeout(limits.drain_limit, ended).await {
        return ended.map(|()| DrainOutcome::Drained);
    }
    let open = shared.metrics.connections.open.get();
    cut.cancel();
    Ok(DrainOutcome::Cut {
        connections: u64::try_from(open).unwrap_or(0),
    })
}

/// Adds what every gRPC service is expected to have: health, and reflection in both versions (Python's client speaks v1alpha only).
fn with_health_and_reflection(routes: Routes, health: &Health) -> Result<Routes, ReflectionError> {
    let health_service = HealthService::from_health_reporter(health.reporter());
    Ok(routes
        .add_service(tonic_health::pb::health_server::HealthServer::new(
            health_service,
        ))
        .add_service(reflection::builder().build_v1()?)
        .add_service(reflection::builder().build_v1alpha()?))
}
