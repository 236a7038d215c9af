//! A server that starts on a database that takes no writes, as after a failover to a standby.

use patron::app::failure::Failure;
use patron::app::fence::FenceError;
use patron::app::server::ServeError;
use patron::pb;
use sqlx::pool::PoolConnection;
use sqlx::{AssertSqlSafe, PgPool, Postgres};
use tonic::{Code, Status};

use super::is_answering;
use crate::support::messages::{by_id, purchase, reason};
use crate::support::service::ServiceWithDatabase;
use crate::support::{PATIENCE, until};

async fn write(service: &ServiceWithDatabase, id: &str) -> Result<(), Status> {
    let request = pb::IngestTransactionsRequest {
        transactions: vec![purchase(id, "1", "2026-01-01", 100)],
        ..Default::default()
    };
    let answer = service.ingest().ingest_transactions(request).await;
    answer.map(drop)
}

/// A session of the test that may write, whatever the database says of new ones.
async fn writer(pool: &PgPool) -> PoolConnection<Postgres> {
    let mut session = pool.acquire().await.unwrap();
    sqlx::query("SET default_transaction_read_only = off")
        .execute(&mut *session)
        .await
        .unwrap();
    session
}

/// Changes a setting of the test's own database, for sessions that begin later.
async fn alter(pool: &PgPool, change: &str) {
    let mut session = writer(pool).await;
    let name: String = sqlx::query_scalar("SELECT current_database()")
        .fetch_one(&mut *session)
        .await
        .unwrap();
    let statement = AssertSqlSafe(format!("ALTER DATABASE {name} {change}"));
    sqlx::query(statement).execute(&mut *session).await.unwrap();
}

async fn start_read_only() -> ServiceWithDatabase {
    let service = ServiceWithDatabase::start().await;
    write(&service, "ada").await.unwrap();
    let paused = service.pause().await;
    alter(&paused.pool, "SET default_transaction_read_only = on").await;
    paused.resume().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_answers_and_writes_as_soon_as_it_may() {
    let service = start_read_only().await;
    let found = service.find_customer(by_id("ada")).await.unwrap();
    assert_eq!(found.customer_id, "ada");
    for _ in 0..3 {
        let refused = write(&service, "bea").await.unwrap_err();
        assert_eq!(refused.code(), Code::Unavailable, "{refused:?}");
        assert_eq!(reason(&refused), "DATABASE_READ_ONLY");
    }
    alter(&service.pool, "RESET default_transaction_read_only").await;
    until("writes are taken", async || {
        write(&service, "bea").await.is_ok()
    })
    .await;
    assert!(is_answering(&service).await);
    service.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_stops_when_others_write_what_its_memory_would_not_learn_of() {
    let service = start_read_only().await;
    assert!(is_answering(&service).await);
    // As a primary replicates to its standby.
    let written =
        "INSERT INTO change_log (customer_id, version, recorded_at) VALUES ('ada', 2, now())";
    let mut session = writer(&service.pool).await;
    sqlx::query(written).execute(&mut *session).await.unwrap();
    let ended = tokio::time::timeout(PATIENCE, service.wait())
        .await
        .unwrap();
    let error = ended.unwrap_err();
    assert!(
        matches!(
            error,
            ServeError::Failure(Failure::Fence(FenceError::Lost(None)))
        ),
        "{error}"
    );
}
