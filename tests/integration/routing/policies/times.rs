//! Opening hours, closed queues and due times, in every form of the answer.

use patron::pb;
use serde_json::Value;

use super::{ADA, service};
use crate::routing::number;
use crate::support::messages::by_id;
use crate::support::service::ServiceWithDatabase;

/// The times of a contact of a customer, in RFC 3339: of the hours, of response and resolution.
async fn times(service: &ServiceWithDatabase, now: &str) -> (pb::ServiceTimes, [String; 4]) {
    service.set_clock(now);
    let times = service.route(number(ADA)).await.times.unwrap();
    let text = |time: Option<prost_types::Timestamp>| {
        let time = time.map(|time| jiff::Timestamp::new(time.seconds, time.nanos).unwrap());
        time.map(|time| time.to_string()).unwrap_or_default()
    };
    let texts = [
        text(times.opens_time),
        text(times.closes_time),
        text(times.response_due_time),
        text(times.resolution_due_time),
    ];
    (times, texts)
}

#[tokio::test]
async fn a_ticket_is_due_when_a_call_would_be() {
    let service = service().await;
    for now in ["2026-11-27T16:30:00Z", "2026-12-24T16:30:00Z"] {
        let (times, _) = times(&service, now).await;
        let request = pb::PresortTicketsRequest {
            tickets: vec![pb::Ticket {
                ticket_id: "1".to_owned(),
                subject: Some(by_id("ada")),
                ..Default::default()
            }],
            categories: vec![],
        };
        let sorted = service.desk().presort_tickets(request).await.unwrap();
        let ticket = &sorted.into_inner().tickets[0];
        assert!(ticket.due_time.is_some(), "{now}");
        assert_eq!(ticket.due_time, times.response_due_time, "{now}");
    }
}

#[tokio::test]
async fn times_are_those_of_the_queue_and_of_the_service_level() {
    let service = service().await;
    // A Friday at 17:30 in Berlin: half an hour today, the rest on Monday.
    let (open, texts) = times(&service, "2026-11-27T16:30:00Z").await;
    assert_eq!((&*open.calendar, open.open_now), ("office", Some(true)));
    let expected = [
        "",
        "2026-11-27T17:00:00Z",
        "2026-11-30T07:30:00Z",
        "2026-11-30T14:30:00Z",
    ];
    assert_eq!(texts, expected);
    // After hours the night desk takes the call; what is due is due in office hours.
    let (night, texts) = times(&service, "2026-11-27T18:00:00Z").await;
    assert_eq!((&*night.calendar, night.open_now), ("night", Some(true)));
    let expected = [
        "",
        "2026-11-28T07:00:00Z",
        "2026-11-30T08:00:00Z",
        "2026-11-30T15:00:00Z",
    ];
    assert_eq!(texts, expected);
    let answer = service.route(number(ADA)).await;
    let treatment = answer.treatment.unwrap();
    assert_eq!(treatment.queue, "night_desk");
    assert_eq!(treatment.fallback_queues, ["voicemail"]);
    assert_eq!(treatment.calendar, "office");
    assert_eq!(answer.decision.unwrap().closed_queues, ["service"]);
    // On a Saturday at noon only voicemail is left, which has no hours: those of the service level show.
    let (weekend, texts) = times(&service, "2026-11-28T11:00:00Z").await;
    assert_eq!(
        (&*weekend.calendar, weekend.open_now),
        ("office", Some(false))
    );
    assert_eq!(texts[0], "2026-11-30T07:00:00Z");
    let answer = service.route(number(ADA)).await;
    assert_eq!(answer.treatment.unwrap().queue, "voicemail");
    assert_eq!(
        answer.decision.unwrap().closed_queues,
        ["service", "night_desk"]
    );
    // A holiday has a name.
    let (holiday, _) = times(&service, "2026-12-25T10:00:00Z").await;
    assert_eq!(holiday.open_now, Some(false));
    assert_eq!(holiday.holiday.unwrap().de, "Weihnachten");
}

/// The body of an answer over HTTP.
async fn get(service: &ServiceWithDatabase, query: &str) -> String {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let address = service.app.http_address.unwrap();
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let request = format!("GET /v1/route?{query} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer.split_once("\r\n\r\n").unwrap().1.to_owned()
}

#[tokio::test]
async fn http_has_the_same_in_three_forms() {
    let service = service().await;
    service.set_clock("2026-11-27T18:00:00Z");
    let query = "number=%2B493023125001&intent=outage&channel=phone";
    let answer: Value = serde_json::from_str(&get(&service, query).await).unwrap();
    assert_eq!(answer["queue"], "night_desk");
    assert_eq!(answer["open_now"], true);
    assert_eq!(answer["closes_time"], "2026-11-28T07:00:00Z");
    assert_eq!(answer["response_due_time"], "2026-11-30T08:00:00Z");
    assert_eq!(answer["rules"], serde_json::json!(["outage"]));
    assert_eq!(answer["priority_reasons"][1]["source"], "rule outage");
    let flat: Value =
        serde_json::from_str(&get(&service, &format!("{query}&format=flat")).await).unwrap();
    assert_eq!(flat["closed_queues"], "service");
    assert_eq!(flat["priority_reasons"], "tier 10,rule outage 30");
    assert_eq!(flat["opens_time"], "");
    assert_eq!(flat["service_calendar"], "office");
    let pairs = get(&service, &format!("{query}&format=kv&To=08001234567")).await;
    assert!(pairs.contains("rules=outage%2Chotline&"), "{pairs}");
    assert!(pairs.contains("queue=hotline&"), "{pairs}");
}
