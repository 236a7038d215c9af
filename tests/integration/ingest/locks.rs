//! Writers of different customers do not wait for each other.

use patron::domain::text::CustomerId;
use patron::store::breaker::Breaker;
use patron::store::locks::{limit_statements, lock_customers};
use patron::store::pool::{Plans, Pool, PoolOptions};
use patron::store::target::Target;

use crate::support::PATIENCE;
use crate::support::database::TestDatabase;

/// So many customers in two transactions: with locks by 20 bits of a hash, some would be the same with a probability of 98 %.
const CUSTOMERS: usize = 2_000;

fn customers(prefix: &str) -> Vec<CustomerId> {
    let ids = (0..CUSTOMERS).map(|at| CustomerId::new(&format!("{prefix}-{at}")).unwrap());
    ids.collect()
}

#[tokio::test]
async fn two_transactions_with_thousands_of_customers_of_their_own_hold_their_locks_at_once() {
    let database = TestDatabase::create().await;
    let options = PoolOptions {
        max_connections: 2,
        acquire_timeout: PATIENCE,
        statement_timeout: PATIENCE,
        plans: Plans::Anew,
    };
    let pool = Pool::open(
        &Target::parse(&database.url).unwrap(),
        options,
        &Breaker::never_opens(),
    );
    let mut one = pool.begin().await.unwrap();
    lock_customers(&mut one, &customers("a")).await.unwrap();
    let mut other = pool.begin().await.unwrap();
    // What has to wait would be ended by this.
    limit_statements(&mut other, PATIENCE / 10).await.unwrap();
    lock_customers(&mut other, &customers("b")).await.unwrap();
    other.rollback().await.unwrap();
    one.rollback().await.unwrap();
    pool.close().await;
}
