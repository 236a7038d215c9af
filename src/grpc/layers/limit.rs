//! One limit on the calls in progress, shared by all connections.
//!
//! tonic's own limit is per connection: a hundred connections are a hundred times the limit. This one is one counter. A call over the
//! limit is answered at once with `UNAVAILABLE` and when to come back, for a queue would only make every answer late.
//!
//! A call counts while its handler works, not while its answer is being sent: a peer that reads slowly must not hold places that others
//! need. Health checks are not counted: an overloaded server is not a dead one.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http::{Request, Response};
use pin_project_lite::pin_project;
use tonic::body::Body;
use tower::{Layer, Service};

use crate::grpc::status;
use crate::metrics::RpcMetrics;

/// Calls that are answered whatever the load.
const EXEMPT: &str = "/grpc.health.v1.Health/";

/// Shortest time after which a caller that was turned away may come back. Chosen: a few times a cold answer.
const RETRY_AFTER_MIN: Duration = Duration::from_millis(50);

/// Callers are spread over this many milliseconds more, so that those turned away together do not come back together.
const RETRY_SPREAD_MS: u64 = 100;

/// Step of the spread: coprime to it, so that successive callers get all different times.
const RETRY_STEP_MS: u64 = 37;

/// The places, shared by all connections.
#[derive(Debug)]
struct Places {
    most: u64,
    taken: AtomicU64,
    turned_away: AtomicU64,
    metrics: RpcMetrics,
}

impl Places {
    fn take(self: &Arc<Self>) -> Option<Place> {
        // Take first and give back if it was too much: one instruction when there is room, and never more than `most` handlers run.
        if self.taken.fetch_add(1, Ordering::AcqRel) >= self.most {
            self.taken.fetch_sub(1, Ordering::AcqRel);
            return None;
        }
        self.metrics.limited_in_flight.inc();
        Some(Place(Arc::clone(self)))
    }

    fn retry_after(&self) -> Duration {
        let count = self.turned_away.fetch_add(1, Ordering::Relaxed);
        let spread = count.wrapping_mul(RETRY_STEP_MS) % RETRY_SPREAD_MS;
        RETRY_AFTER_MIN + Duration::from_millis(spread)
    }
}

/// One place, given back when it is dropped.
#[derive(Debug)]
struct Place(Arc<Places>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.metrics.limited_in_flight.dec();
        self.0.taken.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Layer that makes [`LimitService`]. Clones share the limit.
#[derive(Debug, Clone)]
pub struct LimitLayer {
    places: Arc<Places>,
}

impl LimitLayer {
    /// At most `most` calls in progress, over all connections.
    #[must_use]
    pub fn new(most: u32, metrics: RpcMetrics) -> Self {
        Self {
            places: Arc::new(Places {
                most: u64::from(most),
                taken: AtomicU64::new(0),
                turned_away: AtomicU64::new(0),
                metrics,
            }),
        }
    }
}

impl<S> Layer<S> for LimitLayer {
    type Service = LimitService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        LimitService {
            inner,
            places: Arc::clone(&self.places),
        }
    }
}

/// Turns calls away when all places are taken; see the module.
#[derive(Debug, Clone)]
pub struct LimitService<S> {
    inner: S,
    places: Arc<Places>,
}

impl<S, B> Service<Request<B>> for LimitService<S>
where
    S: Service<Request<B>, Response = Response<Body>>,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = LimitFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let exempt = request.uri().path().starts_with(EXEMPT);
        let place = if exempt { None } else { self.places.take() };
        let state = if exempt || place.is_some() {
            State::Running {
                work: self.inner.call(request),
                place,
            }
        } else {
            self.places.metrics.shed.inc();
            State::TurnedAway {
                retry_after: self.places.retry_after(),
            }
        };
        LimitFuture { state }
    }
}

pin_project! {
    /// Future of [`LimitService`].
    #[derive(Debug)]
    pub struct LimitFuture<F> {
        #[pin]
        state: State<F>,
    }
}

pin_project! {
    #[project = StateProjection]
    #[derive(Debug)]
    enum State<F> {
        Running { #[pin] work: F, place: Option<Place> },
        TurnedAway { retry_after: Duration },
    }
}

impl<F, E> Future for LimitFuture<F>
where
    F: Future<Output = Result<Response<Body>, E>>,
{
    type Output = Result<Response<Body>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().state.project() {
            StateProjection::Running { work, place } => {
                let answer = ready!(work.poll(cx));
                place.take();
                Poll::Ready(answer)
            }
            StateProjection::TurnedAway { retry_after } => {
                let status = status::unavailable(
                    "OVERLOADED",
                    "the server works on as many calls as it can; try again shortly",
                    *retry_after,
                );
                Poll::Ready(Ok(status.into_http()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use std::convert::Infallible;
    use std::future::pending;

    use tower::service_fn;

    use crate::metrics::Metrics;

    fn request(path: &str) -> Request<()> {
        Request::builder().uri(path).body(()).unwrap()
    }

    #[tokio::test]
    async fn places_are_shared_by_all_services_and_come_back() {
        let metrics = Metrics::new([]);
        let layer = LimitLayer::new(2, metrics.rpc.clone());
        let endless =
            || service_fn(|_: Request<()>| pending::<Result<Response<Body>, Infallible>>());
        let first = layer.layer(endless()).call(request("/a/b"));
        let second = layer.layer(endless()).call(request("/a/b"));
        let mut third = layer.layer(endless());
        let refused = third.call(request("/a/b")).await.unwrap();
        assert_eq!(refused.headers()["grpc-status"], "14");
        let pushback: u64 = refused.headers()["grpc-retry-pushback-ms"]
            .to_str()
            .unwrap()
            .parse()
            .unwrap();
        assert!((50..150).contains(&pushback), "{pushback}");
        assert_eq!(metrics.rpc.limited_in_flight.get(), 2);
        assert_eq!(metrics.rpc.shed.get(), 1);
        drop(first);
        assert_eq!(metrics.rpc.limited_in_flight.get(), 1);
        let fourth = third.call(request("/a/b"));
        assert_eq!(metrics.rpc.limited_in_flight.get(), 2);
        drop((second, fourth));
        assert_eq!(metrics.rpc.limited_in_flight.get(), 0);
    }

    #[tokio::test]
    async fn health_is_answered_whatever_the_load() {
        let layer = LimitLayer::new(0, Metrics::new([]).rpc.clone());
        let mut service = layer.layer(service_fn(|_: Request<()>| async {
            Ok::<_, Infallible>(Response::new(Body::empty()))
        }));
        let health = service
            .call(request("/grpc.health.v1.Health/Check"))
            .await
            .unwrap();
        assert_eq!(health.headers().get("grpc-status"), None);
        let other = service.call(request("/a/b")).await.unwrap();
        assert_eq!(other.headers()["grpc-status"], "14");
    }

    #[test]
    fn callers_turned_away_together_come_back_apart() {
        let layer = LimitLayer::new(0, Metrics::new([]).rpc.clone());
        let times: std::collections::HashSet<_> =
            (0..100).map(|_| layer.places.retry_after()).collect();
        assert_eq!(times.len(), 100);
    }
}
