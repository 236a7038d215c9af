//! What the tests stand on; no tests of its own.

use std::fs::Permissions;
use std::net::{IpAddr, Ipv4Addr};
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

pub(crate) mod database;
pub(crate) mod messages;
pub(crate) mod models;
pub(crate) mod program;
pub(crate) mod proxy;
pub(crate) mod recipes;
pub(crate) mod server;
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

/// A directory that the server's account may enter, also when the tests run as root.
pub(crate) fn place() -> TempDir {
    let open = Permissions::from_mode(0o755);
    tempfile::Builder::new()
        .prefix("patron-test-")
        .permissions(open)
        .tempdir()
        .unwrap()
}

/// Whether a process has ended; a server that nobody waits for may stay in the process table without running.
pub(crate) fn is_gone(process_id: u32) -> bool {
    let signal = format!("kill -0 {process_id}");
    let mut shell = Command::new("/bin/sh");
    let alive = shell
        .args(["-c", &signal])
        .stderr(Stdio::null())
        .status()
        .unwrap()
        .success();
    let state = std::fs::read_to_string(format!("/proc/{process_id}/stat")).unwrap_or_default();
    !alive || state.contains(") Z ")
}

/// An address of this machine from which no test connects, so that a port there stays free until somebody listens again. Linux has the whole network.
pub(crate) const APART: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 14, 3, 1));

/// Longest time to wait for what must happen: only a failing test waits so long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Waits until `condition` holds, and fails the test if it does not soon.
pub(crate) async fn until(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let mut looks = tokio::time::interval(Duration::from_millis(5));
    let looked = async {
        while !condition().await {
            looks.tick().await;
        }
    };
    let held = tokio::time::timeout(PATIENCE, looked).await;
    assert!(held.is_ok(), "not within {PATIENCE:?}: {what}");
}
