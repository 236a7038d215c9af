//! Recording how contacts ended: idempotent, in parts, before and after the contact.

use patron::pb;
use patron::pb::item_result::Outcome;
use proptest::prelude::*;
use tonic::Code;

use super::{outcome, plain_call, record, service};
use crate::support::messages::{by_id, reason, violated};
use crate::support::service::{ServiceWithDatabase, TODAY};

fn full(id: &str) -> pb::ContactOutcome {
    pb::ContactOutcome {
        topic: "invoice".to_owned(),
        queue: "first".to_owned(),
        agent: "a-7".to_owned(),
        transferred: Some(false),
        resolved_at_first_contact: Some(true),
        satisfaction: Some(4),
        effort: Some(2),
        duration_seconds: Some(300),
        ..outcome("ada", id, TODAY)
    }
}

#[tokio::test]
async fn a_repeated_outcome_is_acknowledged_and_a_different_one_is_refused() {
    let service = service().await;
    assert_eq!(record(&service, full("1")).await.unwrap(), Outcome::Written);
    assert_eq!(
        record(&service, full("1")).await.unwrap(),
        Outcome::Duplicate
    );
    // A part of it is a repetition, too.
    let part = pb::ContactOutcome {
        satisfaction: Some(4),
        ..outcome("ada", "1", TODAY)
    };
    assert_eq!(record(&service, part).await.unwrap(), Outcome::Duplicate);
    let other = pb::ContactOutcome {
        transferred: Some(true),
        satisfaction: Some(5),
        ..full("1")
    };
    let refused = record(&service, other).await.unwrap_err();
    assert_eq!(refused.code(), Code::AlreadyExists);
    assert_eq!(reason(&refused), "OUTCOME_DIFFERS");
    assert!(
        refused.message().contains("transferred, satisfaction"),
        "{refused:?}"
    );
    // What was recorded stays.
    assert_eq!(
        record(&service, full("1")).await.unwrap(),
        Outcome::Duplicate
    );
}

#[tokio::test]
async fn a_survey_completes_an_outcome_days_later() {
    let service = service().await;
    let at_the_end = pb::ContactOutcome {
        transferred: Some(false),
        ..outcome("ada", "1", TODAY)
    };
    assert_eq!(
        record(&service, at_the_end).await.unwrap(),
        Outcome::Written
    );
    let survey = pb::ContactOutcome {
        satisfaction: Some(2),
        effort: Some(6),
        ..outcome("ada", "1", TODAY)
    };
    assert_eq!(
        record(&service, survey.clone()).await.unwrap(),
        Outcome::Written
    );
    assert_eq!(record(&service, survey).await.unwrap(), Outcome::Duplicate);
    let stored: (Option<bool>, Option<i16>, Option<i16>) =
        sqlx::query_as("SELECT transferred, satisfaction, effort FROM contact_outcomes")
            .fetch_one(&service.pool)
            .await
            .unwrap();
    assert_eq!(stored, (Some(false), Some(2), Some(6)));
}

async fn versions(service: &ServiceWithDatabase) -> Vec<(String, i64)> {
    sqlx::query_as("SELECT customer_id, version FROM profiles ORDER BY customer_id")
        .fetch_all(&service.pool)
        .await
        .unwrap()
}

#[tokio::test]
async fn an_outcome_creates_an_unknown_customer_and_changes_no_known_profile() {
    let service = service().await;
    let created = pb::ContactOutcome {
        customer_kind: pb::CustomerKind::Company.into(),
        ..outcome("firm", "1", TODAY)
    };
    assert_eq!(record(&service, created).await.unwrap(), Outcome::Written);
    let firm = service.customer("firm").await;
    assert_eq!(firm.kind(), pb::CustomerKind::Company);
    service
        .write_contacts(&[plain_call("ada", "2", TODAY)])
        .await;
    let before = service.classify(by_id("ada"), "").await;
    assert_eq!(record(&service, full("2")).await.unwrap(), Outcome::Written);
    assert_eq!(service.classify(by_id("ada"), "").await, before);
    let expected = [("ada".to_owned(), 1), ("firm".to_owned(), 1)];
    assert_eq!(versions(&service).await, expected);
}

#[tokio::test]
async fn every_mistake_is_named_at_once() {
    let service = service().await;
    let wrong = pb::ContactOutcome {
        customer_id: String::new(),
        when: None,
        channel: String::new(),
        queue: "q".repeat(65),
        satisfaction: Some(6),
        effort: Some(0),
        duration_seconds: Some(-1),
        ..outcome("ada", "1", TODAY)
    };
    let refused = record(&service, wrong).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    assert_eq!(
        violated(&refused),
        [
            "outcome.customer_id",
            "outcome",
            "outcome.channel",
            "outcome.queue",
            "outcome.satisfaction",
            "outcome.effort",
            "outcome.duration_seconds",
        ]
    );
    let request = pb::RecordContactOutcomeRequest { outcome: None };
    let refused = service
        .desk()
        .record_contact_outcome(request)
        .await
        .unwrap_err();
    assert_eq!(violated(&refused), ["outcome"]);
}

#[tokio::test]
async fn thirty_two_callers_with_the_same_outcome_write_it_once() {
    let service = service().await;
    let calls = (0..32).map(|_| record(&service, full("1")));
    let results = futures_util::future::join_all(calls).await;
    let written = results
        .iter()
        .filter(|it| matches!(it, Ok(Outcome::Written)));
    let duplicates = results
        .iter()
        .filter(|it| matches!(it, Ok(Outcome::Duplicate)));
    assert_eq!((written.count(), duplicates.count()), (1, 31));
}

/// The parts of an outcome that a call sends, by bit.
fn cut(mask: u8) -> pb::ContactOutcome {
    let whole = full("1");
    pb::ContactOutcome {
        transferred: whole.transferred.filter(|_| mask & 1 > 0),
        satisfaction: whole.satisfaction.filter(|_| mask & 2 > 0),
        effort: whole.effort.filter(|_| mask & 4 > 0),
        resolved_at_first_contact: whole.resolved_at_first_contact.filter(|_| mask & 8 > 0),
        ..outcome("ada", "1", TODAY)
    }
}

#[test]
fn parts_in_any_order_and_any_repetition_come_to_the_same() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let service = runtime.block_on(service());
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(12));
    let parts = proptest::collection::vec(0..16_u8, 1..8);
    let run = runner.run(&parts, |masks| {
        runtime.block_on(async {
            sqlx::query("DELETE FROM contact_outcomes")
                .execute(&service.pool)
                .await
                .unwrap();
            let mut known: Option<u8> = None;
            for mask in masks {
                let result = record(&service, cut(mask)).await.unwrap();
                let is_new = known.is_none_or(|known| known | mask != known);
                let expected = if is_new {
                    Outcome::Written
                } else {
                    Outcome::Duplicate
                };
                assert_eq!(result, expected, "{mask} after {known:?}");
                known = Some(known.unwrap_or(0) | mask);
            }
        });
        Ok(())
    });
    run.unwrap();
}
