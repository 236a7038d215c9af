//! Transactions that are given up while they begin: no session stays inside one, and none that is inside one is handed out.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use futures_util::FutureExt as _;
use patron::store::breaker::Breaker;
use patron::store::pool::{Plans, Pool, PoolOptions};
use patron::store::target::Target;
use sqlx::{Executor as _, PgPool};

use crate::support::database::TestDatabase;
use crate::support::service::ServiceWithDatabase;
use crate::support::until;

fn open(database: &TestDatabase) -> Pool {
    let options = PoolOptions {
        max_connections: 1,
        acquire_timeout: Duration::from_secs(10),
        statement_timeout: Duration::from_secs(10),
        plans: Plans::Kept,
    };
    Pool::open(
        &Target::parse(&database.url).unwrap(),
        options,
        &Breaker::never_opens(),
    )
}

/// Polls `work` at most so often and drops it; says whether it was done by then.
async fn give_up_after<T>(polls: usize, work: impl Future<Output = T>) -> bool {
    let mut work = pin!(work);
    let mut polled = 0;
    poll_fn(|context| {
        polled += 1;
        match work.poll_unpin(context) {
            Poll::Ready(_) => Poll::Ready(true),
            Poll::Pending if polled == polls => Poll::Ready(false),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

/// Sessions of the pool that are inside a transaction, whatever they do there.
async fn count_inside(pool: &PgPool) -> i64 {
    sqlx::query_scalar(
        "SELECT count(*) FROM pg_stat_activity
         WHERE datname = current_database() AND application_name = 'patron' AND xact_start IS NOT NULL",
    )
    .fetch_one(pool)
    .await
    .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transaction_given_up_at_any_point_of_its_beginning_is_ended() {
    let database = TestDatabase::create().await;
    let pool = open(&database);
    let mut given_up = 0;
    for round in 0..200 {
        let polls = 1 + round % 8;
        let done = match round % 2 {
            0 => give_up_after(polls, pool.begin()).await,
            _ => give_up_after(polls, pool.begin_snapshot()).await,
        };
        given_up += usize::from(!done);
        // The one connection there is, as the next call has it.
        let mut connection = pool.acquire().await.unwrap();
        // Outside a transaction there is no savepoint to set.
        let inside = connection.execute("SAVEPOINT inside").await;
        assert!(
            inside.is_err(),
            "round {round}: a session inside a transaction was handed out"
        );
    }
    // Those that are polled once are never done; how many of the others are depends on how fast the database is.
    assert!(given_up >= 200 / 8, "only {given_up} were given up in time");
    until("no session is inside a transaction", async || {
        count_inside(&database.pool).await == 0
    })
    .await;
    pool.close().await;
}

#[tokio::test]
async fn a_session_that_is_inside_a_transaction_is_closed_instead_of_handed_out() {
    let database = TestDatabase::create().await;
    let pool = open(&database);
    let session = async || {
        let mut connection = pool.acquire().await.unwrap();
        sqlx::query_scalar::<_, i32>("SELECT pg_backend_pid()")
            .fetch_one(&mut *connection)
            .await
            .unwrap()
    };
    let first = session().await;
    assert_eq!(session().await, first, "a clean one is kept");
    for statement in ["BEGIN", "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY"] {
        let before = session().await;
        // As sqlx leaves it when the future of BEGIN is dropped: the pool knows of no transaction.
        let mut connection = pool.acquire().await.unwrap();
        connection.execute(statement).await.unwrap();
        drop(connection);
        assert_ne!(session().await, before, "after {statement}");
    }
    until("no session is inside a transaction", async || {
        count_inside(&database.pool).await == 0
    })
    .await;
    pool.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_stays_inside_a_transaction_is_counted() {
    let service = ServiceWithDatabase::start().await;
    let stuck = &service.app.metrics.sessions.idle_in_transaction;
    let mut session = service.pool.acquire().await.unwrap();
    for statement in ["SET application_name = 'patron'", "BEGIN"] {
        session.execute(statement).await.unwrap();
    }
    until("the session is counted", async || stuck.get() == 1).await;
    session.execute("ROLLBACK").await.unwrap();
    until("no session is counted", async || stuck.get() == 0).await;
}
