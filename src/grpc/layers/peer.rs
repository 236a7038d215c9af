//! What each connection holds of the server, and what all of them hold together.
//!
//! A peer can make the server hold memory in three ways: requests that are under way, answers that it does not read, and heads of requests
//! without messages. Each is charged to its connection and to the process; layers find the [`Peer`] in the extensions of a request. When
//! the process holds more than its budget, the connection that holds most and makes no progress is cut; see [`Peers::watch`]. What the
//! calls do is not known here.

mod certificate;
pub(crate) mod charge;
mod turns;
mod watch;

pub use certificate::{ClientCertificate, ClientName};
pub use charge::{AnswerCharge, Exceeded, NoPlace, PeerPlace, RequestCharge};
pub use turns::{Reader, Threads};

use self::charge::CALL_BYTES;
use self::turns::{Caller, Callers, MESSAGE_BYTES_AS_ONE};

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::task::{Context, Poll};
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::metrics::PeerMetrics;

/// Bytes of messages under way from which they count as large: more than all lookups that a connection may have open send together.
const LARGE_MESSAGE_BYTES: u64 = 16 * 1024;

/// Bits of an IPv6 address that tell sites apart: the others are a host's to choose.
const SITE_BITS: u32 = 64;

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
    /// The threads that serve connections.
    pub threads: Threads,
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
            threads: Threads {
                cores: 0,
                others: 1,
            },
        }
    }
}

/// All connections. Clones share them.
#[derive(Debug, Clone)]
pub struct Peers {
    shared: Arc<Shared>,
    /// Which of the runtimes serves the connections that come from here.
    runtime: usize,
}

#[derive(Debug)]
struct Shared {
    limits: PeerLimits,
    metrics: PeerMetrics,
    callers: Callers,
    list: Mutex<HashMap<u64, Weak<Peer>>>,
    last_number: AtomicU64,
    request_bytes: AtomicU64,
    answer_bytes: AtomicU64,
    /// Rung when a budget is exceeded: somebody must go.
    alarm: Notify,
    /// Whether a request was refused for want of room since the last look.
    is_short: AtomicBool,
}

/// One connection.
#[derive(Debug)]
pub struct Peer {
    shared: Arc<Shared>,
    number: u64,
    runtime: usize,
    caller: ArcSwap<Caller>,
    places: AtomicU64,
    request_bytes: AtomicU64,
    /// Those of them that are charged for messages that are not complete.
    incomplete_bytes: AtomicU64,
    /// Those of these that are charged beyond what every call is.
    large_bytes: AtomicU64,
    /// Bytes of messages that ever came, as far as they were charged for.
    received_bytes: AtomicU64,
    /// Bytes of answers that the transport has not asked for yet.
    answer_bytes: AtomicU64,
    /// Bytes of answers that the transport has and the socket has not taken yet.
    outgoing_bytes: AtomicU64,
    written_bytes: AtomicU64,
    /// Whether the socket takes no more.
    is_blocked: AtomicBool,
    /// When the connection began.
    since: Instant,
    /// Microseconds from then until something was last read.
    last_read_us: AtomicU64,
    reading: Mutex<Progress>,
    sending: Mutex<Progress>,
    certificate: OnceLock<Arc<ClientCertificate>>,
    leaving: CancellationToken,
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
        let shared = Arc::new(Shared {
            limits,
            callers: Callers::new(metrics.clone()),
            metrics,
            list: Mutex::default(),
            last_number: AtomicU64::new(0),
            request_bytes: AtomicU64::new(0),
            answer_bytes: AtomicU64::new(0),
            alarm: Notify::new(),
            is_short: AtomicBool::new(false),
        });
        Self { shared, runtime: 0 }
    }

    /// The same for connections that another one of the runtimes serves.
    #[must_use]
    pub fn on_runtime(&self, runtime: usize) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
            runtime,
        }
    }

    /// A new connection, which is asked to end when `leave` is cancelled, and ends when `cut` is or it must go.
    #[must_use]
    pub fn connect(&self, leave: &CancellationToken, cut: &CancellationToken) -> Arc<Peer> {
        let shared = &self.shared;
        let number = shared.last_number.fetch_add(1, Ordering::Relaxed);
        let peer = Arc::new(Peer {
            shared: Arc::clone(shared),
            number,
            runtime: self.runtime,
            caller: ArcSwap::new(shared.callers.at(None, shared.limits.threads)),
            places: AtomicU64::new(0),
            request_bytes: AtomicU64::new(0),
            incomplete_bytes: AtomicU64::new(0),
            large_bytes: AtomicU64::new(0),
            received_bytes: AtomicU64::new(0),
            answer_bytes: AtomicU64::new(0),
            outgoing_bytes: AtomicU64::new(0),
            written_bytes: AtomicU64::new(0),
            is_blocked: AtomicBool::new(false),
            since: Instant::now(),
            last_read_us: AtomicU64::new(0),
            reading: Mutex::new(Progress::now()),
            sending: Mutex::new(Progress::now()),
            certificate: OnceLock::new(),
            leaving: leave.child_token(),
            cut: cut.child_token(),
        });
        lock(&shared.list).insert(number, Arc::downgrade(&peer));
        peer
    }
}

impl Peer {
    /// Ends when the connection must go.
    #[must_use]
    pub fn cut(&self) -> &CancellationToken {
        &self.cut
    }

    /// Cancelled when the connection finishes its calls and takes no more.
    #[must_use]
    pub fn leaving(&self) -> &CancellationToken {
        &self.leaving
    }

    /// The client proved that this certificate is its own. Only the first counts.
    pub fn identify(&self, certificate: ClientCertificate) {
        self.certificate.get_or_init(|| Arc::new(certificate));
    }

    /// The certificate of the client, if it has one. Calls find it here, since they have the connection in their extensions.
    #[must_use]
    pub fn certificate(&self) -> Option<&Arc<ClientCertificate>> {
        self.certificate.get()
    }

    /// Where the connection comes from: until its calls have an identity, its caller is this address.
    pub fn set_address(&self, address: IpAddr) {
        let shared = &self.shared;
        let caller = shared
            .callers
            .at(Some(site(address)), shared.limits.threads);
        self.caller.store(caller);
    }

    /// Its caller has this identity.
    pub fn set_identity(&self, id: &str) {
        if !self.caller.load().is(id) {
            let shared = &self.shared;
            let caller = shared.callers.identified(id, shared.limits.threads);
            self.caller.store(caller);
        }
    }

    /// A call begins.
    pub fn note_call(&self) {
        self.caller.load().note_call();
    }

    /// How many bytes `reader` may read of the connection now; see [`Reader`].
    pub fn poll_may_read(&self, reader: &mut Reader, cx: &Context<'_>) -> Poll<usize> {
        let bytes = reader.poll_bytes(&self.caller.load(), self.runtime, cx);
        let as_one = if self.sends_large_message() {
            MESSAGE_BYTES_AS_ONE
        } else {
            1
        };
        bytes.map(|bytes| bytes.saturating_mul(as_one))
    }

    /// So many bytes were read by `reader`; 0: nothing was there.
    pub fn note_bytes(&self, reader: &mut Reader, bytes: usize) {
        reader.note(bytes, self.sends_large_message());
        if bytes > 0 {
            self.note_read();
        }
    }

    /// Whether a message is under way that is larger than that of a lookup ever is.
    fn sends_large_message(&self) -> bool {
        self.large_bytes.load(Ordering::Relaxed) >= LARGE_MESSAGE_BYTES
    }

    /// Something was read from the socket.
    pub fn note_read(&self) {
        let micros = u64::try_from(self.since.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.last_read_us.store(micros, Ordering::Relaxed);
    }

    /// When something was last read from the socket: a call that is looked at now came in then, or earlier. The transport itself calls the
    /// layers only when a thread takes the call up, so that the wait for a thread can be told from this alone.
    #[must_use]
    pub fn last_read(&self) -> Instant {
        self.since + Duration::from_micros(self.last_read_us.load(Ordering::Relaxed))
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

/// The address of a caller: the same in both ways to write it, and one for all that a host can choose from.
fn site(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let bits = address.to_bits() >> SITE_BITS << SITE_BITS;
            IpAddr::V6(bits.into())
        }
        address @ IpAddr::V4(_) => address,
    }
}

/// Nothing that can panic runs under these locks.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
