//! The logs themselves: what a reader finds new, whatever the order of commits, and what it finds when rows are gone.

use jiff::{Timestamp, ToSpan as _};
use patron::domain::text::CustomerId;
use patron::store::breaker::Breaker;
use patron::store::change_log::news::{self, Changes, Seen};
use patron::store::change_log::{self, trim};
use patron::store::pool::{Plans, Pool, PoolOptions};
use patron::store::target::Target;
use sqlx::{Postgres, Transaction};
use std::time::Duration;

use crate::support::database::TestDatabase;
use crate::support::service::NOW;
use crate::support::until;

fn now() -> Timestamp {
    NOW.parse().unwrap()
}

fn open(database: &TestDatabase) -> Pool {
    let options = PoolOptions {
        max_connections: 4,
        acquire_timeout: Duration::from_secs(5),
        statement_timeout: Duration::from_secs(10),
        plans: Plans::Anew,
    };
    let target = Target::parse(&database.url).unwrap();
    Pool::open(&target, options, &Breaker::never_opens())
}

/// A transaction that wrote a version of a customer and has not ended.
async fn begin(pool: &Pool, customer: &str, version: i64) -> Transaction<'static, Postgres> {
    let mut tx = pool.begin().await.unwrap();
    let customer = CustomerId::new(customer).unwrap();
    change_log::insert(&mut tx, &[(customer, version)], now())
        .await
        .unwrap();
    tx
}

async fn write(pool: &Pool, customer: &str, version: i64) {
    begin(pool, customer, version).await.commit().await.unwrap();
}

/// What is new since `seen`, which goes on from there.
async fn read(pool: &Pool, seen: &mut Seen) -> Changes {
    let news = news::read(pool, seen).await.unwrap();
    *seen = news.seen;
    news.changes
}

/// Reads until every transaction that wrote a row is over for everybody: those of other tests hold that up.
async fn settle(pool: &Pool, seen: &mut Seen) {
    let last: i64 = sqlx::query_scalar(
        "SELECT max(xid::text::bigint) FROM change_log WHERE xid < pg_snapshot_xmax(pg_current_snapshot())",
    )
    .fetch_one(&mut *pool.begin().await.unwrap())
    .await
    .unwrap();
    let last = u64::try_from(last).unwrap();
    until("older transactions are over", async || {
        check(&read(pool, seen).await, &[]);
        seen.position.is_past(last)
    })
    .await;
}

/// Deletes rows recorded before this time, and returns how many.
async fn delete_old(pool: &Pool, before: Timestamp) -> u64 {
    let mut tx = pool.begin().await.unwrap();
    let deleted = trim::delete_old(&mut tx, before, now()).await.unwrap();
    tx.commit().await.unwrap();
    deleted
}

#[track_caller]
fn check(changes: &Changes, wanted: &[(&str, i64)]) {
    let Changes::Known(known) = changes else {
        panic!("{changes:?}");
    };
    let mut found: Vec<_> = known
        .customers
        .iter()
        .map(|(id, version)| (id.as_str(), *version))
        .collect();
    found.sort_unstable();
    assert_eq!(found, wanted);
}

#[tokio::test]
async fn every_write_is_new_once_whatever_the_order_of_commits() {
    let database = TestDatabase::create().await;
    let pool = open(&database);
    write(&pool, "before", 1).await;
    let mut seen = news::find_end(&pool).await.unwrap();
    check(&read(&pool, &mut seen).await, &[]);
    let early = begin(&pool, "early", 1).await;
    write(&pool, "ada", 1).await;
    check(&read(&pool, &mut seen).await, &[("ada", 1)]);
    let late = begin(&pool, "late", 1).await;
    write(&pool, "ada", 2).await;
    // The long ones hold nothing up, and nothing is read twice for them.
    check(&read(&pool, &mut seen).await, &[("ada", 2)]);
    check(&read(&pool, &mut seen).await, &[]);
    late.commit().await.unwrap();
    check(&read(&pool, &mut seen).await, &[("late", 1)]);
    early.commit().await.unwrap();
    write(&pool, "bob", 1).await;
    check(&read(&pool, &mut seen).await, &[("bob", 1), ("early", 1)]);
    begin(&pool, "undone", 1).await.rollback().await.unwrap();
    check(&read(&pool, &mut seen).await, &[]);
}

#[tokio::test]
async fn a_reader_that_missed_rows_that_were_deleted_finds_out() {
    let database = TestDatabase::create().await;
    let pool = open(&database);
    let mut seen = news::find_end(&pool).await.unwrap();
    let mut late = seen.clone();
    write(&pool, "ada", 1).await;
    check(&read(&pool, &mut seen).await, &[("ada", 1)]);
    settle(&pool, &mut seen).await;
    let running = begin(&pool, "bob", 1).await;
    assert_eq!(delete_old(&pool, now()).await, 0, "not old enough");
    assert_eq!(delete_old(&pool, now() + 1.hour()).await, 1, "but bob's");
    assert!(matches!(read(&pool, &mut late).await, Changes::TooMany));
    check(&read(&pool, &mut late).await, &[]);
    // Who had read them misses nothing.
    check(&read(&pool, &mut seen).await, &[]);
    running.commit().await.unwrap();
    for seen in [&mut seen, &mut late] {
        check(&read(&pool, seen).await, &[("bob", 1)]);
    }
}

#[tokio::test]
async fn a_reader_of_a_database_that_lost_its_last_writes_finds_out() {
    let database = TestDatabase::create().await;
    let pool = open(&database);
    let mut seen = news::find_end(&pool).await.unwrap();
    write(&pool, "ada", 1).await;
    check(&read(&pool, &mut seen).await, &[("ada", 1)]);
    // As a standby does that takes over without the last row.
    sqlx::query("DELETE FROM change_log")
        .execute(&database.pool)
        .await
        .unwrap();
    assert!(matches!(read(&pool, &mut seen).await, Changes::WentBack));
    check(&read(&pool, &mut seen).await, &[]);
}

/// As they come with a dump of a database that had counted further.
#[tokio::test]
async fn rows_of_transactions_that_have_not_begun_are_not_read_and_are_deleted() {
    let database = TestDatabase::create().await;
    let pool = open(&database);
    write(&pool, "restored", 1).await;
    for statement in [
        "UPDATE change_log SET xid = '1000000000000'",
        "INSERT INTO log_trims (trimmed_xid, trimmed_at) VALUES ('1000000000000', now())",
    ] {
        sqlx::query(statement)
            .execute(&database.pool)
            .await
            .unwrap();
    }
    let mut seen = news::find_end(&pool).await.unwrap();
    for version in 1..3 {
        write(&pool, "ada", version).await;
        check(&read(&pool, &mut seen).await, &[("ada", version)]);
    }
    settle(&pool, &mut seen).await;
    let mut late = seen.clone();
    assert_eq!(delete_old(&pool, now() + 1.hour()).await, 3);
    let trimmed: i64 = sqlx::query_scalar("SELECT trimmed_xid::text::bigint FROM log_trims")
        .fetch_one(&database.pool)
        .await
        .unwrap();
    assert!(trimmed < 1_000_000_000_000, "{trimmed}");
    write(&pool, "ada", 3).await;
    check(&read(&pool, &mut late).await, &[("ada", 3)]);
}
