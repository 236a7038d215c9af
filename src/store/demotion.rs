//! Sessions that lead to a server that takes no writes any more, as after a failover: they are closed rather than used again, so that the next
//! one may lead to the new primary.
//!
//! A refused write makes sessions suspect for a while; a suspect session is asked before it is used, so those to a server that takes writes
//! stay. One mark for the process, which has one database. It knows no pools: each asks when it hands out a connection.

use std::{
    sync::OnceLock,
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use sqlx::PgConnection;

/// So long after a refused write are sessions asked. One that is first used later leads to another refusal.
const SUSPECT: Duration = Duration::from_mins(1);

/// A younger session is used whatever its server takes. While no server takes writes, each place of a pool connects once in this time, and
/// not for every call.
const MIN_AGE: Duration = Duration::from_secs(1);

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

/// Whether a session of this age leads to a server that takes no writes, and another one may not.
pub(super) async fn leads_astray(
    session: &mut PgConnection,
    age: Duration,
) -> Result<bool, sqlx::Error> {
    if !is_suspect(age, now_ms(), AFTER_REFUSAL_MS.load(Ordering::Relaxed)) {
        return Ok(false);
    }
    // On in recovery, and where the database or the role is set so.
    let read_only = sqlx::query_scalar("SELECT current_setting('transaction_read_only')::boolean");
    read_only.fetch_one(session).await
}

fn is_suspect(age: Duration, now_ms: u64, after_refusal_ms: u64) -> bool {
    let since = Duration::from_millis(now_ms.saturating_sub(after_refusal_ms));
    after_refusal_ms > 0 && since < SUSPECT && age >= MIN_AGE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(age_ms: u64, since_ms: u64, suspect: bool) {
        let (now, refusal) = (10_000_000, 10_000_000 - since_ms);
        let age = Duration::from_millis(age_ms);
        assert_eq!(
            is_suspect(age, now, refusal),
            suspect,
            "{age_ms} {since_ms}"
        );
    }

    #[test]
    fn sessions_are_suspect_for_a_minute_after_a_refusal_and_young_ones_never() {
        check(3_600_000, 0, true);
        check(1_000, 0, true);
        check(999, 0, false);
        check(5_000, 59_999, true);
        check(5_000, 60_000, false);
        assert!(!is_suspect(SUSPECT, 0, 0), "without a refusal");
    }
}
