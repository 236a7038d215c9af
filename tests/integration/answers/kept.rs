//! The finished answer that is kept beside a profile: byte for byte what is computed anew, whatever was written, published or how late
//! it got in between.

use std::sync::Arc;

use patron::app::run::App;
use patron::clock::FixedClock;
use patron::pb;
use patron::pb::{CustomerKind, Match};
use prost::Message as _;
use tokio_util::sync::CancellationToken;

use crate::server::raw;
use crate::support::database::TestDatabase;
use crate::support::messages::{by_id, by_phone, call, patch, phone, purchase};
use crate::support::models::{BG, SPEND, store_model};
use crate::support::service::{NOW, ServiceWithDatabase, TODAY, settings};
use crate::support::until;

const EXAMPLE: &str = include_str!("../../../examples/definitions.yaml");
const PHONE: &str = "+493023125001";
const SHARED: &str = "+493023125002";

/// The bytes of the answer as of a day; empty: today, which is the way that answers are kept on.
async fn bytes(service: &ServiceWithDatabase, subject: &pb::Subject, as_of: &str) -> Vec<u8> {
    let request = pb::ClassifyRequest {
        subject: Some(subject.clone()),
        as_of: as_of.to_owned(),
        ..Default::default()
    };
    let method = "patron.v1.ScoringService/Classify";
    let (headers, bytes) = raw::exchange(service.app.address, method, &request, &[]).await;
    assert_eq!(headers["grpc-status"], "0");
    bytes
}

/// Compares what is kept with what is computed, for everybody; returns what was said.
async fn compare(service: &ServiceWithDatabase, today: &str) -> Vec<pb::ClassifyResponse> {
    let subjects = [
        by_id("ada"),
        by_phone(PHONE),
        by_id("bob"),
        by_id("firm"),
        by_id("early"),
        by_id("nobody"),
        by_phone(SHARED),
        by_phone("+493023125003"),
    ];
    let mut said = vec![];
    for subject in subjects {
        let computed = bytes(service, &subject, today).await;
        for time in ["made", "kept"] {
            let answer = bytes(service, &subject, "").await;
            assert_eq!(answer, computed, "{time}, of {subject:?} on {today}");
        }
        said.push(pb::ClassifyResponse::decode(&*computed).unwrap());
    }
    said
}

async fn write_everybody(service: &ServiceWithDatabase) {
    let found = |id: &str, numbers: &[&str]| pb::CustomerPatch {
        add_identifiers: numbers.iter().map(|number| phone(number)).collect(),
        ..patch(id)
    };
    let firm = pb::CustomerPatch {
        kind: CustomerKind::Company.into(),
        ..found("firm", &[SHARED])
    };
    service
        .write_customers(&[found("ada", &[PHONE]), found("bob", &[SHARED]), firm])
        .await;
    service
        .write(&[
            purchase("ada", "1", "2026-03-01", 10_000),
            purchase("ada", "2", "2026-09-01", 12_000),
            purchase("bob", "3", "2026-11-20", 5_000),
            purchase("early", "4", "2026-11-01", 5_000),
            purchase("early", "5", "2026-11-23", 7_000),
        ])
        .await;
    service.write_contacts(&[call("bob", "1", TODAY)]).await;
}

#[tokio::test]
async fn a_kept_answer_is_byte_for_byte_what_is_computed_anew() {
    let service = ServiceWithDatabase::start().await;
    write_everybody(&service).await;
    let mut all = vec![compare(&service, TODAY).await];
    // A write, another model, definitions, the next day, and both days again.
    service
        .write(&[purchase("ada", "6", "2026-11-21", 9_000)])
        .await;
    all.push(compare(&service, TODAY).await);
    let version = store_model(&service.pool, BG, Some(SPEND)).await;
    let request = pb::ActivateModelRequest {
        version,
        ..Default::default()
    };
    service.models().activate_model(request).await.unwrap();
    all.push(compare(&service, TODAY).await);
    service.publish(EXAMPLE).await;
    all.push(compare(&service, TODAY).await);
    service.set_clock("2026-11-23T12:00:00Z");
    all.push(compare(&service, "2026-11-23").await);
    service
        .write_contacts(&[call("early", "2", "2026-11-23")])
        .await;
    all.push(compare(&service, "2026-11-23").await);
    for pair in all.windows(2) {
        assert_ne!(pair[0], pair[1], "each step changed an answer");
    }
    service.set_clock("2026-11-22T23:59:59Z");
    let again = compare(&service, TODAY).await;
    assert_eq!(again[..4], all[3][..4], "the same day, the same answers");
    let matches: Vec<Match> = again.iter().map(pb::ClassifyResponse::r#match).collect();
    let expected = [
        Match::One,
        Match::One,
        Match::One,
        Match::One,
        Match::One,
        Match::Unknown,
        Match::Ambiguous,
        Match::Unknown,
    ];
    assert_eq!(matches, expected);
    let ada = again[0].classification.as_ref().unwrap();
    assert!(!ada.segments.is_empty() && ada.treatment.is_some());
}

#[tokio::test]
async fn a_customer_with_a_fact_of_tomorrow_is_answered_from_memory() {
    let service = ServiceWithDatabase::start().await;
    write_everybody(&service).await;
    let before = service.classify(by_id("early"), "").await;
    let scored = service.score(by_id("early"), "").await;
    let inputs = scored.score.as_ref().unwrap().inputs.as_ref().unwrap();
    assert_eq!(inputs.frequency, 0, "tomorrow's purchase is not seen today");
    // Nothing can be folded any more: neither the finished answer nor what others are made from needs it.
    let held = service.lock_profiles().await;
    assert_eq!(service.classify(by_id("early"), "").await, before);
    assert_eq!(service.classify(by_id("early"), TODAY).await, before);
    assert_eq!(service.score(by_id("early"), "").await, scored);
    let batch = pb::BatchClassifyRequest {
        subjects: vec![by_id("early")],
        as_of: String::new(),
        read_mask: None,
    };
    let batch = service.scoring().batch_classify(batch).await.unwrap();
    assert_eq!(batch.into_inner().responses, [before]);
    held.rollback().await.unwrap();
    // A write takes both away.
    service
        .write(&[purchase("early", "6", "2026-11-22", 1_000)])
        .await;
    let scored = service.score(by_id("early"), "").await;
    assert_eq!(scored.score.unwrap().inputs.unwrap().frequency, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kept_answer_needs_no_place() {
    let database = TestDatabase::create().await;
    let directory = tempfile::tempdir().unwrap();
    let mut settings = settings(&database.url, directory.path());
    settings.max_in_flight = 1;
    let clock = Arc::new(FixedClock::new(NOW.parse().unwrap()));
    let app = App::start(&settings, clock, CancellationToken::new())
        .await
        .unwrap();
    let method = "patron.v1.ScoringService/Classify";
    let ask = async |id: &str, as_of: &str| {
        let request = pb::ClassifyRequest {
            subject: Some(by_id(id)),
            as_of: as_of.to_owned(),
            ..Default::default()
        };
        raw::exchange(app.address, method, &request, &[]).await
    };
    let transactions = vec![purchase("ada", "1", "2026-01-01", 100)];
    let request = pb::IngestTransactionsRequest {
        transactions,
        ..Default::default()
    };
    let written = "patron.v1.IngestService/IngestTransactions";
    let answer = raw::call(app.address, written, &request, &[]).await;
    assert_eq!(answer["grpc-status"], "0");
    let (_, kept) = ask("ada", "").await;
    // Somebody who is not in memory takes the only place, and waits for the table.
    let mut tx = database.pool.begin().await.unwrap();
    sqlx::query("LOCK TABLE profiles IN ACCESS EXCLUSIVE MODE")
        .execute(&mut *tx)
        .await
        .unwrap();
    let mut cold = Box::pin(ask("bob", ""));
    let places = &app.metrics.rpc.limited_in_flight;
    tokio::select! {
        _ = &mut cold => panic!("answered without the table"),
        () = until("the place is taken", async || places.get() == 1) => {}
    }
    let (headers, bytes) = ask("ada", "").await;
    assert_eq!(
        (&headers["grpc-status"], bytes),
        (&"0".parse().unwrap(), kept)
    );
    let (headers, _) = ask("ada", TODAY).await;
    assert_eq!(
        headers["grpc-status"], "0",
        "an answer computed from memory needs no place either"
    );
    let (headers, _) = ask("stranger", "").await;
    assert_eq!(
        headers["grpc-status"], "14",
        "what must be read needs a place"
    );
    tx.rollback().await.unwrap();
    assert_eq!(cold.await.0["grpc-status"], "0");
    app.stop().await.unwrap();
}
