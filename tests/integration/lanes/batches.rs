//! What a batch costs follows from the customers behind it, each distinct subject once; and where it ends it says so.

use patron::generate::DEFINITIONS;
use patron::pb;
use patron::pb::explain_segment_request::Target;
use patron::pb::{BatchLimit, Match};

use crate::support::messages::{by_id, by_phone, patch, phone, purchase};
use crate::support::models::{MBG, SPEND, store_model};
use crate::support::program;
use crate::support::service::{Service, ServiceWithDatabase};

const SHARERS: usize = 1_000;

fn number(at: usize) -> String {
    format!("+49302312{at:04}")
}

/// A thousand customers who share the first so many numbers.
async fn share(service: &Service, numbers: usize) {
    let sharer = |at: usize| pb::CustomerPatch {
        add_identifiers: (0..numbers).map(|at| phone(&number(at))).collect(),
        ..patch(&format!("c{at:04}"))
    };
    let patches: Vec<_> = (0..SHARERS).map(sharer).collect();
    service.write_customers(&patches).await;
}

async fn classify(service: &Service, subjects: &[pb::Subject]) -> pb::BatchClassifyResponse {
    let request = pb::BatchClassifyRequest {
        subjects: subjects.to_vec(),
        as_of: String::new(),
        read_mask: None,
    };
    let answer = service.scoring().batch_classify(request).await;
    answer.unwrap().into_inner()
}

/// How many profiles were asked for.
fn profiles_read(service: &Service) -> u64 {
    let cache = &service.app.metrics.profile_cache;
    cache.hits.get() + cache.misses.get()
}

#[tokio::test]
async fn a_number_of_a_thousand_customers_costs_once_however_often_it_is_named() {
    let service = ServiceWithDatabase::start().await;
    share(&service, 1).await;
    let single = service.classify(by_phone(&number(0)), "").await;
    assert_eq!(
        (single.candidates.len(), single.candidate_count),
        (16, 1_000)
    );
    let before = profiles_read(&service);
    let mut subjects = vec![by_id("c0007"); SHARERS];
    subjects[1..].fill(by_phone(&number(0)));
    let (mut rest, mut calls) = (&subjects[..], 0);
    while !rest.is_empty() {
        let answer = classify(&service, rest).await;
        calls += 1;
        let answered = answer.responses.len();
        assert!(answered > 0);
        let left = rest.len() - answered;
        assert_eq!(usize::try_from(answer.unanswered_count).unwrap(), left);
        let limit = if left > 0 {
            BatchLimit::Bytes
        } else {
            BatchLimit::Unspecified
        };
        assert_eq!(answer.limit_reached(), limit);
        for (subject, response) in rest.iter().zip(&answer.responses) {
            if *subject == subjects[0] {
                assert_eq!(response.r#match(), Match::One);
            } else {
                assert_eq!(*response, single);
            }
        }
        rest = &rest[answered..];
    }
    let read = profiles_read(&service) - before;
    assert!(
        read <= 1 + calls * 1_000,
        "{read} profiles for {calls} calls"
    );
    assert!(calls < 10, "{calls} calls");
}

#[tokio::test]
async fn a_batch_ends_at_ten_thousand_customers_and_says_which_subjects_are_left() {
    let service = ServiceWithDatabase::start().await;
    share(&service, 11).await;
    let subjects: Vec<_> = (0..11).map(|at| by_phone(&number(at))).collect();
    let answer = classify(&service, &subjects).await;
    assert_eq!((answer.responses.len(), answer.unanswered_count), (10, 1));
    assert_eq!(answer.limit_reached(), BatchLimit::Customers);
    let score = pb::BatchScoreLifetimeValueRequest {
        subjects: subjects.clone(),
        ..Default::default()
    };
    let scores = service.scoring().batch_score_lifetime_value(score).await;
    let scores = scores.unwrap().into_inner();
    assert_eq!((scores.responses.len(), scores.unanswered_count), (10, 1));
    assert_eq!(scores.limit_reached(), BatchLimit::Customers);
    let rest = classify(&service, &subjects[10..]).await;
    assert_eq!((rest.responses.len(), rest.unanswered_count), (1, 0));
    assert_eq!(rest.responses[0].candidates, answer.responses[0].candidates);
}

#[tokio::test]
async fn the_command_line_asks_for_the_rest() {
    let service = ServiceWithDatabase::start().await;
    share(&service, 11).await;
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("numbers.csv");
    let numbers: Vec<String> = (0..11).map(number).collect();
    std::fs::write(&file, format!("phone\n{}\n", numbers.join("\n"))).unwrap();
    let endpoint = service.app.endpoint();
    let file = file.to_str().unwrap();
    let arguments = [
        "score",
        "--subjects",
        file,
        "--subject-by",
        "phone",
        "--json",
        "--endpoint",
        &endpoint,
    ];
    let scores = program::run_json(&arguments).await;
    let scores = scores.as_array().unwrap();
    assert_eq!(scores.len(), 11);
    for (at, score) in scores.iter().enumerate() {
        assert_eq!(score["subject"], number(at));
        assert_eq!(score["candidateCount"], 1_000);
    }
}

#[tokio::test]
async fn single_answers_that_take_long_are_made_in_the_lane_of_batches() {
    let service = ServiceWithDatabase::start().await;
    store_model(&service.pool, MBG, Some(SPEND)).await;
    let activate = pb::ActivateModelRequest {
        version: 1,
        ..Default::default()
    };
    service.models().activate_model(activate).await.unwrap();
    share(&service, 1).await;
    service
        .write(&[purchase("c0000", "1", "2026-01-01", 1_000)])
        .await;
    let lane = &service.app.metrics.batch_lane;
    let placed = || {
        let text = service.app.metrics.render();
        let series = "patron_lane_wait_seconds_count{lane=\"batch\"} ";
        let count = text.lines().find_map(|line| line.strip_prefix(series));
        count.unwrap().parse::<u64>().unwrap()
    };
    service.classify(by_id("c0000"), "").await;
    service.score(by_id("c0000"), "").await;
    assert_eq!(placed(), 0, "lookups");
    service.classify(by_phone(&number(0)), "").await;
    assert_eq!(placed(), 1, "a thousand customers");
    let uncertain = pb::ScoreLifetimeValueRequest {
        subject: Some(by_id("c0000")),
        interval_level: Some(0.9),
        ..Default::default()
    };
    let score = service.scoring().score_lifetime_value(uncertain).await;
    let score = score.unwrap().into_inner().score.unwrap();
    assert_eq!(score.customer_id, "c0000");
    assert_eq!(placed(), 2, "a thousand futures");
    assert_eq!(lane.running.get(), 0);
}

#[tokio::test]
async fn several_segments_are_explained_in_the_lane_and_one_is_not() {
    let service = ServiceWithDatabase::start().await;
    service.write_customers(&[patch("ada"), patch("bob")]).await;
    service.publish(DEFINITIONS).await;
    let service = service.restart().await;
    let held = service.lock_profiles().await;
    let lane = &service.app.metrics.batch_lane;
    let one = Target::Segment("attention/at_risk".to_owned());
    let (all, one, ()) = tokio::join!(
        service.explain(by_id("ada"), None),
        service.explain(by_id("bob"), Some(one)),
        async {
            service.until_blocked(2).await;
            assert_eq!(lane.running.get(), 1);
            held.rollback().await.unwrap();
        }
    );
    let segments = |answer: pb::ExplainSegmentResponse| answer.explanation.unwrap().segments.len();
    assert!(segments(all.unwrap()) > 1);
    assert_eq!(segments(one.unwrap()), 1);
}
