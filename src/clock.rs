//! The one place that asks the system what time it is; everything else takes `as_of` or a [`Clock`].
//!
//! Knows nothing of days or time zones. Deadlines are measured on the monotonic clock of the runtime, not here.

use std::fmt::Debug;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;

/// Says what time it is.
pub trait Clock: Debug + Send + Sync + 'static {
    /// The current instant, in whole microseconds: what Postgres keeps of one, so that an instant is the same in memory and when it is read again.
    fn now(&self) -> Timestamp;
}

/// Somewhere from 0 to 1, each time anew: so that what is due again and again, in many places, does not become due in step.
#[must_use]
pub fn fraction() -> f64 {
    // The standard library seeds each from the system.
    let bits = RandomState::new().build_hasher().finish();
    let bits = u32::try_from(bits >> 32).unwrap_or(0);
    f64::from(bits) / f64::from(u32::MAX)
}

/// The system's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that asks the system"
    )]
    fn now(&self) -> Timestamp {
        in_microseconds(Timestamp::now())
    }
}

/// The instant without what is below a microsecond.
fn in_microseconds(instant: Timestamp) -> Timestamp {
    Timestamp::from_microsecond(instant.as_microsecond()).unwrap_or(instant)
}

/// A clock that stands still until it is set: for tests, and for runs that must be reproducible.
#[derive(Debug)]
pub struct FixedClock {
    now: Mutex<Timestamp>,
}

impl FixedClock {
    /// A clock that shows `now`.
    #[must_use]
    pub fn new(now: Timestamp) -> Self {
        Self {
            now: Mutex::new(now),
        }
    }

    /// Moves the clock to `now`, forwards or backwards.
    pub fn set(&self, now: Timestamp) {
        // A poisoned lock holds a whole timestamp all the same.
        *self.now.lock().unwrap_or_else(PoisonError::into_inner) = now;
    }
}

impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        *self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_shows_whole_microseconds() {
        assert_eq!(SystemClock.now().subsec_nanosecond() % 1_000, 0);
        let instant: Timestamp = "2026-11-22T10:00:00.123456789Z".parse().unwrap();
        let kept = "2026-11-22T10:00:00.123456Z";
        assert_eq!(in_microseconds(instant).to_string(), kept);
    }

    #[test]
    fn a_fixed_clock_shows_what_it_was_set_to() {
        let start: Timestamp = "2026-11-22T10:00:00.123456Z".parse().unwrap();
        let clock = FixedClock::new(start);
        assert_eq!(clock.now(), start);
        for moment in [Timestamp::MIN, Timestamp::UNIX_EPOCH, Timestamp::MAX] {
            clock.set(moment);
            assert_eq!(clock.now(), moment);
        }
    }

    #[test]
    fn the_system_clock_runs() {
        let first = SystemClock.now();
        assert!(first.as_second() > 1_700_000_000, "after 2023: {first}");
        assert!(SystemClock.now() >= first);
    }
}
