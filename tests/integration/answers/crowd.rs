//! What is bounded: a name that a thousand customers share.

use patron::pb;
use patron::pb::{CustomerKind, Match};

use crate::support::messages::{by_id, by_phone, patch, phone, purchase};
use crate::support::service::ServiceWithDatabase;

const PHONE: &str = "+493023125001";

fn sharers(from: usize, to: usize) -> Vec<pb::CustomerPatch> {
    let sharer = |at: usize| pb::CustomerPatch {
        kind: CustomerKind::Company.into(),
        add_identifiers: vec![phone(PHONE)],
        ..patch(&format!("c{at:04}"))
    };
    (from..to).map(sharer).collect()
}

#[tokio::test]
async fn beyond_a_thousand_customers_the_count_is_exact_and_nothing_is_said_of_all_of_them() {
    let service = ServiceWithDatabase::start().await;
    service.write_customers(&sharers(0, 1_000)).await;
    service
        .write(&[purchase("c0999", "1", "2026-01-01", 100)])
        .await;
    let answer = service.classify(by_phone(PHONE), "").await;
    assert_eq!(
        (answer.candidates.len(), answer.candidate_count),
        (16, 1_000)
    );
    assert_eq!(answer.candidates[0].customer_id, "c0999");
    let shared = answer.shared.unwrap();
    assert_eq!(shared.kind(), CustomerKind::Company);
    assert_eq!(shared.tier, None, "one has bought");
    // One more, by id after all others, who bought last.
    service.write_customers(&sharers(1_000, 1_003)).await;
    service
        .write(&[purchase("c1000", "1", "2026-02-01", 100)])
        .await;
    let answer = service.classify(by_phone(PHONE), "").await;
    assert_eq!(answer.r#match(), Match::Ambiguous);
    assert_eq!(
        (answer.candidates.len(), answer.candidate_count),
        (16, 1_003)
    );
    assert_eq!(answer.candidates[0].customer_id, "c0999");
    assert_eq!(answer.shared, Some(pb::SharedFacts::default()));
    let scored = service.score(by_phone(PHONE), "").await;
    assert_eq!(
        (scored.candidates.len(), scored.candidate_count),
        (16, 1_003)
    );
    let batch = pb::BatchClassifyRequest {
        subjects: vec![by_phone(PHONE), by_id("c1000")],
        as_of: String::new(),
    };
    let batch = service.scoring().batch_classify(batch).await.unwrap();
    let batch = batch.into_inner().responses;
    assert_eq!(batch[0], answer);
    assert_eq!(batch[1].r#match(), Match::One);
}
