//! Looks at all connections from time to time and cuts those that hold what they do not read.
//!
//! It belongs on a thread that no call can keep busy.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::Instant;

use super::{Peer, Peers, Progress, lock};

/// Longest time between two looks.
const MAX_INTERVAL: Duration = Duration::from_secs(1);

/// Shortest time between two looks, however loud the alarm.
const MIN_INTERVAL: Duration = Duration::from_millis(20);

/// Bytes that must pass to count as progress. Below it, a peer that reads a byte a second would hold answers for hours.
const PROGRESS_BYTES: u64 = 16 * 1024;

/// Time without progress after which a connection may be cut to get the process back within its budget.
const SUSPICION: Duration = Duration::from_millis(250);

impl Peers {
    /// Watches the connections for as long as it is polled.
    pub async fn watch(&self) {
        let limits = &self.shared.limits;
        let interval = MAX_INTERVAL.min(limits.stall / 4).max(MIN_INTERVAL);
        loop {
            tokio::select! {
                () = tokio::time::sleep(interval) => {}
                () = self.shared.alarm.notified() => {}
            }
            self.look(Instant::now());
            tokio::time::sleep(MIN_INTERVAL).await;
        }
    }

    /// Cuts the connections that must go.
    pub(crate) fn look(&self, now: Instant) {
        let peers: Vec<Arc<Peer>> = {
            let list = lock(&self.shared.list);
            list.values().filter_map(std::sync::Weak::upgrade).collect()
        };
        let answers: Vec<Held> = peers.iter().map(|peer| peer.unread(now)).collect();
        for (peer, unread) in peers.iter().zip(&answers) {
            if unread.stalled_for >= self.shared.limits.stall {
                self.cut(peer, "it does not read its responses");
            }
        }
        let budget = self.shared.limits.all_answer_bytes;
        self.relieve(&peers, &answers, budget, 2 * budget);
        let requests: Vec<Held> = peers.iter().map(|peer| peer.unsent(now)).collect();
        if self.shared.is_short.swap(false, Ordering::AcqRel) {
            let all = self.shared.request_bytes.load(Ordering::Acquire);
            let incomplete: u64 = requests.iter().map(|held| held.bytes).sum();
            // Room for those who were refused, taken from messages that do not come.
            let room = self.shared.limits.all_request_bytes / 4;
            let budget = self.shared.limits.all_request_bytes - room;
            let budget = budget.saturating_sub(all.saturating_sub(incomplete));
            self.relieve(&peers, &requests, budget, u64::MAX);
        }
        self.shared.callers.look();
        self.measure();
    }

    /// Cuts the connections that hold most until what all hold is within `budget`; those that make progress only beyond `tolerated`.
    fn relieve(&self, peers: &[Arc<Peer>], held: &[Held], budget: u64, tolerated: u64) {
        let mut holders: Vec<(u64, usize)> = (0..peers.len())
            .filter(|at| !peers[*at].cut.is_cancelled())
            .map(|at| (held[at].bytes, at))
            .collect();
        let mut total: u64 = holders.iter().map(|(bytes, _)| bytes).sum();
        holders.sort_unstable_by(|a, b| b.cmp(a));
        for (bytes, at) in holders {
            if total <= budget {
                return;
            }
            if held[at].stalled_for >= SUSPICION || total > tolerated {
                self.cut(&peers[at], "it holds most of the buffer memory");
                total -= bytes;
            }
        }
    }

    fn cut(&self, peer: &Peer, reason: &'static str) {
        if peer.cut.is_cancelled() {
            return;
        }
        peer.cut.cancel();
        self.shared.metrics.cut.inc();
        tracing::warn!(
            connection.unread_bytes = peer.unread_bytes(),
            connection.request_bytes = peer.request_bytes.load(Ordering::Acquire),
            reason,
            "connection closed"
        );
    }

    fn measure(&self) {
        let gauge = |bytes: u64| i64::try_from(bytes).unwrap_or(i64::MAX);
        let shared = &self.shared;
        let requests = shared.request_bytes.load(Ordering::Acquire);
        shared.metrics.request_bytes.set(gauge(requests));
        let answers = shared.answer_bytes.load(Ordering::Acquire);
        shared.metrics.answer_bytes.set(gauge(answers));
    }
}

/// What a connection makes the server hold, and for how long it has done nothing about it.
#[derive(Debug, Clone, Copy)]
struct Held {
    bytes: u64,
    stalled_for: Duration,
}

impl Peer {
    /// The answers that wait for the peer.
    fn unread(&self, now: Instant) -> Held {
        let is_blocked = self.is_blocked.load(Ordering::Relaxed);
        if !is_blocked {
            // What the transport had, it has sent, or dropped because a stream was reset: the sum starts anew.
            self.sent(u64::MAX);
        }
        let bytes = self.unread_bytes();
        let written = self.written_bytes.load(Ordering::Relaxed);
        let is_idle = !is_blocked && bytes == 0;
        Held {
            bytes,
            stalled_for: lock(&self.reading).stalled_for(now, is_idle, written),
        }
    }

    /// The messages that the peer has begun and not finished.
    fn unsent(&self, now: Instant) -> Held {
        let bytes = self.incomplete_bytes.load(Ordering::Acquire);
        let received = self.received_bytes.load(Ordering::Relaxed);
        Held {
            bytes,
            stalled_for: lock(&self.sending).stalled_for(now, bytes == 0, received),
        }
    }
}

impl Progress {
    /// Time without progress, which starts anew when nothing waits or enough bytes passed.
    fn stalled_for(&mut self, now: Instant, is_idle: bool, bytes: u64) -> Duration {
        if is_idle || bytes.saturating_sub(self.bytes) >= PROGRESS_BYTES {
            *self = Self { at: now, bytes };
        }
        now - self.at
    }
}
