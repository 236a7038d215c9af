//! Which batches of a stream are written together, and how many wait.

use patron::pb;
use patron::pb::item_result::Outcome;
use patron::pb::stream_facts_request::Batch;

use super::{Open, transactions};
use crate::support::messages::{attribute, by_email, patch, purchase, refund};
use crate::support::service::ServiceWithDatabase;

#[tokio::test]
async fn large_batches_wait_and_are_not_cut() {
    let service = ServiceWithDatabase::start().await;
    let stream = Open::begin(&service).await;
    for batch in 0..8 {
        let text = |name: &str| {
            let text = pb::attribute_value::Value::TextValue("x".repeat(900));
            attribute(name, Some(text))
        };
        let customers = (0..1_000).map(|at| pb::CustomerPatch {
            attributes: ["a", "b", "c"].map(text).to_vec(),
            ..patch(&format!("c-{batch}-{at}"))
        });
        stream
            .send(Batch::Customers(pb::IngestCustomersRequest {
                customers: customers.collect(),
                ..Default::default()
            }))
            .await;
    }
    let (count, _, end) = stream.end().await;
    end.unwrap();
    assert_eq!(count, 8);
}

#[tokio::test]
async fn a_total_of_refunds_and_a_part_of_it_may_be_joined() {
    let service = ServiceWithDatabase::start().await;
    service
        .write(&[purchase("ada", "1", "2026-01-01", 20_000)])
        .await;
    let stream = Open::begin(&service).await;
    let total = pb::Transaction {
        kind: pb::transaction::Kind::RefundTotal.into(),
        ..refund("ada", "1#50.00", "1", "2026-01-05", 5_000)
    };
    let plain = refund("ada", "r", "1", "2026-01-06", 5_000);
    stream.send(transactions(vec![total])).await;
    stream.send(transactions(vec![plain])).await;
    let (_, outcomes, end) = stream.end().await;
    end.unwrap();
    assert_eq!(outcomes, [Outcome::Written; 2]);
    let day = service.customer("ada").await.purchase_days[0].clone();
    assert_eq!(day.amount.unwrap().amount_minor, 15_000);
}

#[tokio::test]
async fn batches_that_name_customers_by_subjects_go_the_way_of_calls() {
    let service = ServiceWithDatabase::start().await;
    let stream = Open::begin(&service).await;
    let named = |id: &str, import_id: &str, way: pb::UnknownCustomer| {
        let fact = pb::Transaction {
            customer: Some(by_email("ada@example.org")),
            ..purchase("", id, "2026-01-01", 100)
        };
        Batch::Transactions(pb::IngestTransactionsRequest {
            transactions: vec![fact],
            unknown_customer: way.into(),
            import_id: import_id.to_owned(),
        })
    };
    stream
        .send(named("1", "first", pb::UnknownCustomer::Refuse))
        .await;
    stream
        .send(named("2", "second", pb::UnknownCustomer::Create))
        .await;
    stream
        .send(named("3", "third", pb::UnknownCustomer::Refuse))
        .await;
    // Of imports of their own, so they are not written together.
    for import_id in ["fourth", "fifth"] {
        let fact = purchase("bob", import_id, "2026-01-01", 100);
        stream
            .send(Batch::Transactions(pb::IngestTransactionsRequest {
                transactions: vec![fact],
                import_id: import_id.to_owned(),
                ..Default::default()
            }))
            .await;
    }
    let (count, outcomes, end) = stream.end().await;
    end.unwrap();
    let (written, refused) = (Outcome::Written, Outcome::Refused);
    assert_eq!(
        (count, &*outcomes),
        (5, &[refused, written, written, written, written][..])
    );
    let ada = service.find_customer(by_email("ada@example.org")).await;
    assert_eq!(ada.unwrap().purchase_days[0].count, 2);
    let request = pb::ListImportsRequest::default();
    let imports = service.corrections().list_imports(request).await.unwrap();
    let imports = imports.into_inner().imports;
    let mut ids: Vec<&str> = imports.iter().map(|it| &*it.import_id).collect();
    ids.sort_unstable();
    assert_eq!(ids, ["fifth", "fourth", "second", "third"]);
}
