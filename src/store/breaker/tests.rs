//! When the breaker opens and closes, on a clock that stands still until every task waits.

use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

use super::{
    probing::{OPENS_AFTER, PROBE_INTERVAL, SILENT_AFTER, STEP},
    *,
};

/// A database: whether it is there, whether it answers at all, and how often it was probed.
struct Database {
    there: AtomicBool,
    silent: AtomicBool,
    probes: AtomicU64,
}

fn database(there: bool) -> (Arc<Database>, Arc<Breaker>) {
    let database = Arc::new(Database {
        there: AtomicBool::new(there),
        silent: AtomicBool::new(false),
        probes: AtomicU64::new(0),
    });
    let probed = Arc::clone(&database);
    let probe: Probe = Box::new(move || {
        let database = Arc::clone(&probed);
        Box::pin(async move {
            database.probes.fetch_add(1, SeqCst);
            if database.silent.load(SeqCst) {
                std::future::pending::<()>().await;
            }
            if database.there.load(SeqCst) {
                Ok(())
            } else {
                Err(away())
            }
        })
    });
    let now: Now = Box::new(|| Timestamp::UNIX_EPOCH);
    (
        database,
        Breaker::new(probe, now, BreakerMetrics::default()),
    )
}

async fn hang() -> Result<(), StoreError> {
    std::future::pending().await
}

#[tokio::test(start_paused = true)]
async fn a_wait_in_vain_ends_when_the_probe_fails_and_later_ones_fail_at_once() {
    let (database, breaker) = database(false);
    let begin = Instant::now();
    assert!(breaker.guard(hang()).await.is_err());
    assert_eq!(begin.elapsed(), PATIENCE);
    let mut polled = false;
    let work = async {
        polled = true;
        Ok(())
    };
    assert!(breaker.guard(work).await.is_err());
    assert!(!polled, "nothing is tried while the database is away");
    assert_eq!(begin.elapsed(), PATIENCE);
    assert_eq!(database.probes.load(SeqCst), 1);
    assert_eq!(breaker.stale_since(), Some(Timestamp::UNIX_EPOCH));
}

#[tokio::test(start_paused = true)]
async fn a_thousand_waits_ask_for_one_probe_at_a_time() {
    let (database, breaker) = database(false);
    let waits = (0..1_000).map(|_| breaker.guard(hang()));
    let ended = futures_util::future::join_all(waits).await;
    assert!(ended.iter().all(Result::is_err));
    assert_eq!(database.probes.load(SeqCst), 1);
    sleep(PROBE_INTERVAL * 10).await;
    let probes = database.probes.load(SeqCst);
    assert!((9..=11).contains(&probes), "{probes} probes");
    assert_eq!(breaker.metrics.openings.get(), 1);
}

#[tokio::test(start_paused = true)]
async fn it_closes_within_two_seconds_also_when_the_last_probe_hangs() {
    let (database, breaker) = database(false);
    assert!(breaker.guard(hang()).await.is_err());
    database.silent.store(true, SeqCst);
    // A probe is under way that nobody will ever answer.
    sleep(PROBE_INTERVAL + Duration::from_millis(1)).await;
    database.silent.store(false, SeqCst);
    database.there.store(true, SeqCst);
    let back = Instant::now();
    let mut changes = breaker.changes.subscribe();
    changes.wait_for(|open| !open).await.unwrap();
    assert!(
        back.elapsed() < Duration::from_secs(2),
        "{:?}",
        back.elapsed()
    );
    assert!(breaker.guard(async { Ok(()) }).await.is_ok());
    assert_eq!(breaker.stale_since(), None);
    assert_eq!(breaker.metrics.open.get(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_database_that_takes_connections_and_does_not_answer_is_away() {
    let (database, breaker) = database(true);
    database.silent.store(true, SeqCst);
    let begin = Instant::now();
    assert!(breaker.guard(hang()).await.is_err());
    assert_eq!(begin.elapsed(), PATIENCE + STEP * OPENS_AFTER);
}

#[tokio::test(start_paused = true)]
async fn few_may_wait_for_a_database_that_is_silent_before_it_is_known_to_be_away() {
    let (database, breaker) = database(true);
    database.silent.store(true, SeqCst);
    let first = tokio::spawn({
        let breaker = Arc::clone(&breaker);
        async move { breaker.guard(hang()).await }
    });
    sleep(PATIENCE + STEP * (SILENT_AFTER + 1)).await;
    assert_eq!(breaker.stale_since(), None);
    let begin = Instant::now();
    let refused = AtomicU64::new(0);
    let waits = (0..2 * MOST_WAITING).map(|_| async {
        assert!(breaker.guard(hang()).await.is_err());
        if begin.elapsed().is_zero() {
            refused.fetch_add(1, SeqCst);
        }
    });
    futures_util::future::join_all(waits).await;
    assert_eq!(refused.load(SeqCst), MOST_WAITING as u64 + 1);
    assert!(first.await.unwrap().is_err());
    assert_eq!(breaker.waiting.load(SeqCst), 0);
}

#[tokio::test(start_paused = true)]
async fn a_slow_statement_of_a_database_that_is_there_is_waited_for() {
    let (database, breaker) = database(true);
    let slow = async {
        sleep(Duration::from_secs(8)).await;
        Ok(7)
    };
    assert_eq!(breaker.guard(slow).await.unwrap(), 7);
    let probes = database.probes.load(SeqCst);
    assert!((1..=40).contains(&probes), "{probes} probes in 8 s");
    assert_eq!(breaker.metrics.openings.get(), 0);
}

#[tokio::test(start_paused = true)]
async fn one_broken_connection_opens_nothing_while_the_database_is_there() {
    let (database, breaker) = database(true);
    let broken = async { Err::<(), _>(away()) };
    assert!(breaker.guard(broken).await.is_err());
    sleep(Duration::from_secs(1)).await;
    assert_eq!(database.probes.load(SeqCst), 1);
    assert!(breaker.guard(async { Ok(()) }).await.is_ok());
    assert_eq!(breaker.metrics.openings.get(), 0);
}

/// What a server answers to a login that it refuses.
#[derive(Debug)]
struct Refusal(&'static str);

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for Refusal {}

impl sqlx::error::DatabaseError for Refusal {
    fn message(&self) -> &str {
        self.0
    }

    fn code(&self) -> Option<std::borrow::Cow<'_, str>> {
        Some(self.0.into())
    }

    fn as_error(&self) -> &(dyn std::error::Error + Send + Sync + 'static) {
        self
    }

    fn as_error_mut(&mut self) -> &mut (dyn std::error::Error + Send + Sync + 'static) {
        self
    }

    fn into_error(self: Box<Self>) -> Box<dyn std::error::Error + Send + Sync + 'static> {
        self
    }

    fn kind(&self) -> sqlx::error::ErrorKind {
        sqlx::error::ErrorKind::Other
    }
}

fn refused(code: &'static str) -> StoreError {
    sqlx::Error::Database(Box::new(Refusal(code))).into()
}

/// A breaker whose probes the server answers with this refusal.
fn refusing(code: &'static str) -> Arc<Breaker> {
    let probe: Probe = Box::new(move || Box::pin(std::future::ready(Err(refused(code)))));
    let now: Now = Box::new(|| Timestamp::UNIX_EPOCH);
    Breaker::new(probe, now, BreakerMetrics::default())
}

#[tokio::test(start_paused = true)]
async fn a_refused_login_opens_nothing_while_open_sessions_have_answers() {
    for code in ["28P01", "28000", "3D000", "53100"] {
        let breaker = refusing(code);
        for _ in 0..10 {
            let login = breaker.guard(async { Err::<(), _>(refused(code)) });
            assert!(login.await.is_err());
            sleep(Duration::from_secs(1)).await;
            assert!(breaker.guard(async { Ok(()) }).await.is_ok(), "{code}");
        }
        assert_eq!(breaker.metrics.openings.get(), 0, "{code}");
        // Until no session has an answer either: what memory holds may be out of date.
        sleep(SESSIONS_WORK).await;
        let login = breaker.guard(async { Err::<(), _>(refused(code)) });
        assert!(login.await.is_err());
        sleep(STEP).await;
        assert_eq!(breaker.metrics.openings.get(), 1, "{code}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_restarts_is_away_whatever_sessions_had_answers() {
    let breaker = refusing("57P03");
    assert!(breaker.guard(async { Ok(()) }).await.is_ok());
    let broken = breaker.guard(async { Err::<(), _>(refused("57P01")) });
    assert!(broken.await.is_err());
    sleep(STEP).await;
    assert_eq!(breaker.metrics.openings.get(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_answer_between_two_looks_at_the_clock_is_a_fresh_one() {
    let breaker = refusing("28P01");
    let later = breaker.now_ms() + 5;
    breaker.answered_ms.store(later, SeqCst);
    assert!(breaker.concerns_new_sessions(&refused("28P01")));
}

#[tokio::test(start_paused = true)]
async fn a_refused_login_after_a_broken_session_opens_it_also_right_after_the_start() {
    let breaker = refusing("28P01");
    let broken = breaker.guard(async { Err::<(), _>(refused("57P01")) });
    assert!(broken.await.is_err());
    sleep(STEP).await;
    assert_eq!(breaker.metrics.openings.get(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_write_that_outlives_an_outage_is_ended_and_one_that_is_slow_is_not() {
    let (database, breaker) = database(true);
    let begin = Instant::now();
    let slow = breaker.endure(async {
        sleep(Duration::from_mins(5)).await;
        Ok::<_, StoreError>(())
    });
    assert!(slow.await.is_ok());
    assert_eq!(begin.elapsed(), Duration::from_mins(5));
    database.there.store(false, SeqCst);
    let writing = {
        let breaker = Arc::clone(&breaker);
        tokio::spawn(async move { breaker.endure(hang()).await })
    };
    sleep(Duration::from_secs(30)).await;
    assert!(breaker.check().is_err() && !writing.is_finished());
    database.there.store(true, SeqCst);
    let ended = writing.await.unwrap();
    assert!(matches!(ended, Err(StoreError::Unavailable(_))));
    assert!(breaker.check().is_ok());
}

#[tokio::test(start_paused = true)]
async fn what_waits_for_a_host_that_was_left_is_ended() {
    let (sender, moves) = watch::channel(0);
    let probe: Probe = Box::new(|| Box::pin(std::future::ready(Ok(()))));
    let now: Now = Box::new(|| Timestamp::UNIX_EPOCH);
    let breaker = Breaker::with_moves(probe, now, BreakerMetrics::default(), moves);
    let waiting = [true, false].map(|writes| {
        let breaker = Arc::clone(&breaker);
        tokio::spawn(async move {
            if writes {
                breaker.endure(hang()).await
            } else {
                breaker.guard(hang()).await
            }
        })
    });
    sleep(Duration::from_secs(1)).await;
    let left = Instant::now();
    sender.send(1).unwrap();
    for waiting in waiting {
        assert!(waiting.await.unwrap().is_err());
    }
    assert_eq!(left.elapsed(), LAST_CHANCE);
    // What begins afterwards waits for the host of now.
    assert!(breaker.guard(async { Ok(()) }).await.is_ok());
}
