//! Lanes: everything that is not a single lookup runs on bounded, cancellable threads of its own, which yield to lookups.
//!
//! A lane has threads ([`Threads`], which several lanes may share), a number of places, and a queue in front of them. A call that would wait
//! too long is refused on arrival, before anything is spent on it; one whose caller goes away leaves the queue, or stops where it is. What a
//! call does, and which calls belong to which lane, is not known here.

mod parallel;
mod queue;
mod threads;

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;
use tracing::Instrument as _;

pub(in crate::service) use self::parallel::in_parallel;
use self::queue::Queue;
pub use self::threads::Threads;
use crate::{domain::stop, metrics::LaneMetrics, service::error::ServiceError};

/// How a lane is bounded.
#[derive(Debug, Clone, Copy)]
pub struct LaneOptions {
    /// Calls that run at once.
    pub places: usize,
    /// Calls that wait at most, however short the wait.
    pub most_waiting: usize,
    /// The longest wait that a call is let in for.
    pub longest_wait: Duration,
    /// How long a call is thought to take before the first one has ended.
    pub first_guess: Duration,
}

/// Why a lane did not run a call to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LaneError {
    /// It would have waited too long.
    #[error("the server has too much work of this kind: retry later")]
    Overloaded {
        /// When there may be room.
        retry_after: Duration,
    },
    /// The process stops.
    #[error("the server is shutting down: retry on another server or later")]
    Stopping,
}

/// A lane. Clones share everything.
#[derive(Debug, Clone)]
pub struct Lane {
    threads: Arc<Threads>,
    queue: Arc<Queue>,
    metrics: LaneMetrics,
}

impl Lane {
    /// A lane on `threads`.
    #[must_use]
    pub fn new(threads: Arc<Threads>, options: LaneOptions, metrics: LaneMetrics) -> Self {
        Self {
            threads,
            queue: Arc::new(Queue::new(options, metrics.clone())),
            metrics,
        }
    }

    /// Runs `work` in the lane and waits for its result. Dropping the future gives up the wait, and stops the work at its next
    /// `.await`. Without a `deadline` only the lane's own longest wait counts.
    ///
    /// # Errors
    /// At once when the work would wait too long for a place: longer than the lane allows or half of what is left until `deadline`.
    /// Later only when the process stops.
    ///
    /// # Panics
    /// When `work` does.
    pub async fn run<T: Send + 'static>(
        &self,
        deadline: Option<Instant>,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, LaneError> {
        let place = self.queue.enter(deadline)?.await;
        // The place goes with the work, and is free when the work is gone and not when nobody waits for it.
        let task = async move {
            let done = work.await;
            drop(place);
            done
        };
        let task = self.threads.handle().spawn(task.in_current_span());
        match AbortOnDropHandle::new(task).await {
            Ok(done) => Ok(done),
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(_) => Err(LaneError::Stopping),
            },
        }
    }

    /// Runs `work` on a thread of the lane, without a place: it takes one by [`Self::run`] for each part that needs one. Dropping the
    /// handle stops the work at its next `.await`.
    pub fn spawn<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> AbortOnDropHandle<T> {
        let task = self.threads.handle().spawn(work.in_current_span());
        AbortOnDropHandle::new(task)
    }

    /// Runs `work`, which computes without waiting, on a thread of the lane, without a place: the caller has one already. Dropping the
    /// future stops the work where it next looks ([`stop::check`]).
    ///
    /// # Errors
    /// When the process stops.
    ///
    /// # Panics
    /// When `work` does.
    pub async fn compute<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, ServiceError> {
        let caller = self.threads.caller();
        let (flag, metrics) = (caller.flag().clone(), self.metrics.clone());
        let span = tracing::Span::current();
        metrics.computing.inc();
        let computing = Computing(metrics);
        let task = self.threads.handle().spawn_blocking(move || {
            let _computing = computing;
            let _entered = span.enter();
            stop::run(&flag, work)
        });
        let counted = Abandoning {
            caller: Some(caller),
            metrics: &self.metrics,
        };
        let done = task.await;
        counted.over();
        match done {
            Ok(Some(done)) => Ok(done),
            Ok(None) => Err(LaneError::Stopping.into()),
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(_) => Err(LaneError::Stopping.into()),
            },
        }
    }
}

/// A computation that occupies a thread, or waits for one.
struct Computing(LaneMetrics);

impl Drop for Computing {
    fn drop(&mut self) {
        self.0.computing.dec();
    }
}

/// Stops a computation when the caller who waits for it goes away.
struct Abandoning<'a> {
    caller: Option<threads::Caller>,
    metrics: &'a LaneMetrics,
}

impl Abandoning<'_> {
    /// The computation is over: there is nothing to stop.
    fn over(mut self) {
        self.caller = None;
    }
}

impl Drop for Abandoning<'_> {
    fn drop(&mut self) {
        if let Some(caller) = self.caller.take() {
            self.metrics.abandoned.inc();
            caller.flag().stop();
        }
    }
}

#[cfg(test)]
mod tests;
