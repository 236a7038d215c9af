//! The transports: tonic's, with every limit set, on the runtime of the caller or one for each core.

use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt as _;
use http::{Request, Response};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;
use tonic::body::Body;
use tonic::codegen::StdError;
use tonic::transport::Server;
use tower::Service;

use super::incoming::{Incoming, Setup};
use super::{Limits, Shared, lifetime, spread};

/// Most streams a connection may reset by its own faults before it is closed: hyper's default, which tonic takes away (RUSTSEC-2024-0003).
const MAX_LOCAL_ERROR_RESETS: usize = 1024;

/// Most streams a peer may have given up before we saw them, for each that it may have open. Beyond it h2 closes the whole connection, and
/// honest clients get there under overload: their deadlines pass while we read nothing, each frees a stream for the next call, and all of
/// it arrives at once. 64 rounds are three seconds of telephony's deadlines of 50 ms, where connections are read again after some tens of
/// milliseconds. They exist only while one connection's input is read: the transport takes all it has read before it reads on.
const PENDING_ACCEPT_RESETS_PER_STREAM: usize = 64;

/// Most bytes of the headers of a request. gRPC clients assume 8 KiB; hyper's default of 16 leaves room for proxies.
const MAX_HEADER_LIST_BYTES: u32 = 16 * 1024;

/// Largest HTTP/2 frame taken: the smallest the protocol allows to say, so that a large message never holds up the small ones beside it.
const MAX_FRAME_BYTES: u32 = 16 * 1024;

/// Time without a sign of life after which a peer is pinged. Below the idle timeouts of common balancers (60 s and more).
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(30);

/// Time a peer has to answer the ping before it is taken for dead.
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(10);

/// A transport that serves.
pub(super) type Transport = AbortOnDropHandle<Result<(), tonic::transport::Error>>;
/// Accepts connections for the cores.
pub(super) type Accepting = AbortOnDropHandle<Option<()>>;

/// Serves what comes in, on the present runtime or spread over the cores.
pub(super) fn serve_connections<S, B>(
    service: S,
    incoming: Incoming,
    setup: Setup,
    limits: &Limits,
    shared: &Shared,
    stop: &CancellationToken,
) -> (Vec<Transport>, Option<Accepting>)
where
    S: Service<Request<Body>, Response = Response<B>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Into<StdError> + Send + 'static,
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<StdError>,
{
    let (transport, lifetime) = (transport(limits), limits.lifetime);
    if shared.cores.is_empty() {
        let incoming = incoming.map(move |accepted| setup.connect(accepted));
        let serving = lifetime::serve(transport, service, incoming, lifetime, stop.clone());
        let serving = AbortOnDropHandle::new(tokio::spawn(serving));
        return (vec![serving], None);
    }
    let mut cores = Vec::with_capacity(shared.cores.len());
    let transports = shared.cores.iter().enumerate().map(|(runtime, handle)| {
        let (core, arrivals) = spread::core(setup.on_runtime(runtime));
        cores.push(core);
        let (transport, service) = (transport.clone(), service.clone());
        let serving = lifetime::serve(transport, service, arrivals, lifetime, stop.clone());
        AbortOnDropHandle::new(handle.spawn(serving))
    });
    let transports = transports.collect();
    let spreading = spread::spread(incoming, cores);
    let spreading = stop.clone().run_until_cancelled_owned(spreading);
    let accepting = AbortOnDropHandle::new(tokio::spawn(spreading));
    (transports, Some(accepting))
}

/// tonic's transport with all limits set.
fn transport(limits: &Limits) -> Server {
    let streams = usize::try_from(limits.max_concurrent_streams).unwrap_or(usize::MAX);
    let pending_resets = streams.saturating_mul(PENDING_ACCEPT_RESETS_PER_STREAM);
    Server::builder()
        .max_concurrent_streams(limits.max_concurrent_streams)
        .http2_max_local_error_reset_streams(Some(MAX_LOCAL_ERROR_RESETS))
        .http2_max_pending_accept_reset_streams(Some(pending_resets))
        .http2_max_header_list_size(MAX_HEADER_LIST_BYTES)
        .max_frame_size(MAX_FRAME_BYTES)
        .http2_keepalive_interval(Some(KEEPALIVE_INTERVAL))
        .http2_keepalive_timeout(Some(KEEPALIVE_TIMEOUT))
}
