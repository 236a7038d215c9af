//! The same fact again, another fact under the same key, and many clients with the same fact at once.

use patron::pb;
use patron::pb::item_result::Outcome;
use patron::pb::transaction::{Kind, When};
use tonic::Code;

use super::{count_rows, list_logged};
use crate::support::messages::{call, money, purchase};
use crate::support::service::{Service, ServiceWithDatabase, assert_outcomes};

#[tokio::test]
async fn the_same_fact_again_is_acknowledged_and_changes_nothing() {
    let service = ServiceWithDatabase::start().await;
    let instant = pb::Transaction {
        // Kept to the microsecond; the nanoseconds must not make the same fact another one.
        when: Some(When::OccurredTime(prost_types::Timestamp {
            seconds: 1_767_225_600,
            nanos: 123_456_789,
        })),
        cost_minor: Some(1),
        category: "books".to_owned(),
        channel: "web".to_owned(),
        ..purchase("ada", "2", "", 100)
    };
    let facts = [purchase("ada", "1", "2026-01-01", 0), instant];
    let contacts = [call("ada", "1", "2026-01-01")];
    service.write(&facts).await;
    service.write_contacts(&contacts).await;
    let (before, profile) = (
        count_rows(&service.pool).await,
        service.customer("ada").await,
    );
    service.set_clock("2026-11-23T12:00:00Z");
    assert_outcomes(&service.send(&facts).await, Outcome::Duplicate);
    assert_outcomes(&service.send_contacts(&contacts).await, Outcome::Duplicate);
    assert_eq!(count_rows(&service.pool).await, before);
    assert_eq!(service.customer("ada").await, profile);
}

#[track_caller]
fn assert_key_reused(result: &pb::ItemResult, field: &str) {
    assert_eq!(result.outcome(), Outcome::Refused, "{result:?}");
    let violations: Vec<_> = result
        .violations
        .iter()
        .map(|it| (&*it.field, &*it.reason))
        .collect();
    assert_eq!(violations, [(field, "IDEMPOTENCY_KEY_REUSED")]);
    assert!(!result.violations[0].description.is_empty());
}

#[tokio::test]
async fn another_payload_under_a_known_key_is_refused_whatever_differs() {
    let service = ServiceWithDatabase::start().await;
    let fact = purchase("ada", "1", "2026-01-01", 100);
    service.write(std::slice::from_ref(&fact)).await;
    let other = |change: fn(&mut pb::Transaction)| {
        let mut other = fact.clone();
        change(&mut other);
        other
    };
    let others = [
        other(|it| it.amount = Some(money(101, "EUR"))),
        other(|it| it.amount = Some(money(100, "USD"))),
        other(|it| it.kind = Kind::Refund.into()),
        other(|it| it.when = Some(When::OccurredOn("2026-01-02".to_owned()))),
        other(|it| {
            it.when = Some(When::OccurredTime(prost_types::Timestamp {
                seconds: 1_767_225_600,
                nanos: 0,
            }));
        }),
        other(|it| it.cost_minor = Some(0)),
        other(|it| it.category = "books".to_owned()),
        other(|it| it.channel = "web".to_owned()),
    ];
    let (before, profile) = (
        count_rows(&service.pool).await,
        service.customer("ada").await,
    );
    let results = service.send(&others).await;
    assert_eq!(results.len(), others.len());
    for (at, result) in results.iter().enumerate() {
        assert_key_reused(result, &format!("transactions[{at}]"));
    }
    assert_eq!(count_rows(&service.pool).await, before);
    assert_eq!(service.customer("ada").await, profile);
    // Another customer or another source is another key.
    let elsewhere = pb::Transaction {
        source: "till".to_owned(),
        ..other(|it| it.amount = Some(money(101, "EUR")))
    };
    service
        .write(&[elsewhere, purchase("bob", "1", "2026-01-01", 101)])
        .await;
}

#[tokio::test]
async fn within_a_batch_the_first_fact_of_a_key_counts() {
    let service = ServiceWithDatabase::start().await;
    let fact = purchase("ada", "1", "2026-01-01", 100);
    let results = service
        .send(&[
            fact.clone(),
            fact.clone(),
            purchase("ada", "1", "2026-01-01", 999),
            purchase("ada", "2", "2026-01-01", 10),
            fact,
        ])
        .await;
    let outcomes: Vec<_> = results.iter().map(pb::ItemResult::outcome).collect();
    assert_eq!(
        outcomes,
        [
            Outcome::Written,
            Outcome::Duplicate,
            Outcome::Refused,
            Outcome::Written,
            Outcome::Duplicate
        ]
    );
    assert_key_reused(&results[2], "transactions[2]");
    let known = service.customer("ada").await;
    assert_eq!(known.purchase_days[0].amount, Some(money(110, "EUR")));
    assert_eq!(list_logged(&service.pool, "ada").await, [1]);

    let longer = pb::Contact {
        duration_seconds: Some(91),
        ..call("ada", "1", "2026-01-01")
    };
    let results = service
        .send_contacts(&[call("ada", "1", "2026-01-01"), longer])
        .await;
    assert_key_reused(&results[1], "contacts[1]");
}

/// Sends a batch as a client does: again for as long as the server asks for that.
async fn send_until_answered(service: &Service, batch: &[pb::Transaction]) -> Vec<Outcome> {
    loop {
        let request = pb::IngestTransactionsRequest {
            transactions: batch.to_vec(),
            ..Default::default()
        };
        match service.ingest().ingest_transactions(request).await {
            Ok(response) => {
                let results = response.into_inner().results;
                return results.iter().map(pb::ItemResult::outcome).collect();
            }
            Err(status) => assert!(
                matches!(status.code(), Code::Unavailable | Code::Aborted),
                "{status:?}"
            ),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_32_clients_with_the_same_facts_each_fact_is_written_by_one() {
    const CLIENTS: usize = 32;
    let service = ServiceWithDatabase::start().await;
    // Two customers, in both orders, so that locks taken in the order of arrival would meet.
    let batch: Vec<_> = (0..10)
        .map(|bit| {
            let customer = if bit % 2 == 0 { "ada" } else { "bob" };
            purchase(customer, &bit.to_string(), "2026-01-01", 1 << bit)
        })
        .collect();
    let backwards: Vec<_> = batch.iter().rev().cloned().collect();
    let calls = (0..CLIENTS).map(|client| {
        send_until_answered(&service, if client % 2 == 0 { &batch } else { &backwards })
    });
    let outcomes = futures_util::future::join_all(calls).await;
    let written = outcomes
        .iter()
        .flatten()
        .filter(|&&it| it == Outcome::Written);
    assert_eq!(written.count(), batch.len());
    assert!(outcomes.iter().flatten().all(|&it| it != Outcome::Refused));
    let mut total = 0;
    for customer in ["ada", "bob"] {
        let known = service.customer(customer).await;
        assert_eq!(known.purchase_days[0].count, 5);
        total += known.purchase_days[0].amount.clone().unwrap().amount_minor;
        let versions: Vec<_> = (1..=known.profile_version).collect();
        assert_eq!(list_logged(&service.pool, customer).await, versions);
    }
    assert_eq!(total, (1 << batch.len()) - 1);
}
