//! Totals of refunds: the greatest of them counts, with single refunds as parts of it, in whatever order they arrive.

use patron::pb;
use patron::pb::item_result::Outcome;
use patron::pb::transaction::Kind;

use crate::support::messages::{purchase, refund};
use crate::support::service::ServiceWithDatabase;

fn total(id: &str, amount_minor: i64) -> pb::Transaction {
    pb::Transaction {
        kind: Kind::RefundTotal.into(),
        ..refund("ada", id, "1", "2026-01-05", amount_minor)
    }
}

async fn left(service: &ServiceWithDatabase) -> i64 {
    let customer = service.customer("ada").await;
    assert_eq!(customer.unmatched_refund_count, 0);
    let amounts = customer
        .purchase_days
        .iter()
        .filter_map(|day| day.amount.as_ref());
    amounts.map(|amount| amount.amount_minor).sum()
}

fn outcomes(results: &[pb::ItemResult]) -> Vec<Outcome> {
    results.iter().map(pb::ItemResult::outcome).collect()
}

#[tokio::test]
async fn totals_come_to_the_greatest_of_them_in_any_order_and_with_any_repetition() {
    let [small, large] = [
        total("1#refunded-12.50", 1_250),
        total("1#refunded-50.00", 5_000),
    ];
    for order in [
        vec![&small, &large],
        vec![&large, &small],
        vec![&large],
        vec![&small, &small, &large, &small, &large],
    ] {
        let service = ServiceWithDatabase::start().await;
        service
            .write(&[purchase("ada", "1", "2026-01-01", 6_000)])
            .await;
        for fact in &order {
            service.send(std::slice::from_ref(*fact)).await;
        }
        assert_eq!(left(&service).await, 1_000, "{} totals", order.len());
        let all: Vec<pb::Transaction> = order.into_iter().cloned().collect();
        let again = service.send(&all).await;
        assert!(
            outcomes(&again).iter().all(|it| *it == Outcome::Duplicate),
            "{again:?}"
        );
        assert_eq!(left(&service).await, 1_000);
    }
}

#[tokio::test]
async fn single_refunds_of_the_order_are_parts_of_a_total() {
    let service = ServiceWithDatabase::start().await;
    service
        .write(&[
            purchase("ada", "1", "2026-01-01", 6_000),
            refund("ada", "r1", "1", "2026-01-02", 1_000),
        ])
        .await;
    // In one call with a further single refund: 10.00 of the total are in none.
    let results = service
        .send(&[
            refund("ada", "r2", "1", "2026-01-03", 500),
            total("1#refunded-25.00", 2_500),
        ])
        .await;
    assert_eq!(outcomes(&results), [Outcome::Written, Outcome::Written]);
    assert_eq!(left(&service).await, 3_500);
    let reversal = pb::Transaction {
        kind: Kind::Reversal.into(),
        ..refund("ada", "v", "r1", "2026-01-06", 1_000)
    };
    // A single refund that never was changes nothing of what the source states of all of them.
    service.write(&[reversal]).await;
    assert_eq!(left(&service).await, 3_500);
    let results = service.send(&[total("1#refunded-30.00", 3_000)]).await;
    assert_eq!(outcomes(&results), [Outcome::Written]);
    assert_eq!(left(&service).await, 3_000);
    // What comes after the total is a part of it, until it is more than that.
    for (id, expected) in [("r3", 3_000), ("r4", 2_500)] {
        let refund = refund("ada", id, "1", "2026-01-07", 1_500);
        service.write(&[refund]).await;
        assert_eq!(left(&service).await, expected, "{id}");
    }
}

#[tokio::test]
async fn a_total_of_no_order_or_with_a_cost_is_refused() {
    let service = ServiceWithDatabase::start().await;
    let wrong = pb::Transaction {
        original_transaction_id: String::new(),
        cost_minor: Some(1),
        ..total("t", 100)
    };
    let results = service.send(&[wrong]).await;
    let fields: Vec<(&str, &str)> = results[0]
        .violations
        .iter()
        .map(|it| (&*it.field, &*it.reason))
        .collect();
    assert_eq!(
        fields,
        [
            ("transactions[0].original_transaction_id", "REQUIRED"),
            ("transactions[0].cost_minor", "COST_OF_TOTAL"),
        ]
    );
}
