//! Whether the database answers: calls that need it fail at once while it does not, and one probe finds out when it does again.
//!
//! A caller who waits for the database waits under [`Breaker::guard`], which asks for a probe when the wait is long or the connection breaks, and
//! ends the wait when the probe fails too. Nobody but the probe closes the breaker. A login that is refused does not open it while open
//! sessions have answers: it would shut out calls that need no new session. It does not know what a call wanted, nor whose connections
//! they are.

mod probing;

use std::{
    future::Future,
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use jiff::Timestamp;
use tokio::{
    runtime::Handle,
    sync::watch,
    time::{Instant, interval_at, sleep},
};

use self::probing::Probing;
use crate::{
    metrics::BreakerMetrics,
    store::error::{Outage, StoreError},
};

/// After this long without an answer, and again each time it has passed, a probe asks whether there is anybody. A cold load takes a
/// millisecond or two; a probe in vain costs one connection.
const PATIENCE: Duration = Duration::from_millis(100);
/// The same for work that writes, which may take seconds.
const ENDURANCE: Duration = Duration::from_secs(1);
/// So long after an outage is an answer of before still waited for by who writes: the breaker opens as well where only new connections fail, and
/// sessions that go on working have their answers within seconds.
const AFTER_OUTAGE: Duration = Duration::from_secs(5);
/// So long after another host was taken is an answer of the one before still waited for.
const LAST_CHANCE: Duration = Duration::from_millis(500);
/// So long after a probe that was answered no other one is sent: slow answers of a busy database are no reason to connect to it again and again.
const TRUSTED: Duration = Duration::from_millis(500);
/// A session of ours that answered within this time shows that the database works, although it lets nobody new in. A healthy process asks
/// for a sign of life every second.
const SESSIONS_WORK: Duration = Duration::from_millis(2_500);
/// No call had an answer since a session broke.
const NEVER: u64 = u64::MAX;
/// Memory holds what was written.
const FOLLOWED: i64 = i64::MAX;
/// So many may wait while a probe has had no answer for a while, a load counting twice, for its connection and for itself. More are as good as
/// refused already, and would take the places of calls that need no database.
const MOST_WAITING: usize = 512;

/// What a probe comes to: an error when the database did not answer.
pub type Probed = Pin<Box<dyn Future<Output = Result<(), StoreError>> + Send>>;
/// Asks the database for a sign of life, on a connection of its own.
pub type Probe = Box<dyn Fn() -> Probed + Send + Sync>;
/// What time it is.
pub type Now = Box<dyn Fn() -> Timestamp + Send + Sync>;

/// See the module.
pub struct Breaker {
    /// Whether the database is away. Read at every answer, so it is an atomic of its own.
    open: AtomicBool,
    /// The same, for those who wait.
    changes: watch::Sender<bool>,
    /// Whether a probe is under way; there is never more than one.
    probing: AtomicBool,
    /// Whether it has had no answer for a while.
    silent: AtomicBool,
    /// How many wait for the database.
    waiting: AtomicUsize,
    /// When the database last answered, in microseconds since 1970.
    confirmed_us: AtomicI64,
    /// When memory was last found to hold what other processes have written, in microseconds since 1970; [`FOLLOWED`]: just now, or nobody
    /// else writes.
    followed_us: AtomicI64,
    /// When a call had an answer from it, in milliseconds since `since`; the start counts as
    /// one. [`NEVER`]: a session broke since.
    answered_ms: AtomicU64,
    since: Instant,
    probe: Probe,
    /// Changes when another host is used from then on.
    moves: watch::Receiver<u64>,
    /// Where the probe runs, for every caller: not on the threads of a lane, which may stand still while lookups are busy.
    probes_on: Handle,
    now: Now,
    metrics: BreakerMetrics,
}

impl std::fmt::Debug for Breaker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let open = self.open.load(Ordering::Relaxed);
        let mut shown = f.debug_struct("Breaker");
        shown.field("open", &open).finish_non_exhaustive()
    }
}

impl Breaker {
    /// A closed breaker, whose probe runs on the current runtime: the database is taken to be there until somebody waits for it in vain.
    ///
    /// # Panics
    /// Outside of a runtime.
    #[must_use]
    pub fn new(probe: Probe, now: Now, metrics: BreakerMetrics) -> Arc<Self> {
        let (_, never) = watch::channel(0);
        Self::with_moves(probe, now, metrics, never)
    }

    /// The same where the database may be on several hosts: `moves` changes when another one is used.
    ///
    /// # Panics
    /// Outside of a runtime.
    #[must_use]
    pub fn with_moves(
        probe: Probe,
        now: Now,
        metrics: BreakerMetrics,
        moves: watch::Receiver<u64>,
    ) -> Arc<Self> {
        let confirmed_us = AtomicI64::new(now().as_microsecond());
        Arc::new(Self {
            open: AtomicBool::new(false),
            changes: watch::Sender::new(false),
            probing: AtomicBool::new(false),
            silent: AtomicBool::new(false),
            waiting: AtomicUsize::new(0),
            confirmed_us,
            followed_us: AtomicI64::new(FOLLOWED),
            answered_ms: AtomicU64::new(0),
            since: Instant::now(),
            probe,
            moves,
            probes_on: Handle::current(),
            now,
            metrics,
        })
    }

    /// A breaker that never opens, for a process that does nothing without its database.
    ///
    /// # Panics
    /// Outside of a runtime.
    #[must_use]
    pub fn never_opens() -> Arc<Self> {
        let probe: Probe = Box::new(|| Box::pin(std::future::ready(Ok(()))));
        Self::new(
            probe,
            Box::new(|| Timestamp::UNIX_EPOCH),
            BreakerMetrics::default(),
        )
    }

    /// When memory was last known to hold what was written, if that is not now: when the database last answered, where it is away, or when the
    /// writes of other processes were last read, where they cannot be. `None` while memory is up to date.
    #[must_use]
    pub fn stale_since(&self) -> Option<Timestamp> {
        let mut since = self.followed_us.load(Ordering::Relaxed);
        if self.open.load(Ordering::Relaxed) {
            since = since.min(self.confirmed_us.load(Ordering::Relaxed));
        }
        if since == FOLLOWED {
            return None;
        }
        Timestamp::from_microsecond(since).ok()
    }

    /// Notes that the writes of other processes have not been read since then, and that they are again with `None`.
    pub fn set_unfollowed_since(&self, since: Option<Timestamp>) {
        let since = since.map_or(FOLLOWED, Timestamp::as_microsecond);
        self.followed_us.store(since, Ordering::Relaxed);
    }

    /// Fails at once while the database is away.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub fn check(&self) -> Result<(), StoreError> {
        if self.open.load(Ordering::Relaxed) {
            return Err(away());
        }
        Ok(())
    }

    /// Waits for `work`, which waits for the database; ends it when the database is away, or on another host by now.
    ///
    /// # Errors
    /// That of `work`; [`StoreError::Unavailable`] when the database is away.
    pub async fn guard<T>(
        self: &Arc<Self>,
        work: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        self.check()?;
        let waiting = Waiting::new(&self.waiting);
        if self.silent.load(Ordering::Relaxed) && waiting.count > MOST_WAITING {
            return Err(away());
        }
        let mut changes = self.changes.subscribe();
        let mut moves = self.moves.clone();
        let mut left = std::pin::pin!(left_behind(&mut moves));
        let mut waited = interval_at(Instant::now() + PATIENCE, PATIENCE);
        let mut work = std::pin::pin!(work);
        loop {
            tokio::select! {
                biased;
                done = &mut work => {
                    match &done {
                        Ok(_) => {
                            self.confirm();
                            self.answered_ms.store(self.now_ms(), Ordering::Relaxed);
                        }
                        Err(error @ StoreError::Unavailable(_)) => {
                            if !is_refusal(error) {
                                // A session of ours broke.
                                self.answered_ms.store(NEVER, Ordering::Relaxed);
                            }
                            self.suspect();
                        }
                        Err(_) => {}
                    }
                    return done;
                }
                () = opened(&mut changes) => return Err(away()),
                () = &mut left => return Err(away()),
                _ = waited.tick() => self.suspect(),
            }
        }
    }

    /// Waits for `work`, which writes and may take long; ends it when the database was away meanwhile, or is on another host by now, and `work` has had
    /// no answer for a while since: its session leads to a server that is gone.
    ///
    /// # Errors
    /// That of `work`; [`StoreError::Unavailable`] when it was ended.
    pub async fn endure<T, E: From<StoreError>>(
        self: &Arc<Self>,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        let (mut changes, mut moves) = (self.changes.subscribe(), self.moves.clone());
        let mut outlived = Box::pin(async move {
            let outage = async {
                opened(&mut changes).await;
                closed(&mut changes).await;
                sleep(AFTER_OUTAGE).await;
            };
            tokio::select! {
                () = outage => {}
                () = left_behind(&mut moves) => {}
            }
        });
        let mut waited = interval_at(Instant::now() + ENDURANCE, ENDURANCE);
        let mut work = Box::pin(work);
        loop {
            tokio::select! {
                biased;
                done = &mut work => return done,
                () = &mut outlived => return Err(E::from(away())),
                _ = waited.tick() => self.suspect(),
            }
        }
    }

    /// Has the database probed, unless it is being probed.
    pub fn suspect(self: &Arc<Self>) {
        if !self.probing.swap(true, Ordering::AcqRel) {
            self.probes_on.spawn(Probing(Arc::clone(self)).run());
        }
    }

    fn confirm(&self) {
        let now = (self.now)().as_microsecond();
        self.confirmed_us.store(now, Ordering::Relaxed);
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.since.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Whether a probe that failed so concerns new sessions alone: the server answered it, and sessions that we hold have answers. It says
    /// nothing of the calls that use these.
    fn concerns_new_sessions(&self, error: &StoreError) -> bool {
        let answered_ms = self.answered_ms.load(Ordering::Relaxed);
        // Another thread may have had an answer since: later than now, as read here.
        let silent_ms = self.now_ms().saturating_sub(answered_ms);
        is_refusal(error)
            && answered_ms != NEVER
            && Duration::from_millis(silent_ms) < SESSIONS_WORK
    }

    fn set(&self, open: bool) {
        if self.open.swap(open, Ordering::Relaxed) == open {
            return;
        }
        self.metrics.open.set(i64::from(open));
        if open {
            self.metrics.openings.inc();
            tracing::error!(
                "the database is unreachable: cached customers are served and marked stale, other calls fail with UNAVAILABLE until a probe succeeds"
            );
        } else {
            tracing::info!("the database is reachable again");
        }
        self.changes.send_replace(open);
    }
}

/// Counts one that waits, as long as it does.
struct Waiting<'a> {
    all: &'a AtomicUsize,
    /// How many wait with this one.
    count: usize,
}

impl<'a> Waiting<'a> {
    fn new(all: &'a AtomicUsize) -> Self {
        let count = all.fetch_add(1, Ordering::Relaxed) + 1;
        Self { all, count }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.all.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Whether the server answered and has no place or no welcome for a new session.
fn is_refusal(error: &StoreError) -> bool {
    matches!(error, StoreError::Unavailable(_))
        && matches!(error.outage(), Outage::RefusesLogin | Outage::Full)
}

async fn opened(changes: &mut watch::Receiver<bool>) {
    // The sender is the breaker, which the waiting caller holds.
    let _ = changes.wait_for(|open| *open).await;
}

async fn closed(changes: &mut watch::Receiver<bool>) {
    // As above.
    let _ = changes.wait_for(|open| !*open).await;
}

/// Another host has been used for a while.
async fn left_behind(moves: &mut watch::Receiver<u64>) {
    moves.mark_unchanged();
    if moves.changed().await.is_err() {
        // There is no other one.
        std::future::pending::<()>().await;
    }
    sleep(LAST_CHANCE).await;
}

fn away() -> StoreError {
    let cause = "it is unreachable; probing several times a second";
    StoreError::Unavailable(sqlx::Error::Io(io::Error::new(
        io::ErrorKind::NotConnected,
        cause,
    )))
}

#[cfg(test)]
mod tests;
