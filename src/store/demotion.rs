//! When the database last refused a write because it takes none: sessions opened before that lead to a server that is no longer the
//! primary, and are closed rather than used again.
//!
//! One mark for the process, which has one database. It knows no pools: each asks when it hands out a connection.

use std::{
    sync::OnceLock,
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

/// A millisecond more than there are from the first look to the last refusal; 0 for none.
static AFTER_REFUSAL_MS: AtomicU64 = AtomicU64::new(0);

fn now_ms() -> u64 {
    static ORIGIN: OnceLock<Instant> = OnceLock::new();
    let origin = ORIGIN.get_or_init(Instant::now);
    u64::try_from(origin.elapsed().as_millis()).unwrap_or(u64::MAX)
}

/// Refusals within this time of a mark make no other one: a server that takes no writes for an hour, with a write a moment, would have
/// every read connect anew.
const MARK_EVERY_MS: u64 = 1_000;

/// Notes that a write was refused now.
pub(super) fn note() {
    let now = now_ms();
    let mark = |last| next_mark(last, now);
    let _ = AFTER_REFUSAL_MS.fetch_update(Ordering::Relaxed, Ordering::Relaxed, mark);
}

/// The mark after a refusal at `now`; `None`: the last one stands.
fn next_mark(last: u64, now: u64) -> Option<u64> {
    (last == 0 || now >= last + MARK_EVERY_MS).then_some(now + 1)
}

/// Whether a session of this age was opened before the last refusal.
pub(super) fn is_outdated(age: Duration) -> bool {
    let age = u64::try_from(age.as_millis()).unwrap_or(u64::MAX);
    now_ms().saturating_sub(age) < AFTER_REFUSAL_MS.load(Ordering::Relaxed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_refusals_end_the_sessions_once_a_second() {
        assert_eq!(next_mark(0, 0), Some(1));
        assert_eq!(next_mark(1, 0), None);
        assert_eq!(next_mark(1, 1_000), None);
        assert_eq!(next_mark(1, 1_001), Some(1_002));
    }

    #[test]
    fn sessions_from_before_a_refusal_are_outdated() {
        let hour = Duration::from_hours(1);
        assert!(!is_outdated(hour));
        note();
        assert!(is_outdated(hour));
        assert!(is_outdated(Duration::ZERO), "within the same millisecond");
    }
}
