//! Whom a subject names, what is said of several candidates, where an answer comes from, and that the batch forms say the same.

use patron::pb;
use patron::pb::{CustomerKind, Match, UnratedReason};

use crate::support::messages::{
    by_email, by_external, by_id, by_phone, call, email, external, patch, phone, purchase,
};
use crate::support::models::{BG, MBG, SPEND, store_model};
use crate::support::service::{ServiceWithDatabase, TODAY};

const PHONE: &str = "+493023125001";

async fn activate(service: &ServiceWithDatabase, version: i64) {
    let request = pb::ActivateModelRequest {
        version,
        ..Default::default()
    };
    service.models().activate_model(request).await.unwrap();
}

/// A customer who is found by [`PHONE`].
fn sharer(id: &str, kind: CustomerKind) -> pb::CustomerPatch {
    pb::CustomerPatch {
        kind: kind.into(),
        add_identifiers: vec![phone(PHONE)],
        ..patch(id)
    }
}

fn ids(candidates: &[pb::Classification]) -> Vec<&str> {
    candidates.iter().map(|it| &*it.customer_id).collect()
}

#[tokio::test]
async fn nobody_behind_a_subject_is_an_answer() {
    let service = ServiceWithDatabase::start().await;
    for subject in [
        by_id("nobody"),
        by_phone(PHONE),
        by_email("nobody@example.org"),
        by_external("crm", "1"),
    ] {
        // Twice: the second answer comes from memory.
        for _ in 0..2 {
            let classified = service.classify(subject.clone(), "").await;
            let expected = pb::ClassifyResponse {
                r#match: Match::Unknown.into(),
                provenance: Some(pb::Provenance {
                    as_of: TODAY.to_owned(),
                    data_time: None,
                    profile_version: 0,
                    basis_id: "r0-m0-none".to_owned(),
                    ..Default::default()
                }),
                ..Default::default()
            };
            assert_eq!(classified, expected);
            let scored = service.score(subject.clone(), "").await;
            assert_eq!(scored.r#match(), Match::Unknown);
            assert_eq!(
                (scored.score, scored.provenance),
                (None, expected.provenance)
            );
        }
    }
    service.write_customers(&[patch("nobody")]).await;
    let classified = service.classify(by_id("nobody"), "").await;
    assert_eq!(classified.r#match(), Match::One, "somebody since then");
}

#[tokio::test]
async fn a_customer_is_found_by_every_name_and_an_email_whatever_its_case() {
    let service = ServiceWithDatabase::start().await;
    let ada = pb::CustomerPatch {
        add_identifiers: vec![
            phone(PHONE),
            email("Ada.Lovelace@Example.ORG"),
            external("crm", "47/11"),
            external("CRM", "47"),
        ],
        ..patch("ada")
    };
    service.write_customers(&[ada]).await;
    let expected = service.classify(by_id("ada"), "").await;
    for subject in [
        by_phone(PHONE),
        by_email("ada.lovelace@example.org"),
        by_email("ADA.LOVELACE@EXAMPLE.ORG"),
        by_external("crm", "47/11"),
        by_external("CRM", "47"),
    ] {
        assert_eq!(service.classify(subject, "").await, expected);
    }
    for other in [
        by_phone("+49302312500"),
        by_external("crm", "47"),
        by_external("CRM", "47/11"),
        // A name of another kind is another name.
        by_email("ada@47.11"),
        by_id("crm/47/11"),
    ] {
        let classified = service.classify(other, "").await;
        assert_eq!(classified.r#match(), Match::Unknown);
    }
}

#[tokio::test]
async fn candidates_come_latest_activity_first_then_by_id_with_what_they_share() {
    let service = ServiceWithDatabase::start().await;
    let person = CustomerKind::Person;
    let patches = ["e", "d", "c", "b", "a"].map(|id| sharer(id, person));
    service.write_customers(&patches).await;
    service
        .write(&[
            purchase("b", "1", "2026-01-01", 100),
            purchase("c", "1", "2026-02-01", 100),
            purchase("e", "1", "2026-02-01", 100),
        ])
        .await;
    // A call is activity as well.
    service
        .write_contacts(&[call("d", "1", "2026-03-01")])
        .await;
    let answer = service.classify(by_phone(PHONE), "").await;
    assert_eq!(answer.r#match(), Match::Ambiguous);
    assert_eq!(answer.classification, None);
    assert_eq!(ids(&answer.candidates), ["d", "c", "e", "b", "a"]);
    assert_eq!(answer.candidate_count, 5);
    let shared = answer.shared.unwrap();
    assert_eq!(shared.kind(), person);
    assert_eq!(shared.tier, None, "some bought, some did not");
    let provenance = answer.provenance.unwrap();
    assert_eq!(
        (provenance.profile_version, provenance.data_time),
        (0, None)
    );
    for candidate in &answer.candidates {
        let own = candidate.provenance.as_ref().unwrap();
        assert!(own.profile_version > 0 && own.data_time.is_some());
    }
    let scored = service.score(by_phone(PHONE), "").await;
    assert_eq!(
        (scored.r#match(), scored.candidate_count),
        (Match::Ambiguous, 5)
    );
    assert_eq!(scored.score, None);
    let order: Vec<_> = scored
        .candidates
        .iter()
        .map(|it| &*it.customer_id)
        .collect();
    assert_eq!(order, ["d", "c", "e", "b", "a"]);
    // As of a day before all of that, nobody has done anything: by id, and all unrated for one reason.
    let answer = service.classify(by_phone(PHONE), "2025-12-31").await;
    assert_eq!(ids(&answer.candidates), ["a", "b", "c", "d", "e"]);
    let shared = answer.shared.unwrap().tier.unwrap();
    assert_eq!(shared.unrated_reason(), UnratedReason::NoPurchase);
    assert_eq!((&*shared.name, shared.rank), ("", 0));
}

#[tokio::test]
async fn of_many_candidates_sixteen_are_listed_and_what_is_shared_holds_for_all() {
    let service = ServiceWithDatabase::start().await;
    activate(&service, store_model(&service.pool, MBG, Some(SPEND)).await).await;
    let patches: Vec<_> = (0..18)
        .map(|at| sharer(&format!("c{at:02}"), CustomerKind::Company))
        .collect();
    service.write_customers(&patches).await;
    let purchases: Vec<_> = (0..18)
        .map(|at| purchase(&format!("c{at:02}"), "1", "2026-01-01", 100))
        .collect();
    service.write(&purchases).await;
    let answer = service.classify(by_phone(PHONE), "").await;
    assert_eq!((answer.candidates.len(), answer.candidate_count), (16, 18));
    let expected: Vec<_> = (0..16).map(|at| format!("c{at:02}")).collect();
    assert_eq!(ids(&answer.candidates), expected);
    let shared = answer.shared.unwrap();
    assert_eq!(shared.kind(), CustomerKind::Company);
    let tier = shared.tier.unwrap();
    assert_eq!(
        (&*tier.name, tier.rank, tier.unrated_reason),
        ("bronze", 4, 0)
    );
    // The 18th, who is not listed, becomes another kind: that is no longer shared, and for a colleague no tier is.
    let colleague = pb::CustomerPatch {
        kind: CustomerKind::Employee.into(),
        ..patch("c17")
    };
    service.write_customers(&[colleague]).await;
    let answer = service.classify(by_phone(PHONE), "").await;
    assert_eq!(ids(&answer.candidates), expected);
    let shared = answer.shared.unwrap();
    assert_eq!(
        (shared.kind(), shared.tier),
        (CustomerKind::Unspecified, None)
    );
}

#[tokio::test]
async fn an_answer_names_its_day_its_data_and_its_basis() {
    let service = ServiceWithDatabase::start().await;
    service.set_clock("2026-11-20T08:00:00.5Z");
    service
        .write(&[purchase("ada", "1", "2026-01-01", 100)])
        .await;
    service.set_clock("2026-11-21T23:59:59Z");
    let provenance = async |as_of: &str| {
        let answer = service.classify(by_id("ada"), as_of).await;
        let inner = answer.classification.unwrap().provenance;
        assert_eq!(answer.provenance, inner);
        inner.unwrap()
    };
    let written = prost_types::Timestamp {
        seconds: 1_795_161_600,
        nanos: 500_000_000,
    };
    let first = pb::Provenance {
        as_of: "2026-11-21".to_owned(),
        data_time: Some(written),
        profile_version: 1,
        basis_id: "r0-m0-EUR".to_owned(),
        ..Default::default()
    };
    assert_eq!(provenance("").await, first);
    let version = store_model(&service.pool, BG, Some(SPEND)).await;
    activate(&service, version).await;
    service.set_clock("2026-11-22T00:00:00Z");
    service
        .write_contacts(&[call("ada", "1", "2026-11-21")])
        .await;
    let second = pb::Provenance {
        as_of: "2026-11-22".to_owned(),
        data_time: Some(prost_types::Timestamp {
            seconds: 1_795_305_600,
            nanos: 0,
        }),
        profile_version: 2,
        basis_id: "r0-m1-EUR".to_owned(),
        ..Default::default()
    };
    assert_eq!(provenance("").await, second);
    let later = pb::Provenance {
        as_of: "2199-12-31".to_owned(),
        ..second
    };
    assert_eq!(provenance("2199-12-31").await, later);
}

#[tokio::test]
async fn a_horizon_of_the_caller_changes_the_value_and_never_the_tier() {
    let service = ServiceWithDatabase::start().await;
    activate(&service, store_model(&service.pool, BG, Some(SPEND)).await).await;
    service
        .write(&[
            purchase("ada", "1", "2026-01-01", 10_000),
            purchase("ada", "2", "2026-02-05", 12_000),
            purchase("ada", "3", "2026-05-20", 18_000),
        ])
        .await;
    let score = async |horizon_months: i32| {
        let request = pb::ScoreLifetimeValueRequest {
            subject: Some(by_id("ada")),
            as_of: "2026-06-30".to_owned(),
            horizon_months,
            ..Default::default()
        };
        let answer = service.scoring().score_lifetime_value(request).await;
        answer.unwrap().into_inner().score.unwrap()
    };
    // Computed as the values of the table.
    for (asked, months, cents) in [(0, 12, 25_451), (12, 12, 25_451), (1, 1, 2_912)] {
        let score = score(asked).await;
        assert_eq!(score.horizon_months, months);
        assert_eq!(score.lifetime_value.unwrap().amount_minor, cents);
        assert_eq!(score.tier.unwrap().name, "gold");
        assert!((score.monthly_discount_rate - 0.01).abs() < f64::EPSILON);
    }
    let (year, decade) = (score(12).await, score(120).await);
    assert!(decade.expected_orders > year.expected_orders);
    assert_eq!(decade.tier, year.tier);
}

#[tokio::test]
async fn a_batch_says_what_single_calls_say_in_the_order_of_its_subjects() {
    let service = ServiceWithDatabase::start().await;
    activate(&service, store_model(&service.pool, MBG, Some(SPEND)).await).await;
    let named = pb::CustomerPatch {
        display_name: Some("Ada".to_owned()),
        ..sharer("ada", CustomerKind::Person)
    };
    service
        .write_customers(&[named, sharer("bob", CustomerKind::Company)])
        .await;
    service
        .write(&[
            purchase("ada", "1", "2026-01-01", 10_000),
            purchase("ada", "2", "2026-03-01", 10_000),
            purchase("cy", "1", "2026-05-01", 10_000),
        ])
        .await;
    let subjects = [
        by_id("cy"),
        by_phone(PHONE),
        by_id("nobody"),
        by_id("ada"),
        by_email("nobody@example.org"),
        by_id("cy"),
    ];
    for as_of in ["", "2026-02-01", "2025-01-01"] {
        let (mut classified, mut scored) = (vec![], vec![]);
        for subject in &subjects {
            classified.push(service.classify(subject.clone(), as_of).await);
            scored.push(service.score(subject.clone(), as_of).await);
        }
        let request = pb::BatchClassifyRequest {
            subjects: subjects.to_vec(),
            as_of: as_of.to_owned(),
            read_mask: None,
        };
        let batch = service.scoring().batch_classify(request).await.unwrap();
        assert_eq!(batch.into_inner().responses, classified, "{as_of}");
        let request = pb::BatchScoreLifetimeValueRequest {
            subjects: subjects.to_vec(),
            as_of: as_of.to_owned(),
            horizon_months: 0,
            ..Default::default()
        };
        let batch = service.scoring().batch_score_lifetime_value(request).await;
        assert_eq!(batch.unwrap().into_inner().responses, scored, "{as_of}");
    }
}
