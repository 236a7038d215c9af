//! Several hosts in the URL of the database, and a password that changes: what a failover and a rotation are for the service.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use patron::pb;
use patron::postgres::cluster::Cluster;
use patron::store::schema;
use sqlx::postgres::PgPoolOptions;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};
use tokio::task::spawn_blocking;
use tokio::time::Instant;
use tonic::Code;

use crate::support::database::TestDatabase;
use crate::support::messages::{by_id, purchase};
use crate::support::proxy::Proxy;
use crate::support::service::Service;
use crate::support::{place, until};

/// From the moment at which another host takes writes: the goal is two seconds, and other tests run on the same cores.
const MOST: Duration = Duration::from_secs(10);

/// Sends a purchase of a customer; whether it is written.
async fn write(service: &Service, customer: &str) -> Result<(), tonic::Status> {
    let request = pb::IngestTransactionsRequest {
        transactions: vec![purchase(customer, customer, "2026-11-01", 100)],
        ..Default::default()
    };
    let mut request = tonic::Request::new(request);
    request.set_timeout(Duration::from_secs(2));
    service.ingest().ingest_transactions(request).await?;
    Ok(())
}

/// Writes until that works again; every failure before it is one that says to try again.
async fn write_again(service: &Service, customer: &str) -> Duration {
    let begun = Instant::now();
    while let Err(refused) = write(service, customer).await {
        let code = refused.code();
        let passing = [Code::Unavailable, Code::DeadlineExceeded, Code::Cancelled];
        assert!(passing.contains(&code), "{refused:?}");
        assert!(begun.elapsed() < MOST, "still refused: {refused:?}");
    }
    begun.elapsed()
}

/// A primary, and a standby that follows it.
struct Pair {
    primary: Cluster,
    standby: Cluster,
    /// Both, the primary first.
    url: String,
}

/// The socket directory of a cluster, as a URL has it.
fn host(cluster: &Cluster) -> String {
    let url = cluster.url();
    let (_, host) = url.split_once("?host=").unwrap();
    host.to_owned()
}

async fn connect(cluster: &Cluster) -> PgConnection {
    PgConnection::connect(&cluster.url()).await.unwrap()
}

impl Pair {
    /// Two clusters in a folder: the second one begins as a copy of the first.
    fn start(folder: &Path) -> Self {
        let (first, second) = (folder.join("first"), folder.join("second"));
        Cluster::start(&first).unwrap().stop();
        let copied = Command::new("cp")
            .arg("-a")
            .args([&first, &second])
            .status();
        assert!(copied.unwrap().success());
        let primary = Cluster::start(&first).unwrap();
        let data = fs::read_dir(&second)
            .unwrap()
            .map(|entry| entry.unwrap().path());
        let data = data
            .into_iter()
            .find(|path| path.join("PG_VERSION").exists())
            .unwrap();
        // Empty, and so of any account that may read it.
        fs::write(data.join("standby.signal"), "").unwrap();
        let from = host(&primary).replace("%2F", "/");
        let settings = data.join("postgresql.conf");
        let follow = format!("\nprimary_conninfo = 'host={from} port=5432 user=postgres'\n");
        fs::write(&settings, fs::read_to_string(&settings).unwrap() + &follow).unwrap();
        let standby = Cluster::start(&second).unwrap();
        let url = format!(
            "postgres://postgres@{},{}/postgres",
            host(&primary),
            host(&standby)
        );
        Self {
            primary,
            standby,
            url,
        }
    }

    /// Waits until the standby has all that the primary has.
    async fn until_followed(&self) {
        let mut primary = connect(&self.primary).await;
        until("the standby has followed", async || {
            let followed: Option<bool> = sqlx::query_scalar(
                "SELECT bool_and(replay_lsn >= pg_current_wal_lsn()) FROM pg_stat_replication",
            )
            .fetch_one(&mut primary)
            .await
            .unwrap();
            followed == Some(true)
        })
        .await;
    }
}

async fn migrate(cluster: &Cluster) {
    let pool = PgPoolOptions::new().connect(&cluster.url()).await.unwrap();
    schema::migrate(&pool).await.unwrap();
    pool.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_standby_that_becomes_the_primary_is_written_to_within_seconds() {
    let folder = place();
    let path = folder.path().to_owned();
    let pair = spawn_blocking(move || Pair::start(&path)).await.unwrap();
    migrate(&pair.primary).await;
    let service = Service::start_in(&pair.url, tempfile::tempdir().unwrap(), |settings| {
        settings.processes.shared = true;
    })
    .await;
    write(&service, "before").await.unwrap();
    let known = service.classify(by_id("before"), "").await;
    assert_eq!(known.r#match(), pb::Match::One);
    pair.until_followed().await;
    let Pair {
        primary, standby, ..
    } = pair;
    spawn_blocking(move || primary.stop()).await.unwrap();
    // The standby answers, and is not what a service that writes wants.
    let refused = write(&service, "between").await.unwrap_err();
    assert_eq!(refused.code(), Code::Unavailable, "{refused:?}");
    let known = service.classify(by_id("before"), "").await;
    assert_eq!(known.r#match(), pb::Match::One, "from memory");
    let promoted: bool = sqlx::query_scalar("SELECT pg_promote()")
        .fetch_one(&mut connect(&standby).await)
        .await
        .unwrap();
    assert!(promoted);
    let waited = write_again(&service, "after").await;
    eprintln!("written again {waited:?} after the new primary answered");
    let found: Vec<String> =
        sqlx::query_scalar("SELECT customer_id FROM customers ORDER BY customer_id")
            .fetch_all(&mut connect(&standby).await)
            .await
            .unwrap();
    assert_eq!(found, ["after", "before"]);
    // The last writes may be lost, and others than this process may have written since.
    let resets = &service.app.metrics.follow.resets;
    until("memory started empty", async || resets.get() == 1).await;
    let known = service.classify(by_id("before"), "").await;
    assert_eq!(known.r#match(), pb::Match::One, "from the new primary");
    service.app.stop().await.unwrap();
}

/// Two ways to one database, of which one can vanish.
async fn two_ways() -> (TestDatabase, Proxy, Proxy, String) {
    let database = TestDatabase::create().await;
    let (first, second) = (
        Proxy::start(&database.url).await,
        Proxy::start(&database.url).await,
    );
    let url = first.with_other(&second);
    (database, first, second, url)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_that_vanishes_without_a_word_is_left_with_what_waited_for_it() {
    let (database, first, _second, url) = two_ways().await;
    let service = Service::start(&url).await;
    write(&service, "before").await.unwrap();
    // Ten writes are under way, in all sessions there are.
    let mut held = database.pool.begin().await.unwrap();
    sqlx::query("LOCK TABLE transactions IN ACCESS EXCLUSIVE MODE")
        .execute(&mut *held)
        .await
        .unwrap();
    let service = Arc::new(service);
    let under_way: Vec<_> = (0..10)
        .map(|at| {
            let service = Arc::clone(&service);
            tokio::spawn(async move { write(&service, &format!("c{at}")).await })
        })
        .collect();
    until("writes are under way", async || {
        let waiting: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'transactions'::regclass",
        )
        .fetch_one(&mut *held)
        .await
        .unwrap();
        waiting > 0
    })
    .await;
    first.vanish();
    held.rollback().await.unwrap();
    let waited = write_again(&service, "after").await;
    eprintln!("written again {waited:?} after the host had vanished");
    for write in under_way {
        // Written, or to be sent again.
        let _ = write.await.unwrap();
    }
    for at in 0..10 {
        write_again(&service, &format!("c{at}")).await;
    }
    let found: i64 = sqlx::query_scalar("SELECT count(*) FROM transactions")
        .fetch_one(&database.pool)
        .await
        .unwrap();
    assert_eq!(found, 12);
    let service = Arc::into_inner(service).unwrap();
    service.app.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_starts_while_the_first_host_is_away() {
    let (_database, first, _second, url) = two_ways().await;
    first.vanish();
    let service = Service::start(&url).await;
    write(&service, "ada").await.unwrap();
    service.app.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_password_is_read_from_its_file() {
    let folder = place();
    let path = folder.path().join("cluster");
    let cluster = spawn_blocking(move || Cluster::start(&path))
        .await
        .unwrap()
        .unwrap();
    migrate(&cluster).await;
    let mut admin = connect(&cluster).await;
    admin
        .execute("CREATE ROLE ann LOGIN SUPERUSER PASSWORD 'first'")
        .await
        .unwrap();
    demand_passwords(&mut admin).await;
    let file = folder.path().join("password");
    fs::write(&file, "first\n").unwrap();
    let url = format!("postgres://ann@{}/postgres", host(&cluster));
    let service = Service::start_in(&url, tempfile::tempdir().unwrap(), |settings| {
        settings.database_tls.password_file = Some(file.clone());
    })
    .await;
    write(&service, "before").await.unwrap();
    admin
        .execute("ALTER ROLE ann PASSWORD 'second'")
        .await
        .unwrap();
    fs::write(&file, "second\n").unwrap();
    // Every session of before ends, so that each call needs a new one.
    for at in 0..3 {
        admin
            .execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'patron'")
            .await
            .unwrap();
        write_again(&service, &format!("after {at}")).await;
    }
    service.app.stop().await.unwrap();
}

/// Ann needs a password from now on.
async fn demand_passwords(admin: &mut PgConnection) {
    let file: String = sqlx::query_scalar("SELECT current_setting('hba_file')")
        .fetch_one(&mut *admin)
        .await
        .unwrap();
    let rules = fs::read_to_string(&file).unwrap();
    fs::write(&file, format!("local all ann scram-sha-256\n{rules}")).unwrap();
    let reload = AssertSqlSafe("SELECT pg_reload_conf()".to_owned());
    admin.execute(reload).await.unwrap();
    until("the rules are read", async || {
        let read: Option<String> = sqlx::query_scalar(
            "SELECT auth_method FROM pg_hba_file_rules WHERE user_name = '{ann}'",
        )
        .fetch_optional(&mut *admin)
        .await
        .unwrap();
        read.as_deref() == Some("scram-sha-256")
    })
    .await;
}
