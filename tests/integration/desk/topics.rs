//! Deflection candidates and topic surges.

use patron::pb;
use patron::pb::CustomerKind;

use super::{cents, contact, of_segment, plain_call, service};
use crate::support::messages::{patch, reason};
use crate::support::service::ServiceWithDatabase;

async fn deflection(
    service: &ServiceWithDatabase,
    request: pb::ListDeflectionCandidatesRequest,
) -> pb::ListDeflectionCandidatesResponse {
    let answer = service.desk().list_deflection_candidates(request).await;
    answer.unwrap().into_inner()
}

/// Twelve calls of four customers and a chat about passwords, one contact where it is cheapest, one before the window, one without a cost.
async fn passwords() -> ServiceWithDatabase {
    let service = service().await;
    let about = |customer: &str, id: &str, day, channel, cents| {
        contact(customer, id, day, channel, "password", cents)
    };
    let calls = (0..12).map(|number| {
        let customer = format!("c-{}", number % 4);
        about(&customer, &number.to_string(), "2026-11-02", "phone", 700)
    });
    let mut contacts: Vec<pb::Contact> = calls.collect();
    contacts.push(about("c-1", "chat", "2026-11-02", "chat", 400));
    contacts.push(about("c-1", "self", "2026-11-02", "self_service", 20));
    contacts.push(about("c-1", "old", "2026-08-01", "phone", 700));
    contacts.push(pb::Contact {
        channel: "letter".to_owned(),
        ..plain_call("c-1", "letter", "2026-11-02")
    });
    service.write_contacts(&contacts).await;
    service
}

/// Topic, channel, contacts, customers and saving a month.
fn found(answer: &pb::ListDeflectionCandidatesResponse) -> Vec<(&str, &str, i64, i64, i64)> {
    let candidates = answer.candidates.iter().map(|it| {
        let saving = cents(it.saving_per_month.as_ref());
        (
            &*it.topic,
            &*it.channel,
            it.contact_count,
            it.customer_count,
            saving,
        )
    });
    candidates.collect()
}

#[tokio::test]
async fn the_topics_with_the_largest_saving_come_first() {
    let service = passwords().await;
    let answer = deflection(&service, pb::ListDeflectionCandidatesRequest::default()).await;
    assert_eq!(
        (&*answer.first_day, &*answer.last_day),
        ("2026-08-23", "2026-11-22")
    );
    assert_eq!(&*answer.target_channel, "self_service");
    assert_eq!(cents(answer.target_cost.as_ref()), 20);
    assert_eq!(answer.contact_count, 14);
    assert_eq!(
        (answer.missing.len(), &*answer.missing[0].channel),
        (1, "letter")
    );
    // 0.3 * 12 * (7.00 - 0.20) / 3; 0.3 * (4.00 - 0.20) / 3.
    assert_eq!(
        found(&answer),
        [
            ("password", "phone", 12, 4, 816),
            ("password", "chat", 1, 1, 38)
        ]
    );
}

#[tokio::test]
async fn the_target_the_share_and_the_number_can_be_chosen() {
    let service = passwords().await;
    let chosen = pb::ListDeflectionCandidatesRequest {
        target_channel: "chat".to_owned(),
        months: 1,
        topic_shares: [("password".to_owned(), 0.5)].into(),
        limit: 1,
        ..Default::default()
    };
    let answer = deflection(&service, chosen).await;
    // 0.5 * 12 * (7.00 - 4.00).
    assert_eq!(found(&answer), [("password", "phone", 12, 4, 1_800)]);
    let unknown = pb::ListDeflectionCandidatesRequest {
        target_channel: "letter".to_owned(),
        ..Default::default()
    };
    let refused = service.desk().list_deflection_candidates(unknown).await;
    assert_eq!(reason(&refused.unwrap_err()), "NO_TARGET_CHANNEL");
}

/// Ten companies that call about an outage in the last week and about invoices all the time, and a person who calls about a party.
async fn outage() -> ServiceWithDatabase {
    let service = service().await;
    let firms = (0..10).map(|number| pb::CustomerPatch {
        kind: CustomerKind::Company.into(),
        ..patch(&format!("firm-{number}"))
    });
    service.write_customers(&firms.collect::<Vec<_>>()).await;
    let call = |customer: &str, id: &str, day: &str, topic| {
        contact(customer, id, day, "phone", topic, 100)
    };
    let mut contacts = vec![];
    for number in 0..10 {
        let firm = format!("firm-{number}");
        contacts.push(call(&firm, "now", "2026-11-20", "outage"));
        contacts.push(call(&firm, "steady", "2026-11-20", "invoice"));
        for week in 0..12 {
            let day = if week < 6 { "2026-09-10" } else { "2026-10-10" };
            contacts.push(call(&firm, &format!("w{week}"), day, "invoice"));
        }
        contacts.push(call("person", &number.to_string(), "2026-11-21", "party"));
    }
    contacts.push(call("firm-1", "before", "2026-10-01", "outage"));
    contacts.push(plain_call("firm-1", "silent", "2026-11-20"));
    service.write_contacts(&contacts).await;
    service
}

#[tokio::test]
async fn a_surge_in_a_segment_is_found_with_its_numbers() {
    let service = outage().await;
    let request = pb::ListTopicSurgesRequest {
        group: Some(of_segment("firms/companies")),
        ..Default::default()
    };
    let answer = service.desk().list_topic_surges(request).await.unwrap();
    let answer = answer.into_inner();
    assert_eq!(
        (
            &*answer.first_earlier_day,
            &*answer.first_recent_day,
            &*answer.last_day
        ),
        ("2026-08-24", "2026-11-16", "2026-11-22")
    );
    assert_eq!(
        (
            answer.tested_topic_count,
            answer.contacts_without_topic_count
        ),
        (2, 1)
    );
    let [outage] = &*answer.surges else {
        panic!("{answer:?}");
    };
    assert_eq!(
        (&*outage.topic, outage.recent_count, outage.earlier_count),
        ("outage", 10, 1)
    );
    assert_eq!(outage.customer_count, 10);
    assert!((outage.expected_count - 1.0 / 12.0).abs() < 1e-12);
    assert!((outage.factor.unwrap() - 120.0).abs() < 1e-9);
    // P(X >= 10) of 11 with 1/13: 11 * (1/13)^10 * 12/13 + (1/13)^11.
    let exact = 13_f64.powi(-11) * (11.0 * 12.0 + 1.0);
    assert!((outage.p_value / exact - 1.0).abs() < 1e-9, "{outage:?}");
    assert!((outage.adjusted_p_value / outage.p_value - 2.0).abs() < 1e-9);
}
