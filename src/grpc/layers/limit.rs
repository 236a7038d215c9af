//! One limit on the calls in progress, shared by all connections and threads.
//!
//! tonic's own limit is per connection: a hundred connections are a hundred times the limit. This one is one counter. A call over the
//! limit is answered at once with `UNAVAILABLE` and when to come back, for a queue would only make every answer late. A part of the limit is
//! kept for calls of the more urgent [`Class`].
//!
//! A call counts while its handler works, not while its message comes or its answer is being sent: a peer that sends or reads slowly must
//! not hold places that others need. One connection gets a share of the places, so that no single peer can take them all. Health checks are
//! not counted: an overloaded server is not a dead one. Nor are calls that run in a [`lane`], which has limits of its own.
//!
//! The limit follows what the server and its database can do. The fewer places are free, the fewer one caller may have, so that there is always
//! room for others.
//!
//! # Overload
//!
//! A lookup costs some 40 µs of work, a refusal some 6 µs. Refusing alone cannot keep goodput: at four times the capacity, refusing three
//! of four calls takes nearly half of the time. Four things keep it, in the order in which they cost the server:
//!
//! 1. Calls that the server never sees cost nothing. A connection may have only so many streams, and its receive buffer is small
//!    (`app::run`): the rest waits at the callers, whose deadlines end it there.
//! 2. Callers take turns: one that sends more than others is read more slowly ([`super::peer`]).
//! 3. Calls that were given up meanwhile arrive with their reset behind them, and are dropped before they are decoded
//!    ([`super::receive`]); those whose time passed in the queue are answered without work ([`super::deadline`]).
//! 4. A lookup that waited longer for a thread than half of its time, or 100 ms, is refused here: somebody waits for it on a telephone
//!    and most likely hangs up before the answer; less urgent ones sooner. Lookups of customers in memory are answered before that
//!    ([`super::memory`]).

mod adaptive;
mod class;

pub use class::{CLASS_HEADER, Class};

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http::{Request, Response};
use pin_project_lite::pin_project;
use tokio::time::Instant;
use tonic::Status;
use tonic::body::Body;
use tower::{Layer, Service};

use self::adaptive::{AdaptiveLimit, Began};
use super::deadline::Deadline;
use super::identity::Verdict;
use super::lane;
use super::methods::{Method, Work};
use super::peer::{NoPlace, Peer, PeerPlace};
use crate::api::error::Violation;
use crate::grpc::status;
use crate::metrics::RpcMetrics;

/// Shortest time after which a caller that was turned away may come back. Chosen: a few times a cold answer.
const RETRY_AFTER_MIN: Duration = Duration::from_millis(50);

/// Callers are spread over this many milliseconds more, so that those turned away together do not come back together.
const RETRY_SPREAD_MS: u64 = 100;

/// Step of the spread: coprime to it, so that successive callers get all different times.
const RETRY_STEP_MS: u64 = 37;

/// The places, shared by all connections.
#[derive(Debug)]
struct Places {
    limit: AdaptiveLimit,
    taken: AtomicU64,
    turned_away: AtomicU64,
    metrics: RpcMetrics,
}

impl Places {
    fn take(self: &Arc<Self>, class: Class, deadline: Option<Deadline>) -> Option<Place> {
        let most = class.part_of(self.limit.get());
        // Take first and give back if it was too much: one instruction when there is room, and never more handlers run.
        let before = self.taken.fetch_add(1, Ordering::AcqRel);
        if before >= most {
            self.taken.fetch_sub(1, Ordering::AcqRel);
            return None;
        }
        self.metrics.limited_in_flight.inc();
        Some(Place {
            places: Arc::clone(self),
            began: deadline.and_then(|it| self.limit.begin(before + 1, it.time(), it.instant())),
        })
    }

    /// The places that a call needs, or why it gets none.
    fn admit<B>(self: &Arc<Self>, request: &Request<B>) -> Result<TakenPlaces, Refusal> {
        let work = Method::of_request(request).work;
        // A lane has places and a queue of its own: what waits there keeps no lookup out.
        let in_lane = work == Work::Other && lane::runs_in_lane(request.uri().path());
        if work == Work::Health || in_lane {
            return Ok((None, None));
        }
        let class = Class::of(work, request.headers()).ok_or(Refusal::UnknownClass)?;
        let extensions = request.extensions();
        let deadline = extensions.get::<Deadline>();
        if matches!(work, Work::CallArrival | Work::Lookup)
            && let Some(deadline) = deadline
            && deadline.queue_delay() > class.max_queue_delay(deadline.time())
        {
            self.metrics.shed_late.inc();
            return Err(Refusal::Late);
        }
        let own = match extensions.get::<Arc<Peer>>() {
            Some(peer) => {
                // Other calls of the connection may have come in since.
                if let Some(id) = extensions.get().and_then(Verdict::caller_id) {
                    peer.set_identity(id);
                }
                Some(self.place_of(peer)?)
            }
            None => None, // not from a connection of ours: a test of a layer
        };
        let Some(place) = self.take(class, deadline.copied()) else {
            self.metrics.shed.inc();
            return Err(Refusal::Full);
        };
        Ok((Some(place), own))
    }

    /// The place that a connection and its caller need.
    fn place_of(&self, peer: &Arc<Peer>) -> Result<PeerPlace, Refusal> {
        let free = self.limit.get();
        let free = free.saturating_sub(self.taken.load(Ordering::Acquire));
        peer.place(free).map_err(|none| match none {
            NoPlace::Connection => {
                self.metrics.shed_connection.inc();
                Refusal::ConnectionBusy
            }
            NoPlace::Caller => {
                self.metrics.shed_caller.inc();
                Refusal::CallerBusy
            }
        })
    }

    fn retry_after(&self) -> Duration {
        let count = self.turned_away.fetch_add(1, Ordering::Relaxed);
        let spread = count.wrapping_mul(RETRY_STEP_MS) % RETRY_SPREAD_MS;
        RETRY_AFTER_MIN + Duration::from_millis(spread)
    }
}

/// A place of the server and one of the connection.
type TakenPlaces = (Option<Place>, Option<PeerPlace>);

/// Why a call was turned away.
#[derive(Debug, Clone, Copy)]
enum Refusal {
    /// All places are taken.
    Full,
    /// The call waited too long for a thread.
    Late,
    /// The connection has all the places that one may have.
    ConnectionBusy,
    /// The caller has as many places as one may have while so few are free.
    CallerBusy,
    /// The caller states a class that does not exist.
    UnknownClass,
}

impl Refusal {
    fn status(self, retry_after: Duration) -> Status {
        let (reason, message) = match self {
            Self::Full => (
                "OVERLOADED",
                "the server is at its limit of calls in progress: retry later",
            ),
            Self::Late => (
                "OVERLOADED",
                "the server is overloaded and the call waited too long: retry later",
            ),
            Self::ConnectionBusy => (
                "CONNECTION_BUSY",
                "this connection is at its limit of calls in progress; spread calls over time or connections",
            ),
            Self::CallerBusy => (
                "CALLER_BUSY",
                "the server is busy and this caller has many calls in progress: retry later",
            ),
            Self::UnknownClass => {
                let violation = Violation::new(
                    CLASS_HEADER.as_str(),
                    "must be call-arrival, interactive or batch",
                );
                return status::invalid_argument("INVALID_CLASS", vec![violation]);
            }
        };
        status::unavailable(reason, message, retry_after)
    }
}

/// One place, given back when it is dropped.
#[derive(Debug)]
pub struct Place {
    places: Arc<Places>,
    /// What the limit follows, if it follows this call.
    began: Option<Began>,
}

impl Place {
    /// The call has its answer: it did not end because its caller went away.
    fn is_answered(&mut self) {
        if let Some(began) = &mut self.began {
            began.is_answered = true;
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.metrics.limited_in_flight.dec();
        self.places.taken.fetch_sub(1, Ordering::AcqRel);
        if let Some(began) = self.began {
            self.places.limit.note_end(began, Instant::now());
        }
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
                limit: AdaptiveLimit::new(u64::from(most), metrics.limit.clone()),
                taken: AtomicU64::new(0),
                turned_away: AtomicU64::new(0),
                metrics,
            }),
        }
    }
}

impl LimitLayer {
    /// A place for a contact that comes in other ways than by a call of these services; `None` when all places are taken.
    #[must_use]
    pub fn admit(&self) -> Option<Place> {
        let place = self.places.take(Class::CallArrival, None);
        if place.is_none() {
            self.places.metrics.shed.inc();
        }
        place
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
        let state = match self.places.admit(&request) {
            Ok(places) => State::Running {
                work: self.inner.call(request),
                places,
            },
            Err(refusal) => State::TurnedAway {
                refusal,
                retry_after: self.places.retry_after(),
            },
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
        Running { #[pin] work: F, places: TakenPlaces },
        TurnedAway { refusal: Refusal, retry_after: Duration },
    }
}

impl<F, E> Future for LimitFuture<F>
where
    F: Future<Output = Result<Response<Body>, E>>,
{
    type Output = Result<Response<Body>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().state.project() {
            StateProjection::Running { work, places } => {
                let answer = ready!(work.poll(cx));
                if let (Some(place), _) = places {
                    place.is_answered();
                }
                *places = (None, None);
                Poll::Ready(answer)
            }
            StateProjection::TurnedAway {
                refusal,
                retry_after,
            } => Poll::Ready(Ok(refusal.status(*retry_after).into_http())),
        }
    }
}

#[cfg(test)]
mod tests;
