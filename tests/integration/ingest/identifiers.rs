//! Identifiers over time: an older message never wins over a newer one, and a source states its own.

use patron::pb;
use patron::pb::Match;
use patron::pb::item_result::Outcome;

use crate::support::messages::{by_email, by_phone, email, patch, phone};
use crate::support::service::ServiceWithDatabase;

const PHONE: &str = "+493023125001";
const OTHER: &str = "+493023125002";
const EMAIL: &str = "ada@example.org";

/// A message about phone numbers of a day; empty is none.
fn on(day: &str, begin: &[&str], end: &[&str]) -> pb::CustomerPatch {
    pb::CustomerPatch {
        add_identifiers: begin.iter().map(|it| phone(it)).collect(),
        end_identifiers: end.iter().map(|it| phone(it)).collect(),
        identifiers_observed_on: day.to_owned(),
        ..patch("ada")
    }
}

async fn is_found(service: &ServiceWithDatabase, subject: pb::Subject) -> bool {
    service.classify(subject, "").await.r#match() == Match::One
}

#[tokio::test]
async fn in_whatever_order_messages_come_the_newest_one_holds() {
    let messages = [
        on("2026-01-10", &[PHONE], &[]),
        on("2026-03-10", &[], &[PHONE]),
        on("2026-05-10", &[OTHER], &[]),
        on("2026-02-10", &[], &[OTHER]),
        // Confirms what is known: what is older no longer counts.
        on("2026-06-10", &[OTHER], &[]),
        on("2026-05-20", &[], &[OTHER]),
    ];
    let orders: [[usize; 6]; 4] = [
        [0, 1, 2, 3, 4, 5],
        [5, 4, 3, 2, 1, 0],
        [1, 0, 4, 5, 3, 2],
        [3, 5, 1, 2, 0, 4],
    ];
    for order in orders {
        let service = ServiceWithDatabase::start().await;
        service.write_customers(&[patch("ada")]).await;
        for at in order {
            service.send_customers(&[messages[at].clone()]).await;
        }
        assert!(!is_found(&service, by_phone(PHONE)).await, "{order:?}");
        assert!(is_found(&service, by_phone(OTHER)).await, "{order:?}");
        // The same messages again change nothing.
        for message in &messages {
            let results = service.send_customers(std::slice::from_ref(message)).await;
            assert_eq!(results[0].outcome(), Outcome::Duplicate, "{message:?}");
        }
    }
}

#[tokio::test]
async fn a_message_without_a_day_is_of_today_and_repeats_nothing() {
    let service = ServiceWithDatabase::start().await;
    let begins = on("", &[PHONE], &[]);
    service.write_customers(std::slice::from_ref(&begins)).await;
    for day in ["2026-11-22T12:00:00Z", "2026-11-25T12:00:00Z"] {
        service.set_clock(day);
        let results = service.send_customers(std::slice::from_ref(&begins)).await;
        assert_eq!(results[0].outcome(), Outcome::Duplicate);
    }
    // A message of an earlier day is older than the one of today.
    let results = service
        .send_customers(&[on("2026-11-21", &[], &[PHONE])])
        .await;
    assert_eq!(results[0].outcome(), Outcome::Duplicate);
    assert!(is_found(&service, by_phone(PHONE)).await);
    service.write_customers(&[on("", &[], &[PHONE])]).await;
    assert!(!is_found(&service, by_phone(PHONE)).await);
}

#[tokio::test]
async fn what_was_recorded_before_there_were_days_counts_from_its_record() {
    let service = ServiceWithDatabase::start().await;
    service.write_customers(&[on("", &[PHONE], &[])]).await;
    sqlx::query("UPDATE identifiers SET observed_on = NULL")
        .execute(&service.pool)
        .await
        .unwrap();
    service
        .send_customers(&[on("2026-11-21", &[], &[PHONE])])
        .await;
    assert!(is_found(&service, by_phone(PHONE)).await);
    service
        .write_customers(&[on("2026-11-23", &[], &[PHONE])])
        .await;
    assert!(!is_found(&service, by_phone(PHONE)).await);
}

#[tokio::test]
async fn a_source_replaces_what_it_stated_and_nothing_else() {
    use pb::IdentifierKind::{Email, PhoneNumber};
    let service = ServiceWithDatabase::start().await;
    let stated = |source: &str, identifiers: Vec<pb::Identifier>, kinds: &[pb::IdentifierKind]| {
        pb::CustomerPatch {
            add_identifiers: identifiers,
            identifiers_source: source.to_owned(),
            replace_identifiers: kinds.iter().map(|&kind| kind.into()).collect(),
            ..patch("ada")
        }
    };
    let crm = stated(
        "crm",
        vec![phone(PHONE), email(EMAIL)],
        &[PhoneNumber, Email],
    );
    let shop = stated("shop", vec![phone(OTHER)], &[PhoneNumber]);
    service.write_customers(&[crm.clone(), shop]).await;
    let results = service.send_customers(&[crm]).await;
    assert_eq!(results[0].outcome(), Outcome::Duplicate);
    // Its row has another number now, and says nothing of e-mail addresses.
    let row = stated("crm", vec![phone("+493023125003")], &[PhoneNumber]);
    service.write_customers(&[row]).await;
    assert!(!is_found(&service, by_phone(PHONE)).await);
    assert!(is_found(&service, by_phone(OTHER)).await, "the shop's");
    assert!(is_found(&service, by_phone("+493023125003")).await);
    assert!(is_found(&service, by_email(EMAIL)).await);
    // An emptied cell.
    service
        .write_customers(&[stated("crm", vec![], &[Email])])
        .await;
    assert!(!is_found(&service, by_email(EMAIL)).await);
    let bad = pb::CustomerPatch {
        replace_identifiers: vec![PhoneNumber.into(), 9],
        identifiers_observed_on: "2026-13-01".to_owned(),
        ..patch("ada")
    };
    let results = service.send_customers(&[bad]).await;
    let fields = results[0].violations.iter().map(|it| &*it.field);
    assert_eq!(
        fields.collect::<Vec<_>>(),
        [
            "customers[0].identifiers_observed_on",
            "customers[0].replace_identifiers[1]",
            "customers[0].identifiers_source",
        ]
    );
}
