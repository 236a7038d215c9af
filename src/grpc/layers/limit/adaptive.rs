//! The limit on calls in progress, which follows what the server and its database can do: it falls while calls miss their deadlines and rises while
//! they do not (additive increase, multiplicative decrease; Chiu and Jain 1989). Calls beyond it are refused at once, where otherwise all would
//! be late.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use prometheus_client::metrics::gauge::Gauge;
use tokio::time::Instant;

/// Time from one change of the limit to the next.
const WINDOW: Duration = Duration::from_millis(100);

/// The limit falls no further: a database that is slow for other reasons gets no faster by less to do.
const MIN_LIMIT: u64 = 32;

/// The limit falls if more than one of so many calls missed its deadline.
const LATE_ONE_IN: u64 = 10;

/// After this time without calls, nothing is known of what can be done.
const FORGETTING: Duration = Duration::from_secs(10);

/// The limit. Counts without locks.
#[derive(Debug)]
pub(super) struct AdaptiveLimit {
    most: u64,
    now: AtomicU64,
    start: Instant,
    /// When the present window began, in milliseconds from the start.
    window_ms: AtomicU64,
    ended: AtomicU64,
    late: AtomicU64,
    gauge: Gauge,
}

impl AdaptiveLimit {
    /// At most `most`.
    pub(super) fn new(most: u64, gauge: Gauge) -> Self {
        gauge.set(i64::try_from(most).unwrap_or(i64::MAX));
        Self {
            most,
            now: AtomicU64::new(most),
            start: Instant::now(),
            window_ms: AtomicU64::new(0),
            ended: AtomicU64::new(0),
            late: AtomicU64::new(0),
            gauge,
        }
    }

    /// The present limit.
    pub(super) fn get(&self) -> u64 {
        self.now.load(Ordering::Relaxed)
    }

    /// A call ended of those that were in progress, itself included, in time or not.
    pub(super) fn note_end(&self, in_progress: u64, is_late: bool) {
        self.ended.fetch_add(1, Ordering::Relaxed);
        if is_late {
            self.late.fetch_add(1, Ordering::Relaxed);
        }
        let now = u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX);
        let window = self.window_ms.load(Ordering::Relaxed);
        let age = Duration::from_millis(now.saturating_sub(window));
        if age < WINDOW {
            return;
        }
        let ours =
            self.window_ms
                .compare_exchange(window, now, Ordering::AcqRel, Ordering::Relaxed);
        if ours.is_ok() {
            self.change(age, in_progress);
        }
    }

    /// The end of a window.
    fn change(&self, age: Duration, in_progress: u64) {
        let (ended, late) = (
            self.ended.swap(0, Ordering::AcqRel),
            self.late.swap(0, Ordering::AcqRel),
        );
        let limit = self.get();
        let next = if late.saturating_mul(LATE_ONE_IN) > ended {
            // Of those in progress, not of a limit that nobody reached.
            (limit.min(in_progress) * 3 / 4).max(MIN_LIMIT)
        } else if age >= FORGETTING {
            self.most
        } else {
            limit + limit / 16 + 1
        };
        let next = next.min(self.most);
        self.now.store(next, Ordering::Relaxed);
        self.gauge.set(i64::try_from(next).unwrap_or(i64::MAX));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn window(limit: &AdaptiveLimit, in_progress: u64, late: u64) -> u64 {
        for number in 0..100 {
            limit.note_end(in_progress, number < late);
        }
        tokio::time::advance(WINDOW).await;
        limit.note_end(in_progress, late > 50);
        limit.get()
    }

    #[tokio::test(start_paused = true)]
    async fn the_limit_falls_while_calls_are_late_and_rises_again() {
        let limit = AdaptiveLimit::new(1024, Gauge::default());
        assert_eq!(window(&limit, 1000, 10).await, 1024, "one in ten");
        assert_eq!(window(&limit, 400, 20).await, 300);
        assert_eq!(window(&limit, 300, 100).await, 225);
        for _ in 0..10 {
            window(&limit, limit.get(), 100).await;
        }
        assert_eq!(limit.get(), MIN_LIMIT);
        assert_eq!(window(&limit, 32, 0).await, 35);
        for _ in 0..60 {
            window(&limit, limit.get(), 0).await;
        }
        assert_eq!(limit.get(), 1024);
        assert_eq!(limit.gauge.get(), 1024);
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_long_ago_does_not_count() {
        let limit = AdaptiveLimit::new(1024, Gauge::default());
        window(&limit, 40, 100).await;
        assert_eq!(limit.get(), MIN_LIMIT);
        tokio::time::advance(FORGETTING).await;
        limit.note_end(1, false);
        assert_eq!(limit.get(), 1024);
        let small = AdaptiveLimit::new(8, Gauge::default());
        assert_eq!(window(&small, 8, 100).await, 8, "the setting is the most");
    }
}
