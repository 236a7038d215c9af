//! Processes of their own, as they are started, of which one is killed.

use std::time::Instant;

use patron::pb;
use patron::pb::ingest_service_client::IngestServiceClient;
use patron::pb::scoring_service_client::ScoringServiceClient;
use tonic::transport::{Channel, Endpoint};

use super::BOUND;
use crate::support::database::TestDatabase;
use crate::support::messages::{by_id, purchase};
use crate::support::server::Server;
use crate::support::{place, until};

async fn connect(server: &Server) -> Channel {
    let endpoint = Endpoint::from_shared(server.endpoint.clone()).unwrap();
    endpoint.connect().await.unwrap()
}

async fn write(channel: &Channel, number: i64) {
    let request = pb::IngestTransactionsRequest {
        transactions: vec![purchase("ada", &number.to_string(), "2026-01-05", 100)],
        ..Default::default()
    };
    let mut ingest = IngestServiceClient::new(channel.clone());
    ingest.ingest_transactions(request).await.unwrap();
}

async fn version(channel: &Channel) -> i64 {
    let request = pb::ClassifyRequest {
        subject: Some(by_id("ada")),
        ..Default::default()
    };
    let mut scoring = ScoringServiceClient::new(channel.clone());
    let answer = scoring.classify(request).await.unwrap().into_inner();
    answer.provenance.unwrap().profile_version
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_is_killed_leaves_the_others_serving_and_another_joins() {
    let database = TestDatabase::create().await;
    let place = place();
    let arguments = [
        "--database-url",
        &database.url,
        "--data-dir",
        place.path().to_str().unwrap(),
        "--shared",
        // A machine that is busy with other tests may take longer.
        "--default-deadline-ms",
        "10000",
    ];
    let (first, second) = (Server::start(&arguments), Server::start(&arguments));
    let (here, there) = (connect(&first).await, connect(&second).await);
    for number in 1..=6 {
        let (writer, reader) = if number % 2 == 0 {
            (&here, &there)
        } else {
            (&there, &here)
        };
        write(writer, number).await;
        let written = Instant::now();
        until("the write is seen", async || {
            version(reader).await == number
        })
        .await;
        assert!(written.elapsed() < BOUND, "{:?}", written.elapsed());
    }
    first.kill();
    write(&there, 7).await;
    let third = Server::start(&arguments);
    let beside = connect(&third).await;
    assert_eq!(version(&beside).await, 7);
    write(&beside, 8).await;
    until("the write is seen", async || version(&there).await == 8).await;
    for server in [second, third] {
        let (status, said) = server.terminate();
        assert_eq!(status.code(), Some(0), "{said:#?}");
    }
}
