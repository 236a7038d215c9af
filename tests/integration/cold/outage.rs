//! The database goes away and comes back, under a service that runs on.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use patron::pb;
use patron::postgres::cluster::Cluster;
use patron::store::schema;
use sqlx::PgPool;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::support::messages::{by_id, by_phone, patch, phone, purchase, reason};
use crate::support::service::Service;
use crate::support::{place, until};

const PHONE: &str = "+493023125001";
/// How long one key is asked for without a pause.
const HAMMERED: Duration = Duration::from_secs(2);

#[track_caller]
fn assert_unavailable(status: &Status) {
    assert_eq!(status.code(), Code::Unavailable, "{status:?}");
    assert_eq!(reason(status), "DATABASE_UNAVAILABLE");
    let retry = status.get_details_retry_info().unwrap();
    assert!(retry.retry_delay.unwrap() > Duration::ZERO, "{status:?}");
    assert!(status.metadata().contains_key("grpc-retry-pushback-ms"));
}

/// An answer without the mark that it may be out of date, which comes when the outage is noticed.
fn unmarked(mut answer: pb::ClassifyResponse) -> pb::ClassifyResponse {
    unmark(answer.provenance.as_mut());
    answer
}

fn unmark(provenance: Option<&mut pb::Provenance>) {
    let provenance = provenance.unwrap();
    (provenance.stale, provenance.confirmed_time) = (false, None);
}

async fn start(path: &Path) -> Cluster {
    let path = path.to_owned();
    tokio::task::spawn_blocking(move || Cluster::start(&path).unwrap())
        .await
        .unwrap()
}

async fn stop(cluster: Cluster) {
    tokio::task::spawn_blocking(move || cluster.stop())
        .await
        .unwrap();
}

async fn classify(service: &Service, customer: &str) -> Result<pb::ClassifyResponse, Status> {
    let request = pb::ClassifyRequest {
        subject: Some(by_id(customer)),
        as_of: String::new(),
        ..Default::default()
    };
    let answer = service.scoring().classify(request).await?;
    Ok(answer.into_inner())
}

/// A batch answers about those who are in memory, and marks bob and a number that nobody asked for.
async fn assert_batches(service: &Service, known: &pb::ClassifyResponse) {
    use pb::Match::{One, Unavailable, Unknown};
    let cold = by_phone("+493023125999");
    let batch = async |subjects: Vec<pb::Subject>| {
        let request = pb::BatchClassifyRequest {
            subjects,
            as_of: String::new(),
            read_mask: None,
        };
        let answer = service.scoring().batch_classify(request).await?;
        Ok::<_, Status>(answer.into_inner())
    };
    let subjects = vec![
        cold.clone(),
        by_phone(PHONE),
        by_id("bob"),
        by_id("nobody"),
        by_id("bob"),
        by_id("ada"),
    ];
    let answer = batch(subjects).await.unwrap();
    let matches: Vec<_> = answer
        .responses
        .iter()
        .map(pb::ClassifyResponse::r#match)
        .collect();
    assert_eq!(
        matches,
        [Unavailable, One, Unavailable, Unknown, Unavailable, One]
    );
    assert_eq!(unmarked(answer.responses[1].clone()), *known);
    assert_eq!(answer.unanswered_count, 0);
    let refused = batch(vec![cold, by_id("bob")]).await.unwrap_err();
    assert_unavailable(&refused);
    let request = pb::BatchScoreLifetimeValueRequest {
        subjects: vec![by_id("ada"), by_id("bob")],
        ..Default::default()
    };
    let scores = service.scoring().batch_score_lifetime_value(request).await;
    let scores = scores.unwrap().into_inner().responses;
    let matches: Vec<_> = scores
        .iter()
        .map(pb::ScoreLifetimeValueResponse::r#match)
        .collect();
    assert_eq!(matches, [One, Unavailable]);
}

/// `patron score` of a file prints what it has, and fails for what it has not.
async fn assert_scores(service: &Service, folder: &Path) {
    let file = folder.join("subjects.csv");
    std::fs::write(&file, "customer_id\nada\nbob\n").unwrap();
    for form in [&[][..], &["--json"]] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_patron"));
        let endpoint = service.app.endpoint();
        command.args(["score", "--endpoint", &endpoint, "--subjects"]);
        command.arg(&file).args(form);
        let output = tokio::task::spawn_blocking(move || command.output());
        let output = output.await.unwrap().unwrap();
        let notes = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{notes}");
        let sentence = "error: 1 of 2 subjects not scored: the database was unreachable";
        assert!(notes.contains(sentence), "{notes}");
        let printed = String::from_utf8(output.stdout).unwrap();
        assert!(printed.contains("ada"), "{printed}");
    }
}

/// Asks for one customer without a pause, from several tasks; returns how many loads that made.
async fn hammer(service: &Service, customer: &str) -> u64 {
    let started = &service.app.metrics.profile_cache.loads_started;
    let before = started.get();
    let begin = Instant::now();
    let caller = async || {
        while begin.elapsed() < HAMMERED {
            assert_unavailable(&classify(service, customer).await.unwrap_err());
        }
    };
    join_all((0..4).map(|_| caller())).await;
    started.get() - before
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_in_memory_is_answered_while_the_database_is_away_and_the_rest_when_it_is_back() {
    let place = place();
    let cluster = start(place.path()).await;
    let pool = PgPool::connect(&cluster.url()).await.unwrap();
    schema::migrate(&pool).await.unwrap();
    pool.close().await;
    let service = Arc::new(Service::start(&cluster.url()).await);
    let ada = pb::CustomerPatch {
        add_identifiers: vec![phone(PHONE)],
        ..patch("ada")
    };
    service.write_customers(&[ada, patch("bob")]).await;
    service
        .write(&[purchase("ada", "1", "2026-01-01", 100)])
        .await;
    let known = service.classify(by_phone(PHONE), "").await;
    let score = service.score(by_id("ada"), "").await;
    let nobody = service.classify(by_id("nobody"), "").await;

    stop(cluster).await;
    for _ in 0..50 {
        let answer = service.classify(by_phone(PHONE), "").await;
        assert_eq!(unmarked(answer), known);
        assert_eq!(
            service.score(by_id("ada"), "2026-12-31").await.r#match(),
            pb::Match::One
        );
        let mut answer = service.score(by_id("ada"), "").await;
        unmark(answer.provenance.as_mut());
        assert_eq!(answer, score);
        // That somebody is not known is in memory too.
        let answer = service.classify(by_id("nobody"), "").await;
        assert_eq!(unmarked(answer), nobody);
    }
    assert_unavailable(&classify(&service, "bob").await.unwrap_err());
    assert_unavailable(&service.find_customer(by_id("bob")).await.unwrap_err());
    let write = pb::IngestTransactionsRequest {
        transactions: vec![purchase("ada", "2", "2026-01-02", 100)],
        ..Default::default()
    };
    let refused = service.ingest().ingest_transactions(write.clone()).await;
    assert_unavailable(&refused.unwrap_err());
    assert_batches(&service, &known).await;
    assert_scores(&service, place.path()).await;
    let loads = hammer(&service, "bob").await;
    assert_eq!(
        loads, 0,
        "nobody but the probe asks a database that is away"
    );

    let cluster = start(place.path()).await;
    until("a customer who was not in memory is answered", async || {
        classify(&service, "bob").await.is_ok()
    })
    .await;
    assert_eq!(service.classify(by_phone(PHONE), "").await, known);
    service.write(&write.transactions).await;
    let answer = service.classify(by_id("ada"), "").await;
    assert_eq!(answer.provenance.unwrap().profile_version, 3);
    let service = Arc::into_inner(service).unwrap();
    service.app.stop().await.unwrap();
    stop(cluster).await;
}
