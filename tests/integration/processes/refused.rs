//! A server that wants its database alone, and servers that share it, refuse each other.

use patron::app::database::DatabaseError;
use patron::app::failure::Failure;
use patron::app::fence::FenceError;
use patron::app::run::{App, StartError};
use patron::app::server::ServeError;
use patron::app::settings::Settings;
use patron::clock::FixedClock;
use sqlx::PgPool;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

use super::basis_id;
use crate::support::PATIENCE;
use crate::support::messages::purchase;
use crate::support::service::{NOW, ServiceWithDatabase, settings};

/// Why a server does not start on the database of `service`.
async fn refusal(
    service: &ServiceWithDatabase,
    change: impl FnOnce(&mut Settings),
) -> (FenceError, String) {
    let place = tempfile::tempdir().unwrap();
    let mut settings = settings(&service.database.url, place.path());
    settings.fence_wait_seconds = 0;
    change(&mut settings);
    let clock = Arc::new(FixedClock::new(NOW.parse().unwrap()));
    let started = App::start(&settings, clock, CancellationToken::new()).await;
    let error = started.err().unwrap();
    let StartError::Database(DatabaseError::Fence(refused)) = error else {
        panic!("{error}");
    };
    let said = refused.to_string();
    (refused, said)
}

#[tokio::test]
async fn a_server_that_wants_its_database_alone_is_refused_by_servers_that_share_it() {
    let service = ServiceWithDatabase::start_shared().await;
    let (refused, said) = refusal(&service, |_| {}).await;
    assert!(matches!(refused, FenceError::Held(Some(_))), "{said}");
    assert!(
        said.starts_with("servers with --shared use this database (\"patron "),
        "{said}"
    );
    assert!(
        said.ends_with("start this one with --shared too, or stop all of them"),
        "{said}"
    );
}

#[tokio::test]
async fn a_server_that_would_share_its_database_is_refused_by_one_that_has_it_alone() {
    let service = ServiceWithDatabase::start().await;
    let (refused, said) = refusal(&service, |settings| settings.processes.shared = true).await;
    assert!(matches!(refused, FenceError::HeldAlone(Some(_))), "{said}");
    assert!(
        said.starts_with("a server without --shared uses this database (\"patron "),
        "{said}"
    );
    assert!(
        said.ends_with("start it again with --shared, or stop it"),
        "{said}"
    );
}

/// The epoch: its number, and whether servers share it.
async fn epoch(pool: &PgPool) -> (i64, bool) {
    sqlx::query_as("SELECT epoch, coalesce(shared_owner = owner, false) FROM fence_epoch")
        .fetch_one(pool)
        .await
        .unwrap()
}

#[tokio::test]
async fn servers_that_share_a_database_have_one_epoch_until_one_has_it_alone() {
    let service = ServiceWithDatabase::start_shared().await;
    let first = epoch(&service.pool).await;
    assert!(first.1);
    let other = service.join().await;
    assert_eq!(epoch(&service.pool).await, first);
    service
        .write(&[purchase("ada", "1", "2026-01-05", 100)])
        .await;
    other
        .write(&[purchase("ada", "2", "2026-01-06", 100)])
        .await;
    other.app.stop().await.unwrap();
    let mut paused = service.pause().await;
    let alone = paused.resume_with(|_| {}).await;
    let raised = epoch(&alone.pool).await;
    assert_eq!(raised, (first.0 + 1, false));
    alone
        .write(&[purchase("ada", "3", "2026-01-07", 100)])
        .await;
    paused = alone.pause().await;
    let again = paused
        .resume_with(|settings| settings.processes.shared = true)
        .await;
    assert_eq!(epoch(&again.pool).await, (first.0 + 2, true));
}

#[tokio::test]
async fn a_server_that_shared_its_database_stops_when_others_had_it_alone_meanwhile() {
    let service = ServiceWithDatabase::start_shared().await;
    let other = service.join().await;
    assert_eq!(basis_id(&other).await, basis_id(&service).await);
    // What a server does that has the database alone and ends, while the sessions of these two were broken.
    sqlx::query("UPDATE fence_epoch SET owner = gen_random_uuid(), epoch = epoch + 1")
        .execute(&service.pool)
        .await
        .unwrap();
    // The database goes with the first service.
    for ended in [other.app.wait().await, service.wait().await] {
        let error = ended.unwrap_err();
        assert!(
            matches!(
                error,
                ServeError::Failure(Failure::Fence(FenceError::Lost(None)))
            ),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_server_that_shares_its_database_takes_a_lost_session_again() {
    let service = ServiceWithDatabase::start_shared().await;
    let other = service.join().await;
    sqlx::query(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE application_name LIKE 'patron % process %' AND datname = current_database()",
    )
    .execute(&service.pool)
    .await
    .unwrap();
    for app in [&service.app, &other.app] {
        let held = &app.metrics.fence.held;
        crate::support::until("the fence is held again", async || {
            let sessions: i64 = sqlx::query_scalar(
                "SELECT count(*) FROM pg_locks
                 WHERE locktype = 'advisory' AND classid = 9 AND objid = 1 AND mode = 'ShareLock'
                   AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
            )
            .fetch_one(&service.pool)
            .await
            .unwrap();
            held.get() == 1 && sessions == 2
        })
        .await;
    }
    let ended = tokio::time::timeout(PATIENCE, async {
        service
            .write(&[purchase("ada", "1", "2026-01-05", 100)])
            .await;
        other
            .write(&[purchase("ada", "2", "2026-01-06", 100)])
            .await;
    });
    ended.await.unwrap();
}
