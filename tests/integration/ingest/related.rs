//! After a refund, or a retraction, a customer is folded on from where they were: earlier facts are not read again.

use patron::pb;
use sqlx::PgPool;

use crate::support::messages::{call, money, purchase, refund};
use crate::support::service::ServiceWithDatabase;

/// Spoils the facts that a profile was folded from, so that reading them again gives another sum.
async fn spoil(pool: &PgPool, id: &str) {
    let spoiled = sqlx::query(
        "UPDATE transactions SET amount_minor = 1000000
         WHERE customer_id = 'ada' AND transaction_id = $1",
    );
    let spoiled = spoiled.bind(id).execute(pool).await.unwrap();
    assert_eq!(spoiled.rows_affected(), 1);
}

fn amounts(customer: &pb::Customer) -> Vec<i64> {
    let amounts = customer.purchase_days.iter().map(|day| &day.amount);
    amounts
        .map(|amount| amount.as_ref().unwrap().amount_minor)
        .collect()
}

#[tokio::test]
async fn facts_after_a_refund_do_not_read_those_before_it() {
    let service = ServiceWithDatabase::start().await;
    let bought = [
        purchase("ada", "1", "2026-01-01", 100),
        purchase("ada", "2", "2026-01-02", 200),
    ];
    service.write(&bought).await;
    service
        .write(&[refund("ada", "r", "1", "2026-01-03", 30)])
        .await;
    spoil(&service.pool, "1").await;
    spoil(&service.pool, "2").await;
    service
        .write(&[purchase("ada", "3", "2026-01-04", 400)])
        .await;
    assert_eq!(amounts(&service.customer("ada").await), [70, 200, 400]);
    // One that names nothing takes from any purchase before it: they are read.
    service
        .write(&[refund("ada", "u", "", "2026-01-05", 1)])
        .await;
    let read_again = [999_970, 1_000_000, 399];
    assert_eq!(amounts(&service.customer("ada").await), read_again);
}

#[tokio::test]
async fn a_refund_reads_its_purchase_and_what_else_names_it() {
    let service = ServiceWithDatabase::start().await;
    let bought = [
        purchase("ada", "1", "2026-01-01", 100),
        purchase("ada", "2", "2026-01-01", 200),
    ];
    service.write(&bought).await;
    service
        .write(&[refund("ada", "r", "1", "2026-01-03", 30)])
        .await;
    spoil(&service.pool, "2").await;
    service
        .write(&[refund("ada", "s", "1", "2026-01-04", 70)])
        .await;
    assert_eq!(amounts(&service.customer("ada").await), [200]);
    // A refund that was there before its purchase waits for it, by name.
    service
        .write(&[refund("ada", "t", "3", "2026-01-05", 10)])
        .await;
    assert_eq!(service.customer("ada").await.unmatched_refund_count, 1);
    service
        .write(&[purchase("ada", "3", "2026-01-02", 400)])
        .await;
    let ada = service.customer("ada").await;
    assert_eq!(
        (amounts(&ada), ada.unmatched_refund_count),
        (vec![200, 390], 0)
    );
}

#[tokio::test]
async fn a_retraction_reads_the_contact_that_it_names() {
    let service = ServiceWithDatabase::start().await;
    let costing = |id: &str, cents: i64| pb::Contact {
        cost: Some(money(cents, "EUR")),
        ..call("ada", id, "2026-01-05")
    };
    let called = [costing("1", 100), costing("2", 200)];
    service.write_contacts(&called).await;
    let spoiled = "UPDATE contacts SET cost_minor = 1000000 WHERE contact_id = '2'";
    sqlx::query(spoiled).execute(&service.pool).await.unwrap();
    let retraction = pb::Contact {
        channel: String::new(),
        duration_seconds: None,
        cost: None,
        retracts_contact_id: "1".to_owned(),
        ..call("ada", "3", "2026-01-06")
    };
    service.write_contacts(&[retraction]).await;
    service.write_contacts(&[costing("4", 400)]).await;
    let ada = service.customer("ada").await;
    assert_eq!(ada.contact_days.len(), 1);
    assert_eq!(ada.contact_days[0].cost, Some(money(600, "EUR")));
}
