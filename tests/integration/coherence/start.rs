//! A start while the database is away: it is waited for, and what will not come is not.

use std::io::{BufRead as _, BufReader, ErrorKind};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use sqlx::Executor as _;

use crate::server::admin::get;
use crate::support::database::TestDatabase;
use crate::support::program::patron;
use crate::support::server::{Server, serve};

/// Longer than an end at once takes on a busy machine, and shorter than any wait.
const AT_ONCE: Duration = Duration::from_secs(10);

fn ended(arguments: &[&str]) -> (Output, Duration) {
    let begin = Instant::now();
    let output = serve(arguments).stdout(Stdio::null()).output().unwrap();
    (output, begin.elapsed())
}

/// A URL where nobody listens.
fn nowhere() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    format!("postgres://patron@127.0.0.1:{port}/patron")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_waits_for_a_database_that_is_away_and_says_so() {
    let database = TestDatabase::create().await;
    database.take_away().await;
    let directory = tempfile::tempdir().unwrap();
    let place = directory.path().to_str().unwrap().to_owned();
    let url = database.url.clone();
    let (said, waits) = std::sync::mpsc::channel();
    let started = tokio::task::spawn_blocking(move || {
        let arguments = ["--database-url", &url, "--data-dir", &place];
        Server::start_and_tell(&arguments, &mut |line| drop(said.send(line.to_owned())))
    });
    let waiting = tokio::task::spawn_blocking(move || {
        waits
            .iter()
            .find(|line| line.contains("waiting for the database"))
    });
    assert!(waiting.await.unwrap().is_some());
    database.give_back().await;
    let server = started.await.unwrap();
    let (status, _) = tokio::task::spawn_blocking(move || server.terminate())
        .await
        .unwrap();
    assert!(status.success());
}

#[test]
fn what_does_not_pass_by_itself_and_what_may_not_be_waited_for_ends_the_start_at_once() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let database = runtime.block_on(TestDatabase::create());
    let directory = tempfile::tempdir().unwrap();
    let place = directory.path().to_str().unwrap();
    // The databases of tests begin with `t_`.
    let missing = database.url.replace("/t_", "/missing_");
    for (url, wait) in [(missing.as_str(), "60"), (nowhere().as_str(), "0")] {
        let (output, took) = ended(&[
            "--database-url",
            url,
            "--data-dir",
            place,
            "--database-wait",
            wait,
        ]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(
            !output.status.success() && took < AT_ONCE,
            "{took:?}: {said}"
        );
        assert!(
            said.contains("error: cannot use the database in DATABASE_URL"),
            "{said}"
        );
        assert!(said.contains("hint: "), "{said}");
    }
}

#[test]
fn a_migration_fails_at_once_where_nobody_listens() {
    let begin = Instant::now();
    let output = patron()
        .args(["migrate", "--database-url", &nowhere()])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success());
    assert!(said.contains("refused"), "{said}");
    assert!(begin.elapsed() < AT_ONCE / 2, "{:?}", begin.elapsed());
}

fn free_address() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_that_waits_for_the_fence_is_alive_refuses_callers_and_stops_when_asked() {
    let database = TestDatabase::create().await;
    let mut other = database.pool.acquire().await.unwrap();
    other
        .execute("SELECT pg_advisory_lock(9, 1)")
        .await
        .unwrap();
    let (serving, admin) = (free_address(), free_address());
    let directory = tempfile::tempdir().unwrap();
    let mut server = patron()
        .args(["serve", "--listen", &serving.to_string()])
        .args(["--admin-listen", &admin.to_string()])
        .args(["--database-url", &database.url])
        .args(["--data-dir", directory.path().to_str().unwrap()])
        .args(["--fence-wait-seconds", "600"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(server.stderr.take().unwrap()).lines();
    let waits = said.any(|line| line.unwrap().contains("waiting for it to stop"));
    assert!(waits, "it ended");
    for (path, expected) in [("/livez", 200), ("/readyz", 503), ("/startupz", 503)] {
        assert_eq!(get(admin, path).await.0, expected, "{path}");
    }
    let refused = TcpStream::connect(serving).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    let begin = Instant::now();
    let signal = format!("kill -TERM {}", server.id());
    let sent = Command::new("/bin/sh").args(["-c", &signal]).status();
    assert!(sent.unwrap().success());
    let said: Vec<String> = said.map_while(Result::ok).collect();
    let status = server.wait().unwrap();
    let took = begin.elapsed();
    assert!(took < AT_ONCE, "{took:?}: {said:#?}");
    assert!(status.success(), "{said:#?}");
    assert!(
        said.iter().any(|line| line.contains("stopped before")),
        "{said:#?}"
    );
}

#[test]
fn a_start_that_is_stopped_while_it_waits_is_no_failure() {
    let directory = tempfile::tempdir().unwrap();
    let place = directory.path().to_str().unwrap();
    let mut command = serve(&["--database-url", &nowhere(), "--data-dir", place]);
    let command = command.stdout(Stdio::null()).stderr(Stdio::piped());
    let mut server = command.spawn().unwrap();
    let mut lines = BufReader::new(server.stderr.take().unwrap()).lines();
    let mut line = || lines.next().transpose().unwrap();
    while !line().unwrap().contains("waiting for the database") {}
    let signal = format!("kill -TERM {}", server.id());
    let sent = Command::new("/bin/sh").args(["-c", &signal]).status();
    assert!(sent.unwrap().success());
    let said: Vec<String> = std::iter::from_fn(line).collect();
    let status = server.wait().unwrap();
    assert!(status.success(), "{status}: {said:#?}");
    assert!(
        !said.iter().any(|line| line.starts_with("error:")),
        "{said:#?}"
    );
}
