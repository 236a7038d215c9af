//! Tickets: sorted by stated reasons, with what an agent needs, from known customers and others.

use patron::pb;
use patron::pb::{CategoryEvidence, CustomerKind, Match, ProductionImpact};
use prost_types::Timestamp;

use super::{contact, outcome, plain_call, record_all, service};
use crate::support::messages::{by_id, by_phone, patch, phone, violated};
use crate::support::service::ServiceWithDatabase;

const SHARED: &str = "+493023125002";

/// 2026-11-22T12:00:00Z less so many minutes.
fn minutes_ago(minutes: i64) -> Timestamp {
    let seconds = 1_795_348_800 - minutes * 60;
    Timestamp { seconds, nanos: 0 }
}

fn ticket(id: &str, subject: Option<pb::Subject>) -> pb::Ticket {
    pb::Ticket {
        ticket_id: id.to_owned(),
        subject,
        ..Default::default()
    }
}

async fn presort(
    service: &ServiceWithDatabase,
    tickets: Vec<pb::Ticket>,
) -> pb::PresortTicketsResponse {
    let category = |name: &str, words: &[&str]| pb::TicketCategory {
        name: name.to_owned(),
        keywords: words.iter().map(|&word| word.to_owned()).collect(),
    };
    let request = pb::PresortTicketsRequest {
        tickets,
        categories: vec![
            category("Invoices", &["invoice", "Rechnung"]),
            category("Network", &["vpn", "no connection"]),
        ],
    };
    let answer = service.desk().presort_tickets(request).await;
    answer.unwrap().into_inner()
}

fn ids(answer: &pb::PresortTicketsResponse) -> Vec<&str> {
    answer.tickets.iter().map(|it| &*it.ticket_id).collect()
}

async fn desk() -> ServiceWithDatabase {
    let service = service().await;
    let firm = pb::CustomerPatch {
        kind: CustomerKind::Company.into(),
        add_identifiers: vec![phone(SHARED)],
        ..patch("firm")
    };
    let other = pb::CustomerPatch {
        add_identifiers: vec![phone(SHARED)],
        ..patch("other")
    };
    service.write_customers(&[firm, other, patch("ada")]).await;
    service
        .write_contacts(&[
            contact("ada", "1", "2026-11-01", "phone", "password_reset", 100),
            contact("ada", "2", "2026-11-02", "chat", "password_reset", 100),
            plain_call("ada", "3", "2026-11-03"),
            plain_call("ada", "4", "2026-11-04"),
            plain_call("ada", "old", "2025-11-04"),
        ])
        .await;
    let ended = pb::ContactOutcome {
        resolved_at_first_contact: Some(false),
        ..outcome("ada", "4", "2026-11-04")
    };
    record_all(&service, [ended]).await;
    service
}

#[tokio::test]
async fn the_order_follows_from_stated_points() {
    let service = desk().await;
    let impact = |id: &str, customer: &str, impact: ProductionImpact, minutes| pb::Ticket {
        production_impact: impact.into(),
        created_time: Some(minutes_ago(minutes)),
        ..ticket(id, Some(by_id(customer)))
    };
    let answer = presort(
        &service,
        vec![
            impact("calm", "ada", ProductionImpact::None, 0),
            impact("stopped", "firm", ProductionImpact::Stopped, 0),
            impact("slow", "ada", ProductionImpact::Degraded, 0),
            impact("overdue", "ada", ProductionImpact::None, 8 * 60),
            impact("waiting", "ada", ProductionImpact::None, 4 * 60),
            impact("stranger", "nobody", ProductionImpact::None, 0),
        ],
    )
    .await;
    // UNRATED has priority 20 and 8 hours; UNKNOWN lacks both and takes them from UNRATED.
    let priorities: Vec<(&str, i32)> = answer
        .tickets
        .iter()
        .map(|it| (&*it.ticket_id, it.priority))
        .collect();
    assert_eq!(
        priorities,
        [
            ("stopped", 80),
            ("overdue", 60),
            ("slow", 45),
            ("waiting", 35),
            ("calm", 20),
            ("stranger", 20),
        ]
    );
    for ticket in &answer.tickets {
        let points: i32 = ticket.priority_reasons.iter().map(|it| it.points).sum();
        assert_eq!(points, ticket.priority);
    }
    let reasons = answer.tickets[0].priority_reasons.iter();
    let texts: Vec<_> = reasons
        .filter_map(|it| it.reason.as_ref()?.text.as_ref())
        .map(|it| (&*it.en, &*it.de))
        .collect();
    assert_eq!(
        texts,
        [
            ("priority of the treatment", "Priorität der Behandlung"),
            ("production stands still", "die Produktion steht still"),
        ]
    );
    assert_eq!(answer.tickets[1].due_time, Some(minutes_ago(0)));
}

#[tokio::test]
async fn equal_tickets_are_ordered_by_age_then_by_id_whatever_their_order_in_the_request() {
    let service = desk().await;
    let at = |id: &str, minutes| pb::Ticket {
        created_time: Some(minutes_ago(minutes)),
        ..ticket(id, Some(by_id("ada")))
    };
    let tickets = vec![at("b", 1), at("a", 1), at("c", 2), at("d", 0)];
    let forwards = presort(&service, tickets.clone()).await;
    assert_eq!(ids(&forwards), ["c", "a", "b", "d"]);
    let backwards = presort(&service, tickets.into_iter().rev().collect()).await;
    assert_eq!(forwards.tickets, backwards.tickets);
}

#[tokio::test]
async fn an_agent_gets_roles_skills_last_contacts_and_a_category() {
    let service = desk().await;
    let text = |id: &str, customer: &str, title: &str, text: &str| pb::Ticket {
        title: title.to_owned(),
        text: text.to_owned(),
        ..ticket(id, Some(by_id(customer)))
    };
    let answer = presort(
        &service,
        vec![
            text("1", "ada", "Help", "please reset\nmy PASSWORD"),
            text("2", "firm", "VPN: no connection", "and an invoice"),
            text("3", "firm", "Hello", "world"),
        ],
    )
    .await;
    let of = |id: &str| {
        let found = answer.tickets.iter().find(|it| it.ticket_id == id);
        found.unwrap()
    };
    let ada = of("1");
    assert_eq!((ada.r#match(), &*ada.customer_id), (Match::One, "ada"));
    assert_eq!(
        (&*ada.queue, &*ada.roles),
        ("reception", &["agent".to_owned()][..])
    );
    assert_eq!(ada.response_minutes, Some(480));
    assert_eq!(&*ada.category, "password_reset");
    assert_eq!(ada.category_evidence(), CategoryEvidence::PastTopic);
    assert_eq!(ada.category_words, ["password", "reset"]);
    let last = ada.last_contacts.iter();
    let last: Vec<_> = last
        .map(|it| (&*it.day, it.resolved_at_first_contact))
        .collect();
    assert_eq!(
        last,
        [
            ("2026-11-04", Some(false)),
            ("2026-11-03", None),
            ("2026-11-02", None)
        ]
    );
    let firm = of("2");
    assert_eq!(firm.segments, ["firms/companies"]);
    assert_eq!(
        (&*firm.queue, &*firm.skills),
        ("business", &["contracts".to_owned()][..])
    );
    assert_eq!(
        (&*firm.category, firm.category_evidence()),
        ("Network", CategoryEvidence::Keywords)
    );
    assert_eq!(firm.category_words, ["vpn", "no connection"]);
    assert_eq!(of("3").category, "");
    assert_eq!(of("3").category_evidence(), CategoryEvidence::Unspecified);
}

#[tokio::test]
async fn topics_of_the_same_segment_point_to_a_category_and_channels_are_compared() {
    let service = ServiceWithDatabase::start().await;
    let document = super::DOCUMENT.replace(
        "queue: reception, priority: 20",
        "queue: reception, channels: [chat], priority: 20",
    );
    service.publish(&document).await;
    let company = |id: &str| pb::CustomerPatch {
        kind: CustomerKind::Company.into(),
        ..patch(id)
    };
    service
        .write_customers(&[company("one"), company("two"), patch("ada")])
        .await;
    let firmware = contact("two", "1", "2026-11-01", "phone", "firmware update", 100);
    service.write_contacts(&[firmware]).await;
    let about_firmware = |id: &str, customer: &str, channel: &str| pb::Ticket {
        title: "Update of the firmware".to_owned(),
        channel: channel.to_owned(),
        ..ticket(id, Some(by_id(customer)))
    };
    let answer = presort(
        &service,
        vec![
            about_firmware("1", "one", "chat"),
            about_firmware("2", "two", "phone"),
            about_firmware("3", "ada", ""),
        ],
    )
    .await;
    let mut found: Vec<_> = answer
        .tickets
        .iter()
        .map(|it| {
            (
                &*it.ticket_id,
                it.category_evidence(),
                it.is_channel_offered,
            )
        })
        .collect();
    found.sort_unstable_by_key(|(id, _, _)| *id);
    assert_eq!(
        found,
        [
            ("1", CategoryEvidence::SegmentTopic, true),
            ("2", CategoryEvidence::PastTopic, false),
            ("3", CategoryEvidence::Unspecified, true),
        ]
    );
}

#[tokio::test]
async fn unknown_and_shared_subjects_are_treated_like_callers() {
    let service = desk().await;
    let answer = presort(
        &service,
        vec![
            ticket("none", None),
            ticket("nobody", Some(by_phone("+493023125009"))),
            ticket("shared", Some(by_phone(SHARED))),
        ],
    )
    .await;
    let of = |id: &str| {
        let found = answer.tickets.iter().find(|it| it.ticket_id == id);
        found.unwrap()
    };
    for id in ["none", "nobody"] {
        let stranger = of(id);
        assert_eq!(stranger.r#match(), Match::Unknown);
        assert_eq!(
            (&*stranger.queue, &*stranger.skills),
            ("newcomers", &["identification".to_owned()][..])
        );
        assert_eq!((&stranger.tier, &*stranger.customer_id), (&None, ""));
    }
    let shared = of("shared");
    assert_eq!(shared.r#match(), Match::Ambiguous);
    // The queues differ: that of unknown callers, and a question that tells the two apart.
    assert_eq!(shared.queue, "newcomers");
    assert_eq!(
        shared.question.as_ref().map(|it| &*it.asks_for),
        Some("kind")
    );
    assert_eq!(
        shared.tier.as_ref().map(pb::Tier::unrated_reason),
        Some(pb::UnratedReason::NoPurchase)
    );
}

#[tokio::test]
async fn every_mistake_in_a_batch_is_named() {
    let service = service().await;
    let long = pb::Ticket {
        title: "t".repeat(513),
        production_impact: 9,
        ..ticket("1", None)
    };
    let request = pb::PresortTicketsRequest {
        tickets: vec![long, ticket("1", None), ticket("", None)],
        categories: vec![pb::TicketCategory::default()],
    };
    let refused = service.desk().presort_tickets(request).await.unwrap_err();
    assert_eq!(
        violated(&refused),
        [
            "categories[0].name",
            "tickets[0].title",
            "tickets[0].production_impact",
            "tickets[1].ticket_id",
            "tickets[2].ticket_id",
        ]
    );
    let many = (0..1_001).map(|id| ticket(&id.to_string(), None)).collect();
    let request = pb::PresortTicketsRequest {
        tickets: many,
        categories: vec![],
    };
    let refused = service.desk().presort_tickets(request).await.unwrap_err();
    assert_eq!(violated(&refused), ["tickets"]);
}

#[tokio::test]
async fn a_ticket_whose_subject_cannot_be_read_is_sorted_like_one_of_a_stranger() {
    let service = service().await;
    let request = pb::PresortTicketsRequest {
        tickets: vec![
            ticket("known", Some(by_id("ada"))),
            ticket("bad", Some(pb::Subject::default())),
            ticket("nobody", None),
        ],
        categories: vec![],
    };
    let answer = service.desk().presort_tickets(request).await.unwrap();
    let sorted = answer.into_inner().tickets;
    let found = |id: &str| sorted.iter().find(|it| it.ticket_id == id).unwrap();
    let (bad, nobody) = (found("bad"), found("nobody"));
    assert_eq!(bad.r#match(), pb::Match::Invalid);
    assert_eq!(bad.violations[0].field, "tickets[1].subject");
    assert_eq!((bad.priority, &bad.queue), (nobody.priority, &nobody.queue));
    assert!(found("known").violations.is_empty());
}
