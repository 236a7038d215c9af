//! Callers take turns: while several of them call, none is read further than about ten calls before the others have had their turn.
//!
//! To refuse a call costs a good part of what it costs to answer one, so a caller that sends ten times its share cannot be refused away. Calls
//! that are not read cost nothing: they wait at their caller, whose deadlines end them there.
//!
//! In each round the connections of a caller may read [`TURN_BYTES`] between them. The round ends when the runtime has worked off what was ready
//! and looks for new input: then what was read has begun, and the calls of others that came in meanwhile are found at the same time. So the run
//! queue of the runtime is the ring of a round robin. Nothing is measured and nothing is estimated: where no other work is ready, the next round
//! begins at once. With several threads a round ends when one of them gets there.
//!
//! A caller is an identity, over all its connections; without one it is the address that a connection comes from. A connection that calls of
//! several identities share counts for the last one. Connections count as callers when they call, and health checks are no calls.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use futures_util::task::AtomicWaker;
use tokio::time::Instant;

use super::lock;
use crate::metrics::PeerMetrics;

/// Bytes that a caller may send in a round, for each thread that serves it: some ten calls.
pub(super) const TURN_BYTES: usize = 512;

/// Bytes of a large message that count as one: to read them is all that they cost here.
pub(super) const MESSAGE_BYTES_AS_ONE: usize = 8;

/// Callers count as calling at the same time when no more than this lies between their calls.
const TOGETHER: Duration = Duration::from_secs(10);

/// How many places a caller may have for each free one (dynamic thresholds; Choudhury and Hahne, 1998): of two that want all, each gets eight
/// seventeenths, and there is room for those that have few.
const PLACES_PER_FREE: u64 = 8;

/// Who sends calls.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum CallerKey {
    /// Connections that are not from the network: of tests.
    Nowhere,
    /// Connections from an address, of callers without identity.
    Address(IpAddr),
    /// The id of an identity.
    Identity(Box<str>),
}

/// The callers of all connections.
#[derive(Debug)]
pub(super) struct Callers {
    list: Mutex<HashMap<CallerKey, Weak<Caller>>>,
    last_number: AtomicU64,
    together: Arc<Together>,
}

/// Detects whether several callers call.
#[derive(Debug)]
struct Together {
    start: Instant,
    /// The number of the caller that called last; 0: nobody has.
    last: AtomicU64,
    /// Microseconds from the start until another caller called than before; 0: never.
    changed_us: AtomicU64,
    metrics: PeerMetrics,
}

impl Together {
    fn now_us(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    /// A caller calls.
    fn note(&self, caller: u64) {
        if self.last.load(Ordering::Relaxed) == caller {
            return;
        }
        // The first of all callers is alone.
        if self.last.swap(caller, Ordering::Relaxed) != 0 {
            let now = self.now_us().max(1);
            self.changed_us.store(now, Ordering::Relaxed);
        }
    }

    /// Whether several callers call.
    fn is_shared(&self) -> bool {
        let changed = self.changed_us.load(Ordering::Relaxed);
        let since = || Duration::from_micros(self.now_us().saturating_sub(changed));
        changed != 0 && since() < TOGETHER
    }
}

/// One caller.
#[derive(Debug)]
pub(super) struct Caller {
    key: CallerKey,
    number: u64,
    together: Arc<Together>,
    /// Calls in progress that have a place.
    places: AtomicU64,
    /// One for each runtime that serves connections.
    rounds: Box<[Arc<Round>]>,
}

/// What a caller may still send in the present round of a runtime.
#[derive(Debug)]
struct Round {
    turn_bytes: usize,
    left: AtomicUsize,
    /// Whether the runtime will end the round.
    ends: AtomicBool,
    waiting: Mutex<Waiting>,
}

/// Connections that wait for their turn.
#[derive(Debug, Default)]
struct Waiting {
    last_ticket: u64,
    /// By ticket, so that the one that waits longest comes first, also if it was woken and another one was faster.
    wakers: BTreeMap<u64, Weak<AtomicWaker>>,
}

/// How a connection is read: as far as its caller may send.
#[derive(Debug, Default)]
pub struct Reader {
    waker: Arc<AtomicWaker>,
    /// From when it first waited until it has read; 0: it does not wait.
    ticket: u64,
    /// The round in which it waits or reads.
    round: Option<Arc<Round>>,
}

impl Callers {
    pub(super) fn new(metrics: PeerMetrics) -> Self {
        Self {
            list: Mutex::default(),
            last_number: AtomicU64::new(0),
            together: Arc::new(Together {
                start: Instant::now(),
                last: AtomicU64::new(0),
                changed_us: AtomicU64::new(0),
                metrics,
            }),
        }
    }

    /// The caller at an address.
    pub(super) fn at(&self, address: Option<IpAddr>, threads: Threads) -> Arc<Caller> {
        let address = address.map(CallerKey::Address);
        self.find(address.unwrap_or(CallerKey::Nowhere), threads)
    }

    /// The caller with an identity.
    pub(super) fn identified(&self, id: &str, threads: Threads) -> Arc<Caller> {
        self.find(CallerKey::Identity(id.into()), threads)
    }

    fn find(&self, key: CallerKey, threads: Threads) -> Arc<Caller> {
        let mut list = lock(&self.list);
        if let Some(found) = list.get(&key).and_then(Weak::upgrade) {
            return found;
        }
        if list.len() == list.capacity() {
            list.retain(|_, caller| caller.strong_count() > 0);
        }
        let caller = Arc::new(Caller {
            key: key.clone(),
            number: self.last_number.fetch_add(1, Ordering::Relaxed) + 1,
            together: Arc::clone(&self.together),
            places: AtomicU64::new(0),
            rounds: threads.rounds(),
        });
        list.insert(key, Arc::downgrade(&caller));
        caller
    }

    /// Begins the rounds that nobody ended: the connections whose turn had come may not have read.
    pub(super) fn look(&self) {
        let callers: Vec<Arc<Caller>> = lock(&self.list)
            .values()
            .filter_map(Weak::upgrade)
            .collect();
        for round in callers.iter().flat_map(|caller| &*caller.rounds) {
            if !round.ends.load(Ordering::Acquire) && !lock(&round.waiting).wakers.is_empty() {
                round.begin();
            }
        }
    }
}

/// The threads that serve connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Threads {
    /// Those with a runtime of their own, which serve nothing else.
    pub cores: usize,
    /// Those of the runtime of everything else.
    pub others: usize,
}

impl Threads {
    /// One for each core, and one for everything else.
    fn rounds(self) -> Box<[Arc<Round>]> {
        let round = |threads: usize| {
            let turn_bytes = TURN_BYTES * threads.max(1);
            Arc::new(Round {
                turn_bytes,
                left: AtomicUsize::new(turn_bytes),
                ends: AtomicBool::new(false),
                waiting: Mutex::default(),
            })
        };
        let cores = (0..self.cores).map(|_| round(1));
        cores.chain([round(self.others)]).collect()
    }
}

impl Caller {
    /// Whether this is the one with this identity.
    pub(super) fn is(&self, id: &str) -> bool {
        matches!(&self.key, CallerKey::Identity(own) if **own == *id)
    }

    /// It calls.
    pub(super) fn note_call(&self) {
        self.together.note(self.number);
    }

    /// A place, of which so many are free; see [`PLACES_PER_FREE`]. A caller alone may have all.
    pub(super) fn place(self: &Arc<Self>, free: u64) -> Option<CallerPlace> {
        let place = CallerPlace(Arc::clone(self));
        let before = self.places.fetch_add(1, Ordering::AcqRel);
        let has_too_many = before >= free.saturating_mul(PLACES_PER_FREE);
        // With none free, the refusal is another one. A place that is dropped is given back.
        let is_refused = has_too_many && free > 0 && self.together.is_shared();
        (!is_refused).then_some(place)
    }
}

/// A place that counts for a caller.
#[derive(Debug)]
pub(super) struct CallerPlace(Arc<Caller>);

impl Drop for CallerPlace {
    fn drop(&mut self) {
        self.0.places.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Reader {
    /// How many bytes may be read now of a connection of `caller` on one of its runtimes. Pending: it is woken when its turn has come.
    pub(super) fn poll_bytes(
        &mut self,
        caller: &Caller,
        runtime: usize,
        cx: &Context<'_>,
    ) -> Poll<usize> {
        if !caller.together.is_shared() {
            self.leave();
            return Poll::Ready(usize::MAX);
        }
        let round = &caller.rounds[runtime.min(caller.rounds.len() - 1)];
        if !self.is_in(round) {
            // A connection that changed its caller waits no longer for the turn of the former one.
            self.leave();
            self.round = Some(Arc::clone(round));
        }
        let left = round.left.load(Ordering::Acquire);
        if left > 0 {
            return Poll::Ready(left);
        }
        self.waker.register(cx.waker());
        if self.ticket == 0 {
            caller.together.metrics.turns_waited.inc();
        }
        round.wait(&mut self.ticket, &self.waker);
        // It may have begun meanwhile.
        match round.left.load(Ordering::Acquire) {
            0 => Poll::Pending,
            left => Poll::Ready(left),
        }
    }

    /// So many bytes were read; 0 also where nothing was there to read. Of a large message they are not calls.
    pub fn note(&mut self, bytes: usize, is_of_large_message: bool) {
        let Some(round) = &self.round else {
            return;
        };
        let as_one = if is_of_large_message {
            MESSAGE_BYTES_AS_ONE
        } else {
            1
        };
        if bytes > 0 {
            round.use_up(bytes.div_ceil(as_one));
        }
        round.wait_no_longer(&mut self.ticket);
        round.let_follow();
    }

    fn is_in(&self, round: &Arc<Round>) -> bool {
        let own = self.round.as_ref();
        own.is_some_and(|own| Arc::ptr_eq(own, round))
    }

    /// Waits no longer, and lets another one follow.
    fn leave(&mut self) {
        if let Some(round) = self.round.take() {
            round.wait_no_longer(&mut self.ticket);
            round.let_follow();
        }
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.leave();
    }
}

impl Round {
    /// Bytes of this round were read. The runtime ends it once it has worked off what is ready.
    fn use_up(self: &Arc<Self>, bytes: usize) {
        let left = self.left.load(Ordering::Acquire);
        // Of two threads at a time one may count for nothing: a turn is some calls, more or less.
        self.left
            .store(left.saturating_sub(bytes), Ordering::Release);
        if !self.ends.swap(true, Ordering::AcqRel) {
            let end = Waker::from(Arc::clone(self));
            // The runtime keeps the waker of a task that yields until then, and this is no task.
            let yielding = pin!(tokio::task::yield_now());
            let _ = yielding.poll(&mut Context::from_waker(&end));
        }
    }

    fn begin(&self) {
        self.left.store(self.turn_bytes, Ordering::Release);
        self.wake_next();
    }

    /// Waits, from when it first did so.
    fn wait(&self, ticket: &mut u64, waker: &Arc<AtomicWaker>) {
        let mut waiting = lock(&self.waiting);
        if *ticket == 0 {
            waiting.last_ticket += 1;
            *ticket = waiting.last_ticket;
        }
        waiting.wakers.insert(*ticket, Arc::downgrade(waker));
    }

    fn wait_no_longer(&self, ticket: &mut u64) {
        if *ticket != 0 {
            lock(&self.waiting).wakers.remove(ticket);
            *ticket = 0;
        }
    }

    /// Lets the next one follow if something is left of the turn.
    fn let_follow(&self) {
        if self.left.load(Ordering::Acquire) > 0 {
            self.wake_next();
        }
    }

    /// Wakes the one that waits longest; it lets the next one follow. If all were woken, the runtime would decide who comes first, and one that
    /// runs last what was woken first would starve it.
    fn wake_next(&self) {
        loop {
            let Some((_, next)) = lock(&self.waiting).wakers.pop_first() else {
                return;
            };
            if let Some(waker) = next.upgrade() {
                waker.wake();
                return;
            }
        }
    }
}

/// The end of a round: the runtime looks for new input. It is about to wake other tasks too, so that nothing here may yield or wait.
impl Wake for Round {
    fn wake(self: Arc<Self>) {
        self.ends.store(false, Ordering::Release);
        self.begin();
    }
}

#[cfg(test)]
mod tests;
