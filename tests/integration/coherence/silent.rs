//! Connections on which nothing passes any more, while new ones do: as when another server took over the name of one that is gone.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use patron::store::breaker::Breaker;
use patron::store::pool::{Plans, Pool, PoolOptions};
use patron::store::target::Target;
use sqlx::Executor as _;

use crate::support::database::TestDatabase;
use crate::support::proxy::Proxy;

/// All connections of the pool.
const CONNECTIONS: u32 = 3;
/// How long a caller waits for one.
const ACQUIRE: Duration = Duration::from_secs(8);
/// How soon places are free again: a tenth of what a statement may take, and some time for a busy machine.
const SOON: Duration = Duration::from_secs(6);

async fn open(database: &TestDatabase) -> (Pool, Proxy) {
    let proxy = Proxy::start(&database.url).await;
    let options = PoolOptions {
        max_connections: CONNECTIONS,
        acquire_timeout: ACQUIRE,
        statement_timeout: Duration::from_secs(10),
        plans: Plans::Kept,
    };
    let pool = Pool::open(
        &Target::parse(&proxy.url).unwrap(),
        options,
        &Breaker::never_opens(),
    );
    (pool, proxy)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn places_of_statements_that_were_given_up_on_a_silent_path_are_free_again() {
    let database = TestDatabase::create().await;
    let (pool, proxy) = open(&database).await;
    let opened = (0..CONNECTIONS).map(|_| pool.acquire());
    let opened: Vec<_> = join_all(opened)
        .await
        .into_iter()
        .map(Result::unwrap)
        .collect();
    proxy.silence();
    let given_up = opened.into_iter().map(async |mut connection| {
        let answer = connection.execute("SELECT 1");
        tokio::time::timeout(Duration::from_millis(50), answer)
            .await
            .is_err()
    });
    assert_eq!(join_all(given_up).await, [true; CONNECTIONS as usize]);
    let begin = Instant::now();
    let opened = (0..CONNECTIONS).map(|_| pool.acquire());
    for mut connection in join_all(opened).await.into_iter().map(Result::unwrap) {
        connection.execute("SELECT 1").await.unwrap();
    }
    assert!(begin.elapsed() < SOON, "after {:?}", begin.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_released_and_at_rest_stays_open() {
    let database = TestDatabase::create().await;
    let (pool, _proxy) = open(&database).await;
    let session = async || {
        let mut connection = pool.acquire().await.unwrap();
        let id = sqlx::query_scalar::<_, i32>("SELECT pg_backend_pid()");
        let id = id.fetch_one(&mut *connection).await.unwrap();
        // Given up within a statement that ends soon.
        let answer = connection.execute("SELECT pg_sleep(0.2)");
        let given_up = tokio::time::timeout(Duration::from_millis(50), answer).await;
        assert!(given_up.is_err());
        id
    };
    let first = session().await;
    let mut seen = vec![];
    for _ in 0..CONNECTIONS {
        seen.push(session().await);
    }
    assert!(seen.contains(&first), "{first} is not among {seen:?}");
}
