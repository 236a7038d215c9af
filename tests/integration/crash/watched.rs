//! The private Postgres ends by itself, under a server that runs on.

use std::path::Path;
use std::process::Command;

use patron::pb;
use patron::pb::ingest_service_client::IngestServiceClient;
use tonic::transport::Endpoint;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

use super::{find_postgres_process, is_answering, postgres_process};
use crate::support::messages::purchase;
use crate::support::server::Server;
use crate::support::{is_gone, place, until};

fn kill(process_id: u32) {
    let kill = format!("kill -KILL {process_id}");
    let sent = Command::new("/bin/sh").args(["-c", &kill]).status();
    assert!(sent.unwrap().success());
}

async fn is_written(endpoint: &str, id: &str) -> bool {
    let client = IngestServiceClient::connect(endpoint.to_owned()).await;
    let request = pb::IngestTransactionsRequest {
        transactions: vec![purchase("ada", id, "2026-01-01", 100)],
        ..Default::default()
    };
    client.unwrap().ingest_transactions(request).await.is_ok()
}

/// What the server says of its service of writes.
async fn health(endpoint: &str) -> i32 {
    let channel = Endpoint::from_shared(endpoint.to_owned()).unwrap();
    let mut client = HealthClient::new(channel.connect().await.unwrap());
    let service = "patron.v1.IngestService".to_owned();
    let answer = client.check(HealthCheckRequest { service }).await;
    answer.unwrap().into_inner().status
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_killed_private_postgres_is_started_again_and_nothing_is_lost() {
    let place = place();
    let server = Server::start(&["--data-dir", place.path().to_str().unwrap()]);
    for round in 0..3 {
        assert!(is_written(&server.endpoint, &format!("{round}")).await);
        let postgres = postgres_process(place.path());
        kill(postgres);
        // A session of the killed one may answer for a moment yet.
        until("another process is there", async || {
            find_postgres_process(place.path()).is_some_and(|it| it != postgres)
        })
        .await;
        until("a write is taken again", async || {
            is_written(&server.endpoint, &format!("{round} again")).await
        })
        .await;
        assert!(is_answering(&server.endpoint).await);
        until("writes are served again", async || {
            health(&server.endpoint).await == 1
        })
        .await;
    }
    let postgres = postgres_process(place.path());
    let (status, said) = server.terminate();
    assert_eq!(status.code(), Some(0), "{said:#?}");
    assert!(
        said.iter().any(|line| line.contains("is running again")),
        "{said:#?}"
    );
    assert!(is_gone(postgres));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_private_postgres_that_cannot_be_started_again_ends_the_server_with_a_sentence() {
    let place = place();
    let server = Server::start(&["--data-dir", place.path().to_str().unwrap()]);
    let postgres = postgres_process(place.path());
    let control = control_file(place.path());
    std::fs::rename(&control, control.with_extension("away")).unwrap();
    kill(postgres);
    until("writes are not served", async || {
        health(&server.endpoint).await == 2
    })
    .await;
    let (status, said) = server.ended();
    assert_eq!(status.code(), Some(1), "{said:#?}");
    let sentence = "the private PostgreSQL stopped and cannot be restarted";
    assert!(said.iter().any(|line| line.contains(sentence)), "{said:#?}");
}

/// Without it, PostgreSQL does not start.
fn control_file(data: &Path) -> std::path::PathBuf {
    let major = patron::postgres::discover::find_server().unwrap().major;
    data.join(format!("pg{major}/global/pg_control"))
}
