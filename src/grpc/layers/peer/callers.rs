//! Callers share the server: while calls wait for threads, a caller that sends more than its share is read more slowly, and the others notice
//! little of it.
//!
//! To refuse a call costs a good part of what it costs to answer one, so a caller that sends ten times its share cannot be refused away. Calls
//! that are not read cost nothing: they wait at their caller, whose deadlines end them there. Each caller has an account of the calls that began;
//! from window to window [`Shares`] decides how many it may send. Beyond that its connections are read in turns, some calls each.
//!
//! A caller is an identity, over all its connections; without one it is the address that a connection comes from. A connection that calls of several
//! identities share counts for the last one. As long as no calls wait, or there is one caller only, all of this costs two counters a call.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::lock;
use super::share::{Shares, Usage};
use crate::metrics::PeerMetrics;

/// Time over which is decided how much each caller may send.
const WINDOW: Duration = Duration::from_millis(25);
/// How often turns are given while callers are held back: what one caller may send in this time is what the others wait for.
const TURN_INTERVAL: Duration = Duration::from_millis(1);
/// Bytes of a turn: some ten calls.
pub const TURN_BYTES: usize = 1024;
/// Most calls that are expected of a turn.
const MAX_CALLS_PER_TURN: f64 = 64.0;
/// The part of its share that a caller has used whose connections wait for want of turns, and not by chance.
const USED: f64 = 0.8;
/// Calls that a caller may have saved up: a short burst is no overload.
const MAX_SAVED: f64 = 32.0;
/// The same as time: callers with large shares have larger bursts.
const MAX_SAVED_TIME: Duration = Duration::from_millis(5);

/// What may be read of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MayRead {
    /// Whatever there is.
    All,
    /// [`TURN_BYTES`] at most.
    Turn,
}

/// Who sends calls.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum CallerKey {
    /// Connections from an address, of callers without identity.
    Address(IpAddr),
    /// Connections that are not from the network: of tests.
    Nowhere,
    /// The id of an identity.
    Identity(Box<str>),
}

/// The callers of all connections.
#[derive(Debug)]
pub(super) struct Callers {
    list: Mutex<HashMap<CallerKey, Weak<Caller>>>,
    /// Whether callers are held back.
    is_pacing: Arc<AtomicBool>,
    metrics: PeerMetrics,
}

/// The account of one caller.
#[derive(Debug)]
pub(super) struct Caller {
    key: CallerKey,
    is_pacing: Arc<AtomicBool>,
    calls: AtomicU64,
    waited_us: AtomicU64,
    turns: Mutex<Turns>,
}

/// The turns of a caller while callers are held back.
#[derive(Debug)]
struct Turns {
    /// Those that may be taken now.
    free: u64,
    /// Connections that wait for one, the longest first.
    waiting: VecDeque<Weak<Turn>>,
    was_held: bool,
    /// Calls, and their waits in microseconds, as of the last window.
    last_window: (u64, u64),
    /// Calls, and free turns, as of the last time that turns were given.
    last_given: (u64, u64),
    /// Calls that it may send; below zero, it sent too many in a turn.
    saved: f64,
    calls_per_turn: f64,
}

impl Default for Turns {
    fn default() -> Self {
        Self {
            free: 0,
            waiting: VecDeque::new(),
            was_held: false,
            last_window: (0, 0),
            last_given: (0, 0),
            saved: MAX_SAVED,
            calls_per_turn: 1.0,
        }
    }
}

/// Where a connection waits for its turn.
#[derive(Debug, Default)]
pub(super) struct Turn {
    has_come: AtomicBool,
    is_waiting: AtomicBool,
    waker: Mutex<Option<Waker>>,
}

impl Turn {
    fn come(&self) {
        self.is_waiting.store(false, Ordering::Release);
        self.has_come.store(true, Ordering::Release);
        let waker = lock(&self.waker).take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl Callers {
    pub(super) fn new(metrics: PeerMetrics) -> Self {
        Self {
            list: Mutex::default(),
            is_pacing: Arc::default(),
            metrics,
        }
    }

    /// The account of an address.
    pub(super) fn at(&self, address: Option<IpAddr>) -> Arc<Caller> {
        // The same address, in both ways to write it.
        let address = address.map(|address| CallerKey::Address(address.to_canonical()));
        self.find(address.unwrap_or(CallerKey::Nowhere))
    }

    /// The account of an identity.
    pub(super) fn identified(&self, id: &str) -> Arc<Caller> {
        self.find(CallerKey::Identity(id.into()))
    }

    fn find(&self, key: CallerKey) -> Arc<Caller> {
        let mut list = lock(&self.list);
        let found = list.get(&key).and_then(Weak::upgrade);
        found.unwrap_or_else(|| {
            let caller = Arc::new(Caller {
                key: key.clone(),
                is_pacing: Arc::clone(&self.is_pacing),
                calls: AtomicU64::new(0),
                waited_us: AtomicU64::new(0),
                turns: Mutex::default(),
            });
            list.insert(key, Arc::downgrade(&caller));
            caller
        })
    }

    fn all(&self) -> Vec<Arc<Caller>> {
        let mut list = lock(&self.list);
        list.retain(|_, caller| caller.strong_count() > 0);
        list.values().filter_map(Weak::upgrade).collect()
    }

    /// Decides on shares and gives turns, for as long as it is polled.
    pub(super) async fn share(&self) {
        let mut shares = Shares::default();
        let mut share = None;
        let (mut window, mut tick) = (Instant::now(), Instant::now());
        loop {
            sleep(share.map_or(WINDOW, |_: f64| TURN_INTERVAL)).await;
            let now = Instant::now();
            let callers = self.all();
            let length = now - window;
            if length >= WINDOW {
                window = now;
                let most = share.map(|share| share * length.as_secs_f64());
                let usages = callers.iter().map(|caller| caller.usage(most));
                let usages: Vec<Usage> = usages.collect();
                let before = share;
                share = shares.next(length, &usages);
                if before.is_none() && share.is_some() {
                    for caller in &callers {
                        caller.forget();
                    }
                }
                let held = usages.iter().filter(|usage| usage.was_held).count();
                self.metrics
                    .callers_held
                    .set(i64::try_from(held).unwrap_or(i64::MAX));
                self.is_pacing.store(share.is_some(), Ordering::Release);
            }
            match share {
                Some(share) => {
                    for caller in &callers {
                        let used = caller.give_turns(share, now - tick);
                        self.metrics.turns.inc_by(used);
                    }
                }
                None => {
                    for caller in &callers {
                        caller.release();
                    }
                }
            }
            tick = now;
        }
    }
}

impl Caller {
    /// Whether this is the account of an identity.
    pub(super) fn is_of(&self, id: &str) -> bool {
        matches!(&self.key, CallerKey::Identity(own) if **own == *id)
    }

    /// A call began that waited so long for a thread.
    pub(super) fn note_call(&self, waited: Duration) {
        let micros = u64::try_from(waited.as_micros()).unwrap_or(u64::MAX);
        self.calls.fetch_add(1, Ordering::Relaxed);
        self.waited_us.fetch_add(micros, Ordering::Relaxed);
    }

    /// Whether a connection may be read: without limit, or for a turn. Pending: it is woken when its turn has come.
    pub(super) fn poll_turn(&self, turn: &Arc<Turn>, cx: &Context<'_>) -> Poll<MayRead> {
        if !self.is_pacing.load(Ordering::Acquire) {
            return Poll::Ready(MayRead::All);
        }
        if turn.has_come.swap(false, Ordering::AcqRel) {
            return Poll::Ready(MayRead::Turn);
        }
        let mut turns = lock(&self.turns);
        if turns.free > 0 {
            turns.free -= 1;
            return Poll::Ready(MayRead::Turn);
        }
        turns.was_held = true;
        *lock(&turn.waker) = Some(cx.waker().clone());
        if !turn.is_waiting.swap(true, Ordering::AcqRel) {
            turns.waiting.push_back(Arc::downgrade(turn));
        }
        Poll::Pending
    }

    /// A turn was not used: there was nothing to read.
    pub(super) fn give_back(&self) {
        let mut turns = lock(&self.turns);
        turns.free += 1;
        turns.pass_on();
    }

    /// What it did since the last window. It was held back where it had to wait and still sent most of its share.
    fn usage(&self, most: Option<f64>) -> Usage {
        let now = (
            self.calls.load(Ordering::Relaxed),
            self.waited_us.load(Ordering::Relaxed),
        );
        let mut turns = lock(&self.turns);
        let (calls, waited_us) = std::mem::replace(&mut turns.last_window, now);
        let calls = now.0 - calls;
        let has_used = most.is_some_and(|most| to_f64(calls) >= most * USED);
        Usage {
            calls,
            waited: Duration::from_micros(now.1 - waited_us),
            was_held: std::mem::take(&mut turns.was_held) && has_used,
        }
    }

    /// What was sent before shares began does not count.
    fn forget(&self) {
        let calls = self.calls.load(Ordering::Relaxed);
        let mut turns = lock(&self.turns);
        turns.last_given = (calls, 0);
        turns.saved = MAX_SAVED;
    }

    /// Gives turns for a share of so many calls a second; returns how many were used since the last time.
    fn give_turns(&self, share: f64, elapsed: Duration) -> u64 {
        let calls = self.calls.load(Ordering::Relaxed);
        let mut turns = lock(&self.turns);
        let (counted, given) = turns.last_given;
        let sent = to_f64(calls - counted);
        let used = given.saturating_sub(turns.free);
        if used > 0 && sent > 0.0 {
            let found = (sent / to_f64(used)).clamp(1.0, MAX_CALLS_PER_TURN);
            turns.calls_per_turn += (found - turns.calls_per_turn) / 8.0;
        }
        let most = (share * MAX_SAVED_TIME.as_secs_f64()).max(MAX_SAVED);
        let saved = turns.saved - sent + share * elapsed.as_secs_f64();
        turns.saved = saved.min(most);
        turns.free = whole((turns.saved / turns.calls_per_turn).ceil());
        turns.last_given = (calls, turns.free);
        turns.pass_on();
        used
    }

    /// Nobody is held back any more.
    fn release(&self) {
        let waiting = {
            let mut turns = lock(&self.turns);
            turns.free = 0;
            std::mem::take(&mut turns.waiting)
        };
        for turn in waiting.iter().filter_map(Weak::upgrade) {
            turn.come();
        }
    }
}

impl Turns {
    /// Gives free turns to those that wait.
    fn pass_on(&mut self) {
        while self.free > 0
            && let Some(next) = self.waiting.pop_front()
        {
            if let Some(turn) = next.upgrade() {
                self.free -= 1;
                turn.come();
            }
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts of calls in a window")]
fn to_f64(count: u64) -> f64 {
    count as f64
}

/// A number of turns; none below zero.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a few hundred at most, and none is negative"
)]
fn whole(turns: f64) -> u64 {
    turns.max(0.0) as u64
}

#[cfg(test)]
mod tests;
