//! One server at a time uses a database.

mod overtaken;
mod raised;
mod read_only;

use patron::app::failure::Failure;
use patron::app::fence::FenceError;
use patron::app::server::ServeError;
use patron::domain::text::CustomerId;
use patron::pb;
use patron::store::locks;
use sqlx::{Connection as _, PgConnection, PgExecutor, PgPool};
use tonic::Code;

use crate::support::database::TestDatabase;
use crate::support::messages::{by_id, purchase};
use crate::support::program::patron;
use crate::support::server::{Server, serve};
use crate::support::service::{Service, ServiceWithDatabase};
use crate::support::{PATIENCE, place, until};

/// The session that holds the fence.
async fn holder(pool: &PgPool) -> Option<i32> {
    sqlx::query_scalar(
        "SELECT pid FROM pg_locks
         WHERE locktype = 'advisory' AND classid = 9 AND objid = 1 AND granted
           AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
    )
    .fetch_optional(pool)
    .await
    .unwrap()
}

async fn end(ours: impl PgExecutor<'_>, session: i32) {
    sqlx::query("SELECT pg_terminate_backend($1)")
        .bind(session)
        .execute(ours)
        .await
        .unwrap();
}

/// Ends the session that holds the fence and gives the fence to the one that is returned.
async fn steal(pool: &PgPool, url: &str) -> PgConnection {
    let first = holder(pool).await.unwrap();
    let mut thief = PgConnection::connect(url).await.unwrap();
    let thief = tokio::spawn(async move {
        sqlx::query("SELECT pg_advisory_lock(9, 1)")
            .execute(&mut thief)
            .await
            .unwrap();
        thief
    });
    until("somebody waits for the fence", async || {
        let waiting: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM pg_locks
             WHERE NOT granted AND locktype = 'advisory' AND classid = 9
               AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
        )
        .fetch_one(pool)
        .await
        .unwrap();
        waiting == 1
    })
    .await;
    end(pool, first).await;
    thief.await.unwrap()
}

async fn is_answering(service: &Service) -> bool {
    let request = pb::ClassifyRequest {
        subject: Some(by_id("nobody")),
        as_of: String::new(),
        ..Default::default()
    };
    service.scoring().classify(request).await.is_ok()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_is_dropped_gives_the_fence_back() {
    let database = TestDatabase::create().await;
    let service = Service::start(&database.url).await;
    assert!(holder(&database.pool).await.is_some());
    drop(service);
    until("the fence is free", async || {
        holder(&database.pool).await.is_none()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_server_on_a_database_is_refused_and_learns_who_has_it() {
    let database = TestDatabase::create().await;
    let place = place();
    let arguments = [
        "--database-url",
        &database.url,
        "--data-dir",
        place.path().to_str().unwrap(),
        "--fence-wait-seconds",
        "0",
    ];
    let first = Server::start(&arguments);
    let mut second = serve(&arguments);
    let refused = tokio::task::spawn_blocking(move || second.output().unwrap());
    let refused = refused.await.unwrap();
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(1), "{said}");
    let sentence = said.lines().find(|line| line.starts_with("error: "));
    let sentence = sentence.unwrap_or_else(|| panic!("no error: {said}"));
    assert!(
        sentence.contains("another server uses this database"),
        "{said}"
    );
    assert!(
        sentence.contains(&format!("process {}", first.process_id())),
        "{said}"
    );
    assert!(sentence.contains("--fence-wait-seconds"), "{said}");
    let (status, said) = first.terminate();
    assert_eq!(status.code(), Some(0), "{said:#?}");
    assert_eq!(holder(&database.pool).await, None);
    Server::start(&arguments).terminate();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_waits_serves_when_the_first_one_ends() {
    let database = TestDatabase::create().await;
    let place = place();
    let arguments = [
        "--database-url".to_owned(),
        database.url.clone(),
        "--data-dir".to_owned(),
        place.path().to_str().unwrap().to_owned(),
        "--fence-wait-seconds".to_owned(),
        PATIENCE.as_secs().to_string(),
    ];
    let of = |arguments: &[String; 6]| Server::start(&arguments.each_ref().map(String::as_str));
    let first = of(&arguments);
    let own = holder(&database.pool).await;
    let second = tokio::task::spawn_blocking(move || of(&arguments));
    until("the second server waits", async || {
        let sessions: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM pg_stat_activity
             WHERE application_name LIKE 'patron % process %' AND datname = current_database()",
        )
        .fetch_one(&database.pool)
        .await
        .unwrap();
        sessions == 2
    })
    .await;
    assert_eq!(holder(&database.pool).await, own);
    let (status, said) = first.terminate();
    assert_eq!(status.code(), Some(0), "{said:#?}");
    second.await.unwrap().terminate();
}

#[tokio::test]
async fn a_broken_session_takes_the_fence_again() {
    let service = ServiceWithDatabase::start().await;
    let held = &service.app.metrics.fence.held;
    assert_eq!(held.get(), 1);
    let before = epoch(&service.pool).await;
    let first = holder(&service.pool).await.unwrap();
    end(&service.pool, first).await;
    until("the fence is held again", async || {
        holder(&service.pool).await.is_some_and(|it| it != first)
    })
    .await;
    until("it is shown as held", async || held.get() == 1).await;
    assert_eq!(epoch(&service.pool).await, before, "nobody was between");
    assert!(is_answering(&service).await);
    assert!(is_writing(&service).await);
    service.stop().await.unwrap();
}

/// The epoch of the process that took the fence last.
async fn epoch(pool: &PgPool) -> i64 {
    sqlx::query_scalar("SELECT epoch FROM fence_epoch")
        .fetch_one(pool)
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fence_that_cannot_be_taken_again_is_shown() {
    let database = TestDatabase::create().await;
    let service = Service::start(&database.url).await;
    let held = &service.app.metrics.fence.held;
    database.take_away().await;
    until("the loss is shown", async || held.get() == 0).await;
    database.give_back().await;
    until("the fence is held again", async || held.get() == 1).await;
    service.app.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_a_server_uses_is_not_migrated() {
    let service = ServiceWithDatabase::start().await;
    let url = service.database.url.clone();
    let mut migrate = patron();
    migrate.args(["migrate", "--database-url", &url]);
    let refused = tokio::task::spawn_blocking(move || migrate.output().unwrap());
    let refused = refused.await.unwrap();
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(1), "{said}");
    assert!(
        said.contains("error: a server uses this database"),
        "{said}"
    );
    service.stop().await.unwrap();
}

#[tokio::test]
async fn a_server_whose_fence_another_process_took_stops_and_says_so() {
    let service = ServiceWithDatabase::start().await;
    let _thief = steal(&service.pool, &service.database.url).await;
    let ended = tokio::time::timeout(PATIENCE, service.wait())
        .await
        .unwrap();
    let error = ended.unwrap_err();
    assert!(
        matches!(
            error,
            ServeError::Failure(Failure::Fence(FenceError::Lost(Some(_))))
        ),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_whose_fence_another_process_took_commits_nothing_any_more() {
    let service = ServiceWithDatabase::start().await;
    let mut held = service.pool.begin().await.unwrap();
    let ada = CustomerId::new("ada").unwrap();
    locks::lock_customers(&mut held, &[ada]).await.unwrap();
    let mut ingest = service.ingest();
    let waiting = tokio::spawn(async move {
        let request = pb::IngestTransactionsRequest {
            transactions: vec![purchase("ada", "1", "2026-01-01", 100)],
            ..Default::default()
        };
        ingest.ingest_transactions(request).await
    });
    until("the write waits for its customer", async || {
        let waiting: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM pg_locks
             WHERE NOT granted AND locktype = 'advisory'
               AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
        )
        .fetch_one(&service.pool)
        .await
        .unwrap();
        waiting == 1
    })
    .await;
    let _thief = steal(&service.pool, &service.database.url).await;
    until("the loss is noticed", async || !is_writing(&service).await).await;
    held.rollback().await.unwrap();
    let refused = waiting.await.unwrap().unwrap_err();
    assert_eq!(refused.code(), Code::Unavailable, "{refused:?}");
    let written: i64 =
        sqlx::query_scalar("SELECT count(*) FROM transactions WHERE customer_id = 'ada'")
            .fetch_one(&service.pool)
            .await
            .unwrap();
    assert_eq!(written, 0);
}

async fn is_writing(service: &Service) -> bool {
    let request = pb::IngestTransactionsRequest {
        transactions: vec![purchase("bob", "1", "2026-01-01", 100)],
        ..Default::default()
    };
    service.ingest().ingest_transactions(request).await.is_ok()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_whose_session_breaks_while_it_waits_goes_on_waiting() {
    let database = TestDatabase::create().await;
    let mut other = PgConnection::connect(&database.url).await.unwrap();
    let lock = sqlx::query("SELECT pg_advisory_lock(9, 1)");
    lock.execute(&mut other).await.unwrap();
    let place = place();
    let (url, directory) = (database.url.clone(), place.path().to_owned());
    let started = tokio::task::spawn_blocking(move || {
        let wait = PATIENCE.as_secs().to_string();
        let arguments = ["--database-url", &url, "--fence-wait-seconds", &wait];
        let place = ["--data-dir", directory.to_str().unwrap()];
        Server::start(&[&arguments[..], &place[..]].concat())
    });
    let waiting = async || -> Option<i32> {
        sqlx::query_scalar(
            "SELECT pid FROM pg_stat_activity
             WHERE application_name LIKE 'patron % process %' AND datname = current_database()
               AND query LIKE '%pg_locks%'",
        )
        .fetch_optional(&database.pool)
        .await
        .unwrap()
    };
    until("the server waits", async || waiting().await.is_some()).await;
    let first = waiting().await.unwrap();
    end(&database.pool, first).await;
    until("it waits in another session", async || {
        waiting().await.is_some_and(|it| it != first)
    })
    .await;
    other.close().await.unwrap();
    started.await.unwrap().terminate();
}
