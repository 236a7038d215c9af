//! Gives every call a deadline and answers `DEADLINE_EXCEEDED` when it passes.
//!
//! tonic has a timer of its own that answers `CANCELLED`, which retry policies and dashboards read wrongly; this one rings a little
//! earlier. `grpc-timeout` is read exactly as the gRPC specification says; tonic ignores a value it cannot read, here it is refused:
//! a caller that meant to set a deadline must not wait for ever.
//!
//! The deadline bounds the work until the answer begins; a stream, once begun, is not cut. When it passes, the handler's future is
//! dropped, which cancels its work. Handlers find the [`Deadline`] in the request's extensions and pass the rest of it on. A caller may ask
//! for no more than the longest time of the method: nobody holds a place for a year.
//!
//! The time runs from the moment the call was read from its connection, as far as that is known ([`Peer::last_read`]). Under load a call then
//! waits for a thread: the transport calls the layers when one takes the call up. A call whose time passed in this wait is answered without being
//! worked on. [`limit`](super::limit) uses the wait to refuse more.
//!
//! An answer that names the time after which a call may be sent again is changed where the caller has less time than that: clients would wait for
//! their deadline and lose the error (gRFC A6: a negative pushback means no retry).

mod timeout;

pub use timeout::{InvalidTimeout, parse_timeout};

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::{Request, Response};
use pin_project_lite::pin_project;
use prometheus_client::metrics::histogram::Histogram;
use tokio::time::{Instant, Sleep};
use tonic::body::Body;
use tower::{Layer, Service};

use crate::api::error::Violation;
use crate::grpc::layers::methods::{Method, Work};
use crate::grpc::layers::peer::Peer;
use crate::grpc::status;
use crate::metrics::RpcMetrics;

/// How much earlier than the caller's deadline ours passes: the time our answer needs to leave before tonic's timer, which has a resolution
/// of 1 ms, would answer instead. Chosen: 5 ms, but never more than a tenth of the time given.
const MARGIN: Duration = Duration::from_millis(5);

/// The part of a short deadline that [`MARGIN`] may take.
const MARGIN_FRACTION: u32 = 10;

/// The time of a call: when it came in, how long it waited for a thread, and by when its answer must have begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadline {
    arrived: Instant,
    at: Instant,
    queue_delay: Duration,
}

impl Deadline {
    /// The deadline that passes after `rest` from now.
    #[must_use]
    pub fn after(rest: Duration) -> Self {
        Self::counted_from(Instant::now(), rest)
    }

    /// The deadline of a call that came in at `arrived` and has `rest` from then.
    fn counted_from(arrived: Instant, rest: Duration) -> Self {
        /// Nobody waits longer than a century, and the sum must not overflow.
        const MOST: Duration = Duration::from_hours(100 * 365 * 24);
        Self {
            arrived,
            at: arrived + rest.min(MOST),
            queue_delay: Duration::ZERO,
        }
    }

    /// The instant itself, on the runtime's monotonic clock.
    #[must_use]
    pub fn instant(self) -> Instant {
        self.at
    }

    /// When the call came in.
    #[must_use]
    pub fn arrived(self) -> Instant {
        self.arrived
    }

    /// How long the call waited for a thread.
    #[must_use]
    pub fn queue_delay(self) -> Duration {
        self.queue_delay
    }

    /// The wait for a thread is over.
    pub(super) fn begin(&mut self) {
        self.queue_delay = self.arrived.elapsed();
    }

    /// Time from the arrival to the deadline.
    #[must_use]
    pub fn time(self) -> Duration {
        self.at - self.arrived
    }
}

/// Our share of the time the caller gave: a little less, so that the answer leaves in time.
fn with_margin(timeout: Duration) -> Duration {
    timeout.saturating_sub(MARGIN.min(timeout / MARGIN_FRACTION))
}

/// Layer that makes [`DeadlineService`].
#[derive(Debug, Clone)]
pub struct DeadlineLayer {
    default: Duration,
    queue_delay: Histogram,
}

impl DeadlineLayer {
    /// `default` is what calls get whose caller sets no deadline, save those that do long work by design. How long calls wait for a thread
    /// goes to `metrics`.
    #[must_use]
    pub fn new(default: Duration, metrics: &RpcMetrics) -> Self {
        Self {
            default,
            queue_delay: metrics.queue_delay.clone(),
        }
    }
}

impl<S> Layer<S> for DeadlineLayer {
    type Service = DeadlineService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        DeadlineService {
            inner,
            layer: self.clone(),
        }
    }
}

/// Bounds the time of each call; see the module.
#[derive(Debug, Clone)]
pub struct DeadlineService<S> {
    inner: S,
    layer: DeadlineLayer,
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
        let asked = match parse_timeout(request.headers()) {
            Ok(asked) => asked.map(with_margin),
            Err(error) => {
                return DeadlineFuture {
                    state: State::Refused { error },
                };
            }
        };
        let method = Method::of_request(&request);
        let now = Instant::now();
        let peer = request.extensions().get::<Arc<Peer>>();
        if method.work != Work::Health {
            peer.inspect(|peer| peer.note_call());
        }
        let arrived = peer.map_or(now, |peer| peer.last_read());
        let waited = now.saturating_duration_since(arrived);
        self.layer.queue_delay.observe(waited.as_secs_f64());
        let deadline = Deadline::counted_from(arrived, method.time(asked, self.layer.default));
        // Some have an answer that takes no time.
        let always_answers = || crate::grpc::routing::never_fails(request.uri().path());
        if now >= deadline.at && !always_answers() {
            return DeadlineFuture { state: State::Late };
        }
        request.extensions_mut().insert(deadline);
        DeadlineFuture {
            state: State::Running {
                sleep: tokio::time::sleep_until(deadline.at),
                work: self.inner.call(request),
                retries_by: asked.map(|_| deadline.at),
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
        Running {
            #[pin] work: F,
            #[pin] sleep: Sleep,
            // Until when the caller may send the call again; forever if it set no deadline.
            retries_by: Option<Instant>,
        },
        Refused { error: InvalidTimeout },
        Late,
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
            StateProjection::Running {
                work,
                sleep,
                retries_by,
            } => {
                if let Poll::Ready(mut answer) = work.poll(cx) {
                    if let (Some(by), Ok(answer)) = (*retries_by, &mut answer) {
                        let left = || by.saturating_duration_since(Instant::now());
                        status::fit_pushback(answer.headers_mut(), left);
                    }
                    return Poll::Ready(answer);
                }
                let deadline = sleep.deadline();
                // The clock is asked as well, for tonic's timer may have fired in the same tick as ours and then its future polls
                // this one for the last time, before our timer's turn has come.
                if sleep.poll(cx).is_pending() && Instant::now() < deadline {
                    return Poll::Pending;
                }
                status::deadline_exceeded()
            }
            StateProjection::Late => status::deadline_exceeded(),
            StateProjection::Refused { error } => status::invalid_argument(
                "INVALID_TIMEOUT",
                vec![Violation::new("grpc-timeout", error.to_string())],
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

    use tokio_util::sync::CancellationToken;
    use tower::service_fn;

    use crate::grpc::layers::peer::{PeerLimits, Peers};
    use crate::metrics::Metrics;

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
        let metrics = Metrics::new([]);
        let layer = DeadlineLayer::new(Duration::from_secs(2), &metrics.rpc);
        let mut service = layer.layer(inner);
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
    async fn an_error_is_not_sent_again_by_itself_after_the_deadline() {
        let inner = service_fn(async |_: Request<()>| {
            let refused = status::unavailable("OVERLOADED", "later", Duration::from_millis(500));
            Ok::<_, Infallible>(refused.into_http())
        });
        let layer = DeadlineLayer::new(Duration::from_millis(100), &Metrics::new([]).rpc);
        for (timeout, pushback) in [(Some("400m"), "-1"), (Some("900m"), "500"), (None, "500")] {
            let mut request = Request::new(());
            if let Some(timeout) = timeout {
                let timeout = timeout.parse().unwrap();
                request.headers_mut().insert("grpc-timeout", timeout);
            }
            let answer: Response<Body> = layer.layer(inner).call(request).await.unwrap();
            assert_eq!(answer.headers()["grpc-retry-pushback-ms"], pushback);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_without_a_timeout_gets_the_default() {
        let (status, time, _) = call_forever(None).await;
        assert_eq!(status, "4");
        assert_eq!(time, Duration::from_secs(2));
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_whose_time_passed_in_the_queue_is_not_worked_on() {
        let metrics = Metrics::new([]);
        let peers = Peers::new(PeerLimits::default(), metrics.peers.clone());
        let peer = peers.connect(&CancellationToken::new(), &CancellationToken::new());
        let layer = DeadlineLayer::new(Duration::from_secs(2), &metrics.rpc);
        let mut service = layer.layer(service_fn(|_: Request<()>| async {
            panic!("worked on");
            #[expect(unreachable_code, reason = "tells the type")]
            Ok::<_, Infallible>(Response::new(Body::empty()))
        }));
        peer.note_read();
        tokio::time::advance(Duration::from_secs(2)).await;
        // As the transport does: the layers are called when a thread takes the call up, and polled at once.
        let mut request = Request::new(());
        request.extensions_mut().insert(peer);
        let answer = service.call(request).await.unwrap();
        assert_eq!(answer.headers()["grpc-status"], "4");
        let text = metrics.render();
        assert!(
            text.contains("patron_rpc_queue_delay_seconds_sum 2.0"),
            "{text}"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_caller_gets_no_more_than_the_longest_time() {
        let (status, time, _) = call_forever(Some("99999999H")).await;
        assert_eq!(status, "4");
        assert_eq!(
            time,
            Duration::from_mins(1),
            "of a method that does not exist"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_whose_time_is_over_is_answered_at_once() {
        let (status, time, _) = call_forever(Some("0n")).await;
        assert_eq!(status, "4");
        assert!(time <= Duration::from_millis(1), "{time:?}");
    }
}
