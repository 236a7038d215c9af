//! What one server corrects another one sees: merges, moves, erasures, and imports that are undone.

use patron::pb;

use super::{basis_id, customer_is_seen, is_seen};
use crate::rates::rate;
use crate::support::messages::{by_id, by_phone, patch, phone, plain, purchase};
use crate::support::service::{Service, ServiceWithDatabase};

const NUMBER: &str = "+493023125001";

/// Both have the number, and an order each.
async fn write(service: &Service) {
    let with_number = |id| pb::CustomerPatch {
        add_identifiers: vec![phone(NUMBER)],
        ..patch(id)
    };
    service
        .write_customers(&[with_number("ada"), with_number("bob")])
        .await;
    service
        .write(&[
            plain::purchase("ada", "1", "2026-01-05", 10_000),
            plain::purchase("bob", "2", "2026-02-05", 20_000),
        ])
        .await;
}

/// Both, and whoever has the number, are answered there as here.
async fn all_is_seen(what: &str, services: (&Service, &Service)) {
    for id in ["ada", "bob"] {
        customer_is_seen(what, services, id).await;
    }
    is_seen(what, services, async |service: &Service| {
        service.classify(by_phone(NUMBER), "").await
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn merges_and_moves_and_erasures_are_seen_by_another_server() {
    let here = ServiceWithDatabase::start_shared().await;
    let there = here.join().await;
    let services = (&*here, &there);
    write(&here).await;
    all_is_seen("what was written", services).await;
    let merge = pb::MergeCustomersRequest {
        customer_id: "ada".to_owned(),
        merged_customer_id: "bob".to_owned(),
        ..Default::default()
    };
    here.corrections().merge_customers(merge).await.unwrap();
    all_is_seen("a merge", services).await;
    let answer = there.classify(by_id("bob"), "").await;
    assert_eq!(answer.classification.unwrap().customer_id, "ada");
    let unmerge = pb::UnmergeCustomerRequest {
        merged_customer_id: "bob".to_owned(),
        ..Default::default()
    };
    there.corrections().unmerge_customer(unmerge).await.unwrap();
    all_is_seen("an unmerging", (&there, &*here)).await;
    let moved = pb::MoveFactsRequest {
        customer_id: "bob".to_owned(),
        to_customer_id: "ada".to_owned(),
        facts: vec![pb::FactName {
            kind: pb::FactKind::Transaction.into(),
            source: "shop".to_owned(),
            id: "2".to_owned(),
        }],
        ..Default::default()
    };
    here.corrections().move_facts(moved).await.unwrap();
    all_is_seen("a move", services).await;
    let erased = pb::EraseCustomerRequest {
        customer_id: "ada".to_owned(),
        ..Default::default()
    };
    there.corrections().erase_customer(erased).await.unwrap();
    all_is_seen("an erasure", (&there, &*here)).await;
    assert!(here.find_customer(by_id("ada")).await.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_import_that_is_undone_is_seen_by_another_server() {
    let here = ServiceWithDatabase::start_shared().await;
    let there = here.join().await;
    let services = (&*here, &there);
    write(&here).await;
    let in_dollars = |mut transaction: pb::Transaction| {
        if let Some(amount) = &mut transaction.amount {
            amount.currency = "USD".to_owned();
        }
        transaction
    };
    let import_id = "file".to_owned();
    let facts = pb::IngestTransactionsRequest {
        transactions: vec![
            in_dollars(purchase("ada", "9", "2026-06-05", 7_000)),
            purchase("cyd", "9", "2026-06-05", 7_000),
        ],
        import_id: import_id.clone(),
        ..Default::default()
    };
    here.ingest().ingest_transactions(facts).await.unwrap();
    let rates = pb::IngestRatesRequest {
        rates: vec![rate("USD", "EUR", ("2026-01-01", "0.9"))],
        import_id: import_id.clone(),
    };
    here.ingest().ingest_rates(rates).await.unwrap();
    all_is_seen("what was imported", services).await;
    customer_is_seen("a new customer", services, "cyd").await;
    is_seen("rates", services, basis_id).await;
    assert_eq!(basis_id(&there).await, "r0-m0-none-x1");
    let undo = pb::UndoImportRequest {
        import_id,
        ..Default::default()
    };
    here.corrections().undo_import(undo).await.unwrap();
    all_is_seen("an undoing", services).await;
    customer_is_seen("a customer who is gone", services, "cyd").await;
    is_seen("currencies and rates", services, basis_id).await;
    assert_eq!(basis_id(&there).await, "r0-m0-EUR-x2");
    assert!(there.find_customer(by_id("cyd")).await.is_err());
}
