//! A server that another one has overtaken, and that does not know it yet.

use patron::app::failure::Failure;
use patron::app::fence::FenceError;
use patron::app::server::ServeError;
use patron::domain::text::CustomerId;
use patron::pb;
use patron::store::locks;
use sqlx::PgPool;
use tonic::Code;

use super::{end, holder, is_answering, is_writing};
use crate::definitions::EXAMPLE;
use crate::rates::rate;
use crate::support::messages::{purchase, reason};
use crate::support::service::ServiceWithDatabase;
use crate::support::{PATIENCE, until};

/// What another process does that takes the fence.
async fn overtake(pool: &PgPool) {
    sqlx::query("UPDATE fence_epoch SET epoch = epoch + 1")
        .execute(pool)
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_was_overtaken_writes_nothing_before_it_knows_it() {
    let service = ServiceWithDatabase::start().await;
    assert!(is_writing(&service).await);
    overtake(&service.pool).await;
    let transactions = vec![purchase("ada", "1", "2026-01-01", 100)];
    let request = pb::IngestTransactionsRequest { transactions };
    let refused = service.ingest().ingest_transactions(request).await;
    let publish = pb::PublishDefinitionsRequest {
        document: EXAMPLE.to_owned(),
        note: String::new(),
    };
    let unpublished = service.definitions().publish_definitions(publish).await;
    let rates = vec![rate("CHF", "EUR", ("2026-01-01", "1.05"))];
    let request = pb::IngestRatesRequest { rates };
    let without_rate = service.ingest().ingest_rates(request).await;
    let inactive = pb::ActivateModelRequest {
        version: 1,
        ..Default::default()
    };
    let inactive = service.models().activate_model(inactive).await;
    for refused in [
        refused.unwrap_err(),
        unpublished.unwrap_err(),
        without_rate.unwrap_err(),
        inactive.unwrap_err(),
    ] {
        assert_eq!(refused.code(), Code::Unavailable, "{refused:?}");
        assert_eq!(reason(&refused), "TAKEN_OVER");
    }
    let written: i64 = sqlx::query_scalar(
        "SELECT (SELECT count(*) FROM transactions WHERE customer_id = 'ada')
              + (SELECT count(*) FROM definition_revisions) + (SELECT count(*) FROM exchange_rates)",
    )
    .fetch_one(&service.pool)
    .await
    .unwrap();
    assert_eq!(written, 0);
    assert!(
        is_answering(&service).await,
        "what it knows it still answers"
    );
}

#[tokio::test]
async fn a_server_that_finds_its_fence_free_but_was_overtaken_meanwhile_stops() {
    let service = ServiceWithDatabase::start().await;
    overtake(&service.pool).await;
    let session = holder(&service.pool).await.unwrap();
    end(&service.pool, session).await;
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

/// How many statements wait for a lock.
async fn waiting(pool: &PgPool) -> i64 {
    sqlx::query_scalar(
        "SELECT count(*) FROM pg_stat_activity
         WHERE datname = current_database() AND wait_event_type = 'Lock'",
    )
    .fetch_one(pool)
    .await
    .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_takes_the_fence_waits_for_the_writes_under_way() {
    let service = ServiceWithDatabase::start().await;
    let mut held = service.pool.begin().await.unwrap();
    let ada = CustomerId::new("ada").unwrap();
    locks::lock_customers(&mut held, &[ada]).await.unwrap();
    let mut ingest = service.ingest();
    let writing = tokio::spawn(async move {
        let transactions = vec![purchase("ada", "1", "2026-01-01", 100)];
        let request = pb::IngestTransactionsRequest { transactions };
        ingest.ingest_transactions(request).await
    });
    until("the write waits", async || {
        waiting(&service.pool).await == 1
    })
    .await;
    let pool = service.pool.clone();
    let overtaking = tokio::spawn(async move { overtake(&pool).await });
    until("so does the other", async || {
        waiting(&service.pool).await == 2
    })
    .await;
    held.rollback().await.unwrap();
    writing.await.unwrap().unwrap();
    overtaking.await.unwrap();
    assert!(!is_writing(&service).await);
}
