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

/// Notes that a write was refused now.
pub(super) fn note() {
    AFTER_REFUSAL_MS.fetch_max(now_ms() + 1, Ordering::Relaxed);
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
    fn sessions_from_before_a_refusal_are_outdated() {
        let hour = Duration::from_hours(1);
        assert!(!is_outdated(hour));
        note();
        assert!(is_outdated(hour));
        assert!(is_outdated(Duration::ZERO), "within the same millisecond");
    }
}
