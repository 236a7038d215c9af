//! What is sent after an undoing.

use patron::pb;
use patron::pb::item_result::Outcome;
use patron::pb::transaction::Kind;

use super::undo;
use crate::support::messages::{by_email, by_id, patch, purchase, refund};
use crate::support::service::{Service, ServiceWithDatabase};

async fn send(
    service: &Service,
    transactions: Vec<pb::Transaction>,
    import_id: &str,
) -> Vec<Outcome> {
    let request = pb::IngestTransactionsRequest {
        transactions,
        import_id: import_id.to_owned(),
        unknown_customer: pb::UnknownCustomer::Create.into(),
    };
    let answer = service.ingest().ingest_transactions(request).await;
    let results = answer.unwrap().into_inner().results;
    results.iter().map(pb::ItemResult::outcome).collect()
}

/// A purchase of the customer who has the address.
fn by_address(id: &str) -> pb::Transaction {
    pb::Transaction {
        customer: Some(by_email("ada@example.org")),
        ..purchase("", id, "2026-01-05", 100)
    }
}

#[tokio::test]
async fn a_customer_who_keeps_facts_of_others_gets_their_name_back_and_counts_none_twice() {
    let service = ServiceWithDatabase::start().await;
    send(&service, vec![by_address("1")], "wrong").await;
    send(&service, vec![by_address("2")], "").await;
    let before = service.find_customer(by_email("ada@example.org")).await;
    let before = before.unwrap().customer_id;
    undo(&service, "wrong", false).await.unwrap();
    // The import had named the customer first, so nothing names them until a further fact does.
    let again = send(&service, vec![by_address("2"), by_address("3")], "").await;
    assert_eq!(again, [Outcome::Duplicate, Outcome::Written]);
    let after = service.find_customer(by_email("ada@example.org")).await;
    let after = after.unwrap();
    assert_eq!(after.customer_id, before);
    assert_eq!(after.purchase_days[0].count, 2);
}

#[tokio::test]
async fn totals_of_refunds_are_undone_in_any_order() {
    let total = |amount_minor: i64, id: &str| pb::Transaction {
        kind: Kind::RefundTotal.into(),
        ..refund("ada", id, "1", "2026-01-05", amount_minor)
    };
    let totals = [total(1_250, "1#12.50"), total(5_000, "1#50.00")];
    for (undone, left) in [("first", 1_000), ("second", 4_750)] {
        let service = ServiceWithDatabase::start().await;
        service
            .write(&[purchase("ada", "1", "2026-01-01", 6_000)])
            .await;
        for (total, import) in totals.iter().zip(["first", "second"]) {
            send(&service, vec![total.clone()], import).await;
        }
        let sum = async || {
            let day = service.customer("ada").await.purchase_days[0].clone();
            day.amount.unwrap().amount_minor
        };
        assert_eq!(sum().await, 1_000);
        undo(&service, undone, false).await.unwrap();
        assert_eq!(sum().await, left, "without {undone}");
        let again = send(&service, totals.to_vec(), "third").await;
        let expected = if undone == "first" {
            [Outcome::Written, Outcome::Duplicate]
        } else {
            [Outcome::Duplicate, Outcome::Written]
        };
        assert_eq!(again, expected);
        assert_eq!(sum().await, 1_000);
        for import in ["first", "second"].iter().filter(|it| **it != undone) {
            undo(&service, import, false).await.unwrap();
        }
        // The third import sent them too.
        assert_eq!(sum().await, 1_000);
        undo(&service, "third", false).await.unwrap();
        assert_eq!(sum().await, 6_000);
    }
}

#[tokio::test]
async fn a_customer_whom_a_call_created_again_is_not_that_of_an_undone_import() {
    let service = ServiceWithDatabase::start().await;
    send(&service, vec![purchase("eve", "1", "2026-01-05", 100)], "a").await;
    undo(&service, "a", false).await.unwrap();
    service.write_customers(&[patch("eve")]).await;
    send(&service, vec![purchase("eve", "2", "2026-01-05", 100)], "b").await;
    let undone = undo(&service, "b", false).await.unwrap();
    assert_eq!(undone.removed_customer_count, 0);
    assert!(service.find_customer(by_id("eve")).await.is_ok());
}
