//! Gives every call a deadline and answers `DEADLINE_EXCEEDED` when it passes.
//!
//! tonic has a timer of its own that answers `CANCELLED`, which retry policies and dashboards read wrongly; this one rings a little
//! earlier. `grpc-timeout` is read exactly as the gRPC specification says; tonic ignores a value it cannot read, here it is refused:
//! a caller that meant to set a deadline must not wait for ever.
//!
//! The deadline bounds the work until the answer begins; a stream, once begun, is not cut. When it passes, the handler's future is
//! dropped, which cancels its work. Handlers find the [`Deadline`] in the request's extensions and pass the rest of it on.

mod timeout;

pub use timeout::{InvalidTimeout, parse_timeout};

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use http::{Request, Response};
use pin_project_lite::pin_project;
use tokio::time::{Instant, Sleep};
use tonic::body::Body;
use tower::{Layer, Service};

use crate::grpc::status::{self, Violation};

/// How much earlier than the caller's deadline ours passes: the time our answer needs to leave before tonic's timer, which has a resolution
/// of 1 ms, would answer instead. Chosen: 5 ms, but never more than a tenth of the time given.
const MARGIN: Duration = Duration::from_millis(5);

/// The part of a short deadline that [`MARGIN`] may take.
const MARGIN_FRACTION: u32 = 10;

/// Methods that do long work by design, and what they get when the caller sets no deadline. All others get the server's default.
const LONG_CALLS: [(&str, Duration); 6] = [
    // Customers whose amounts cannot be converted are counted.
    (
        "/patron.v1.DefinitionService/PublishDefinitions",
        Duration::from_secs(30),
    ),
    // A fit of a million customers reads them all first.
    ("/patron.v1.ModelService/FitModel", Duration::from_mins(10)),
    // So do an evaluation and a drift check, and they fit too.
    (
        "/patron.v1.ModelService/EvaluateModel",
        Duration::from_mins(10),
    ),
    (
        "/patron.v1.ModelService/CheckDrift",
        Duration::from_mins(10),
    ),
    // A thousand subjects, each possibly a cold load.
    (
        "/patron.v1.ScoringService/BatchClassify",
        Duration::from_secs(30),
    ),
    (
        "/patron.v1.ScoringService/BatchScoreLifetimeValue",
        Duration::from_secs(30),
    ),
];

/// Methods of a service whose calls write up to a thousand items, and what they get when the caller sets no deadline.
const LONG_SERVICE: (&str, Duration) = ("/patron.v1.IngestService/", Duration::from_secs(30));

/// The instant by which the answer must have begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadline(Instant);

impl Deadline {
    /// The deadline that passes after `rest` from now.
    #[must_use]
    pub fn after(rest: Duration) -> Self {
        /// Nobody waits longer than a century, and the sum must not overflow.
        const MOST: Duration = Duration::from_hours(100 * 365 * 24);
        Self(Instant::now() + rest.min(MOST))
    }

    /// The instant itself, on the runtime's monotonic clock.
    #[must_use]
    pub fn instant(self) -> Instant {
        self.0
    }
}

/// What a call of this path gets when its caller sets no deadline.
fn default_for(path: &str, default: Duration) -> Duration {
    if path.starts_with(LONG_SERVICE.0) {
        return default.max(LONG_SERVICE.1);
    }
    LONG_CALLS
        .iter()
        .find(|(long, _)| *long == path)
        .map_or(default, |(_, time)| default.max(*time))
}

/// Our share of the time the caller gave: a little less, so that the answer leaves in time.
fn with_margin(timeout: Duration) -> Duration {
    timeout.saturating_sub(MARGIN.min(timeout / MARGIN_FRACTION))
}

/// Layer that makes [`DeadlineService`].
#[derive(Debug, Clone, Copy)]
pub struct DeadlineLayer {
    default: Duration,
}

impl DeadlineLayer {
    /// `default` is what calls get whose caller sets no deadline, save those that do long work by design.
    #[must_use]
    pub fn new(default: Duration) -> Self {
        Self { default }
    }
}

impl<S> Layer<S> for DeadlineLayer {
    type Service = DeadlineService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        DeadlineService {
            inner,
            default: self.default,
        }
    }
}

/// Bounds the time of each call; see the module.
#[derive(Debug, Clone)]
pub struct DeadlineService<S> {
    inner: S,
    default: Duration,
}

impl<S, B> Service<Request<B>> for DeadlineService<S>
where
    S: Service<Request<B>, Response = Response<Body>>,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = DeadlineFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let time = match parse_timeout(request.headers()) {
            Ok(Some(timeout)) => with_margin(timeout),
            Ok(None) => default_for(request.uri().path(), self.default),
            Err(error) => {
                return DeadlineFuture {
                    state: State::Refused { error },
                };
            }
        };
        let deadline = Deadline::after(time);
        request.extensions_mut().insert(deadline);
        DeadlineFuture {
            state: State::Running {
                sleep: tokio::time::sleep_until(deadline.0),
                work: self.inner.call(request),
            },
        }
    }
}

pin_project! {
    /// Future of [`DeadlineService`].
    #[derive(Debug)]
    pub struct DeadlineFuture<F> {
        #[pin]
        state: State<F>,
    }
}

pin_project! {
    #[project = StateProjection]
    #[derive(Debug)]
    enum State<F> {
        Running { #[pin] work: F, #[pin] sleep: Sleep },
        Refused { error: InvalidTimeout },
        Over,
    }
}

impl<F, E> Future for DeadlineFuture<F>
where
    F: Future<Output = Result<Response<Body>, E>>,
{
    type Output = Result<Response<Body>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        let answer = match state.as_mut().project() {
            StateProjection::Running { work, sleep } => {
                let deadline = sleep.deadline();
                if let Poll::Ready(answer) = work.poll(cx) {
                    return Poll::Ready(answer);
                }
                // The clock is asked as well, for tonic's timer may have fired in the same tick as ours and then its future polls this one
                // for the last time, before our timer's turn has come.
                if sleep.poll(cx).is_pending() && Instant::now() < deadline {
                    return Poll::Pending;
                }
                status::deadline_exceeded()
            }
            StateProjection::Refused { error } => status::invalid_argument(
                "INVALID_TIMEOUT",
                &[Violation::new("grpc-timeout", error.to_string())],
            ),
            StateProjection::Over => return Poll::Pending,
        };
        // Drops the handler's future, and with it its work, before the answer leaves.
        state.set(State::Over);
        Poll::Ready(Ok(answer.into_http()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use std::convert::Infallible;
    use std::future::pending;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use tower::service_fn;

    #[test]
    fn the_margin_is_small_and_never_eats_a_short_deadline() {
        assert_eq!(
            with_margin(Duration::from_secs(2)),
            Duration::from_millis(1995)
        );
        assert_eq!(
            with_margin(Duration::from_millis(10)),
            Duration::from_millis(9)
        );
        assert_eq!(with_margin(Duration::ZERO), Duration::ZERO);
    }

    #[test]
    fn long_work_gets_more_time_by_default() {
        let default = Duration::from_secs(2);
        for (path, expected) in [
            ("/patron.v1.ScoringService/Classify", 2),
            ("/patron.v1.ScoringService/BatchClassify", 30),
            ("/patron.v1.IngestService/IngestTransactions", 30),
            ("/patron.v1.ModelService/FitModel", 600),
            ("/no.such.Service/Method", 2),
        ] {
            assert_eq!(default_for(path, default).as_secs(), expected, "{path}");
        }
        let generous = Duration::from_secs(700);
        assert_eq!(
            default_for("/patron.v1.ModelService/FitModel", generous),
            generous
        );
    }

    #[test]
    fn every_long_method_exists() {
        let served: Vec<String> = crate::app::server::methods();
        for (path, _) in LONG_CALLS {
            assert!(
                served
                    .iter()
                    .any(|name| path.strip_prefix('/') == Some(name)),
                "{path}"
            );
        }
        assert!(
            served
                .iter()
                .any(|name| format!("/{name}").starts_with(LONG_SERVICE.0))
        );
    }

    /// Sets its flag when it is dropped.
    struct Dropped(Arc<AtomicBool>);

    impl Drop for Dropped {
        fn drop(&mut self) {
            self.0.store(true, Ordering::SeqCst);
        }
    }

    /// Calls a handler that never ends and returns the answer's status, the time it took, and whether the handler was dropped.
    async fn call_forever(timeout: Option<&str>) -> (String, Duration, bool) {
        let dropped = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&dropped);
        let inner = service_fn(move |request: Request<()>| {
            assert!(request.extensions().get::<Deadline>().is_some());
            let guard = Dropped(Arc::clone(&flag));
            async move {
                let _guard = guard;
                pending::<Result<Response<Body>, Infallible>>().await
            }
        });
        let mut request = Request::new(());
        if let Some(timeout) = timeout {
            request
                .headers_mut()
                .insert("grpc-timeout", timeout.parse().unwrap());
        }
        let mut service = DeadlineLayer::new(Duration::from_secs(2)).layer(inner);
        let start = Instant::now();
        let future = service.call(request);
        tokio::pin!(future);
        let answer = future.as_mut().await.unwrap();
        let status = answer.headers()["grpc-status"].to_str().unwrap().to_owned();
        (status, start.elapsed(), dropped.load(Ordering::SeqCst))
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_that_takes_too_long_is_answered_and_dropped() {
        let (status, time, dropped) = call_forever(Some("500m")).await;
        assert_eq!(status, "4");
        assert_eq!(time, Duration::from_millis(495));
        assert!(dropped, "before the future itself was dropped");
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_without_a_timeout_gets_the_default() {
        let (status, time, _) = call_forever(None).await;
        assert_eq!(status, "4");
        assert_eq!(time, Duration::from_secs(2));
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_whose_time_is_over_is_answered_at_once() {
        let (status, time, _) = call_forever(Some("0n")).await;
        assert_eq!(status, "4");
        assert!(time <= Duration::from_millis(1), "{time:?}");
    }
}
