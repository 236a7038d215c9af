//! A server that another one has overtaken, and that does not know it yet.

use patron::app::failure::Failure;
use patron::app::fence::FenceError;
use patron::app::server::ServeError;
use patron::domain::text::CustomerId;
use patron::pb;
use patron::store::locks;
use sqlx::{PgPool, Postgres, Transaction};
use tonic::{Code, Status};

use super::{end, holder, is_answering, is_writing};
use crate::definitions::EXAMPLE;
use crate::rates::rate;
use crate::support::messages::{purchase, reason};
use crate::support::service::ServiceWithDatabase;
use crate::support::{PATIENCE, until};

/// What another process does that takes the fence.
async fn overtake(mut tx: Transaction<'static, Postgres>) {
    for statement in [
        "SELECT pg_advisory_xact_lock(9, 2)",
        "UPDATE fence_epoch SET owner = gen_random_uuid(), epoch = epoch + 1",
    ] {
        sqlx::query(statement).execute(&mut *tx).await.unwrap();
    }
    tx.commit().await.unwrap();
}

/// Why a call is refused, once it has one of the sessions that are open: no new one is let in.
async fn refusal(mut call: impl AsyncFnMut() -> Status) -> Status {
    loop {
        let status = call().await;
        if reason(&status) != "DATABASE_REFUSES_LOGIN" {
            return status;
        }
    }
}

/// The server ends because it was overtaken.
async fn assert_stops(service: ServiceWithDatabase) {
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_was_overtaken_writes_nothing_before_it_knows_it() {
    let service = ServiceWithDatabase::start().await;
    // Sessions in every pool: no new one is let in from here on, so that the server cannot look whether the fence is its own.
    assert!(is_writing(&service).await);
    assert!(is_answering(&service).await);
    let inactive = pb::ActivateModelRequest {
        version: 1,
        ..Default::default()
    };
    let missing = service.models().activate_model(inactive).await;
    assert_eq!(missing.unwrap_err().code(), Code::NotFound);
    let session = holder(&service.pool).await.unwrap();
    let mut other = service.pool.begin().await.unwrap();
    service.database.close_to_new_sessions().await;
    // Over a session that is open: the pool may have no other.
    end(&mut *other, session).await;
    overtake(other).await;
    let request = pb::IngestTransactionsRequest {
        transactions: vec![purchase("ada", "1", "2026-01-01", 100)],
        ..Default::default()
    };
    let unwritten = refusal(async || {
        let mut client = service.ingest();
        client
            .ingest_transactions(request.clone())
            .await
            .unwrap_err()
    });
    let unwritten = unwritten.await;
    let publish = pb::PublishDefinitionsRequest {
        document: EXAMPLE.to_owned(),
        note: String::new(),
        expected_revision: None,
    };
    let unpublished = refusal(async || {
        let mut client = service.definitions();
        client
            .publish_definitions(publish.clone())
            .await
            .unwrap_err()
    });
    let unpublished = unpublished.await;
    let request = pb::IngestRatesRequest {
        rates: vec![rate("CHF", "EUR", ("2026-01-01", "1.05"))],
        ..Default::default()
    };
    let without_rate = refusal(async || {
        let mut client = service.ingest();
        client.ingest_rates(request.clone()).await.unwrap_err()
    });
    let without_rate = without_rate.await;
    let inactive = refusal(async || {
        let mut client = service.models();
        client.activate_model(inactive).await.unwrap_err()
    });
    for refused in [unwritten, unpublished, without_rate, inactive.await] {
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
    service.database.give_back().await;
    assert_stops(service).await;
}

#[tokio::test]
async fn a_server_that_finds_its_fence_free_but_was_overtaken_meanwhile_stops() {
    let service = ServiceWithDatabase::start().await;
    overtake(service.pool.begin().await.unwrap()).await;
    let session = holder(&service.pool).await.unwrap();
    end(&service.pool, session).await;
    assert_stops(service).await;
}

#[tokio::test]
async fn a_server_stops_whose_database_went_back_to_another_owner_of_the_same_number() {
    let service = ServiceWithDatabase::start().await;
    sqlx::query("UPDATE fence_epoch SET owner = gen_random_uuid()")
        .execute(&service.pool)
        .await
        .unwrap();
    assert!(!is_writing(&service).await);
    let session = holder(&service.pool).await.unwrap();
    end(&service.pool, session).await;
    assert_stops(service).await;
}

#[tokio::test]
async fn a_server_that_keeps_its_lock_and_loses_its_epoch_stops() {
    for loss in ["DELETE FROM fence_epoch", "DROP TABLE fence_epoch"] {
        let service = ServiceWithDatabase::start().await;
        sqlx::query(loss).execute(&service.pool).await.unwrap();
        assert_stops(service).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_that_waited_for_another_server_to_take_the_fence_is_refused() {
    let service = ServiceWithDatabase::start().await;
    let mut other = service.pool.begin().await.unwrap();
    sqlx::query("SELECT pg_advisory_xact_lock(9, 2)")
        .execute(&mut *other)
        .await
        .unwrap();
    let mut ingest = service.ingest();
    let writing = tokio::spawn(async move {
        let transactions = vec![purchase("ada", "1", "2026-01-01", 100)];
        let request = pb::IngestTransactionsRequest {
            transactions,
            ..Default::default()
        };
        ingest.ingest_transactions(request).await
    });
    until("the write waits", async || {
        waiting(&service.pool).await == 1
    })
    .await;
    sqlx::query("UPDATE fence_epoch SET owner = gen_random_uuid()")
        .execute(&mut *other)
        .await
        .unwrap();
    other.commit().await.unwrap();
    let refused = writing.await.unwrap().unwrap_err();
    assert_eq!(reason(&refused), "TAKEN_OVER", "{refused:?}");
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
async fn a_server_that_takes_the_fence_waits_for_the_writes_under_way() {
    let service = ServiceWithDatabase::start().await;
    let mut held = service.pool.begin().await.unwrap();
    let ada = CustomerId::new("ada").unwrap();
    locks::lock_customers(&mut held, &[ada]).await.unwrap();
    let mut ingest = service.ingest();
    let writing = tokio::spawn(async move {
        let transactions = vec![purchase("ada", "1", "2026-01-01", 100)];
        let request = pb::IngestTransactionsRequest {
            transactions,
            ..Default::default()
        };
        ingest.ingest_transactions(request).await
    });
    until("the write waits", async || {
        waiting(&service.pool).await == 1
    })
    .await;
    let pool = service.pool.clone();
    let overtaking = tokio::spawn(async move { overtake(pool.begin().await.unwrap()).await });
    until("so does the other", async || {
        waiting(&service.pool).await == 2
    })
    .await;
    held.rollback().await.unwrap();
    writing.await.unwrap().unwrap();
    overtaking.await.unwrap();
    assert!(!is_writing(&service).await);
}
