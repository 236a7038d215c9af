//! Refunds that name a purchase of another source, or of another customer.

use patron::pb;
use patron::pb::item_result::Outcome;
use patron::pb::transaction::Kind;
use tonic::Code;

use super::streams::stream_once;
use crate::support::messages::plain::{purchase, refund};
use crate::support::messages::{by_email, by_id, email, money, patch};
use crate::support::service::{ServiceWithDatabase, assert_outcomes};

/// A refund that the till books of a purchase in the shop.
fn of_shop(customer: &str, id: &str, amount_minor: i64) -> pb::Transaction {
    pb::Transaction {
        source: "till".to_owned(),
        original_source: "shop".to_owned(),
        ..refund(customer, id, "1", "2026-01-05", amount_minor)
    }
}

/// The same, booked for Bob, of a purchase of Ada's.
fn of_ada(id: &str, amount_minor: i64) -> pb::Transaction {
    pb::Transaction {
        original_customer_id: "ada".to_owned(),
        ..of_shop("bob", id, amount_minor)
    }
}

async fn left(service: &ServiceWithDatabase) -> (i64, i32) {
    let customer = service.customer("ada").await;
    let days = customer.purchase_days.iter();
    let amounts = days.filter_map(|day| day.amount.as_ref());
    let sum = amounts.map(|amount| amount.amount_minor).sum();
    (sum, customer.unmatched_refund_count)
}

#[tokio::test]
async fn a_refund_of_another_source_finds_its_purchase_before_and_after_it() {
    let service = ServiceWithDatabase::start().await;
    service.write(&[of_shop("ada", "r1", 1_000)]).await;
    assert_eq!(left(&service).await, (0, 1));
    service
        .write(&[
            purchase("ada", "1", "2026-01-01", 6_000),
            // The id of the refund's own source is another transaction.
            pb::Transaction {
                source: "till".to_owned(),
                ..purchase("ada", "1", "2026-01-01", 500)
            },
        ])
        .await;
    assert_eq!(left(&service).await, (5_500, 0));
    service.write(&[of_shop("ada", "r2", 2_000)]).await;
    assert_eq!(left(&service).await, (3_500, 0));
    let again = [of_shop("ada", "r1", 1_000), of_shop("ada", "r2", 2_000)];
    assert_outcomes(&service.send(&again).await, Outcome::Duplicate);
    // Its own source stated is no other source.
    let own = refund("ada", "r3", "1", "2026-01-05", 100);
    let stated = pb::Transaction {
        original_source: own.source.clone(),
        ..own.clone()
    };
    service.write(&[own]).await;
    assert_outcomes(&service.send(&[stated]).await, Outcome::Duplicate);
    // Another original is another content.
    let other = pb::Transaction {
        original_source: String::new(),
        ..of_shop("ada", "r2", 2_000)
    };
    let refused = service.send(&[other]).await;
    assert_eq!(refused[0].violations[0].reason, "IDEMPOTENCY_KEY_REUSED");
    // A reversal of another source, and a total.
    let total = pb::Transaction {
        kind: Kind::RefundTotal.into(),
        ..of_shop("ada", "1#refunded-35.00", 3_500)
    };
    service.write(&[total]).await;
    // 60.00 less 35.00, and 5.00 of the till.
    assert_eq!(left(&service).await, (3_000, 0));
    let reversal = pb::Transaction {
        kind: Kind::Reversal.into(),
        original_transaction_id: "r2".to_owned(),
        original_source: "till".to_owned(),
        ..refund("ada", "v", "", "2026-01-05", 0)
    };
    service.write(&[reversal]).await;
    // Its 20.00 are a part of the total no more, which says what it said.
    assert_eq!(left(&service).await, (3_000, 0));
}

#[tokio::test]
async fn a_refund_of_another_customers_purchase_is_recorded_for_them() {
    let service = ServiceWithDatabase::start().await;
    // Before the purchase, and before anything is known of either.
    let results = service.send(&[of_ada("r1", 1_000)]).await;
    assert_outcomes(&results, Outcome::Written);
    assert_eq!(results[0].customer_id, "ada");
    assert_eq!(left(&service).await, (0, 1));
    let unknown = service.find_customer(by_id("bob")).await.unwrap_err();
    assert_eq!(unknown.code(), Code::NotFound);
    service
        .write(&[
            purchase("ada", "1", "2026-01-01", 6_000),
            purchase("bob", "b1", "2026-01-01", 700),
        ])
        .await;
    assert_eq!(left(&service).await, (5_000, 0));
    let bob = service.customer("bob").await;
    assert_eq!(bob.purchase_days[0].amount, Some(money(700, "EUR")));
    assert_eq!(bob.unmatched_refund_count, 0);
    let again = service.send(&[of_ada("r1", 1_000)]).await;
    assert_outcomes(&again, Outcome::Duplicate);
    assert_eq!(again[0].customer_id, "ada");
    let stated: Vec<Option<String>> =
        sqlx::query_scalar("SELECT stated_customer_id FROM transactions WHERE original_id = '1'")
            .fetch_all(&service.pool)
            .await
            .unwrap();
    assert_eq!(stated, [Some("bob".to_owned())]);
    // The fold of all facts is what is stored.
    let request = pb::CheckProfilesRequest::default();
    let checked = service.customers().check_profiles(request).await.unwrap();
    assert_eq!(checked.into_inner().differences, []);
}

#[tokio::test]
async fn the_stated_customer_may_be_a_subject_and_the_refund_come_by_a_stream() {
    let service = ServiceWithDatabase::start().await;
    let bob = pb::CustomerPatch {
        add_identifiers: vec![email("bob@example.org")],
        ..patch("bob")
    };
    service.write_customers(&[bob]).await;
    service
        .write(&[purchase("ada", "1", "2026-01-01", 6_000)])
        .await;
    let by_address = |id: &str, address: &str| pb::Transaction {
        customer_id: String::new(),
        customer: Some(by_email(address)),
        ..of_ada(id, 1_000)
    };
    let results = service
        .send(&[
            by_address("r1", "bob@example.org"),
            by_address("r2", "eve@example.org"),
        ])
        .await;
    assert_eq!(results[0].outcome(), Outcome::Written);
    assert_eq!(results[0].customer_id, "ada");
    assert_eq!(results[1].violations[0].reason, "UNKNOWN_CUSTOMER");
    let streamed = stream_once(&service, vec![of_ada("r3", 500)]).await;
    assert_eq!(streamed[0].results[0].customer_id, "ada");
    assert_eq!(left(&service).await, (4_500, 0));
}

#[tokio::test]
async fn undoing_the_import_takes_the_refund_back() {
    let service = ServiceWithDatabase::start().await;
    let send = async |import_id: &str, transactions: Vec<pb::Transaction>| {
        let request = pb::IngestTransactionsRequest {
            transactions,
            import_id: import_id.to_owned(),
            ..Default::default()
        };
        let answer = service.ingest().ingest_transactions(request).await;
        assert_outcomes(&answer.unwrap().into_inner().results, Outcome::Written);
    };
    let undo = async |import_id: &str| {
        let request = pb::UndoImportRequest {
            import_id: import_id.to_owned(),
            ..Default::default()
        };
        let undone = service.corrections().undo_import(request).await.unwrap();
        undone.into_inner().import.unwrap()
    };
    send("sales", vec![purchase("ada", "1", "2026-01-01", 6_000)]).await;
    send("returns", vec![of_ada("r1", 1_000)]).await;
    assert_eq!(left(&service).await, (5_000, 0));
    // The purchase is kept: a fact of another import takes a part of it back.
    undo("sales").await;
    assert_eq!(left(&service).await, (5_000, 0));
    // Without the refund nobody has the purchase any more.
    undo("returns").await;
    let unknown = service.find_customer(by_id("ada")).await.unwrap_err();
    assert_eq!(unknown.code(), Code::NotFound);
    send("returns again", vec![of_ada("r1", 1_000)]).await;
    assert_eq!(left(&service).await, (0, 1));
}

#[tokio::test]
async fn an_original_that_makes_no_sense_is_refused_with_all_its_mistakes() {
    let service = ServiceWithDatabase::start().await;
    let bought = pb::Transaction {
        original_source: "shop".to_owned(),
        original_customer_id: "ada".to_owned(),
        ..purchase("bob", "1", "2026-01-01", 100)
    };
    let without_id = pb::Transaction {
        original_transaction_id: String::new(),
        ..of_ada("r1", 100)
    };
    let unreadable = pb::Transaction {
        original_source: "x".repeat(65),
        original_customer_id: "a\nb".to_owned(),
        ..of_ada("r2", 100)
    };
    let itself = pb::Transaction {
        original_source: "till".to_owned(),
        original_customer_id: "bob".to_owned(),
        original_transaction_id: "r3".to_owned(),
        ..of_ada("r3", 100)
    };
    let results = service
        .send(&[bought, without_id, unreadable, itself])
        .await;
    let found: Vec<Vec<(&str, &str)>> = results
        .iter()
        .map(|result| {
            let violations = result.violations.iter();
            violations.map(|it| (&*it.field, &*it.reason)).collect()
        })
        .collect();
    assert_eq!(
        found,
        [
            vec![
                ("transactions[0].original_source", "NOT_A_REFUND"),
                ("transactions[0].original_customer_id", "NOT_A_REFUND")
            ],
            vec![("transactions[1].original_transaction_id", "REQUIRED")],
            vec![
                ("transactions[2].original_source", "INVALID_TEXT"),
                ("transactions[2].original_customer_id", "INVALID_ID")
            ],
            vec![("transactions[3].original_transaction_id", "OWN_ID")],
        ]
    );
    let unknown = service.find_customer(by_id("ada")).await.unwrap_err();
    assert_eq!(unknown.code(), Code::NotFound);
}
