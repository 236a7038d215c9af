//! The way to the database: what each mode verifies, and that none of them falls back to plain text where that is not allowed.

use std::sync::Arc;
use std::time::Duration;

use patron::app::run::App;
use patron::app::settings::DatabaseUrl;
use patron::app::settings::encryption::DatabaseWaySettings;
use patron::clock::SystemClock;
use patron::store::probe::{ProbeError, is_about_tls, may_pass, probe};
use patron::store::target::Target;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::authority::Authority;
use super::postgres::TlsPostgres;
use super::{ServerFiles, text};
use crate::server::soon;
use crate::support::program::run;
use crate::support::service::settings;

/// What a client of Postgres asks before it speaks TLS.
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];

const LIMIT: Duration = Duration::from_secs(10);

async fn connect(url: &str) -> Result<(), sqlx::Error> {
    match probe(&Target::parse(url).unwrap(), LIMIT).await {
        Err(ProbeError::Unreachable(cause)) => Err(cause),
        probed => {
            probed.unwrap();
            Ok(())
        }
    }
}

/// The connection fails by its encryption, and is not tried again.
async fn assert_refused(url: &str, part: &str) {
    let refused = connect(url).await.unwrap_err();
    assert!(
        is_about_tls(&refused) && !may_pass(&refused),
        "{url}: {refused:?}"
    );
    assert!(refused.to_string().contains(part), "{url}: {refused}");
}

#[tokio::test]
async fn each_mode_verifies_what_it_says() {
    let database = TlsPostgres::start().await;
    let root = database.root();
    let root = format!("&sslrootcert={}", text(&root));
    let strangers = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(strangers.path(), Authority::new("another authority").pem()).unwrap();
    let strange = format!("&sslrootcert={}", text(strangers.path()));

    // Any server that answers.
    connect(&database.url("?sslmode=require")).await.unwrap();
    connect(&database.url_at("127.0.0.1", "?sslmode=require"))
        .await
        .unwrap();
    // A server of the authority, by whatever name.
    connect(&database.url(&format!("?sslmode=verify-ca{root}")))
        .await
        .unwrap();
    connect(&database.url_at("127.0.0.1", &format!("?sslmode=verify-ca{root}")))
        .await
        .unwrap();
    assert_refused(
        &database.url(&format!("?sslmode=verify-ca{strange}")),
        "UnknownIssuer",
    )
    .await;
    // The server of this name.
    connect(&database.url(&format!("?sslmode=verify-full{root}")))
        .await
        .unwrap();
    let elsewhere = database.url_at("127.0.0.1", &format!("?sslmode=verify-full{root}"));
    assert_refused(&elsewhere, "not valid for name").await;
    assert_refused(
        &database.url(&format!("?sslmode=verify-full{strange}")),
        "UnknownIssuer",
    )
    .await;
    assert_refused(&database.url("?sslmode=verify-full"), "UnknownIssuer").await;
    // Plain text is not let in: the server says so.
    let plain = connect(&database.url("?sslmode=disable"))
        .await
        .unwrap_err();
    assert!(plain.to_string().contains("no encryption"), "{plain}");
    assert!(!may_pass(&plain));
}

#[tokio::test]
async fn a_service_runs_on_it() {
    let database = TlsPostgres::start().await;
    let (url, root) = (database.url(""), database.root());
    let migrate = [
        "migrate",
        "--database-url",
        &url,
        "--database-root-certificate",
        text(&root),
    ];
    let output = run(&migrate).await;
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let directory = tempfile::tempdir().unwrap();
    let mut settings = settings(&url, directory.path());
    settings.database_tls.root_certificate = Some(root);
    settings.validate().unwrap();
    let app = App::start(&settings, Arc::new(SystemClock), CancellationToken::new()).await;
    let app = app.unwrap();
    let target = settings
        .database_tls
        .target(settings.external_database().unwrap());
    let options = target.unwrap().options("the test");
    let sessions = sqlx::PgPool::connect_lazy_with(options);
    let (encrypted, all): (i64, i64) = sqlx::query_as(
        "SELECT count(*) FILTER (WHERE ssl), count(*)
         FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)
         WHERE application_name LIKE 'patron%'",
    )
    .fetch_one(&sessions)
    .await
    .unwrap();
    assert!(all > 0 && encrypted == all, "{encrypted} of {all}");
    sessions.close().await;
    app.stop().await.unwrap();
}

#[tokio::test]
async fn a_start_with_the_wrong_authority_fails_at_once_and_says_what_to_set() {
    let database = TlsPostgres::start().await;
    let url = database.url("?sslmode=verify-full");
    let directory = tempfile::tempdir().unwrap();
    let output = run(&[
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--admin-listen",
        "127.0.0.1:0",
        "--database-url",
        &url,
        "--data-dir",
        text(directory.path()),
    ])
    .await;
    let notes = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{notes}");
    assert!(
        notes.contains("UnknownIssuer") && notes.contains("--database-root-certificate"),
        "{notes}"
    );
    assert!(!notes.contains("waiting for the database"), "{notes}");
}

/// A server, or someone in between, that says it has no TLS. Returns what it is sent after that; nothing if the client leaves.
async fn without_tls(listener: TcpListener) -> Vec<u8> {
    let (mut client, _) = listener.accept().await.unwrap();
    let mut asked = [0; 8];
    client.read_exact(&mut asked).await.unwrap();
    assert_eq!(asked, SSL_REQUEST);
    client.write_all(b"N").await.unwrap();
    let mut more = vec![0; 1024];
    let read = client.read(&mut more).await.unwrap_or(0);
    more.truncate(read);
    more
}

#[tokio::test]
async fn only_prefer_goes_on_in_plain_text() {
    for (mode, goes_on) in [
        ("prefer", true),
        ("require", false),
        ("verify-ca", false),
        ("verify-full", false),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let url = format!("postgres://ann@{address}/shop?sslmode={mode}");
        let (connected, sent) =
            soon(async { tokio::join!(connect(&url), without_tls(listener)) }).await;
        let error = connected.unwrap_err();
        assert_eq!(sent.is_empty(), !goes_on, "{mode}");
        // The name of the user is what a fallback gives away first.
        let gives_away = sent.windows(3).any(|it| it == b"ann");
        assert_eq!(gives_away, goes_on, "{mode}");
        assert_eq!(is_about_tls(&error), !goes_on, "{mode}: {error:?}");
    }
}

#[tokio::test]
async fn a_database_on_another_machine_is_refused_without_encryption() {
    let url = |parameters: &str| -> DatabaseUrl {
        format!("postgres://ann:s3cret@db.example/shop{parameters}")
            .parse()
            .unwrap()
    };
    let count = |tls: &DatabaseWaySettings, parameters: &str| {
        let problems = tls.problems(&url(parameters));
        assert!(
            problems
                .iter()
                .all(|it| !it.kind.to_string().contains("s3cret"))
        );
        problems.len()
    };
    let none = DatabaseWaySettings::default();
    for (parameters, problems) in [
        ("", 1),
        ("?sslmode=disable", 1),
        ("?sslmode=allow", 1),
        ("?sslmode=prefer", 1),
        ("?sslmode=require", 0),
        ("?sslmode=verify-ca", 0),
        ("?sslmode=verify-full", 0),
    ] {
        assert_eq!(count(&none, parameters), problems, "{parameters}");
        let allowed = DatabaseWaySettings {
            allow_plain: true,
            ..DatabaseWaySettings::default()
        };
        assert_eq!(count(&allowed, parameters), 0, "{parameters}");
    }
    let files = ServerFiles::new();
    let with_root = DatabaseWaySettings {
        root_certificate: Some(files.path("root.pem")),
        ..DatabaseWaySettings::default()
    };
    // A root certificate alone means verification; with a mode that does not use it, it promises what does not happen.
    assert_eq!(count(&with_root, ""), 0);
    assert_eq!(count(&with_root, "?sslmode=require"), 1);
    assert_eq!(count(&with_root, "?sslmode=disable"), 1);
    let root = files.path("root.pem");
    assert_eq!(
        count(
            &none,
            &format!("?sslmode=require&sslrootcert={}", text(&root))
        ),
        1
    );
    assert_eq!(
        count(&none, "?sslmode=verify-full&sslrootcert=/none.pem"),
        1
    );

    let refused = run(&[
        "migrate",
        "--database-url",
        "postgres://ann@db.example/shop",
    ])
    .await;
    let notes = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(64), "{notes}");
    assert!(notes.contains("--allow-plain-database"), "{notes}");
}
