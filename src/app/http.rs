//! The HTTP listener for telephone systems: connections within limits, and a drain that ends.
//!
//! A connection that says nothing is closed, one that is old is closed between two requests, and one that then goes on reading nothing is cut:
//! no peer holds a place for ever. Beyond the limit on connections, new ones wait in the backlog until a place is free.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::{Layer as _, Service};

use crate::clock::Clock;
use crate::grpc::layers::request_id::RequestIdLayer;

/// Most connections at once. A telephone system has one for each call that it is setting up.
const MAX_CONNECTIONS: usize = 1024;

/// Time to send the head of a request, also of the next one on a connection that is kept.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);

/// Time to send the body of a request and to be answered. Routing itself has a shorter limit.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);

/// Age at which a connection is closed after the request in progress, so that balancers spread callers anew.
const MAX_AGE: Duration = Duration::from_mins(10);

/// Time to take the last answer, before the connection is cut.
const LAST_ANSWER: Duration = Duration::from_secs(5);

/// Most bytes of the head of a request.
const MAX_HEAD_BYTES: usize = 16 * 1024;

/// Most header fields of a request.
const MAX_HEADERS: usize = 64;

/// Pause after an accept error: those that repeat need others to close first.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// The listener while it serves.
pub(super) struct HttpFace {
    /// Where.
    pub(super) address: Option<SocketAddr>,
    /// Ends when it has drained.
    pub(super) serving: JoinHandle<()>,
}

impl HttpFace {
    /// Serves `router` on the present runtime until `stop` is cancelled; then requests in progress get `drain_limit` to end.
    pub(super) fn start(
        listener: TcpListener,
        router: Router,
        clock: Arc<dyn Clock>,
        stop: CancellationToken,
        drain_limit: Duration,
    ) -> Self {
        Self {
            address: listener.local_addr().ok(),
            serving: tokio::spawn(serve(listener, router, clock, stop, drain_limit)),
        }
    }
}

async fn serve(
    listener: TcpListener,
    router: Router,
    clock: Arc<dyn Clock>,
    stop: CancellationToken,
    drain_limit: Duration,
) {
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let connections = TaskTracker::new();
    let cut = CancellationToken::new();
    let service = RequestIdLayer::new(clock).layer(InTime(router));
    let accepting = async {
        loop {
            // Never closed.
            let Ok(place) = Arc::clone(&places).acquire_owned().await else {
                return;
            };
            match listener.accept().await {
                Ok((stream, _)) => {
                    let (service, stop) = (service.clone(), stop.clone());
                    let answered = cut.clone().run_until_cancelled_owned(async move {
                        answer(stream, service, stop).await;
                        drop(place);
                    });
                    connections.spawn(answered);
                }
                Err(error) => {
                    tracing::warn!(error.cause = %error, "an HTTP connection could not be accepted");
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    };
    stop.run_until_cancelled(accepting).await;
    drop(listener);
    connections.close();
    if timeout(drain_limit, connections.wait()).await.is_err() {
        cut.cancel();
    }
}

/// Answers the requests of one connection.
async fn answer<S>(stream: TcpStream, service: S, stop: CancellationToken)
where
    S: Service<Request<Incoming>, Response = Response<Body>, Error = Infallible>
        + Clone
        + Send
        + 'static,
    S::Future: Send,
{
    // Answers are small and never wait for more.
    let _ = stream.set_nodelay(true);
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
            () = stop.cancelled() => {}
            () = sleep(MAX_AGE) => {}
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
        let last = timeout(LAST_ANSWER, connection).await;
        last.unwrap_or(Ok(()))
    };
    if let Err(error) = ended {
        tracing::debug!(error.cause = %error, "an HTTP connection ended");
    }
}

/// Answers within the limit, whatever a peer does with the body.
#[derive(Clone)]
struct InTime(Router);

impl Service<Request<Incoming>> for InTime {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(())) // so is a router
    }

    fn call(&mut self, request: Request<Incoming>) -> Self::Future {
        let answered = self.0.call(request);
        Box::pin(async move {
            if let Ok(answer) = timeout(REQUEST_TIMEOUT, answered).await {
                return answer;
            }
            let mut late = Response::new(Body::from("the request did not arrive in time\n"));
            *late.status_mut() = http::StatusCode::REQUEST_TIMEOUT;
            Ok(late)
        })
    }
}
