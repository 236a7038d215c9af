//! What becomes of facts that are sent in: what is written, what is known already, what is refused, and what then stands in the profile.

mod composed;
mod contradictions;
mod duplicates;
mod identifiers;
mod locks;
mod order;
mod originals;
mod patches;
mod plans;
mod poison;
mod powers;
mod profile_checks;
mod refolded;
mod related;
mod retractions;
mod streams;
mod subjects;
mod totals;
mod unmatched;

use patron::pb;
use patron::pb::UnratedReason;
use sqlx::PgPool;
use tonic::Code;

use crate::support::messages::{
    by_id, call, money, patch, phone, purchase, reason, refund, violated,
};
use crate::support::service::ServiceWithDatabase;

/// The versions of a customer in the change log, in the order of writing.
async fn list_logged(pool: &PgPool, customer: &str) -> Vec<i64> {
    sqlx::query_scalar("SELECT version FROM change_log WHERE customer_id = $1 ORDER BY id")
        .bind(customer)
        .fetch_all(pool)
        .await
        .unwrap()
}

/// Each table of facts and profiles with its number of rows.
async fn count_rows(pool: &PgPool) -> [i64; 7] {
    let counts: Vec<i64> = sqlx::query_scalar(
        "SELECT ARRAY[(SELECT count(*) FROM customers),
                      (SELECT count(*) FROM transactions),
                      (SELECT count(*) FROM contacts),
                      (SELECT count(*) FROM attribute_values),
                      (SELECT count(*) FROM identifiers),
                      (SELECT count(*) FROM profiles),
                      (SELECT count(*) FROM change_log)]",
    )
    .fetch_one(pool)
    .await
    .unwrap();
    counts.try_into().unwrap()
}

#[tokio::test]
async fn a_transaction_creates_its_customer_as_a_person_unless_told() {
    let service = ServiceWithDatabase::start().await;
    let company = pb::Transaction {
        customer_kind: pb::CustomerKind::Company.into(),
        ..purchase("firm", "1", "2026-01-01", 100)
    };
    service
        .write(&[purchase("ada", "1", "2026-01-01", 100), company])
        .await;
    let employee = pb::Contact {
        customer_kind: pb::CustomerKind::Employee.into(),
        ..call("colleague", "1", "2026-01-01")
    };
    service.write_contacts(&[employee]).await;
    // What the customer is was decided when they were created.
    let late = pb::Transaction {
        customer_kind: pb::CustomerKind::Employee.into(),
        ..purchase("firm", "2", "2026-01-02", 100)
    };
    service.write(&[late]).await;
    for (id, kind) in [
        ("ada", pb::CustomerKind::Person),
        ("firm", pb::CustomerKind::Company),
        ("colleague", pb::CustomerKind::Employee),
    ] {
        assert_eq!(service.customer(id).await.kind(), kind, "{id}");
    }
}

#[tokio::test]
async fn a_profile_shows_days_net_of_refunds_and_the_cost_of_contacts() {
    let service = ServiceWithDatabase::start().await;
    let costed = pb::Transaction {
        cost_minor: Some(600),
        category: "books".to_owned(),
        ..purchase("ada", "3", "2026-02-01", 1_000)
    };
    service
        .write(&[
            purchase("ada", "1", "2026-01-01", 5_000),
            purchase("ada", "2", "2026-01-01", 250),
            costed,
            refund("ada", "4", "1", "2026-03-01", 2_000),
            refund("ada", "5", "none", "2026-03-01", 10),
        ])
        .await;
    let uncosted = pb::Contact {
        cost: None,
        duration_seconds: None,
        ..call("ada", "2", "2026-02-02")
    };
    service
        .write_contacts(&[call("ada", "1", "2026-02-02"), uncosted])
        .await;
    let known = service.customer("ada").await;
    let days: Vec<_> = known
        .purchase_days
        .iter()
        .map(|day| (day.day.as_str(), day.count, day.amount.clone().unwrap()))
        .collect();
    assert_eq!(
        days,
        [
            ("2026-01-01", 2, money(3_250, "EUR")),
            ("2026-02-01", 1, money(1_000, "EUR"))
        ]
    );
    let books = &known.purchase_days[1];
    assert_eq!(
        (
            books.costed_amount_minor,
            books.cost_minor,
            &*books.category
        ),
        (1_000, 600, "books")
    );
    assert_eq!(known.unmatched_refund_count, 1);
    let counts = known.contact_days.iter().map(|day| day.count).sum::<i32>();
    let costed: Vec<_> = known
        .contact_days
        .iter()
        .filter(|day| day.costed_count > 0)
        .collect();
    assert_eq!((counts, costed.len()), (2, 1));
    assert_eq!(costed[0].cost, Some(money(350, "EUR")));
    assert_eq!(costed[0].duration_seconds, 90);
}

#[tokio::test]
async fn every_fact_carries_the_version_that_first_contained_it_and_the_log_has_every_version() {
    let service = ServiceWithDatabase::start().await;
    service
        .write(&[purchase("ada", "1", "2026-01-01", 1)])
        .await;
    service
        .write_contacts(&[call("ada", "c", "2026-01-02")])
        .await;
    // A batch is one version, a known fact none.
    service
        .send(&[
            purchase("ada", "1", "2026-01-01", 1),
            purchase("ada", "2", "2026-01-03", 1),
            purchase("ada", "3", "2026-01-04", 1),
            purchase("bob", "1", "2026-01-04", 1),
        ])
        .await;
    service.send(&[purchase("ada", "1", "2026-01-01", 1)]).await;
    let facts: Vec<(String, i64)> = sqlx::query_as(
        "SELECT transaction_id, profile_version FROM transactions WHERE customer_id = 'ada'
         UNION ALL
         SELECT contact_id, profile_version FROM contacts WHERE customer_id = 'ada'
         ORDER BY 1",
    )
    .fetch_all(&service.pool)
    .await
    .unwrap();
    let facts: Vec<_> = facts
        .iter()
        .map(|(id, version)| (&**id, *version))
        .collect();
    assert_eq!(facts, [("1", 1), ("2", 3), ("3", 3), ("c", 2)]);
    assert_eq!(service.customer("ada").await.profile_version, 3);
    assert_eq!(list_logged(&service.pool, "ada").await, [1, 2, 3]);
    assert_eq!(list_logged(&service.pool, "bob").await, [1]);
}

#[tokio::test]
async fn a_day_before_the_last_event_is_answered_from_the_facts_of_that_day() {
    let service = ServiceWithDatabase::start().await;
    service
        .write(&[
            purchase("ada", "1", "2026-01-01", 1_000),
            purchase("ada", "2", "2026-01-15", 3_000),
            purchase("ada", "3", "2026-02-12", 5_000),
            // Recorded now, but on the days before it nobody knows of it.
            refund("ada", "4", "2", "2026-03-01", 3_000),
        ])
        .await;
    for (as_of, expected) in [
        ("2025-12-31", None),
        ("2026-01-01", Some((0, 0, 0, 0.0))),
        ("2026-01-14", Some((0, 0, 13, 0.0))),
        ("2026-01-15", Some((1, 14, 14, 30.0))),
        ("2026-02-28", Some((2, 42, 58, 40.0))),
        ("2026-03-01", Some((1, 42, 59, 50.0))),
        ("2026-11-22", Some((1, 42, 325, 50.0))),
    ] {
        let score = service.score(by_id("ada"), as_of).await.score.unwrap();
        assert_eq!(score.provenance.unwrap().as_of, as_of);
        let inputs = score.inputs.map(|inputs| {
            (
                inputs.frequency,
                days(inputs.recency_weeks),
                days(inputs.age_weeks),
                inputs.monetary_value.unwrap(),
            )
        });
        assert_eq!(inputs, expected, "{as_of}");
        let reason = if expected.is_some() {
            UnratedReason::NoModel
        } else {
            UnratedReason::NoPurchase
        };
        assert_eq!(score.unrated_reason, i32::from(reason), "{as_of}");
    }
}

#[expect(clippy::cast_possible_truncation, reason = "some hundred days")]
fn days(weeks: f64) -> i32 {
    (weeks * 7.0).round() as i32
}

#[tokio::test]
async fn a_batch_must_have_one_to_a_thousand_items() {
    let service = ServiceWithDatabase::start().await;
    let purchases = |count: usize| -> Vec<pb::Transaction> {
        let one = |at: usize| purchase("ada", &at.to_string(), "2026-01-01", 1);
        (0..count).map(one).collect()
    };
    for count in [0, 1_001] {
        let request = pb::IngestTransactionsRequest {
            transactions: purchases(count),
            ..Default::default()
        };
        let refused = service.ingest().ingest_transactions(request).await;
        let refused = refused.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument);
        assert_eq!(reason(&refused), "INVALID_REQUEST");
        assert_eq!(violated(&refused), ["transactions"], "{refused:?}");
        assert!(
            refused.message().contains(&count.to_string()),
            "{refused:?}"
        );
    }
    let contacts = pb::IngestContactsRequest::default();
    let refused = service.ingest().ingest_contacts(contacts).await;
    assert_eq!(violated(&refused.unwrap_err()), ["contacts"]);
    let customers = pb::IngestCustomersRequest {
        customers: (0..1_001).map(|at| patch(&at.to_string())).collect(),
        ..Default::default()
    };
    let refused = service.ingest().ingest_customers(customers).await;
    assert_eq!(violated(&refused.unwrap_err()), ["customers"]);
    assert_eq!(count_rows(&service.pool).await, [0; 7]);
    service.write(&purchases(1_000)).await;
    assert_eq!(service.customer("ada").await.purchase_days[0].count, 1_000);
}

#[tokio::test]
async fn an_unknown_and_a_shared_subject_are_errors_of_get_customer_with_what_to_do() {
    let service = ServiceWithDatabase::start().await;
    let unknown = service.find_customer(by_id("nobody")).await.unwrap_err();
    assert_eq!(unknown.code(), Code::NotFound);
    assert_eq!(reason(&unknown), "CUSTOMER_NOT_FOUND");
    let shared = |id| pb::CustomerPatch {
        add_identifiers: vec![phone("+493023125001")],
        ..patch(id)
    };
    service
        .write_customers(&[shared("ada"), shared("bob")])
        .await;
    let subject = crate::support::messages::by_phone("+493023125001");
    let ambiguous = service.find_customer(subject).await.unwrap_err();
    assert_eq!(ambiguous.code(), Code::FailedPrecondition);
    assert_eq!(reason(&ambiguous), "AMBIGUOUS_SUBJECT");
    let info = tonic_types::StatusExt::get_details_error_info(&ambiguous).unwrap();
    assert_eq!(info.metadata["customer_ids"], "ada,bob");
}
