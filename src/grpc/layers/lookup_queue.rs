//! The queue of single lookups for the threads: short by time, and refused on arrival.
//!
//! Calls that arrive together are all polled once before the first of them ends, if they wait in the queue of the runtime. Then a refusal
//! leaves as late as an answer. So a lookup takes a turn before it computes: only a few lookups per thread compute at once, the others wait
//! here, and every call that arrives is looked at within a millisecond or two. One that would wait too long is refused at once.
//!
//! A turn lasts for the first poll of a lookup, which is the whole of it when the customer is in memory. A lookup that waits for the database
//! gives its turn back. The expected wait is the work in the queue: for each method the measured mean of its turns, stretched by what the
//! threads do besides (reading, writing, kept answers). What a lookup does is not known here.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http::{Request, Response};
use pin_project_lite::pin_project;
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;
use tonic::body::Body;
use tower::{Layer, Service};

use super::deadline::Deadline;
use super::limit::{Refusal, RetryTimes};
use super::methods::{LOOKUPS, Method};
use crate::metrics::RpcMetrics;

/// Longest wait after which a lookup is still worked on: half of what a caller on a telephone notices.
const MAX_WAIT: Duration = Duration::from_millis(100);

/// Wait that is no sign of overload: a lookup whose caller gives it less is worked on, or its deadline passes.
const MIN_WAIT: Duration = Duration::from_millis(5);

/// A lookup is let in if it can expect to wait no longer than this share of the longest wait, numerator and denominator: those that are
/// let in then keep within it although the expectation is an estimate.
const ADMITTED: (u32, u32) = (3, 4);

/// Lookups per thread that compute at once. Each takes some 40 µs, so that a call that arrives is looked at after 160 µs.
const TURNS_PER_THREAD: usize = 4;

/// What a lookup is thought to take before the first one has ended, in nanoseconds.
const FIRST_GUESS_NS: u64 = 50_000;

/// The latest turn weighs one part of so many in the mean.
const MEAN_OF: u64 = 32;

/// One turn moves the mean as if it had taken no more than so many times the mean: a thread that lost its core says nothing of the work.
const MOST_TIMES_MEAN: u64 = 8;

/// Unit of the stretch: 1024 is 1.
const STRETCH_ONE: u64 = 1024;

/// Most that the threads may do besides, as a multiple of the turns themselves.
const MAX_STRETCH: u64 = 16 * STRETCH_ONE;

/// The queue, shared by all connections.
#[derive(Debug)]
struct Queue {
    turns: Arc<Semaphore>,
    threads: u64,
    /// Expected time of the turns that are waited for, in nanoseconds.
    waiting_ns: AtomicU64,
    /// Mean time of a turn, for each method.
    mean_ns: [AtomicU64; LOOKUPS],
    /// How much longer the queue takes than its turns, in parts of [`STRETCH_ONE`].
    stretch: AtomicU64,
    /// When a lookup last got its turn after a wait, in nanoseconds since `since`.
    last_turn_ns: AtomicU64,
    since: Instant,
    retry_times: RetryTimes,
    metrics: RpcMetrics,
}

impl Queue {
    fn new(threads: usize, metrics: RpcMetrics) -> Self {
        Self {
            turns: Arc::new(Semaphore::new(threads * TURNS_PER_THREAD)),
            threads: threads as u64,
            waiting_ns: AtomicU64::new(0),
            mean_ns: [const { AtomicU64::new(FIRST_GUESS_NS) }; LOOKUPS],
            stretch: AtomicU64::new(STRETCH_ONE),
            last_turn_ns: AtomicU64::new(0),
            since: Instant::now(),
            retry_times: RetryTimes::default(),
            metrics,
        }
    }

    fn now_ns(&self) -> u64 {
        u64::try_from(self.since.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    /// A turn, or a place in the queue.
    ///
    /// # Errors
    /// The wait would be too long, or was already.
    fn enter(self: &Arc<Self>, method: usize, deadline: Deadline) -> Result<Turn, Refusal> {
        let longest = longest_wait(deadline.time());
        let waited = deadline.queue_delay();
        if waited > longest {
            self.metrics.shed_late.inc();
            return Err(Refusal::Late);
        }
        let arrived = Instant::now()
            .checked_sub(waited)
            .unwrap_or_else(Instant::now);
        let state = if let Ok(permit) = Arc::clone(&self.turns).try_acquire_owned() {
            TurnState::Granted { _permit: permit }
        } else {
            self.wait(method, waited, longest)?
        };
        Ok(Turn {
            queue: Arc::clone(self),
            method,
            latest: arrived + longest,
            state,
        })
    }

    /// A place in the queue.
    ///
    /// # Errors
    /// The wait would be too long, with what was `waited` before.
    fn wait(
        self: &Arc<Self>,
        method: usize,
        waited: Duration,
        longest: Duration,
    ) -> Result<TurnState, Refusal> {
        if waited + self.expected_wait() > longest * ADMITTED.0 / ADMITTED.1 {
            self.metrics.shed_predicted.inc();
            return Err(Refusal::WouldBeLate);
        }
        let turns = Arc::clone(&self.turns);
        // The semaphore is never closed.
        let granted = async move { turns.acquire_owned().await.ok() };
        Ok(TurnState::Waiting {
            granted: Box::pin(granted),
            expected: Expected::new(self, method),
            entered_ns: self.now_ns(),
        })
    }

    /// How long a lookup that arrives now would wait.
    fn expected_wait(&self) -> Duration {
        let work = self.waiting_ns.load(Ordering::Relaxed) / self.threads;
        let stretch = self.stretch.load(Ordering::Relaxed);
        Duration::from_nanos(work.saturating_mul(stretch) / STRETCH_ONE)
    }

    /// A lookup that entered at `entered_ns` got its turn, of which `expected_ns` were expected.
    fn granted(&self, entered_ns: u64, expected_ns: u64) {
        let now = self.now_ns();
        let last = self.last_turn_ns.swap(now, Ordering::Relaxed);
        // Only while somebody waited the whole time: what passed since the last turn is what that turn took.
        if entered_ns <= last && expected_ns > 0 {
            let passed = now.saturating_sub(last).saturating_mul(self.threads);
            let stretch = passed.saturating_mul(STRETCH_ONE) / expected_ns;
            let stretch = stretch.clamp(STRETCH_ONE / 4, MAX_STRETCH);
            store_mean(&self.stretch, stretch);
        }
    }

    /// A turn of `method` took so long.
    fn took(&self, method: usize, time: Duration) {
        let mean = &self.mean_ns[method];
        let most = mean.load(Ordering::Relaxed).saturating_mul(MOST_TIMES_MEAN);
        let time = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        store_mean(mean, time.clamp(MEAN_OF, most));
    }
}

/// Moves a mean towards its latest value. Two threads at once may lose one of two values, which are alike.
fn store_mean(mean: &AtomicU64, latest: u64) {
    let before = mean.load(Ordering::Relaxed);
    let after = before - before / MEAN_OF + latest / MEAN_OF;
    mean.store(after.max(1), Ordering::Relaxed);
}

/// Longest wait of a lookup that has so much time.
fn longest_wait(time: Duration) -> Duration {
    (time / 2).clamp(MIN_WAIT, MAX_WAIT)
}

/// The expected time of a turn that is waited for, as long as it is.
#[derive(Debug)]
struct Expected {
    queue: Arc<Queue>,
    nanos: u64,
}

impl Expected {
    fn new(queue: &Arc<Queue>, method: usize) -> Self {
        let nanos = queue.mean_ns[method].load(Ordering::Relaxed);
        queue.waiting_ns.fetch_add(nanos, Ordering::Relaxed);
        let queue = Arc::clone(queue);
        Self { queue, nanos }
    }
}

impl Drop for Expected {
    fn drop(&mut self) {
        self.queue
            .waiting_ns
            .fetch_sub(self.nanos, Ordering::Relaxed);
    }
}

/// The turn of a lookup, before and while it is taken. Dropped, it is the next one's.
struct Turn {
    queue: Arc<Queue>,
    method: usize,
    /// When it comes too late.
    latest: Instant,
    state: TurnState,
}

enum TurnState {
    Granted {
        _permit: OwnedSemaphorePermit,
    },
    Waiting {
        granted: Pin<Box<dyn Future<Output = Option<OwnedSemaphorePermit>> + Send>>,
        expected: Expected,
        entered_ns: u64,
    },
}

impl Turn {
    /// Ready when it is the lookup's turn.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Refusal>> {
        let TurnState::Waiting {
            granted,
            expected,
            entered_ns,
        } = &mut self.state
        else {
            return Poll::Ready(Ok(()));
        };
        let permit = ready!(granted.as_mut().poll(cx));
        self.queue.granted(*entered_ns, expected.nanos);
        if Instant::now() > self.latest {
            self.queue.metrics.shed_late.inc();
            return Poll::Ready(Err(Refusal::Late));
        }
        match permit {
            Some(permit) => {
                self.state = TurnState::Granted { _permit: permit };
                Poll::Ready(Ok(()))
            }
            None => Poll::Pending, // never: the semaphore is not closed
        }
    }
}

/// Layer that makes [`LookupQueueService`]. Clones share the queue.
#[derive(Debug, Clone)]
pub struct LookupQueueLayer {
    queue: Arc<Queue>,
}

impl LookupQueueLayer {
    /// A queue for the threads of the present runtime.
    ///
    /// # Panics
    /// Outside of a runtime.
    #[must_use]
    pub fn new(metrics: RpcMetrics) -> Self {
        let threads = Handle::current().metrics().num_workers();
        Self {
            queue: Arc::new(Queue::new(threads.max(1), metrics)),
        }
    }
}

impl<S> Layer<S> for LookupQueueLayer {
    type Service = LookupQueueService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        LookupQueueService {
            inner,
            queue: Arc::clone(&self.queue),
        }
    }
}

/// Lets lookups compute in turn; see the module.
#[derive(Debug, Clone)]
pub struct LookupQueueService<S> {
    inner: S,
    queue: Arc<Queue>,
}

impl<S, B> Service<Request<B>> for LookupQueueService<S>
where
    S: Service<Request<B>, Response = Response<Body>>,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = LookupQueueFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let lookup = Method::of_request(&request).lookup_number();
        let deadline = request.extensions().get::<Deadline>().copied();
        let turn = match (lookup, deadline) {
            (Some(method), Some(deadline)) => self.queue.enter(method, deadline).map(Some),
            // No lookup, or a test of a layer.
            (None, _) | (_, None) => Ok(None),
        };
        let state = match turn {
            Ok(turn) => State::Running {
                work: self.inner.call(request),
                turn,
            },
            Err(refusal) => State::Refused { refusal },
        };
        LookupQueueFuture {
            state,
            queue: Arc::clone(&self.queue),
        }
    }
}

pin_project! {
    /// Future of [`LookupQueueService`].
    pub struct LookupQueueFuture<F> {
        #[pin]
        state: State<F>,
        queue: Arc<Queue>,
    }
}

pin_project! {
    #[project = StateProjection]
    enum State<F> {
        // `turn` until the first poll is over.
        Running { #[pin] work: F, turn: Option<Turn> },
        Refused { refusal: Refusal },
    }
}

impl<F, E> Future for LookupQueueFuture<F>
where
    F: Future<Output = Result<Response<Body>, E>>,
{
    type Output = Result<Response<Body>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let mut state = this.state;
        let refusal = match state.as_mut().project() {
            StateProjection::Running { work, turn } => {
                let Some(waiting) = turn else {
                    return work.poll(cx);
                };
                match ready!(waiting.poll(cx)) {
                    Ok(()) => {
                        let start = Instant::now();
                        let answer = work.poll(cx);
                        waiting.queue.took(waiting.method, start.elapsed());
                        *turn = None;
                        return answer;
                    }
                    Err(refusal) => refusal,
                }
            }
            StateProjection::Refused { refusal } => *refusal,
        };
        // Drops the work, and gives the turn on, before the answer leaves.
        state.set(State::Refused { refusal });
        let retry_after = this.queue.retry_times.next();
        Poll::Ready(Ok(refusal.status(retry_after).into_http()))
    }
}

#[cfg(test)]
mod tests;
