//! HTTP connections, of telephone systems and of clients that speak JSON.
//!
//! Without TLS or above it. A connection that says nothing is closed, so is one that leaves answers unread, and one that is old is closed between two requests.

pub use crate::http::openapi::document as openapi;

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tower::{Layer as _, Service, ServiceExt as _};

use crate::app::connections::Listening;
use crate::app::server::{Lifetime, Limits, SharedLimits};
use crate::app::tls::{ListenerTls, SecureStream};
use crate::clock::Clock;
use crate::grpc::layers::call_span::CallSpanLayer;
use crate::grpc::layers::request_id::RequestIdLayer;

/// Time to send the head of a request, also of the next one on a connection that is kept.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);

/// Time to end the request in progress when another connection needs the place.
const LAST_ANSWER: Duration = Duration::from_secs(5);

/// Most bytes of the head of a request.
const MAX_HEAD_BYTES: usize = 16 * 1024;

/// Most header fields of a request.
const MAX_HEADERS: usize = 64;

/// Serves `router` on the present runtime until `stop` is cancelled; then requests in progress get `drain_limit` to end. What connections hold
/// is charged to them as over gRPC.
pub(super) fn start(
    (listener, tls): (TcpListener, ListenerTls),
    router: Router,
    clock: Arc<dyn Clock>,
    SharedLimits { peers, cut, .. }: SharedLimits,
    stop: CancellationToken,
    limits: &Limits,
) -> Listening {
    let service = CallSpanLayer.layer(router);
    let service = RequestIdLayer::new(clock).layer(service);
    let (draining, lifetime) = (stop.clone(), limits.lifetime);
    Listening::start(listener, stop, limits.drain_limit, move |stream, close| {
        let peer = peers.connect(&close, &cut);
        let stream = tls.secure(stream, Arc::clone(&peer));
        // The layers of calls find it in the extensions of each request.
        let caller = Arc::clone(&peer);
        let service = service.clone().map_request(move |mut request: Request<_>| {
            // A request that came in one piece with the one before it has its time from here.
            caller.note_read();
            caller.note_call();
            request.extensions_mut().insert(Arc::clone(&caller));
            request
        });
        let ends = Ends {
            close,
            draining: draining.clone(),
            lifetime,
        };
        answer(stream, service, ends)
    })
}

/// When a connection ends.
struct Ends {
    /// When it is asked to: its place is needed, or the server stops.
    close: CancellationToken,
    /// The server stops.
    draining: CancellationToken,
    /// At its age at the latest.
    lifetime: Lifetime,
}

/// Answers the requests of one connection until it is to be closed.
async fn answer<S>(stream: SecureStream, service: S, ends: Ends)
where
    S: Service<Request<Incoming>, Response = Response<Body>, Error = Infallible>
        + Clone
        + Send
        + 'static,
    S::Future: Send,
{
    let mut connection = pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_TIMEOUT)
            .max_buf_size(MAX_HEAD_BYTES)
            .max_headers(MAX_HEADERS)
            .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service))
    );
    let closing = async {
        tokio::select! {
            () = ends.close.cancelled() => {}
            () = ends.lifetime.reach_age() => {}
        }
    };
    let ended = tokio::select! {
        ended = connection.as_mut() => Some(ended),
        () = closing => None,
    };
    let ended = if let Some(ended) = ended {
        ended
    } else {
        connection.as_mut().graceful_shutdown();
        tokio::select! {
            ended = connection => ended,
            () = given_up(&ends) => Ok(()),
        }
    };
    if let Err(error) = ended {
        tracing::debug!(error.cause = %error, "an HTTP connection ended");
    }
}

/// Ends when the connection must go, whatever it does. A call may take an hour: it is cut for the place and after the grace, and at the end of the
/// drain, which is seen to elsewhere.
async fn given_up(ends: &Ends) {
    tokio::select! {
        () = sleep(ends.lifetime.grace) => return,
        () = ends.close.cancelled() => {}
    }
    if ends.draining.is_cancelled() {
        std::future::pending::<()>().await;
    }
    sleep(LAST_ANSWER).await;
}
