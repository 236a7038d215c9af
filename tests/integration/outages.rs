//! What the database cannot do now is told apart, and never a fault of the program.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::future::join_all;
use patron::pb;
use sqlx::{AssertSqlSafe, ConnectOptions as _, PgPool};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::definitions::EXAMPLE;
use crate::support::messages::{by_id, purchase, reason};
use crate::support::service::ServiceWithDatabase;
use crate::support::until;

async fn send(service: &ServiceWithDatabase, id: &str) -> Result<(), Status> {
    let request = pb::IngestTransactionsRequest {
        transactions: vec![purchase(id, "1", "2026-01-01", 100)],
        ..Default::default()
    };
    let answer = service.ingest().ingest_transactions(request).await;
    answer.map(drop)
}

#[track_caller]
fn assert_unavailable(status: &Status, expected: &str) {
    assert_eq!(status.code(), Code::Unavailable, "{status:?}");
    assert_eq!(reason(status), expected);
    let retry = status.get_details_retry_info().unwrap();
    assert!(retry.retry_delay.unwrap() > Duration::ZERO, "{status:?}");
}

/// Changes a setting of the test's own database.
async fn alter(pool: &PgPool, change: &str) {
    let name: String = sqlx::query_scalar("SELECT current_database()")
        .fetch_one(pool)
        .await
        .unwrap();
    let statement = format!("ALTER DATABASE {name} {change}");
    sqlx::query(AssertSqlSafe(statement))
        .execute(pool)
        .await
        .unwrap();
}

/// Ends the sessions of the pools, as a failover does, and leaves the fence.
async fn end_sessions(pool: &PgPool) {
    sqlx::query(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE datname = current_database() AND application_name = 'patron'",
    )
    .execute(pool)
    .await
    .unwrap();
}

#[tokio::test]
async fn a_database_that_takes_no_writes_says_so_and_its_sessions_are_not_used_again() {
    let service = ServiceWithDatabase::start().await;
    alter(&service.pool, "SET default_transaction_read_only = on").await;
    end_sessions(&service.pool).await;
    until("writes are refused", async || {
        let refused = send(&service, "ada").await.err();
        refused.is_some_and(|status| reason(&status) == "DATABASE_READ_ONLY")
    })
    .await;
    for _ in 0..4 {
        let refused = send(&service, "ada").await.unwrap_err();
        assert_unavailable(&refused, "DATABASE_READ_ONLY");
    }
    // As after the failover: a new connection is led to a server that takes writes, an old one is not. Sessions are
    // given up when they are a second old.
    alter(&service.pool, "RESET default_transaction_read_only").await;
    let reset: f64 = sqlx::query_scalar("SELECT extract(epoch FROM clock_timestamp())::float8")
        .fetch_one(&service.pool)
        .await
        .unwrap();
    let mut at = 0;
    until("eight writes in a row are taken", async || {
        at += 1;
        let ids: Vec<String> = (0..8).map(|number| format!("c{at}-{number}")).collect();
        let writes = ids.iter().map(|id| send(&service, id));
        join_all(writes).await.iter().all(Result::is_ok)
    })
    .await;
    // None of those that take writes is given up for it.
    let kept = sessions_since(&service.pool, reset).await;
    assert!(!kept.is_empty());
    for at in 0..8 {
        send(&service, &format!("c{at}")).await.unwrap();
    }
    let still = sessions_since(&service.pool, reset).await;
    assert!(kept.is_subset(&still), "{kept:?} {still:?}");
    service.stop().await.unwrap();
}

/// The sessions of the pools that were opened after a moment.
async fn sessions_since(pool: &PgPool, moment: f64) -> BTreeSet<i32> {
    let found: Vec<i32> = sqlx::query_scalar(
        "SELECT pid FROM pg_stat_activity
         WHERE datname = current_database() AND application_name = 'patron'
           AND extract(epoch FROM backend_start)::float8 > $1",
    )
    .bind(moment)
    .fetch_all(pool)
    .await
    .unwrap();
    found.into_iter().collect()
}

#[tokio::test]
async fn a_database_that_lets_nobody_in_says_so() {
    let service = ServiceWithDatabase::start().await;
    let name: String = sqlx::query_scalar("SELECT current_database()")
        .fetch_one(&service.pool)
        .await
        .unwrap();
    let elsewhere = service.pool.connect_options().as_ref().clone();
    let mut own = elsewhere.database("postgres").connect().await.unwrap();
    for allowed in [false, true] {
        let statement = format!("ALTER DATABASE {name} ALLOW_CONNECTIONS {allowed}");
        sqlx::query(AssertSqlSafe(statement))
            .execute(&mut own)
            .await
            .unwrap();
        sqlx::query(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
             WHERE datname = $1 AND application_name = 'patron'",
        )
        .bind(&name)
        .execute(&mut own)
        .await
        .unwrap();
        if allowed {
            until("writes are taken again", async || {
                send(&service, "ada").await.is_ok()
            })
            .await;
        } else {
            until("the login is refused", async || {
                let refused = send(&service, "ada").await.err();
                refused.is_some_and(|status| {
                    assert_eq!(status.code(), Code::Unavailable, "{status:?}");
                    reason(&status) == "DATABASE_REFUSES_LOGIN"
                })
            })
            .await;
        }
    }
    service.stop().await.unwrap();
}

#[tokio::test]
async fn a_queue_for_connections_is_overload_and_no_outage() {
    let service = ServiceWithDatabase::start().await;
    let blocker = service.lock_profiles().await;
    // Every connection of reads waits for the lock.
    let readers = (0..8).map(|at| tokio::spawn(classify(&service, &format!("c{at}"))));
    let readers: Vec<_> = readers.collect();
    service.until_blocked(8).await;
    let refused = classify(&service, "ada").await.unwrap_err();
    assert_unavailable(&refused, "OVERLOADED");
    blocker.rollback().await.unwrap();
    for reader in readers {
        // By now their deadline may have passed; none of them is told of an outage.
        if let Err(late) = reader.await.unwrap() {
            assert_eq!(late.code(), Code::DeadlineExceeded, "{late:?}");
        }
    }
    service.stop().await.unwrap();
}

fn classify(
    service: &ServiceWithDatabase,
    customer: &str,
) -> impl Future<Output = Result<(), Status>> + Send + use<> {
    let (mut client, subject) = (service.scoring(), by_id(customer));
    async move {
        let request = pb::ClassifyRequest {
            subject: Some(subject),
            as_of: String::new(),
            ..Default::default()
        };
        client.classify(request).await.map(drop)
    }
}

#[tokio::test]
async fn publishes_at_the_same_time_are_all_done() {
    let service = ServiceWithDatabase::start().await;
    let publish = async |number: usize| {
        let request = pb::PublishDefinitionsRequest {
            document: format!("{EXAMPLE}# {number}\n"),
            note: String::new(),
            expected_revision: None,
        };
        service.definitions().publish_definitions(request).await
    };
    let published = join_all((0..16).map(publish)).await;
    let mut revisions: Vec<i64> = published
        .into_iter()
        .map(|answer| answer.unwrap().into_inner().revision.unwrap().revision)
        .collect();
    revisions.sort_unstable();
    assert_eq!(revisions, (1..=16).collect::<Vec<_>>());
    let answer = service.classify(by_id("nobody"), "").await;
    let basis = answer.provenance.unwrap().basis_id;
    assert!(basis.contains("16"), "the last one is in force: {basis}");
    service.stop().await.unwrap();
}
