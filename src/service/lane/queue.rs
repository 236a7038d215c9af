//! Places, and the queue in front of them.
//!
//! The queue is short by time, not by count: a call is let in only if it can expect a place soon, and is refused on arrival otherwise. Under
//! any load the calls that are let in are answered in time, where a long queue would answer all of them late. First come, first served.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{sync::oneshot, time::Instant};

use super::{LaneError, LaneOptions};
use crate::metrics::LaneMetrics;

/// What the latest call weighs in the mean time that calls take: the mean follows a change of load within some ten calls.
const LATEST_WEIGHT: f64 = 0.1;

/// Nobody is told to come back sooner: within less no place becomes free.
const SHORTEST_RETRY: Duration = Duration::from_millis(50);

/// The places of a lane.
#[derive(Debug)]
pub(super) struct Queue {
    options: LaneOptions,
    state: Mutex<State>,
    metrics: LaneMetrics,
}

#[derive(Debug)]
struct State {
    running: usize,
    waiting: VecDeque<Waiter>,
    /// Seconds that calls take once they have a place.
    mean_seconds: f64,
    /// Number of the next call that waits.
    next: u64,
}

#[derive(Debug)]
struct Waiter {
    number: u64,
    since: Instant,
    grant: oneshot::Sender<Place>,
}

/// A place, until it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    /// `None` in one that was never handed over.
    queue: Option<Arc<Queue>>,
    since: Instant,
}

impl Queue {
    pub(super) fn new(options: LaneOptions, metrics: LaneMetrics) -> Self {
        Self {
            options,
            state: Mutex::new(State {
                running: 0,
                waiting: VecDeque::new(),
                mean_seconds: options.first_guess.as_secs_f64(),
                next: 0,
            }),
            metrics,
        }
    }

    /// Joins the queue: returns at once, with what to wait for.
    ///
    /// # Errors
    /// The wait would be too long.
    pub(super) fn enter(
        self: &Arc<Self>,
        deadline: Option<Instant>,
    ) -> Result<impl Future<Output = Place> + Send + use<>, LaneError> {
        let now = Instant::now();
        let mut state = self.state();
        let mut waits = None;
        if state.running < self.options.places && state.waiting.is_empty() {
            state.running += 1;
            self.metrics.running.inc();
        } else {
            self.admit(&state, now, deadline)?;
            let (grant, granted) = oneshot::channel();
            let number = state.next;
            state.next += 1;
            state.waiting.push_back(Waiter {
                number,
                since: now,
                grant,
            });
            self.metrics.waiting.inc();
            waits = Some((granted, number));
        }
        drop(state);
        // Made before it is waited for: dropping the future gives back what was taken.
        let taken = match waits {
            None => Taken::Place(self.place(now)),
            Some((granted, number)) => Taken::Turn(granted, Waiting::new(self, number)),
        };
        let wait = self.metrics.wait.clone();
        Ok(async move {
            let place = match taken {
                Taken::Place(place) => place,
                Taken::Turn(granted, waiting) => {
                    // The sender is only dropped by `Waiting`, which is here.
                    let Ok(place) = granted.await else {
                        return std::future::pending().await;
                    };
                    waiting.over();
                    place
                }
            };
            wait.observe(now.elapsed().as_secs_f64());
            place
        })
    }

    /// Whether one more may wait.
    fn admit(
        &self,
        state: &State,
        now: Instant,
        deadline: Option<Instant>,
    ) -> Result<(), LaneError> {
        let places = f64_of(self.options.places);
        let before = f64_of(state.waiting.len() + 1);
        let expected = Duration::try_from_secs_f64(state.mean_seconds * before / places);
        let expected = expected.unwrap_or(Duration::MAX);
        // What the first of the queue waits already is a fact where the mean is an estimate.
        let head = state.waiting.front();
        let head = head.map_or(Duration::ZERO, |head| now.duration_since(head.since));
        let wait = expected.max(head);
        let rest = deadline.map(|deadline| deadline.saturating_duration_since(now) / 2);
        let longest = rest.map_or(self.options.longest_wait, |rest| {
            rest.min(self.options.longest_wait)
        });
        if wait > longest || state.waiting.len() >= self.options.most_waiting {
            self.metrics.refused.inc();
            return Err(LaneError::Overloaded {
                retry_after: wait.max(SHORTEST_RETRY),
            });
        }
        Ok(())
    }

    fn place(self: &Arc<Self>, since: Instant) -> Place {
        Place {
            queue: Some(Arc::clone(self)),
            since,
        }
    }

    /// Takes a place back and hands it to the first who still waits.
    fn release(self: &Arc<Self>, since: Instant) {
        let now = Instant::now();
        let mut state = self.state();
        let latest = now.duration_since(since).as_secs_f64();
        state.mean_seconds += LATEST_WEIGHT * (latest - state.mean_seconds);
        while let Some(waiter) = state.waiting.pop_front() {
            self.metrics.waiting.dec();
            match waiter.grant.send(self.place(now)) {
                Ok(()) => return,
                // Gone just now; the place that came back is none.
                Err(mut place) => place.queue = None,
            }
        }
        state.running -= 1;
        self.metrics.running.dec();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing that can panic runs under the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(queue) = self.queue.take() {
            queue.release(self.since);
        }
    }
}

/// What a call has on arrival.
enum Taken {
    Place(Place),
    Turn(oneshot::Receiver<Place>, Waiting),
}

/// A call that waits; dropped, it leaves the queue.
struct Waiting {
    /// `None` once it has its place.
    queue: Option<Arc<Queue>>,
    number: u64,
}

impl Waiting {
    fn new(queue: &Arc<Queue>, number: u64) -> Self {
        Self {
            queue: Some(Arc::clone(queue)),
            number,
        }
    }

    fn over(mut self) {
        self.queue = None;
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let Some(queue) = self.queue.take() else {
            return;
        };
        queue.metrics.dropped.inc();
        let mut state = queue.state();
        let found = state.waiting.iter();
        let found = found
            .enumerate()
            .find(|(_, waiter)| waiter.number == self.number);
        // Not there when its place was on the way: the place goes back by itself.
        if let Some((at, _)) = found {
            state.waiting.remove(at);
            queue.metrics.waiting.dec();
        }
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "counts of calls are far below 2^52"
)]
fn f64_of(count: usize) -> f64 {
    count as f64
}
