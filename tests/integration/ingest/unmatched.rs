//! Refunds and retractions that find nothing to take back: answered, counted, shown, and matched when what they name arrives.

use patron::pb;

use super::streams::stream_once;
use crate::support::messages::{call, money, purchase, refund};
use crate::support::service::ServiceWithDatabase;

async fn send(service: &ServiceWithDatabase, transactions: Vec<pb::Transaction>) -> i64 {
    let request = pb::IngestTransactionsRequest {
        transactions,
        ..Default::default()
    };
    let answer = service.ingest().ingest_transactions(request).await;
    answer.unwrap().into_inner().unmatched_refund_change
}

/// Facts that found nothing, and those that found it later.
fn counted(service: &ServiceWithDatabase, kind: &str) -> (u64, u64) {
    let text = service.app.metrics.render();
    let value = |name: &str| {
        let start = format!("patron_ingest_{name}_total{{kind=\"{kind}\"}} ");
        let line = text.lines().find_map(|line| line.strip_prefix(&*start));
        line.unwrap().parse().unwrap()
    };
    (value("unmatched"), value("matched_later"))
}

#[tokio::test]
async fn refunds_that_find_nothing_are_answered_counted_and_matched_later() {
    let service = ServiceWithDatabase::start().await;
    assert_eq!(counted(&service, "refund"), (0, 0));
    let back = |id: &str, of: &str, amount_minor| refund("ada", id, of, "2026-01-05", amount_minor);
    let unknown = vec![
        back("r1", "1", 1_000),
        back("r2", "2", 500),
        pb::Transaction {
            amount: Some(money(700, "USD")),
            ..back("r3", "2", 0)
        },
    ];
    assert_eq!(send(&service, unknown.clone()).await, 3);
    // Nothing is written, so nothing changes.
    assert_eq!(send(&service, unknown).await, 0);
    let customer = service.customer("ada").await;
    assert_eq!(customer.unmatched_refund_count, 3);
    assert_eq!(
        customer.unmatched_refunds,
        [money(1_500, "EUR"), money(700, "USD")]
    );
    // Too small for the refund: 4.00 of 10.00 are still missing.
    let small = vec![purchase("ada", "1", "2026-01-01", 600)];
    assert_eq!(send(&service, small).await, 0);
    let customer = service.customer("ada").await;
    assert_eq!(customer.unmatched_refund_count, 3);
    assert_eq!(
        customer.unmatched_refunds,
        [money(900, "EUR"), money(700, "USD")]
    );
    // Both of the second find their purchase; a refund of another customer finds none.
    let later = vec![
        purchase("ada", "2", "2026-01-01", 9_000),
        refund("bob", "r", "1", "2026-01-05", 100),
    ];
    assert_eq!(send(&service, later).await, -1);
    assert_eq!(counted(&service, "refund"), (4, 2));
    let customer = service.customer("ada").await;
    assert_eq!(customer.unmatched_refund_count, 1);
    assert_eq!(customer.unmatched_refunds, [money(400, "EUR")]);
    // A refund and its purchase in one call.
    let together = vec![
        refund("eve", "r", "1", "2026-01-05", 100),
        purchase("eve", "1", "2026-01-01", 100),
    ];
    assert_eq!(send(&service, together).await, 0);
    assert_eq!(counted(&service, "refund"), (4, 2));
}

#[tokio::test]
async fn a_stream_states_the_change_of_its_batches_once() {
    let service = ServiceWithDatabase::start().await;
    let answered = stream_once(
        &service,
        vec![refund("ada", "r1", "1", "2026-01-05", 1_000)],
    )
    .await;
    let changes: Vec<i64> = answered
        .iter()
        .map(|batch| batch.unmatched_change)
        .collect();
    assert_eq!(changes, [1]);
}

#[tokio::test]
async fn retractions_of_unknown_contacts_are_counted_likewise() {
    let service = ServiceWithDatabase::start().await;
    let send = async |contacts: Vec<pb::Contact>| {
        let request = pb::IngestContactsRequest {
            contacts,
            ..Default::default()
        };
        let answer = service.ingest().ingest_contacts(request).await;
        answer.unwrap().into_inner().unmatched_retraction_change
    };
    let retraction = pb::Contact {
        retracts_contact_id: "1".to_owned(),
        channel: String::new(),
        ..call("ada", "2", "2026-01-05")
    };
    let retraction = pb::Contact {
        topic: String::new(),
        outcome: String::new(),
        duration_seconds: None,
        cost: None,
        ..retraction
    };
    assert_eq!(send(vec![retraction]).await, 1);
    assert_eq!(counted(&service, "retraction"), (1, 0));
    assert_eq!(send(vec![call("ada", "1", "2026-01-04")]).await, -1);
    assert_eq!(counted(&service, "retraction"), (1, 1));
    assert_eq!(counted(&service, "refund"), (0, 0));
}
