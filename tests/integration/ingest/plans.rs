//! Statements of writers are planned at every execution.

use std::time::Duration;

use patron::store::breaker::Breaker;
use patron::store::pool::{Plans, Pool, PoolOptions};
use patron::store::target::Target;

use crate::support::database::TestDatabase;

/// A plan that was made while a table was empty and kept reads the whole table for ever: the demo took twice as long to send its facts.
#[tokio::test]
async fn connections_of_writers_keep_no_plan_and_those_of_readers_may() {
    let database = TestDatabase::create().await;
    for (plans, mode) in [(Plans::Anew, "force_custom_plan"), (Plans::Kept, "auto")] {
        let options = PoolOptions {
            max_connections: 1,
            acquire_timeout: Duration::from_secs(10),
            statement_timeout: Duration::from_secs(10),
            plans,
        };
        let pool = Pool::open(
            &Target::parse(&database.url).unwrap(),
            options,
            &Breaker::never_opens(),
        );
        let found: String = sqlx::query_scalar("SHOW plan_cache_mode")
            .fetch_one(pool.unguarded())
            .await
            .unwrap();
        assert_eq!(found, mode, "{plans:?}");
        pool.close().await;
    }
}
