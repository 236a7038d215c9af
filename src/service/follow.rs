//! Following the writes of other processes that share the database: what memory holds of what they changed is dropped.
//!
//! The logs are the truth. Every look reads what transactions wrote that the look before had not seen end, as of one state of the database: a
//! transaction that goes on for long holds nothing up, and none is missed that commits after others with greater numbers. Notices of other
//! processes only bring the next look forward; without them one follows within `LOOK_INTERVAL`. Where looks fail for `STALE_AFTER`,
//! answers from memory are marked stale; the next one that succeeds reads all that came meanwhile.
//!
//! A change takes out of the caches what is older, and makes loads under way repeat that began before it (`cache::read_through`). What
//! answers are computed with is compared by its versions and renewed as a whole.

mod basis;
mod freshness;
mod notices;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use jiff::Timestamp;
use tokio::{
    runtime::Handle,
    sync::{Notify, watch},
    time::{Instant, MissedTickBehavior, interval, timeout},
};

use self::basis::FollowedBasis;
pub use self::{
    freshness::{NotYet, WriteToken},
    notices::Announcements,
};
use crate::{
    cache::{identifiers::IdentifierCache, profiles::ProfileCache},
    clock::{Clock, fraction},
    metrics::FollowMetrics,
    service::{current_basis::CurrentBasis, error::ServiceError},
    store::{
        breaker::Breaker,
        change_log::{
            Position,
            news::{self, Changes, Known, News, Seen},
        },
        pool::Pool,
    },
};

/// How often the logs are looked at when no notice comes; a quarter less to a quarter more, so that processes do not look in step.
const LOOK_INTERVAL: Duration = Duration::from_millis(600);
/// The same after a look that failed.
const AGAIN_INTERVAL: Duration = Duration::from_millis(200);
/// How long a look may take.
const LOOK_LIMIT: Duration = Duration::from_secs(2);
/// After this time without a look that came to its end, answers from memory are marked stale.
const STALE_AFTER: Duration = Duration::from_millis(4_500);
/// How often it is checked whether that time has passed. With it, a mark is set within five seconds.
const AGE_INTERVAL: Duration = Duration::from_millis(250);
/// So many changes are applied before others have a turn on the thread.
const CHANGES_AT_ONCE: usize = 256;

/// What a look needs of the process.
pub struct Parts {
    /// Reads the logs. Of the runtime on which [`Follower::follow`] runs.
    pub pool: Pool,
    /// Holds profiles.
    pub profiles: Arc<ProfileCache>,
    /// Holds customers by identifier.
    pub identifiers: Arc<IdentifierCache>,
    /// What answers are computed with.
    pub bases: Arc<CurrentBasis>,
    /// Where the basis is renewed.
    pub background: Handle,
    /// The time of changes.
    pub clock: Arc<dyn Clock>,
    /// Told whether memory is up to date.
    pub breaker: Arc<Breaker>,
    /// What is counted.
    pub metrics: FollowMetrics,
}

/// Follows the writes of other processes.
pub struct Follower {
    parts: Parts,
    basis: Arc<FollowedBasis>,
    /// Asks for a look without delay.
    asked: Arc<Notify>,
    /// Looks that have begun.
    begun: AtomicU64,
    /// The last look after which memory was up to date.
    followed: watch::Sender<Followed>,
}

/// A look after which memory was up to date.
#[derive(Debug, Clone)]
struct Followed {
    /// Its number.
    look: u64,
    /// What it had seen.
    position: Arc<Position>,
    at: Instant,
    time: Timestamp,
}

impl Follower {
    /// Follows from `seen` on, which must have been found before anything was read into memory.
    #[must_use]
    pub fn new(parts: Parts, seen: &Seen) -> Arc<Self> {
        let asked = Arc::new(Notify::new());
        let followed = Followed {
            look: 0,
            position: Arc::new(seen.position.clone()),
            at: Instant::now(),
            time: parts.clock.now(),
        };
        Arc::new(Self {
            basis: FollowedBasis::new(&parts, seen.basis.clone(), Arc::clone(&asked)),
            parts,
            asked,
            begun: AtomicU64::new(0),
            followed: watch::Sender::new(followed),
        })
    }

    /// What brings a look forward.
    #[must_use]
    pub fn asked(&self) -> Arc<Notify> {
        Arc::clone(&self.asked)
    }

    /// Looks at the logs again and again, forever.
    pub async fn follow(self: Arc<Self>, mut seen: Seen) {
        let mut has_failed = false;
        loop {
            let interval = if has_failed {
                AGAIN_INTERVAL
            } else {
                LOOK_INTERVAL
            };
            let interval = interval.mul_f64(0.75 + 0.5 * fraction());
            let _ = timeout(interval, self.asked.notified()).await;
            let look = self.begun.fetch_add(1, Ordering::SeqCst) + 1;
            let looked = timeout(LOOK_LIMIT, self.look(&mut seen, look)).await;
            let cause = match looked {
                Ok(Ok(())) => None,
                Ok(Err(error)) => Some(error.to_string()),
                Err(_) => Some("no answer in time".to_owned()),
            };
            match cause {
                None if has_failed => tracing::info!("the writes of other servers are read again"),
                Some(cause) => {
                    self.parts.metrics.failed.inc();
                    if !has_failed {
                        tracing::warn!(
                            error.cause = cause,
                            "the writes of other servers cannot be read: answers are marked stale until they can"
                        );
                    }
                    has_failed = true;
                    continue;
                }
                None => {}
            }
            has_failed = false;
        }
    }

    /// Reads what is new and applies it.
    async fn look(&self, seen: &mut Seen, look: u64) -> Result<(), ServiceError> {
        let (time, at) = (self.parts.clock.now(), Instant::now());
        let News { seen: end, changes } = news::read(&self.parts.pool, seen).await?;
        match changes {
            Changes::Known(known) => self.apply(known).await,
            Changes::TooMany => {
                tracing::warn!("more was written than can be read one by one: memory starts empty");
                self.drop_all();
                self.parts.profiles.invalidate_all();
            }
            Changes::WentBack => {
                tracing::warn!("the database went back to an earlier state: memory starts empty");
                self.drop_all();
                self.parts.profiles.start_over();
                self.basis.distrust();
            }
        }
        self.basis.recount(false);
        let position = Arc::new(end.position.clone());
        let is_current = self.basis.follow(&end.basis);
        *seen = end;
        self.parts.metrics.looks.inc();
        if is_current {
            // In this order: who marks looks at the time once more.
            self.followed.send_replace(Followed {
                look,
                position,
                at,
                time,
            });
            self.parts.breaker.set_unfollowed_since(None);
        }
        Ok(())
    }

    /// Drops what the changes outdate.
    async fn apply(&self, known: Known) {
        let Parts {
            profiles,
            identifiers,
            bases,
            metrics,
            ..
        } = &self.parts;
        let rows = known.customers.len() + known.identifiers.len();
        metrics.rows.inc_by(rows as u64);
        for some in known.customers.chunks(CHANGES_AT_ONCE) {
            for (customer, version) in some {
                profiles.invalidate_older_than(customer, *version);
            }
            tokio::task::yield_now().await;
        }
        for some in known.identifiers.chunks(CHANGES_AT_ONCE) {
            identifiers.outdate(some);
            tokio::task::yield_now().await;
        }
        if let Some(day) = known.last_purchase {
            bases.note_purchase(day);
        }
        if rows > 0 {
            self.basis.recount_later();
        }
        if let Some((first, _)) = known.recorded {
            let age = self.parts.clock.now().duration_since(first);
            metrics.staleness.observe(age.as_secs_f64().max(0.0));
        }
    }

    fn drop_all(&self) {
        self.parts.metrics.resets.inc();
        self.parts.identifiers.outdate_all();
        self.basis.recount(true);
    }

    /// Marks answers from memory as stale while looks fail, forever. On another runtime than [`Self::follow`], which may itself be what is slow.
    pub async fn watch_age(self: Arc<Self>) {
        let mut due = interval(AGE_INTERVAL);
        due.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            due.tick().await;
            let (at, time) = {
                let followed = self.followed.borrow();
                (followed.at, followed.time)
            };
            let age = at.elapsed();
            let age_ms = i64::try_from(age.as_millis()).unwrap_or(i64::MAX);
            self.parts.metrics.age_ms.set(age_ms);
            if age > STALE_AFTER {
                self.parts.breaker.set_unfollowed_since(Some(time));
                // A look may have come to its end in between, whose mark this one took the place of.
                if self.followed.borrow().at > at {
                    self.parts.breaker.set_unfollowed_since(None);
                }
            }
        }
    }
}
