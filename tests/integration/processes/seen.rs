//! What one server writes another one sees: facts, customers, identifiers, and what answers are computed with.

use patron::pb;

use super::{basis_id, customer_is_seen, is_seen};
use crate::definitions::EXAMPLE;
use crate::models::shop;
use crate::rates::rate;
use crate::support::messages::{
    attribute, by_email, by_id, by_phone, call, contract, email, patch, phone, purchase, refund,
};
use crate::support::service::{Service, ServiceWithDatabase};

const NUMBER: &str = "+493023125001";

async fn ids(service: &Service, subject: &pb::Subject) -> Vec<String> {
    let answer = service.classify(subject.clone(), "").await;
    let found = answer.classification.iter().chain(&answer.candidates);
    found.map(|one| one.customer_id.clone()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn facts_of_every_kind_are_seen_by_another_server() {
    let here = ServiceWithDatabase::start_shared().await;
    let there = here.join().await;
    let services = (&*here, &there);
    here.publish(EXAMPLE).await;
    is_seen("definitions", services, basis_id).await;
    // Held as unknown, then as it was before each write.
    customer_is_seen("nobody", services, "ada").await;
    here.write(&[purchase("ada", "1", "2026-01-05", 10_000)])
        .await;
    customer_is_seen("a first purchase", services, "ada").await;
    here.write(&[purchase("ada", "2", "2026-03-05", 20_000)])
        .await;
    customer_is_seen("a purchase", services, "ada").await;
    here.write(&[refund("ada", "3", "2", "2026-03-06", 20_000)])
        .await;
    customer_is_seen("a refund", services, "ada").await;
    here.write_contacts(&[call("ada", "1", "2026-03-07")]).await;
    customer_is_seen("a contact", services, "ada").await;
    here.write_contracts(&[contract("ada", "1", "2026-02-01", 12, 90_000)])
        .await;
    customer_is_seen("a contract", services, "ada").await;
    let named = pb::CustomerPatch {
        display_name: Some("Ada".to_owned()),
        kind: pb::CustomerKind::Company.into(),
        attributes: vec![attribute("preferred_language", None)],
        ..patch("ada")
    };
    here.write_customers(&[named]).await;
    customer_is_seen("a name and a kind", services, "ada").await;
    // The other way round, also of a customer whom the first server wrote last.
    let back = (&there, &*here);
    there
        .write(&[purchase("ada", "4", "2026-05-05", 5_000)])
        .await;
    customer_is_seen("a purchase on the way back", back, "ada").await;
    let resets = here.app.metrics.follow.resets.get() + there.app.metrics.follow.resets.get();
    assert_eq!(resets, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn identifiers_that_begin_and_end_are_seen_by_another_server() {
    let here = ServiceWithDatabase::start_shared().await;
    let there = here.join().await;
    let services = (&*here, &there);
    let (number, address) = (by_phone(NUMBER), by_email("ada@example.org"));
    let both =
        async |service: &Service| (ids(service, &number).await, ids(service, &address).await);
    is_seen("strangers", services, both).await;
    let ada = pb::CustomerPatch {
        add_identifiers: vec![phone(NUMBER), email("ada@example.org")],
        ..patch("ada")
    };
    here.write_customers(&[ada]).await;
    is_seen("identifiers that begin", services, both).await;
    assert_eq!(ids(&there, &number).await, ["ada"]);
    let bob = pb::CustomerPatch {
        add_identifiers: vec![phone(NUMBER)],
        ..patch("bob")
    };
    here.write_customers(&[bob]).await;
    is_seen("a second customer of a number", services, both).await;
    assert_eq!(ids(&there, &number).await, ["ada", "bob"]);
    let ended = pb::CustomerPatch {
        end_identifiers: vec![phone(NUMBER)],
        ..patch("ada")
    };
    there.write_customers(&[ended]).await;
    is_seen("an identifier that ends", (&there, &*here), both).await;
    assert_eq!(ids(&here, &number).await, ["bob"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_answers_are_computed_with_is_seen_by_another_server() {
    let here = ServiceWithDatabase::start_shared().await;
    let there = here.join().await;
    let services = (&*here, &there);
    shop(300).ingest(&here).await;
    is_seen("the first currency", services, basis_id).await;
    assert_eq!(basis_id(&there).await, "r0-m0-EUR");
    for _ in 0..2 {
        let answer = here
            .models()
            .fit_model(pb::FitModelRequest::default())
            .await;
        answer.unwrap();
    }
    is_seen("fits", services, basis_id).await;
    assert_eq!(basis_id(&there).await, "r0-m2-EUR");
    let first = pb::ActivateModelRequest {
        version: 1,
        ..Default::default()
    };
    here.models().activate_model(first).await.unwrap();
    is_seen("an activation", services, basis_id).await;
    assert_eq!(basis_id(&there).await, "r0-m1-EUR");
    here.publish(EXAMPLE).await;
    is_seen("a revision", services, basis_id).await;
    here.publish(&format!("{EXAMPLE}\n# again\n")).await;
    is_seen("a second revision", services, basis_id).await;
    let first = pb::RollbackDefinitionsRequest {
        revision: 1,
        expected_revision: None,
    };
    there
        .definitions()
        .rollback_definitions(first)
        .await
        .unwrap();
    is_seen("a revision taken back", (&there, &*here), basis_id).await;
    let rates = pb::IngestRatesRequest {
        rates: vec![rate("USD", "EUR", ("2026-01-01", "0.9"))],
        ..Default::default()
    };
    here.ingest().ingest_rates(rates).await.unwrap();
    is_seen("a rate", services, basis_id).await;
    assert_eq!(basis_id(&there).await, "r1-m1-EUR-x1");
    assert_eq!(
        here.classify(by_id("nobody"), "").await,
        there.classify(by_id("nobody"), "").await
    );
}
