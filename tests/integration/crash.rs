//! The program as a process: killed in the middle of its work, stopped, started where it must not be, and shown to a stranger.

mod descriptors;
mod killed;
mod watched;

use std::path::Path;
use std::process::Output;

use patron::pb;
use patron::pb::scoring_service_client::ScoringServiceClient;
use patron::postgres::discover::find_server;

use crate::support::database::TestDatabase;
use crate::support::messages::by_id;
use crate::support::program::patron;
use crate::support::server::{Server, serve};
use crate::support::{PATIENCE, eventually, is_gone, place};

// The runtimes of these tests have a thread of their own: while the test waits for a process, its connections go on answering.

/// The process of the private Postgres in a data directory.
fn postgres_process(data: &Path) -> u32 {
    find_postgres_process(data).unwrap()
}

/// The same; `None` while it is started again.
fn find_postgres_process(data: &Path) -> Option<u32> {
    let major = find_server().unwrap().major;
    let file = data.join(format!("pg{major}/postmaster.pid"));
    let text = std::fs::read_to_string(file).ok()?;
    text.lines().next()?.parse().ok()
}

fn notes(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

async fn is_answering(endpoint: &str) -> bool {
    let client = ScoringServiceClient::connect(endpoint.to_owned()).await;
    let request = pb::ClassifyRequest {
        subject: Some(by_id("nobody")),
        as_of: String::new(),
        ..Default::default()
    };
    client.unwrap().classify(request).await.is_ok()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_server_that_is_asked_to_stop_leaves_no_process_behind() {
    let place = place();
    let data = place.path().join("with a space");
    let server = Server::start(&["--data-dir", data.to_str().unwrap()]);
    assert!(is_answering(&server.endpoint).await);
    let postgres = postgres_process(&data);
    assert!(!is_gone(postgres));
    let (status, said) = server.terminate();
    assert_eq!(status.code(), Some(0), "{said:#?}");
    assert_eq!(said.last().unwrap(), "stopped: every call was answered");
    assert!(is_gone(postgres));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_killed_server_takes_its_database_with_it() {
    let place = place();
    let server = Server::start(&["--data-dir", place.path().to_str().unwrap()]);
    let postgres = postgres_process(place.path());
    server.kill();
    eventually(PATIENCE, "nobody is left of a killed server", || {
        is_gone(postgres)
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_second_server_on_a_data_directory_is_refused_and_the_first_one_serves_on() {
    let place = place();
    let data = ["--data-dir", place.path().to_str().unwrap()];
    let first = Server::start(&data);
    let second = serve(&data).output().unwrap();
    let notes = notes(&second);
    assert_eq!(second.status.code(), Some(1), "{notes}");
    assert!(notes.contains("error: "), "{notes}");
    assert!(notes.contains("in use by another process"), "{notes}");
    assert!(notes.contains(data[1]), "{notes}");
    assert!(is_answering(&first.endpoint).await);
    first.terminate();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn an_address_that_is_taken_is_named_with_what_to_do() {
    let database = TestDatabase::create().await;
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let place = place();
    let output = patron()
        .args([
            "serve",
            "--listen",
            &address,
            "--admin-listen",
            "127.0.0.1:0",
        ])
        .args(["--database-url", &database.url])
        .args(["--data-dir", place.path().to_str().unwrap()])
        .output()
        .unwrap();
    let notes = notes(&output);
    assert_eq!(output.status.code(), Some(1), "{notes}");
    assert!(
        notes.contains(&format!("error: {address} is already in use")),
        "{notes}"
    );
    assert!(notes.contains("hint: "), "{notes}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_server_refuses_a_database_that_was_not_migrated_and_takes_it_afterwards() {
    let database = TestDatabase::create_empty().await;
    let place = place();
    let url = ["--database-url", &database.url];
    let directory = ["--data-dir", place.path().to_str().unwrap()];
    let arguments = [url, directory].concat();
    let refused = serve(&arguments).output().unwrap();
    let said = notes(&refused);
    assert_eq!(refused.status.code(), Some(1), "{said}");
    assert!(
        said.contains("error: the database has schema version 0"),
        "{said}"
    );
    assert!(said.contains("run `patron migrate`"), "{said}");

    let migrated = patron().arg("migrate").args(url).output().unwrap();
    let said = notes(&migrated);
    assert_eq!(migrated.status.code(), Some(0), "{said}");
    assert!(
        said.contains("migrated: the database now has schema version"),
        "{said}"
    );
    let again = patron().arg("migrate").args(url).output().unwrap();
    assert_eq!(again.status.code(), Some(0));
    assert!(notes(&again).contains("already"), "{}", notes(&again));

    let server = Server::start(&arguments);
    assert!(is_answering(&server.endpoint).await);
    let (status, said) = server.terminate();
    assert_eq!(status.code(), Some(0), "{said:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_server_without_the_key_of_its_database_is_refused() {
    let database = TestDatabase::create().await;
    let (place, elsewhere) = (place(), place());
    let arguments = |directory: &Path| {
        let directory = directory.to_str().unwrap().to_owned();
        [
            "--database-url".to_owned(),
            database.url.clone(),
            "--data-dir".to_owned(),
            directory,
        ]
    };
    let own = arguments(place.path());
    Server::start(&own.each_ref().map(String::as_str)).terminate();
    let other = arguments(elsewhere.path());
    let refused = serve(&other.each_ref().map(String::as_str))
        .output()
        .unwrap();
    let said = notes(&refused);
    assert_eq!(refused.status.code(), Some(1), "{said}");
    assert!(said.contains("--identifier-key-file"), "{said}");
    assert!(
        !elsewhere.path().join("identifier.key").exists(),
        "none is made up"
    );
}

#[test]
fn the_check_of_the_demo_is_green() {
    let output = patron().args(["demo", "--check"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{said}\n{}", notes(&output));
    for rpc in [
        "IngestCustomers",
        "IngestTransactions",
        "IngestContacts",
        "GetCustomer",
        "CheckProfiles",
        "FitModel",
        "ListModels",
        "GetModel",
        "ActivateModel",
        "Classify",
        "BatchClassify",
        "ScoreLifetimeValue",
        "BatchScoreLifetimeValue",
    ] {
        assert!(said.contains(rpc), "{rpc} is called: {said}");
    }
}
