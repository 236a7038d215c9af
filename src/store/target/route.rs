//! Which of several hosts is used: the one that was found last, until it does not answer any more or is not fit any more.
//!
//! All hosts are asked in a race, in which each next one starts when one before it failed, or has not answered for a while: a primary that vanished
//! without a word costs no more than that.

use std::{
    io,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use futures_util::{StreamExt as _, future::BoxFuture, stream::FuturesUnordered};
use sqlx::{ConnectOptions as _, Connection as _, PgConnection, postgres::PgConnectOptions};
use tokio::{sync::watch, time::sleep};

use super::{Target, hosts::Fitness};
use crate::store::probe::may_pass;

/// Head start of each host before the next one: the delay between attempts of RFC 8305, section 5.
const HEAD_START: Duration = Duration::from_millis(250);

/// A connection of a pool is there within this time, or given up.
const LONGEST_CONNECT: Duration = Duration::from_secs(1);

/// Which host is used, and with which password; shared by all clones of a target.
#[derive(Debug)]
pub(super) struct Route {
    host: AtomicUsize,
    /// Grows whenever connections are to be made in another way.
    generation: AtomicU64,
    /// When another host was taken, in milliseconds after `since`; 0 for never.
    moved_ms: AtomicU64,
    /// Counts how often that was.
    moves: watch::Sender<u64>,
    since: Instant,
    /// As the file last said.
    password: Mutex<Option<String>>,
}

impl Default for Route {
    fn default() -> Self {
        Self {
            host: AtomicUsize::new(0),
            generation: AtomicU64::new(0),
            moved_ms: AtomicU64::new(0),
            moves: watch::Sender::new(0),
            since: Instant::now(),
            password: Mutex::default(),
        }
    }
}

impl Route {
    /// The host that is used, by its place in the URL.
    pub(super) fn host(&self) -> usize {
        self.host.load(Ordering::Acquire)
    }

    /// Another number after every change.
    pub(super) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// Whether a session of this age may lead to a host that is not used any more.
    pub(super) fn is_left(&self, age: Duration) -> bool {
        let moved_ms = self.moved_ms.load(Ordering::Acquire);
        moved_ms > 0 && {
            let moved = Duration::from_millis(moved_ms);
            is_of_before(age, self.since.elapsed().saturating_sub(moved))
        }
    }

    /// Whether it was another host until now.
    fn take(&self, host: usize) -> bool {
        if self.host.swap(host, Ordering::AcqRel) == host {
            return false;
        }
        let now = u64::try_from(self.since.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.moved_ms.store(now.max(1), Ordering::Release);
        self.generation.fetch_add(1, Ordering::AcqRel);
        self.moves.send_modify(|count| *count += 1);
        true
    }

    /// The password of the file; the one before, where it cannot be read now.
    pub(super) fn password(&self, read: io::Result<String>) -> Option<String> {
        let mut last = self.password.lock().unwrap_or_else(PoisonError::into_inner);
        match read {
            Ok(password) if last.as_ref() != Some(&password) => {
                *last = Some(password);
                self.generation.fetch_add(1, Ordering::AcqRel);
            }
            Ok(_) => {}
            Err(error) => {
                tracing::warn!(error.cause = %error, "cannot read the file with the database's password; using the last one");
            }
        }
        last.clone()
    }
}

/// Whether a session of this age was asked for before a move so long ago. Its age counts from when the connection was there.
fn is_of_before(age: Duration, since_move: Duration) -> bool {
    age + LONGEST_CONNECT > since_move
}

/// An attempt at one host.
type Attempt<'a> = BoxFuture<'a, (usize, Result<PgConnection, sqlx::Error>)>;

impl Target {
    /// Connects to the host that is used, or else to the first other one that answers and is fit, which is used from now on. `tune` completes the
    /// options.
    ///
    /// # Errors
    /// What the host said; with several, what each of them said.
    pub async fn connect(
        &self,
        tune: impl Fn(PgConnectOptions) -> PgConnectOptions + Sync,
    ) -> Result<PgConnection, sqlx::Error> {
        let (count, current) = (self.hosts.len(), self.route.host());
        let others = (0..count).filter(|host| *host != current);
        let mut left = std::iter::once(current).chain(others);
        let attempt = |host| -> Attempt<'_> {
            let options = tune(self.options_of(host));
            Box::pin(async move { (host, self.try_host(options).await) })
        };
        let mut attempts: FuturesUnordered<Attempt<'_>> =
            left.next().map(&attempt).into_iter().collect();
        let mut failures = vec![];
        loop {
            tokio::select! {
                biased;
                Some((host, outcome)) = attempts.next() => match outcome {
                    Ok(connection) => {
                        self.take(host);
                        return Ok(connection);
                    }
                    Err(error) => {
                        failures.push((host, error));
                        attempts.extend(left.next().map(&attempt));
                        if attempts.is_empty() {
                            return Err(self.all_failed(failures));
                        }
                    }
                },
                () = sleep(HEAD_START), if failures.len() + attempts.len() < count => {
                    attempts.extend(left.next().map(&attempt));
                }
            }
        }
    }

    /// Uses a host from now on.
    fn take(&self, host: usize) {
        if self.route.take(host) {
            tracing::warn!(
                database.host = self.hosts[host].get_host(),
                database.port = self.hosts[host].get_port(),
                "using another host of DATABASE_URL from now on"
            );
        }
    }

    async fn try_host(&self, options: PgConnectOptions) -> Result<PgConnection, sqlx::Error> {
        let mut connection = options.connect().await?;
        let question = match self.fitness {
            Fitness::Any => return Ok(connection),
            // On in recovery, and where the database or the role is set so.
            Fitness::ReadWrite => "SELECT NOT current_setting('transaction_read_only')::boolean",
            Fitness::Primary => "SELECT NOT pg_is_in_recovery()",
        };
        if sqlx::query_scalar(question)
            .fetch_one(&mut connection)
            .await?
        {
            return Ok(connection);
        }
        // How it ends is of no interest.
        let _ = connection.close().await;
        let unfit = match self.fitness {
            Fitness::Primary => "it is a standby",
            Fitness::Any | Fitness::ReadWrite => "it takes no writes",
        };
        Err(sqlx::Error::Io(io::Error::new(
            io::ErrorKind::NotConnected,
            unfit,
        )))
    }

    /// One error for several: what passes by itself on one host passes for all.
    fn all_failed(&self, mut failures: Vec<(usize, sqlx::Error)>) -> sqlx::Error {
        if failures.len() == 1 || !failures.iter().any(|(_, error)| may_pass(error)) {
            // There is one, since there is a host.
            return failures.swap_remove(0).1;
        }
        let said = failures.iter().map(|(host, error)| {
            let options = &self.hosts[*host];
            format!("{}:{}: {error}", options.get_host(), options.get_port())
        });
        let said = said.collect::<Vec<_>>().join("; ");
        sqlx::Error::Io(io::Error::new(io::ErrorKind::NotConnected, said))
    }

    /// Changes when another host is used from then on.
    pub(in crate::store) fn moves(&self) -> watch::Receiver<u64> {
        self.route.moves.subscribe()
    }

    /// What connections are made with: another number says that it is something else than before.
    pub(in crate::store) fn generation(&self) -> u64 {
        self.route.generation()
    }

    /// Whether a session of this age leads to a host that is not used any more.
    pub(in crate::store) fn is_left(&self, age: Duration) -> bool {
        self.route.is_left(age)
    }

    /// Reads the password again; whether connections are made in another way than in the generation `before`.
    pub(in crate::store) fn has_changed_since(&self, before: u64) -> bool {
        // Reading it notes what it is.
        let _ = self.options_of(self.route.host());
        self.generation() != before
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_of_before_a_move_are_left() {
        let route = Route::default();
        assert!(!route.is_left(Duration::MAX), "without a move");
        assert!(!route.take(0), "the same host");
        assert!(route.take(1));
        assert_eq!((route.host(), route.generation()), (1, 1));
        assert!(route.is_left(Duration::from_mins(1)));
        let ms = Duration::from_millis;
        for (age, since_move, of_before) in [
            (9_000, 3_000, true),
            (2_500, 3_000, true),
            (1_900, 3_000, false),
        ] {
            assert_eq!(is_of_before(ms(age), ms(since_move)), of_before, "{age}");
        }
    }

    #[test]
    fn another_password_is_noticed_and_an_unreadable_one_is_not() {
        let route = Route::default();
        let missing = || Err(io::Error::from(io::ErrorKind::NotFound));
        assert_eq!(route.password(missing()), None);
        for (password, generation) in [("first", 1), ("first", 1), ("second", 2)] {
            let read = route.password(Ok(password.to_owned()));
            assert_eq!(read.as_deref(), Some(password));
            assert_eq!(route.generation(), generation);
        }
        assert_eq!(route.password(missing()).as_deref(), Some("second"));
        assert_eq!(route.generation(), 2);
    }
}
