//! Callers who go away, at any moment of any call: no fault of the server, so no line at ERROR.

use std::future::Future;

use patron::pb::{
    self, ingest_service_client::IngestServiceClient, model_service_client::ModelServiceClient,
    scoring_service_client::ScoringServiceClient,
};
use tonic::{Request, transport::Channel};

use crate::definitions::EXAMPLE;
use crate::support::database::TestDatabase;
use crate::support::messages::{by_id, by_phone, purchase};
use crate::support::server::Server;
use crate::support::until;

/// Calls of each kind, each given up a little later than the one before.
const CALLS: usize = 40;

/// Begins a call, gives it up after it was polled so often, and lets the connection go on.
async fn give_up<T: Send>(turns: usize, call: impl Future<Output = T> + Send + 'static) {
    let call = tokio::spawn(async move { drop(call.await) });
    for _ in 0..turns {
        tokio::task::yield_now().await;
    }
    call.abort();
}

/// One call of each kind, given up after so many turns.
async fn give_up_each(channel: &Channel, turns: usize) {
    let scoring = || ScoringServiceClient::new(channel.clone());
    let subject = || Some(by_id(&format!("c{}", turns % 7)));
    for as_of in ["", "2026-01-02"] {
        let (mut client, as_of) = (scoring(), as_of.to_owned());
        let request = pb::ClassifyRequest {
            subject: subject(),
            as_of,
            ..Default::default()
        };
        give_up(turns, async move { client.classify(request).await }).await;
    }
    let mut client = scoring();
    let request = pb::ScoreLifetimeValueRequest {
        subject: Some(by_phone(&format!("+4930231{turns:05}"))),
        interval_level: Some(0.9),
        ..Default::default()
    };
    give_up(
        turns,
        async move { client.score_lifetime_value(request).await },
    )
    .await;
    let mut client = scoring();
    let request = pb::BatchClassifyRequest {
        subjects: (0..200).map(|at| by_id(&format!("c{at}"))).collect(),
        as_of: String::new(),
        read_mask: None,
    };
    give_up(turns, async move { client.batch_classify(request).await }).await;
    let mut client = IngestServiceClient::new(channel.clone());
    let transactions = (0..50).map(|at| {
        let number = format!("{turns}-{at}");
        purchase(&format!("c{at}"), &number, "2026-01-01", 100)
    });
    let request = pb::IngestTransactionsRequest {
        transactions: transactions.collect(),
        ..Default::default()
    };
    give_up(
        turns,
        async move { client.ingest_transactions(request).await },
    )
    .await;
    let mut client = ModelServiceClient::new(channel.clone());
    let request = pb::FitModelRequest::default();
    give_up(turns, async move { client.fit_model(request).await }).await;
    let mut client = pb::definition_service_client::DefinitionServiceClient::new(channel.clone());
    let request = pb::PublishDefinitionsRequest {
        document: format!("{EXAMPLE}# {turns}\n"),
        note: String::new(),
        expected_revision: None,
    };
    give_up(
        turns,
        async move { client.publish_definitions(request).await },
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_who_goes_away_leaves_no_line_at_error() {
    let database = TestDatabase::create().await;
    let place = tempfile::tempdir().unwrap();
    let server = Server::start(&[
        "--database-url",
        &database.url,
        "--data-dir",
        place.path().to_str().unwrap(),
    ]);
    let endpoint = Channel::from_shared(server.endpoint.clone()).unwrap();
    let channel = endpoint.connect().await.unwrap();
    for call in 0..CALLS {
        give_up_each(&channel, call * call / 4).await;
    }
    // While the database works for them, and by closing the connection.
    let mut held = database.pool.begin().await.unwrap();
    let lock = "LOCK TABLE profiles, transactions IN ACCESS EXCLUSIVE MODE";
    sqlx::query(lock).execute(&mut *held).await.unwrap();
    let other = endpoint.connect().await.unwrap();
    let mut client = ScoringServiceClient::new(other.clone());
    let request = pb::ClassifyRequest {
        subject: Some(by_id("cold")),
        as_of: String::new(),
        ..Default::default()
    };
    let waiting = tokio::spawn(async move { client.classify(request).await });
    until("a load waits", async || {
        let blocked: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM pg_stat_activity
             WHERE datname = current_database() AND application_name = 'patron' AND wait_event_type = 'Lock'",
        )
        .fetch_one(&database.pool)
        .await
        .unwrap();
        blocked > 0
    })
    .await;
    waiting.abort();
    drop(other);
    held.rollback().await.unwrap();
    // The server still works.
    let mut client = ScoringServiceClient::new(channel);
    let request = pb::ClassifyRequest {
        subject: Some(by_id("c1")),
        as_of: String::new(),
        ..Default::default()
    };
    client.classify(Request::new(request)).await.unwrap();
    let (status, said) = server.terminate();
    assert!(status.success(), "{said:#?}");
    assert!(
        said.iter().any(|line| line.contains("CANCELLED")),
        "calls were given up: {said:#?}"
    );
    let errors: Vec<_> = said.iter().filter(|line| line.contains("ERROR")).collect();
    assert!(errors.is_empty(), "{errors:#?}");
}
