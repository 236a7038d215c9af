//! Who takes the fence waits for transactions that the server before left behind.

use std::time::Duration;

use patron::app::database::READ_TIMEOUT;
use patron::service::ingest::refold::refold;
use patron::store::breaker::Breaker;
use patron::store::error::StoreError;
use patron::store::fence::Epoch;
use patron::store::pool::{Plans, Pool, PoolOptions};
use patron::store::target::Target;
use sqlx::{PgPool, Postgres, Transaction};

use crate::support::database::TestDatabase;
use crate::support::program::patron;
use crate::support::server::{Server, serve};
use crate::support::{PATIENCE, place, until};

/// A transaction that compared the epoch of a server which is dead by now, and the number of its session.
async fn left_behind(pool: &PgPool) -> (Transaction<'static, Postgres>, i32) {
    let mut tx = pool.begin().await.unwrap();
    sqlx::query("SELECT fence_owner()")
        .execute(&mut *tx)
        .await
        .unwrap();
    let session = sqlx::query_scalar("SELECT pg_backend_pid()");
    let session = session.fetch_one(&mut *tx).await.unwrap();
    (tx, session)
}

/// When the statement that waits for such transactions began, in microseconds.
async fn waits_since(pool: &PgPool) -> Option<i64> {
    sqlx::query_scalar(
        "SELECT (extract(epoch FROM s.query_start) * 1000000)::bigint
         FROM pg_locks AS l
         JOIN pg_stat_activity AS s ON s.pid = l.pid
         WHERE l.locktype = 'advisory' AND l.classid = 9 AND l.objid = 2 AND NOT l.granted
           AND s.datname = current_database()",
    )
    .fetch_optional(pool)
    .await
    .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_waits_for_transactions_left_behind_as_long_as_for_the_fence() {
    let database = TestDatabase::create().await;
    let (left, _) = left_behind(&database.pool).await;
    let place = place();
    let (url, directory) = (database.url.clone(), place.path().to_owned());
    let started = tokio::task::spawn_blocking(move || {
        let wait = PATIENCE.as_secs().to_string();
        let arguments = ["--database-url", &url, "--fence-wait-seconds", &wait];
        let place = ["--data-dir", directory.to_str().unwrap()];
        Server::start(&[&arguments[..], &place[..]].concat())
    });
    let mut first = None;
    until("it waits", async || {
        first = waits_since(&database.pool).await;
        first.is_some()
    })
    .await;
    until("it waits again", async || {
        let since = waits_since(&database.pool).await;
        since.is_some() && since != first
    })
    .await;
    left.rollback().await.unwrap();
    started.await.unwrap().terminate();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_that_may_not_wait_names_the_sessions_that_still_write() {
    let database = TestDatabase::create().await;
    let (_left, session) = left_behind(&database.pool).await;
    let place = place();
    let mut server = serve(&[
        "--database-url",
        &database.url,
        "--data-dir",
        place.path().to_str().unwrap(),
        "--fence-wait-seconds",
        "0",
    ]);
    let refused = tokio::task::spawn_blocking(move || server.output().unwrap());
    let refused = refused.await.unwrap();
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(1), "{said}");
    let expected = format!("transactions of another server still run (sessions {session})");
    assert!(said.contains(&expected), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_migration_changes_nothing_while_another_server_writes() {
    let database = TestDatabase::create().await;
    let last =
        "DELETE FROM _sqlx_migrations WHERE version = (SELECT max(version) FROM _sqlx_migrations)";
    sqlx::query(last).execute(&database.pool).await.unwrap();
    let (_left, session) = left_behind(&database.pool).await;
    let mut migrate = patron();
    migrate.args(["migrate", "--database-url", &database.url]);
    let refused = tokio::task::spawn_blocking(move || migrate.output().unwrap());
    let refused = refused.await.unwrap();
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(1), "{said}");
    assert!(said.contains(&format!("(sessions {session})")), "{said}");
}

#[tokio::test]
async fn a_process_without_the_epoch_does_not_note_the_version_of_the_fold() {
    let database = TestDatabase::create().await;
    let options = PoolOptions {
        max_connections: 1,
        acquire_timeout: Duration::from_secs(5),
        statement_timeout: READ_TIMEOUT,
        plans: Plans::Anew,
    };
    let pool = Pool::open(
        &Target::parse(&database.url).unwrap(),
        options,
        &Breaker::never_opens(),
    );
    let now = "2026-01-01T00:00:00Z".parse().unwrap();
    refold(&pool, now).await.unwrap();
    // One that is noted already is not noted again.
    sqlx::query("DELETE FROM profile_fold")
        .execute(&database.pool)
        .await
        .unwrap();
    let refused = refold(&pool.fenced(Epoch::random()), now).await;
    assert!(matches!(refused, Err(StoreError::TakenOver)), "{refused:?}");
}
