//! What is in memory when customers are merged: no answer is older than the merge, and an outage does not part them.

use patron::pb;

use super::{NUMBER, merge, purchase, unmerge, write_first, write_second};
use crate::support::messages::{by_email, by_id, by_phone, patch, phone};
use crate::support::service::{ServiceWithDatabase, assert_outcomes};
use crate::support::until;
use patron::pb::item_result::Outcome;

async fn purchases(service: &ServiceWithDatabase, subject: pb::Subject) -> i32 {
    let answer = service.find_customer(subject).await.unwrap();
    answer.purchase_entry_count
}

#[tokio::test]
async fn the_first_answer_after_a_merge_or_its_end_is_the_new_one_by_every_name() {
    let service = ServiceWithDatabase::start().await;
    write_first(&service, "ada").await;
    write_second(&service, "ada-2").await;
    let names = || {
        [
            by_id("ada"),
            by_id("ada-2"),
            by_phone(NUMBER),
            by_email("ada@example.org"),
            by_email("ada@example.net"),
        ]
    };
    for _ in 0..3 {
        // Everything is held, the kept answers too.
        for subject in names() {
            service.classify(subject.clone(), "").await;
            service.classify(subject, "").await;
        }
        merge(&service, ("ada", "ada-2"), false).await.unwrap();
        let mut answers = vec![];
        for subject in names() {
            let answer = service.classify(subject.clone(), "").await;
            let one = answer.classification.clone().unwrap();
            assert_eq!(one.customer_id, "ada", "{subject:?}");
            answers.push(answer.clone());
            // And again, from what is kept.
            assert_eq!(service.classify(subject, "").await, answer);
        }
        answers.dedup();
        assert_eq!(answers.len(), 1);
        assert_eq!(purchases(&service, by_id("ada-2")).await, 3);
        unmerge(&service, "ada-2", false).await.unwrap();
        let ids = ["ada", "ada-2"];
        for (subject, id) in names().into_iter().zip(ids) {
            let answer = service.classify(subject, "").await;
            assert_eq!(answer.classification.unwrap().customer_id, id);
        }
        let shared = service.classify(by_phone(NUMBER), "").await;
        assert_eq!(shared.candidate_count, 2);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_merged_id_is_answered_from_memory_in_an_outage() {
    let service = ServiceWithDatabase::start().await;
    write_first(&service, "ada").await;
    write_second(&service, "ada-2").await;
    for subject in [by_id("ada"), by_id("ada-2"), by_phone(NUMBER)] {
        service.classify(subject, "").await;
    }
    merge(&service, ("ada", "ada-2"), false).await.unwrap();
    let before = service.classify(by_id("ada"), "").await;
    service.database.take_away().await;
    until("the database is known to be away", async || {
        service.app.metrics.breaker.open.get() == 1
    })
    .await;
    for subject in [by_id("ada"), by_id("ada-2"), by_phone(NUMBER)] {
        let answer = service.classify(subject, "").await;
        assert_eq!(answer.classification, before.classification);
        assert!(answer.provenance.unwrap().stale);
    }
    service.database.give_back().await;
}

#[tokio::test]
async fn after_a_restart_the_merged_id_still_leads_to_the_one_who_stays() {
    let service = ServiceWithDatabase::start().await;
    write_first(&service, "ada").await;
    write_second(&service, "ada-2").await;
    merge(&service, ("ada", "ada-2"), false).await.unwrap();
    let before = service.classify(by_id("ada"), "2026-04-30").await;
    let service = service.restart().await;
    let subjects = vec![by_id("ada-2"), by_id("ada"), by_id("nobody")];
    let request = pb::BatchClassifyRequest {
        subjects,
        as_of: "2026-04-30".to_owned(),
        read_mask: None,
    };
    let answer = service.scoring().batch_classify(request).await.unwrap();
    let answers = answer.into_inner().responses;
    assert_eq!(answers[0].classification, before.classification);
    assert_eq!(answers[1].classification, before.classification);
    assert_eq!(answers[2].classification, None);
    let request = pb::RouteContactRequest {
        caller: Some(pb::route_contact_request::Caller::Subject(by_id("ada-2"))),
        claim: Some(by_phone(NUMBER)),
        ..Default::default()
    };
    let routed = service.route(request).await;
    let said = format!("{routed:?}");
    assert!(
        said.contains("\"ada\"") && !said.contains("\"ada-2\""),
        "{said}"
    );
}

#[tokio::test]
async fn a_fact_may_be_refused_for_an_unknown_customer_and_not_for_a_merged_one() {
    let service = ServiceWithDatabase::start().await;
    service
        .write(&[
            purchase("ada", "1", "2026-01-05", 100),
            purchase("ada-2", "2", "2026-01-05", 100),
        ])
        .await;
    merge(&service, ("ada", "ada-2"), false).await.unwrap();
    let named = pb::Transaction {
        customer: Some(by_id("ada-2")),
        ..purchase("", "3", "2026-01-06", 100)
    };
    assert_outcomes(&service.send(&[named]).await, Outcome::Written);
    let numbered = pb::CustomerPatch {
        add_identifiers: vec![phone(NUMBER)],
        ..patch("ada-2")
    };
    service.write_customers(&[numbered]).await;
    assert_eq!(purchases(&service, by_phone(NUMBER)).await, 2);
}
