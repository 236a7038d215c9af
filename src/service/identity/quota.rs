//! The quota of an identity: a generic cell rate algorithm (ITU-T I.371), which is a token bucket in one number.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use tokio::time::Instant;

use crate::domain::access::CallQuota;

/// What is used of a quota.
#[derive(Debug)]
pub(super) struct UsedQuota {
    quota: CallQuota,
    start: Instant,
    /// When the bucket will be full again, in nanoseconds since `start`.
    full_at: AtomicU64,
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

impl UsedQuota {
    /// Nothing is used yet.
    pub(super) fn new(quota: CallQuota) -> Self {
        Self {
            quota,
            start: Instant::now(),
            full_at: AtomicU64::new(0),
        }
    }

    /// The quota.
    pub(super) fn quota(&self) -> CallQuota {
        self.quota
    }

    /// Uses a call at an instant.
    ///
    /// # Errors
    /// The time until there is one again.
    pub(super) fn take(&self, now: Instant) -> Result<(), Duration> {
        let now = nanoseconds(now.saturating_duration_since(self.start));
        let step = 1_000_000_000 / u64::from(self.quota.calls_per_second.max(1));
        let room = step.saturating_mul(u64::from(self.quota.burst.max(1)));
        let mut full_at = self.full_at.load(Ordering::Relaxed);
        loop {
            let next = full_at.max(now).saturating_add(step);
            let wait = next.saturating_sub(now.saturating_add(room));
            if wait > 0 {
                return Err(Duration::from_nanos(wait));
            }
            let swapped = self.full_at.compare_exchange_weak(
                full_at,
                next,
                Ordering::Relaxed,
                Ordering::Relaxed,
            );
            match swapped {
                Ok(_) => return Ok(()),
                Err(other) => full_at = other,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quota(calls_per_second: u32, burst: u32) -> UsedQuota {
        UsedQuota::new(CallQuota {
            calls_per_second,
            burst,
        })
    }

    #[test]
    fn a_burst_is_admitted_and_then_one_call_a_step() {
        let used = quota(10, 3);
        let at = |milliseconds| used.start + Duration::from_millis(milliseconds);
        for _ in 0..3 {
            assert_eq!(used.take(at(0)), Ok(()));
        }
        assert_eq!(used.take(at(0)), Err(Duration::from_millis(100)));
        assert_eq!(used.take(at(40)), Err(Duration::from_millis(60)));
        assert_eq!(used.take(at(100)), Ok(()));
        assert_eq!(used.take(at(100)), Err(Duration::from_millis(100)));
        // A long pause gives the burst back, and not more.
        for _ in 0..3 {
            assert_eq!(used.take(at(60_000)), Ok(()));
        }
        assert!(used.take(at(60_000)).is_err());
    }

    #[test]
    fn a_second_of_calls_is_the_rate_whatever_the_spacing() {
        let used = quota(1_000, 1);
        let admitted = (0..10_000).filter(|step| {
            let now = used.start + Duration::from_micros(100 * step);
            used.take(now).is_ok()
        });
        assert_eq!(admitted.count(), 1_000);
    }

    #[test]
    fn threads_together_get_no_more_than_the_burst() {
        let used = quota(1, 500);
        let now = used.start;
        let admitted: usize = std::thread::scope(|scope| {
            let threads = [(); 4]
                .map(|()| scope.spawn(|| (0..500).filter(|_| used.take(now).is_ok()).count()));
            threads.map(|thread| thread.join().unwrap()).iter().sum()
        });
        assert_eq!(admitted, 500);
    }
}
