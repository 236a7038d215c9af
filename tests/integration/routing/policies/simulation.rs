//! Recorded contacts, routed again by one document or two.

use patron::pb;
use patron::pb::contact::When;
use tonic::Code;

use super::{DOCUMENT, service};
use crate::support::messages::{call, violated};
use crate::support::service::ServiceWithDatabase;

/// A call of an hour that began at an instant.
fn call_at(customer: &str, id: &str, at: &str, topic: &str) -> pb::Contact {
    let at: jiff::Timestamp = at.parse().unwrap();
    pb::Contact {
        when: Some(When::OccurredTime(prost_types::Timestamp {
            seconds: at.as_second(),
            nanos: 0,
        })),
        topic: topic.to_owned(),
        duration_seconds: Some(3_600),
        ..call(customer, id, "")
    }
}

fn request(document: &str, other: &str) -> pb::SimulateRoutingRequest {
    pb::SimulateRoutingRequest {
        document: document.to_owned(),
        other_document: other.to_owned(),
        from: "2026-11-16".to_owned(),
        until: "2026-11-22".to_owned(),
        agents: vec![pb::QueueAgents {
            queue: "service".to_owned(),
            agents: 1,
        }],
        default_duration_seconds: 0,
    }
}

async fn simulate(
    service: &ServiceWithDatabase,
    request: pb::SimulateRoutingRequest,
) -> pb::SimulateRoutingResponse {
    let response = service.routing().simulate_routing(request).await;
    response.unwrap().into_inner()
}

/// A week of contacts: three on a Monday morning, one at night, one on a Saturday; one without a time, one retracted, one before.
async fn record(service: &ServiceWithDatabase) {
    let retraction = pb::Contact {
        retracts_contact_id: "wrong".to_owned(),
        channel: String::new(),
        duration_seconds: None,
        cost: None,
        ..call("ada", "retraction", "2026-11-17")
    };
    let contacts = [
        call_at("ada", "1", "2026-11-16T09:00:00Z", ""),
        call_at("one", "2", "2026-11-16T09:01:00Z", "billing"),
        call_at("ada", "3", "2026-11-16T09:02:00Z", "outage"),
        call_at("ada", "4", "2026-11-16T20:00:00Z", ""),
        call_at("two", "5", "2026-11-21T12:00:00Z", ""),
        call_at("ada", "before", "2026-11-15T12:00:00Z", ""),
        call("ada", "day", "2026-11-18"),
        call_at("ada", "wrong", "2026-11-17T09:00:00Z", ""),
        retraction,
    ];
    service.write_contacts(&contacts).await;
}

#[tokio::test]
async fn recorded_contacts_are_routed_again() {
    let service = service().await;
    record(&service).await;
    let answer = simulate(&service, request("", "")).await;
    assert_eq!(answer.contact_count, 5);
    assert_eq!(
        (answer.contacts_without_time, answer.contacts_left_out),
        (1, 0)
    );
    assert!(answer.changes.is_empty() && answer.problems.is_empty());
    let [active] = answer.simulations.as_slice() else {
        panic!("{answer:?}");
    };
    let loads: Vec<_> = active
        .queues
        .iter()
        .map(|it| (&*it.queue, it.contacts, it.closed_at_arrival, it.breached))
        .collect();
    // One agent: 09:00, then the outage, which comes last, at 10:00, then the other at 11:00, an hour and 59 minutes late.
    let expected = [
        ("night_desk", 1, 0, 0),
        ("service", 3, 0, 1),
        ("voicemail", 1, 0, 0),
    ];
    assert_eq!(loads, expected);
    let desk = &active.queues[1];
    assert_eq!(desk.mean_wait_seconds, Some((58.0 + 119.0) * 60.0 / 3.0));
    assert_eq!(desk.contacts_by_hour.len(), 24);
    assert_eq!(desk.contacts_by_hour[9], 3);
}

#[tokio::test]
async fn two_documents_are_compared() {
    let service = service().await;
    record(&service).await;
    // The premium contracts of `one` and `two` were recorded later: nobody knew of them then.
    let other = DOCUMENT
        .replace("skills: [network], raise", "queue: network, raise")
        .replace(
            "when: premium, raise_priority: 70",
            "when: premium, queue: vip",
        );
    let answer = simulate(&service, request(DOCUMENT, &other)).await;
    let changes: Vec<_> = answer
        .changes
        .iter()
        .map(|it| (&*it.from_queue, &*it.to_queue, it.contacts))
        .collect();
    assert_eq!(changes, [("service", "network", 1)]);
    let [before, after] = answer.simulations.as_slice() else {
        panic!("{answer:?}");
    };
    let contacts = |simulation: &pb::SimulatedRouting| -> i64 {
        simulation.queues.iter().map(|it| it.contacts).sum()
    };
    assert_eq!((contacts(before), contacts(after)), (5, 5));
    assert_eq!((before.queues.len(), after.queues.len()), (3, 4));
    assert_eq!(after.queues[2].breached, 0, "one contact less to wait for");
}

#[tokio::test]
async fn a_document_with_problems_and_an_invalid_period_are_named() {
    let service = service().await;
    let broken = DOCUMENT.replace("tiers: [{name: gold", "tiers: [{name: golden");
    let answer = simulate(&service, request("", &broken)).await;
    assert_eq!(answer.problem_document, 2);
    assert!(!answer.problems.is_empty() && answer.simulations.is_empty());
    let wrong = pb::SimulateRoutingRequest {
        from: "2026-11-16".to_owned(),
        until: "2026-11-15".to_owned(),
        agents: vec![pb::QueueAgents {
            queue: "service".to_owned(),
            agents: -1,
        }],
        default_duration_seconds: 90_000,
        ..request("", "")
    };
    let refused = service.routing().simulate_routing(wrong).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    let fields = ["until", "default_duration_seconds", "agents[0].agents"];
    assert_eq!(violated(&refused), fields);
    let long = pb::SimulateRoutingRequest {
        from: "2025-01-01".to_owned(),
        until: String::new(),
        ..request("", "")
    };
    let refused = service.routing().simulate_routing(long).await.unwrap_err();
    assert_eq!(violated(&refused), ["until"]);
}
