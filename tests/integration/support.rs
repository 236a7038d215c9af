//! What the tests stand on; no tests of its own.

use std::time::Duration;

pub(crate) mod database;
pub(crate) mod messages;
pub(crate) mod models;
pub(crate) mod service;

/// Waits until `condition` holds, and fails the test if it does not within `limit`.
#[track_caller]
pub(crate) fn eventually(limit: Duration, what: &str, mut condition: impl FnMut() -> bool) {
    // Nobody sends here: receiving is the pause between two looks.
    let (_keep, pause) = std::sync::mpsc::channel::<()>();
    let start = std::time::Instant::now();
    while !condition() {
        assert!(start.elapsed() < limit, "not within {limit:?}: {what}");
        let _ = pause.recv_timeout(Duration::from_millis(5));
    }
}
