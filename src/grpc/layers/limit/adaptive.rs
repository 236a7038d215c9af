//! The limit on calls in progress, which follows what the server and its database can do: it falls while many calls miss their deadlines and rises
//! while they do not (additive increase, multiplicative decrease; Chiu and Jain, 1989). Calls beyond it are refused at once, where otherwise
//! all would be late.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use prometheus_client::metrics::gauge::Gauge;
use tokio::time::Instant;

/// Shortest time from one change of the limit to the next.
const WINDOW: Duration = Duration::from_millis(100);

/// Calls by whose ends a change is decided: one that is late by chance, or for a deadline that nobody could keep, means nothing.
const MIN_CALLS: u64 = 64;

/// The limit falls no further: a database that is slow for other reasons gets no faster by less to do.
const MIN_LIMIT: u64 = 64;

/// The limit falls if more than one of so many calls missed its deadline.
const LATE_ONE_IN: u64 = 4;

/// Least time of a call that counts: a shorter one may be late whatever the server does.
const MIN_TIME: Duration = Duration::from_millis(250);

/// After this time without a change, the measurements are stale.
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
    /// The most calls in progress when one began in this window.
    in_progress: AtomicU64,
    /// How often the limit fell. Calls that began before its last fall say nothing of the present limit.
    falls: AtomicU64,
    gauge: Gauge,
}

/// A call that the limit follows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Began {
    falls: u64,
    by: Instant,
    /// Whether it has its answer.
    pub(super) is_answered: bool,
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
            in_progress: AtomicU64::new(0),
            falls: AtomicU64::new(0),
            gauge,
        }
    }

    /// The present limit.
    pub(super) fn get(&self) -> u64 {
        self.now.load(Ordering::Relaxed)
    }

    /// A call begins, one of so many in progress, that has `time` until `by`. `None`: it does not count.
    pub(super) fn begin(&self, in_progress: u64, time: Duration, by: Instant) -> Option<Began> {
        self.in_progress.fetch_max(in_progress, Ordering::Relaxed);
        (time >= MIN_TIME).then(|| Began {
            falls: self.falls.load(Ordering::Acquire),
            by,
            is_answered: false,
        })
    }

    /// The call ended at `now`.
    pub(super) fn note_end(&self, began: Began, now: Instant) {
        let is_late = now >= began.by;
        let was_given_up = !is_late && !began.is_answered;
        if was_given_up || began.falls != self.falls.load(Ordering::Acquire) {
            return;
        }
        if is_late {
            self.late.fetch_add(1, Ordering::Relaxed);
        }
        let ended = self.ended.fetch_add(1, Ordering::Relaxed) + 1;
        let at = now.saturating_duration_since(self.start).as_millis();
        let at = u64::try_from(at).unwrap_or(u64::MAX);
        let window = self.window_ms.load(Ordering::Relaxed);
        let age = Duration::from_millis(at.saturating_sub(window));
        if age < WINDOW || (ended < MIN_CALLS && age < FORGETTING) {
            return;
        }
        let ours = self
            .window_ms
            .compare_exchange(window, at, Ordering::AcqRel, Ordering::Relaxed);
        if ours.is_ok() {
            self.change(age >= FORGETTING);
        }
    }

    /// The end of a window, whose measurements may be stale.
    fn change(&self, is_stale: bool) {
        let ended = self.ended.swap(0, Ordering::AcqRel);
        let late = self.late.swap(0, Ordering::AcqRel);
        let in_progress = self.in_progress.swap(0, Ordering::AcqRel);
        let limit = self.get();
        let next = if is_stale {
            self.most
        } else if late.saturating_mul(LATE_ONE_IN) > ended {
            self.falls.fetch_add(1, Ordering::AcqRel);
            // Of those in progress, not of a limit that nobody reached; and no more than half at once.
            let fallen = limit.min(in_progress) * 3 / 4;
            fallen.max(limit / 2).max(MIN_LIMIT)
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

    const TIME: Duration = Duration::from_secs(2);

    fn begin(limit: &AdaptiveLimit, in_progress: u64) -> Began {
        let by = Instant::now() + TIME;
        limit.begin(in_progress, TIME, by).unwrap()
    }

    fn end(limit: &AdaptiveLimit, mut began: Began, is_late: bool) {
        began.is_answered = !is_late;
        let now = if is_late { began.by } else { Instant::now() };
        limit.note_end(began, now);
    }

    /// A window with a hundred ends.
    async fn window(limit: &AdaptiveLimit, in_progress: u64, late: u64) -> u64 {
        tokio::time::advance(WINDOW).await;
        for number in 0..100 {
            end(limit, begin(limit, in_progress), number < late);
        }
        limit.get()
    }

    #[tokio::test(start_paused = true)]
    async fn the_limit_falls_while_more_than_a_quarter_is_late_and_rises_again() {
        let limit = AdaptiveLimit::new(1024, Gauge::default());
        // What is decided is decided by the first 64.
        assert_eq!(window(&limit, 1000, 16).await, 1024);
        let limit = AdaptiveLimit::new(1024, Gauge::default());
        assert_eq!(window(&limit, 1000, 17).await, 750);
        assert_eq!(window(&limit, 750, 100).await, 562);
        let limit = AdaptiveLimit::new(1024, Gauge::default());
        assert_eq!(window(&limit, 10, 100).await, 512, "half at once");
        for _ in 0..20 {
            window(&limit, limit.get(), 100).await;
        }
        assert_eq!(limit.get(), MIN_LIMIT);
        for _ in 0..80 {
            window(&limit, limit.get(), 0).await;
        }
        assert_eq!(limit.get(), 1024);
        assert_eq!(limit.gauge.get(), 1024);
    }

    #[tokio::test(start_paused = true)]
    async fn calls_that_had_begun_before_the_limit_fell_do_not_lower_it_again() {
        let limit = AdaptiveLimit::new(1024, Gauge::default());
        let before: Vec<Began> = (0..400).map(|_| begin(&limit, 1000)).collect();
        window(&limit, 1000, 100).await;
        let fallen = limit.get();
        assert!(fallen < 1024);
        for began in before {
            tokio::time::advance(Duration::from_millis(10)).await;
            end(&limit, began, true);
        }
        assert_eq!(limit.get(), fallen);
    }

    #[tokio::test(start_paused = true)]
    async fn a_few_late_calls_mean_nothing_nor_do_those_of_impatient_callers() {
        let limit = AdaptiveLimit::new(1024, Gauge::default());
        for _ in 0..63 {
            tokio::time::advance(Duration::from_millis(10)).await;
            end(&limit, begin(&limit, 1000), true);
        }
        assert_eq!(limit.get(), 1024);
        let soon = Instant::now() + Duration::from_millis(50);
        assert!(limit.begin(1, Duration::from_millis(50), soon).is_none());
        for _ in 0..1000 {
            // Given up by its caller.
            limit.note_end(begin(&limit, 1000), Instant::now());
        }
        assert_eq!(limit.ended.load(Ordering::Relaxed), 63);
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_long_ago_does_not_count() {
        let limit = AdaptiveLimit::new(1024, Gauge::default());
        for _ in 0..5 {
            window(&limit, 40, 100).await;
        }
        assert_eq!(limit.get(), MIN_LIMIT);
        tokio::time::advance(FORGETTING + TIME).await;
        end(&limit, begin(&limit, 1), false);
        assert_eq!(limit.get(), 1024);
        let small = AdaptiveLimit::new(8, Gauge::default());
        assert_eq!(window(&small, 8, 100).await, 8, "the setting is the most");
    }
}
