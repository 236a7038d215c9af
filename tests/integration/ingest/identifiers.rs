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
    service
        .write_customers(&[on("2026-11-21", &[], &[PHONE])])
        .await;
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

/// A message of a source about phone numbers of a day.
fn by(source: &str, message: pb::CustomerPatch) -> pb::CustomerPatch {
    pb::CustomerPatch {
        identifiers_source: source.to_owned(),
        ..message
    }
}

/// The same, with all numbers that the source knows.
fn all_of(source: &str, message: pb::CustomerPatch) -> pb::CustomerPatch {
    pb::CustomerPatch {
        replace_identifiers: vec![pb::IdentifierKind::PhoneNumber.into()],
        ..by(source, message)
    }
}

#[tokio::test]
async fn a_source_that_loses_a_number_takes_it_from_no_other_source() {
    let service = ServiceWithDatabase::start().await;
    let (crm, shop) = (on("", &[PHONE], &[]), on("", &[PHONE], &[]));
    service
        .write_customers(&[by("crm", crm), by("shop", shop)])
        .await;
    service
        .write_customers(&[all_of("shop", on("", &[], &[]))])
        .await;
    assert!(is_found(&service, by_phone(PHONE)).await, "the crm's");
    service
        .write_customers(&[all_of("crm", on("", &[], &[]))])
        .await;
    assert!(!is_found(&service, by_phone(PHONE)).await);
    // Nothing is left to end.
    let again = service
        .send_customers(&[all_of("crm", on("", &[], &[]))])
        .await;
    assert_eq!(again[0].outcome(), Outcome::Duplicate);
    let checked = service
        .customers()
        .check_profiles(pb::CheckProfilesRequest::default())
        .await;
    assert_eq!(checked.unwrap().into_inner().differences, vec![]);
}

#[tokio::test]
async fn an_end_holds_for_all_sources_until_one_states_the_number_again() {
    let service = ServiceWithDatabase::start().await;
    service
        .write_customers(&[
            by("crm", on("2026-03-01", &[PHONE], &[])),
            by("shop", on("2026-04-01", &[PHONE], &[])),
            on("2026-05-01", &[], &[PHONE]),
        ])
        .await;
    assert!(!is_found(&service, by_phone(PHONE)).await);
    // What a third one knew before comes late.
    service
        .write_customers(&[by("erp", on("2026-04-15", &[PHONE], &[]))])
        .await;
    assert!(!is_found(&service, by_phone(PHONE)).await);
    service
        .write_customers(&[by("shop", on("2026-05-02", &[PHONE], &[]))])
        .await;
    assert!(is_found(&service, by_phone(PHONE)).await);
}

#[tokio::test]
async fn statements_of_several_sources_come_to_the_same_in_every_order() {
    let messages = [
        by("crm", on("2026-01-10", &[PHONE], &[])),
        on("2026-02-10", &[], &[PHONE]),
        by("shop", on("2026-02-20", &[PHONE, OTHER], &[])),
        by("crm", on("2026-04-10", &[], &[OTHER])),
    ];
    let service = ServiceWithDatabase::start().await;
    let mut order: Vec<usize> = (0..messages.len()).collect();
    let mut customers = 0;
    // All orders, each of a customer of its own, by Heap's algorithm.
    let mut counters = vec![0; order.len()];
    let mut at = 0;
    loop {
        let id = format!("c-{customers:03}");
        for &message in &order {
            let message = pb::CustomerPatch {
                customer_id: id.clone(),
                ..messages[message].clone()
            };
            service.write_customers(&[message]).await;
        }
        let held = service.customer(&id).await.identifiers;
        assert_eq!(held.len(), 1, "{order:?}: {held:?}");
        customers += 1;
        while at < order.len() && counters[at] >= at {
            counters[at] = 0;
            at += 1;
        }
        if at >= order.len() {
            break;
        }
        let other = if at % 2 == 0 { 0 } else { counters[at] };
        order.swap(other, at);
        counters[at] += 1;
        at = 0;
    }
    assert_eq!(customers, 24);
    // All of them have the one number, and nobody has the other.
    let answer = service.classify(by_phone(PHONE), "").await;
    assert_eq!(answer.r#match(), Match::Ambiguous);
    assert!(!is_found(&service, by_phone(OTHER)).await);
}

#[tokio::test]
async fn statements_of_an_undone_import_leave_those_of_others() {
    let service = ServiceWithDatabase::start().await;
    let send = async |import_id: &str, message: pb::CustomerPatch| {
        let request = pb::IngestCustomersRequest {
            customers: vec![message],
            import_id: import_id.to_owned(),
        };
        service.ingest().ingest_customers(request).await.unwrap();
    };
    // The wrong file hides an end of another call and repeats what a third one states.
    send("", by("crm", on("2026-01-10", &[PHONE], &[]))).await;
    send("wrong", by("crm", on("2026-03-10", &[PHONE], &[]))).await;
    send("", by("crm", on("2026-02-10", &[], &[PHONE]))).await;
    send("wrong", by("crm", on("2026-03-10", &[OTHER], &[]))).await;
    send("right", by("crm", on("2026-03-10", &[OTHER], &[]))).await;
    assert!(is_found(&service, by_phone(PHONE)).await);
    for (import_id, has_other) in [("wrong", true), ("right", false)] {
        let request = pb::UndoImportRequest {
            import_id: import_id.to_owned(),
            validate_only: false,
        };
        service.corrections().undo_import(request).await.unwrap();
        assert!(!is_found(&service, by_phone(PHONE)).await, "{import_id}");
        let found = is_found(&service, by_phone(OTHER)).await;
        assert_eq!(found, has_other, "{import_id}");
    }
}
