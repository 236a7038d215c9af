//! Servers that share a database while sessions break, notices are lost, and the logs cannot be read.

use std::time::{Duration, Instant};

use patron::app::settings::DatabaseUrl;
use patron::store::notices::LISTENER_NAME;
use sqlx::PgPool;
use tokio::time::interval;

use super::{BOUND, customer_is_seen};
use crate::support::messages::{by_id, purchase};
use crate::support::proxy::Proxy;
use crate::support::service::{Service, ServiceWithDatabase};
use crate::support::until;

/// Writes that are waited for.
const WRITES: usize = 40;

/// The version of a customer's profile that answers are made from, and whether they are marked stale.
async fn version(service: &Service, id: &str) -> (i64, bool) {
    let answer = service.classify(by_id(id), "").await;
    let version = answer.provenance.as_ref().map(|it| it.profile_version);
    let stale = answer.provenance.is_some_and(|it| it.stale);
    (version.unwrap_or_default(), stale)
}

/// Writes again and again here, and returns how long each write took to be seen there, ascending.
async fn ages(here: &Service, there: &Service) -> Vec<Duration> {
    let mut ages = Vec::with_capacity(WRITES);
    for number in 1..=WRITES {
        let written = purchase("ada", &number.to_string(), "2026-01-05", 100);
        here.write(&[written]).await;
        let acknowledged = Instant::now();
        let wanted = i64::try_from(number).unwrap();
        until("the write is seen", async || {
            version(there, "ada").await.0 >= wanted
        })
        .await;
        ages.push(acknowledged.elapsed());
    }
    ages.sort();
    eprintln!(
        "seen after: median {:?}, longest {:?}",
        ages[WRITES / 2],
        ages[WRITES - 1]
    );
    ages
}

/// Ends the sessions that listen for notices.
pub(super) async fn end_listeners(pool: &PgPool) {
    sqlx::query(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE application_name = $1 AND datname = current_database()",
    )
    .bind(LISTENER_NAME)
    .execute(pool)
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_is_seen_at_once_by_its_notice() {
    let here = ServiceWithDatabase::start_shared().await;
    let there = here.join().await;
    let ages = ages(&here, &there).await;
    // Without notices, half of them would take longer than a third of the interval between looks.
    assert!(ages[WRITES / 2] < Duration::from_millis(200), "{ages:?}");
    assert!(ages[WRITES - 1] < BOUND, "{ages:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writes_are_seen_in_time_while_sessions_that_listen_are_killed() {
    let here = ServiceWithDatabase::start_shared().await;
    let there = here.join().await;
    let (pool, mut due) = (here.pool.clone(), interval(Duration::from_millis(37)));
    let kill = async {
        loop {
            due.tick().await;
            end_listeners(&pool).await;
        }
    };
    let ages = tokio::select! {
        ages = ages(&here, &there) => ages,
        () = kill => unreachable!("it goes on forever"),
    };
    assert!(ages[WRITES - 1] < BOUND, "{ages:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writes_are_seen_in_time_when_all_notices_are_lost() {
    let here = ServiceWithDatabase::start_shared().await;
    let there = here.join().await;
    // Before the first write: what a session has prepared keeps the function.
    sqlx::query("ALTER FUNCTION pg_catalog.pg_notify(text, text) RENAME TO pg_notify_lost")
        .execute(&here.pool)
        .await
        .unwrap();
    let ages = ages(&here, &there).await;
    assert!(ages[WRITES / 2] > Duration::from_millis(100), "{ages:?}");
    assert!(ages[WRITES - 1] < BOUND, "{ages:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writes_are_seen_in_time_by_a_server_whose_network_breaks_and_falls_silent() {
    let here = ServiceWithDatabase::start_shared().await;
    let proxy = Proxy::start(&here.database.url).await;
    let url: DatabaseUrl = proxy.url.parse().unwrap();
    let there = here
        .join_with(|settings| settings.database_url = Some(url))
        .await;
    let mut longest = Duration::ZERO;
    for number in 1..=4 {
        let before = version(&there, "ada").await;
        assert_eq!(before, (number - 1, false), "write {number}");
        if number % 2 == 0 {
            proxy.silence();
        } else {
            proxy.sever();
        }
        here.write(&[purchase("ada", &number.to_string(), "2026-01-05", 100)])
            .await;
        let acknowledged = Instant::now();
        // What is not seen in time is at least marked.
        until("the write is seen", async || {
            let (seen, stale) = version(&there, "ada").await;
            let age = acknowledged.elapsed();
            assert!(
                seen == number || stale || age < BOUND,
                "{seen} after {age:?}"
            );
            seen == number
        })
        .await;
        longest = longest.max(acknowledged.elapsed());
        until("no answer is marked", async || {
            !version(&there, "ada").await.1
        })
        .await;
    }
    eprintln!("seen over a broken network: longest {longest:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_are_marked_stale_while_the_logs_cannot_be_read() {
    let here = ServiceWithDatabase::start_shared().await;
    let there = here.join().await;
    here.write(&[purchase("ada", "1", "2026-01-05", 100)]).await;
    customer_is_seen("ada", (&here, &there), "ada").await;
    let mut tx = here.pool.begin().await.unwrap();
    sqlx::query("LOCK TABLE log_trims IN ACCESS EXCLUSIVE MODE")
        .execute(&mut *tx)
        .await
        .unwrap();
    let locked = Instant::now();
    until("answers are marked", async || {
        let (version, stale) = version(&there, "ada").await;
        assert_eq!(version, 1, "what is in memory is answered");
        stale
    })
    .await;
    assert!(
        locked.elapsed() < BOUND + Duration::from_secs(1),
        "{:?}",
        locked.elapsed()
    );
    here.write(&[purchase("ada", "2", "2026-01-06", 100)]).await;
    assert_eq!(version(&here, "ada").await.0, 2);
    assert_eq!(version(&there, "ada").await, (1, true));
    tx.rollback().await.unwrap();
    until("the write is seen", async || {
        version(&there, "ada").await == (2, false)
    })
    .await;
}
