//! Service figures: what is counted, by what, and on how many contacts a figure is based.

use patron::pb;
use patron::pb::CustomerKind;
use patron::pb::attribute_value::Value;
use patron::pb::get_service_figures_request::Dimension;

use super::{cents, of_segment, of_tier, outcome, plain_call, record_all, service};
use crate::support::messages::{attribute, call, money, patch, purchase};
use crate::support::service::ServiceWithDatabase;

async fn figures(
    service: &ServiceWithDatabase,
    request: pb::GetServiceFiguresRequest,
) -> pb::GetServiceFiguresResponse {
    let answer = service.desk().get_service_figures(request).await;
    answer.unwrap().into_inner()
}

fn by(dimension: Dimension) -> pb::GetServiceFiguresRequest {
    pb::GetServiceFiguresRequest {
        dimension: dimension.into(),
        ..Default::default()
    }
}

/// Contacts by the name of their group.
fn counts(answer: &pb::GetServiceFiguresResponse) -> Vec<(&str, i64)> {
    let groups = answer.groups.iter();
    groups.map(|it| (&*it.name, it.contact_count)).collect()
}

/// Ada calls three times, of which two are ingested; the firm chats once without a queue.
async fn desk() -> ServiceWithDatabase {
    let service = service().await;
    let firm = pb::CustomerPatch {
        kind: CustomerKind::Company.into(),
        attributes: vec![attribute(
            "size",
            Some(Value::TextValue("small".to_owned())),
        )],
        ..patch("firm")
    };
    service.write_customers(&[firm]).await;
    let first = plain_call("ada", "1", "2026-11-20");
    service.write_contacts(&[first]).await;
    let ended = |id: &str, queue: &str, resolved, satisfaction| pb::ContactOutcome {
        queue: queue.to_owned(),
        resolved_at_first_contact: Some(resolved),
        transferred: Some(!resolved),
        satisfaction,
        duration_seconds: Some(120),
        ..outcome("ada", id, "2026-11-20")
    };
    record_all(
        &service,
        [
            ended("1", "first", true, Some(5)),
            ended("2", "first", false, Some(2)),
            ended("3", "second", true, None),
            pb::ContactOutcome {
                channel: "chat".to_owned(),
                ..outcome("firm", "4", "2026-11-21")
            },
        ],
    )
    .await;
    // After its outcome.
    service
        .write_contacts(&[call("ada", "2", "2026-11-20")])
        .await;
    service
}

#[tokio::test]
async fn each_figure_is_based_on_the_contacts_that_state_it() {
    let service = desk().await;
    let answer = figures(&service, by(Dimension::Unspecified)).await;
    assert_eq!(
        (&*answer.first_day, &*answer.last_day),
        ("2026-10-24", "2026-11-22")
    );
    assert_eq!(answer.groups, []);
    let total = answer.total.unwrap();
    assert_eq!((total.contact_count, total.customer_count), (4, 2));
    let resolved = total.resolved_at_first_contact.unwrap();
    assert_eq!((resolved.count, resolved.known_count), (2, 3));
    // Wilson's interval of 2 of 3, from the formula by hand.
    assert!((resolved.share.unwrap() - 2.0 / 3.0).abs() < 1e-12);
    assert!(
        (resolved.lower.unwrap() - 0.207_66).abs() < 5e-5,
        "{resolved:?}"
    );
    assert!(
        (resolved.upper.unwrap() - 0.938_51).abs() < 5e-5,
        "{resolved:?}"
    );
    let transferred = total.transferred.unwrap();
    assert_eq!((transferred.count, transferred.known_count), (1, 3));
    let satisfaction = total.satisfaction.unwrap();
    assert_eq!(
        (satisfaction.known_count, satisfaction.mean),
        (2, Some(3.5))
    );
    assert_eq!(total.effort.unwrap().mean, None);
    // The duration of an ingested contact goes before that of its outcome: 120, 90, 120.
    assert_eq!(total.duration_seconds.unwrap().mean, Some(110.0));
    // 45.00 twice by the definitions, 3.50 as recorded, 4.00 for a chat.
    let cost = total.cost.unwrap();
    assert_eq!((cost.priced_count, cents(cost.cost.as_ref())), (4, 9_750));
    assert_eq!(cost.missing, []);
}

#[tokio::test]
async fn figures_are_grouped_by_queue_channel_segment_and_tier() {
    let service = desk().await;
    let by_queue = figures(&service, by(Dimension::Queue)).await;
    assert_eq!(counts(&by_queue), [("first", 2), ("", 1), ("second", 1)]);
    let by_channel = figures(&service, by(Dimension::Channel)).await;
    assert_eq!(counts(&by_channel), [("phone", 3), ("chat", 1)]);
    let by_segment = figures(&service, by(Dimension::Segment)).await;
    assert_eq!(
        counts(&by_segment),
        [("firms/companies", 1), ("firms/small", 1)]
    );
    let by_tier = figures(&service, by(Dimension::Tier)).await;
    assert_eq!(counts(&by_tier), [("UNRATED", 4)]);
    let chosen = |group| pb::GetServiceFiguresRequest {
        group: Some(group),
        ..by(Dimension::Channel)
    };
    let small = figures(&service, chosen(of_segment("firms/small"))).await;
    assert_eq!(counts(&small), [("chat", 1)]);
    let unrated = figures(&service, chosen(of_tier("UNRATED"))).await;
    assert_eq!(counts(&unrated), [("phone", 3), ("chat", 1)]);
    let gold = figures(&service, chosen(of_tier("gold"))).await;
    assert_eq!(gold.total.unwrap().contact_count, 0);
    let first = pb::GetServiceFiguresRequest {
        queue: "first".to_owned(),
        channel: "phone".to_owned(),
        ..by(Dimension::Tier)
    };
    assert_eq!(counts(&figures(&service, first).await), [("UNRATED", 2)]);
}

#[tokio::test]
async fn retracted_contacts_and_days_outside_the_window_do_not_count() {
    let service = desk().await;
    let retraction = pb::Contact {
        retracts_contact_id: "2".to_owned(),
        channel: String::new(),
        cost: None,
        duration_seconds: None,
        ..call("ada", "r", "2026-11-22")
    };
    service.write_contacts(&[retraction]).await;
    let total = figures(&service, by(Dimension::Unspecified)).await.total;
    assert_eq!(total.unwrap().contact_count, 3);
    let one_day = pb::GetServiceFiguresRequest {
        days: 1,
        as_of: "2026-11-21".to_owned(),
        ..by(Dimension::Channel)
    };
    // On that day the retraction was not known, and the calls were the day before.
    assert_eq!(counts(&figures(&service, one_day).await), [("chat", 1)]);
}

#[tokio::test]
async fn a_customer_of_an_earlier_day_is_what_they_were_on_it() {
    let service = service().await;
    let firm = pb::CustomerPatch {
        kind: CustomerKind::Company.into(),
        ..patch("firm")
    };
    service.write_customers(&[firm]).await;
    service
        .write_contacts(&[plain_call("firm", "1", "2026-10-01")])
        .await;
    service
        .write(&[purchase("firm", "p", "2026-11-01", 100_000)])
        .await;
    let small = attribute("size", Some(Value::TextValue("small".to_owned())));
    let small = pb::CustomerPatch {
        attributes: vec![small],
        ..patch("firm")
    };
    service.write_customers(&[small]).await;
    let request = |as_of: &str, days| pb::GetServiceFiguresRequest {
        as_of: as_of.to_owned(),
        days,
        ..by(Dimension::Segment)
    };
    let then = figures(&service, request("2026-10-01", 1)).await;
    assert_eq!(counts(&then), [("firms/companies", 1)]);
    let now = figures(&service, request("", 90)).await;
    assert_eq!(counts(&now), [("firms/companies", 1), ("firms/small", 1)]);
}

#[tokio::test]
async fn missing_costs_are_named_by_channel_and_reason() {
    let service = service().await;
    let foreign = pb::Contact {
        cost: Some(money(500, "USD")),
        ..call("ada", "1", "2026-11-20")
    };
    let letter = pb::Contact {
        channel: "letter".to_owned(),
        ..plain_call("ada", "2", "2026-11-20")
    };
    service
        .write_contacts(&[foreign, letter, plain_call("ada", "3", "2026-11-20")])
        .await;
    let total = figures(&service, by(Dimension::Unspecified)).await.total;
    let cost = total.unwrap().cost.unwrap();
    assert_eq!(
        (
            cost.contact_count,
            cost.priced_count,
            cents(cost.cost.as_ref())
        ),
        (3, 1, 4_500)
    );
    let missing = cost.missing.iter();
    let missing: Vec<_> = missing
        .map(|it| {
            (
                &*it.channel,
                it.reason().as_str_name(),
                &*it.currency,
                it.contact_count,
            )
        })
        .collect();
    assert_eq!(
        missing,
        [
            ("letter", "MISSING_COST_REASON_NOT_KNOWN", "", 1),
            ("phone", "MISSING_COST_REASON_NO_RATE", "USD", 1),
        ]
    );
}

/// More customers than a slice has: each is counted once.
#[tokio::test]
async fn every_customer_of_every_slice_is_counted_once() {
    let service = service().await;
    let calls: Vec<pb::Contact> = (0..700)
        .map(|number| plain_call(&format!("c-{number}"), "1", "2026-11-20"))
        .collect();
    service.write_contacts(&calls).await;
    let total = figures(&service, by(Dimension::Unspecified))
        .await
        .total
        .unwrap();
    assert_eq!((total.contact_count, total.customer_count), (700, 700));
}
