//! What each connection holds of the server, and what all of them hold together.
//!
//! A peer can make the server hold memory in three ways: requests that are under way, answers that it does not read, and heads of requests
//! without messages. Each is charged to its connection and to the process; layers find the [`Peer`] in the extensions of a request. When
//! the process holds more than its budget, the connection that holds most and makes no progress is cut; see [`Peers::watch`]. What the
//! calls do is not known here.

pub(crate) mod charge;
mod watch;

pub use charge::{AnswerCharge, Exceeded, PeerPlace, RequestCharge};

use self::charge::CALL_BYTES;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::metrics::PeerMetrics;

/// Calls that came in and were not looked at yet, above which no connection is read. At 40 µs of work each on two cores they are 20 ms of
/// delay: callers beyond that wait in their own queues, where waiting costs this server nothing.
const QUEUE_HIGH: u64 = 1024;

/// Calls below which connections are read again.
const QUEUE_LOW: u64 = QUEUE_HIGH / 2;

/// What connections may make the server hold.
#[derive(Debug, Clone, Copy)]
pub struct PeerLimits {
    /// Bytes of requests under way that one connection may have.
    pub request_bytes: u64,
    /// Bytes of requests under way that all connections together may have.
    pub all_request_bytes: u64,
    /// Bytes of unread answers that all connections together may leave here.
    pub all_answer_bytes: u64,
    /// Calls in progress that one connection may have.
    pub places: u64,
    /// Time without progress after which a connection that leaves answers unread is cut.
    pub stall: Duration,
}

impl Default for PeerLimits {
    /// The defaults of the settings: two messages of 4 MiB and 256 calls under way, a quarter of 1,024 places, and budgets that keep the
    /// process within 64 MB of its ordinary size whatever its peers do.
    fn default() -> Self {
        Self {
            request_bytes: (8 << 20) + 256 * CALL_BYTES,
            all_request_bytes: 24 << 20,
            all_answer_bytes: 24 << 20,
            places: 256,
            stall: Duration::from_secs(20),
        }
    }
}

/// All connections. Clones share them.
#[derive(Debug, Clone)]
pub struct Peers(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    limits: PeerLimits,
    metrics: PeerMetrics,
    list: Mutex<HashMap<u64, Weak<Peer>>>,
    last_number: AtomicU64,
    request_bytes: AtomicU64,
    answer_bytes: AtomicU64,
    /// Rung when a budget is exceeded: somebody must go.
    alarm: Notify,
    /// Whether a request was refused for want of room since the last look.
    is_short: AtomicBool,
    /// Calls that came in and were not looked at yet.
    queued: AtomicU64,
    paused: Mutex<Vec<Waker>>,
}

/// One connection.
#[derive(Debug)]
pub struct Peer {
    shared: Arc<Shared>,
    number: u64,
    places: AtomicU64,
    request_bytes: AtomicU64,
    /// Those of them that are charged for messages that are not complete.
    incomplete_bytes: AtomicU64,
    /// Bytes of messages that ever came, as far as they were charged for.
    received_bytes: AtomicU64,
    /// Bytes of answers that the transport has not asked for yet.
    answer_bytes: AtomicU64,
    /// Bytes of answers that the transport has and the socket has not taken yet.
    outgoing_bytes: AtomicU64,
    written_bytes: AtomicU64,
    /// Whether the socket takes no more.
    is_blocked: AtomicBool,
    reading: Mutex<Progress>,
    sending: Mutex<Progress>,
    cut: CancellationToken,
}

/// The last time a connection was seen to make progress, and how far it was.
#[derive(Debug, Clone, Copy)]
struct Progress {
    at: Instant,
    bytes: u64,
}

impl Progress {
    fn now() -> Self {
        Self {
            at: Instant::now(),
            bytes: 0,
        }
    }
}

impl Peers {
    /// No connections yet.
    #[must_use]
    pub fn new(limits: PeerLimits, metrics: PeerMetrics) -> Self {
        Self(Arc::new(Shared {
            limits,
            metrics,
            list: Mutex::default(),
            last_number: AtomicU64::new(0),
            request_bytes: AtomicU64::new(0),
            answer_bytes: AtomicU64::new(0),
            alarm: Notify::new(),
            is_short: AtomicBool::new(false),
            queued: AtomicU64::new(0),
            paused: Mutex::default(),
        }))
    }

    /// A new connection, which ends when `cut` is cancelled or it must go.
    #[must_use]
    pub fn connect(&self, cut: &CancellationToken) -> Arc<Peer> {
        let number = self.0.last_number.fetch_add(1, Ordering::Relaxed);
        let peer = Arc::new(Peer {
            shared: Arc::clone(&self.0),
            number,
            places: AtomicU64::new(0),
            request_bytes: AtomicU64::new(0),
            incomplete_bytes: AtomicU64::new(0),
            received_bytes: AtomicU64::new(0),
            answer_bytes: AtomicU64::new(0),
            outgoing_bytes: AtomicU64::new(0),
            written_bytes: AtomicU64::new(0),
            is_blocked: AtomicBool::new(false),
            reading: Mutex::new(Progress::now()),
            sending: Mutex::new(Progress::now()),
            cut: cut.child_token(),
        });
        lock(&self.0.list).insert(number, Arc::downgrade(&peer));
        peer
    }

    /// Counts a call that came in, until the guard is dropped: by then somebody looks at it.
    #[must_use]
    pub fn enqueue(&self) -> Queued {
        self.0.queued.fetch_add(1, Ordering::AcqRel);
        Queued(Arc::clone(&self.0))
    }
}

/// A call that came in and was not looked at yet.
#[derive(Debug)]
pub struct Queued(Arc<Shared>);

impl Drop for Queued {
    fn drop(&mut self) {
        let before = self.0.queued.fetch_sub(1, Ordering::AcqRel);
        if before == QUEUE_LOW {
            self.0.resume();
        }
    }
}

impl Shared {
    fn resume(&self) {
        for waker in std::mem::take(&mut *lock(&self.paused)) {
            waker.wake();
        }
    }
}

impl Peer {
    /// Ends when the connection must go.
    #[must_use]
    pub fn cut(&self) -> &CancellationToken {
        &self.cut
    }

    /// Ready when the connection may be read; pending while more calls came in than are being looked at.
    pub fn poll_may_read(&self, cx: &mut Context<'_>) -> Poll<()> {
        if self.shared.queued.load(Ordering::Acquire) < QUEUE_HIGH {
            return Poll::Ready(());
        }
        lock(&self.shared.paused).push(cx.waker().clone());
        // The queue may have emptied between the look and the registration, and then nobody else would wake us.
        if self.shared.queued.load(Ordering::Acquire) < QUEUE_LOW {
            self.shared.resume();
        }
        self.shared.metrics.reads_paused.inc();
        Poll::Pending
    }

    /// The socket took so many bytes.
    pub fn wrote(&self, bytes: usize) {
        let bytes = bytes as u64;
        self.is_blocked.store(false, Ordering::Relaxed);
        self.written_bytes.fetch_add(bytes, Ordering::Relaxed);
        self.sent(bytes);
    }

    /// The socket takes no more for now.
    pub fn blocked(&self) {
        self.is_blocked.store(true, Ordering::Relaxed);
    }

    /// At most so many bytes less are on their way out.
    fn sent(&self, bytes: u64) {
        let update = |waiting: u64| (waiting > 0).then(|| waiting.saturating_sub(bytes));
        let waited = self
            .outgoing_bytes
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, update);
        if let Ok(waited) = waited {
            let all = &self.shared.answer_bytes;
            all.fetch_sub(waited.min(bytes), Ordering::AcqRel);
        }
    }

    /// Bytes of answers that wait here for the peer to read. While the socket takes more, nothing waits in the transport.
    fn unread_bytes(&self) -> u64 {
        let outgoing = if self.is_blocked.load(Ordering::Relaxed) {
            self.outgoing_bytes.load(Ordering::Acquire)
        } else {
            0
        };
        self.answer_bytes.load(Ordering::Acquire) + outgoing
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.sent(u64::MAX);
        lock(&self.shared.list).remove(&self.number);
    }
}

/// Nothing that can panic runs under these locks.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
