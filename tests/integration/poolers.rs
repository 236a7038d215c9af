//! PgBouncer in front of Postgres: it works in session mode, and is refused in every other one before anything is written.

mod bouncer;

use std::process::Output;
use std::time::Duration;

use patron::pb;
use patron::store::breaker::Breaker;
use patron::store::pool::{Plans, Pool, PoolOptions};
use patron::store::target::Target;
use sqlx::ConnectOptions as _;
use sqlx::postgres::PgConnectOptions;
use tonic::Code;

use self::bouncer::{Bouncer, SESSION, SIZE};
use crate::support::database::TestDatabase;
use crate::support::messages::{by_id, purchase};
use crate::support::program::run;
use crate::support::recipes::has;
use crate::support::server::{Server, serve};
use crate::support::service::Service;
use crate::support::until;

fn notes(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

async fn migrate(url: &str) -> Output {
    run(&["migrate", "--database-url", url]).await
}

/// A server that shares the database, with a key of its own or that of another one; and where the key is.
async fn share(url: &str, key: Option<std::path::PathBuf>) -> (Service, std::path::PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let own = directory.path().join("identifier.key");
    let used = key.clone();
    let service = Service::start_in(url, directory, |settings| {
        settings.processes.shared = true;
        settings.identifier_key_file = used;
    });
    (service.await, key.unwrap_or(own))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn servers_share_a_database_behind_a_pooler_in_session_mode() {
    if !has("pgbouncer") {
        return;
    }
    let database = TestDatabase::create_empty().await;
    let bouncer = Bouncer::start(&database).await;
    for expected in ["migrated: ", "already has"] {
        let migrated = migrate(&bouncer.url).await;
        let notes = notes(&migrated);
        assert!(
            migrated.status.success() && notes.contains(expected),
            "{notes}"
        );
    }
    let (first, key) = share(&bouncer.url, None).await;
    let (second, _) = share(&bouncer.url, Some(key)).await;
    let unknown = second.classify(by_id("ada"), "").await;
    assert_eq!(unknown.r#match(), pb::Match::Unknown);
    first
        .write(&[purchase("ada", "1", "2026-01-05", 10_000)])
        .await;
    until("the other server has heard of it", async || {
        let known = second.classify(by_id("ada"), "").await;
        known.r#match() == pb::Match::One
    })
    .await;
    let listening: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM pg_stat_activity
         WHERE datname = current_database() AND application_name = 'patron listener'",
    )
    .fetch_one(&database.pool)
    .await
    .unwrap();
    assert_eq!(listening, 2);
    for service in [first, second] {
        service.app.stop().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_was_killed_leaves_nothing_in_the_sessions_of_the_pooler() {
    if !has("pgbouncer") {
        return;
    }
    let database = TestDatabase::create().await;
    let bouncer = Bouncer::start(&database).await;
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path().to_str().unwrap();
    let line = ["--database-url", &*bouncer.url, "--data-dir", directory];
    let start = || Server::start(&line);
    // The second one finds no fence that a session kept.
    tokio::task::block_in_place(|| start().kill());
    let server = tokio::task::block_in_place(start);
    let (status, said) = tokio::task::block_in_place(|| server.terminate());
    assert!(status.success(), "{said:?}");
    // Another client has a session of before: they are given out last first.
    let options: PgConnectOptions = bouncer.url.parse().unwrap();
    let mut other = options.extra_float_digits(None).connect().await.unwrap();
    until("no session holds a lock", async || {
        let locks: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'
             AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
        )
        .persistent(false)
        .fetch_one(&mut other)
        .await
        .unwrap();
        locks == 0
    })
    .await;
    let left: (String, i64, i64) = sqlx::query_as(
        "SELECT current_setting('statement_timeout'),
                (SELECT count(*) FROM pg_listening_channels()),
                (SELECT count(*) FROM pg_prepared_statements WHERE name <> '')",
    )
    .persistent(false)
    .fetch_one(&mut other)
    .await
    .unwrap();
    assert_eq!(left, ("0".to_owned(), 0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_have_their_settings_also_where_a_pooler_ignores_those_of_the_start() {
    if !has("pgbouncer") {
        return;
    }
    let database = TestDatabase::create().await;
    let ignores = "[pgbouncer]\nignore_startup_parameters = options,extra_float_digits";
    let bouncer = Bouncer::start_with(&database, &[("[pgbouncer]", ignores)]).await;
    for url in [&bouncer.url, &database.url] {
        for (plans, mode) in [(Plans::Kept, "auto"), (Plans::Anew, "force_custom_plan")] {
            let options = PoolOptions {
                max_connections: 1,
                acquire_timeout: Duration::from_secs(10),
                statement_timeout: Duration::from_millis(7_500),
                plans,
            };
            let target = Target::parse(url).unwrap();
            let pool = Pool::open(&target, options, &Breaker::never_opens());
            let mut session = pool.acquire().await.unwrap();
            let set: [String; 4] = sqlx::query_scalar(
                "SELECT ARRAY[current_setting('statement_timeout'), current_setting('plan_cache_mode'),
                              current_setting('idle_in_transaction_session_timeout'), current_setting('timezone')]",
            )
            .fetch_one(&mut *session)
            .await
            .map(|set: Vec<String>| set.try_into().unwrap())
            .unwrap();
            assert_eq!(set, ["7500ms", mode, "1min", "UTC"], "{url}");
            drop(session);
            pool.close().await;
        }
    }
    // What the URL asks for would be lost.
    let lost = format!("{}&options=-csearch_path%3Dshop", bouncer.url);
    let refused = notes(&migrate(&lost).await);
    assert!(
        refused.contains("ignores search_path in its options"),
        "{refused}"
    );
    let kept = format!("{}&options=-csearch_path%3Dpublic", database.url);
    let migrated = migrate(&kept).await;
    assert!(migrated.status.success(), "{}", notes(&migrated));
    let plain = Bouncer::start(&database).await;
    let refused = migrate(&format!("{}&options=-csearch_path%3Dshop", plain.url)).await;
    assert!(
        notes(&refused).contains("hint: remove `options`"),
        "{}",
        notes(&refused)
    );
}

/// A pooler that every command refuses with `sentence`, and has written nothing.
async fn assert_refused(changes: &[(&str, &str)], sentence: &str) {
    let database = TestDatabase::create_empty().await;
    let bouncer = Bouncer::start_with(&database, changes).await;
    let directory = tempfile::tempdir().unwrap();
    let url = &*bouncer.url;
    let mut served = serve(&["--database-url", url]);
    served.arg("--data-dir").arg(directory.path());
    let served = tokio::task::spawn_blocking(move || served.output().unwrap());
    let token = ["token", "list", "--direct", "--database-url", url];
    for output in [migrate(url).await, run(&token).await, served.await.unwrap()] {
        let notes = notes(&output);
        assert_eq!(output.status.code(), Some(1), "{changes:?}: {notes}");
        assert!(notes.contains(sentence), "{changes:?}: {notes}");
    }
    let tables: i64 =
        sqlx::query_scalar("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")
            .fetch_one(&database.pool)
            .await
            .unwrap();
    assert_eq!(tables, 0, "{changes:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pooler_that_is_not_in_session_mode_is_refused_however_many_sessions_it_has() {
    if !has("pgbouncer") {
        return;
    }
    let sentence = "error: the pooler in DATABASE_URL is not in session mode";
    let (transaction, statement) = ("pool_mode=transaction", "pool_mode=statement");
    let with = |setting: &str| format!("[pgbouncer]\n{setting}");
    let in_turn = with("server_round_robin = 1\nmin_pool_size = 5");
    let cleared = with("server_reset_query_always = 1");
    for changes in [
        &[(SESSION, transaction)][..],
        &[(SESSION, transaction), (SIZE, "pool_size=1")],
        &[(SESSION, transaction), ("[pgbouncer]", &in_turn)],
        &[(SESSION, transaction), ("[pgbouncer]", &cleared)],
        &[(SESSION, statement)],
    ] {
        assert_refused(changes, sentence).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pooler_that_leaves_locks_in_its_sessions_is_refused() {
    if !has("pgbouncer") {
        return;
    }
    let changes = [("DISCARD ALL", "DEALLOCATE ALL")];
    let sentence = "error: the pooler in DATABASE_URL is not in session mode or keeps locks of closed sessions: set pool_mode = session and server_reset_query = DISCARD ALL";
    assert_refused(&changes, sentence).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pooler_that_lets_everybody_in_is_no_sign_of_the_database() {
    if !has("pgbouncer") {
        return;
    }
    let database = TestDatabase::create().await;
    let bouncer = Bouncer::start(&database).await;
    let service = Service::start(&bouncer.url).await;
    service
        .write(&[purchase("ada", "1", "2026-01-05", 10_000)])
        .await;
    let known = service.classify(by_id("ada"), "").await;
    assert_eq!(known.r#match(), pb::Match::One);
    database.take_away().await;
    until("the database is known to be away", async || {
        // Only calls that need it find out.
        let _ = service.find_customer(by_id("ada")).await;
        service.app.metrics.breaker.open.get() == 1
    })
    .await;
    let known = service.classify(by_id("ada"), "").await;
    assert_eq!(known.r#match(), pb::Match::One, "from memory");
    let refused = service.find_customer(by_id("ada")).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unavailable, "{refused:?}");
    database.give_back().await;
    until("the database is back", async || {
        service.find_customer(by_id("ada")).await.is_ok()
    })
    .await;
    service.app.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_query_is_imported_through_a_pooler_in_transaction_mode() {
    if !has("pgbouncer") {
        return;
    }
    let database = TestDatabase::create().await;
    let transaction = [(SESSION, "pool_mode=transaction")];
    let bouncer = Bouncer::start_with(&database, &transaction).await;
    let service = Service::start(&database.url).await;
    let query = "SELECT 'ada' AS customer_id, '2026-01-05' AS date, 1.25::float8 AS amount, current_setting('transaction_read_only') AS category";
    let endpoint = service.app.endpoint();
    let rejected = tempfile::tempdir().unwrap();
    let rejected = rejected.path().join("rejected.csv");
    let line = [
        "import",
        "transactions",
        "--from-sql",
        &bouncer.url,
        "--query",
        query,
    ];
    let rest = [
        "--currency",
        "EUR",
        "--endpoint",
        &endpoint,
        "--dry-run",
        "--rejected",
    ];
    let line = [&line[..], &rest[..], &[rejected.to_str().unwrap()]].concat();
    let imported = run(&line).await;
    let printed = String::from_utf8_lossy(&imported.stdout).into_owned() + &notes(&imported);
    assert_eq!(imported.status.code(), Some(0), "{printed}");
    service.app.stop().await.unwrap();
}
