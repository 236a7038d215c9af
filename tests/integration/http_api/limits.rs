//! Deadlines, sizes and the limit on calls hold over HTTP as over gRPC, and `/v1/route` has an answer when they are reached.

use std::time::Duration;

use patron::metrics::StatusCode;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::wire::{call, post, send};
use super::{service, service_with};
use crate::support::until;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deadline_ends_a_call() {
    let service = service().await.restart().await;
    let lock = service.lock_profiles().await;
    let body = br#"{"subject": {"customerId": "ada"}}"#;
    for header in [("connect-timeout-ms", "100"), ("grpc-timeout", "100m")] {
        let answer = post(&service, "ScoringService/Classify", &[header], body).await;
        assert_eq!(
            (answer.status, &*answer.reason()),
            (504, "DEADLINE_EXCEEDED")
        );
    }
    lock.rollback().await.unwrap();
}

#[tokio::test]
async fn a_body_that_is_too_long_is_refused() {
    let service = service().await;
    for (method, most) in [
        // Twice what a message of the method may have.
        ("ScoringService/Classify", 128 * 1024),
        ("ScoringService/BatchClassify", 1024 * 1024),
        // --max-message-bytes.
        ("IngestService/IngestCustomers", 4 * 1024 * 1024),
    ] {
        let body = format!("{{\"asOf\": \"{}\"}}", "x".repeat(most));
        let answer = post(&service, method, &[], body.as_bytes()).await;
        assert_eq!(
            (answer.status, &*answer.reason()),
            (413, "MESSAGE_TOO_LARGE"),
            "{method}"
        );
        let info = answer.json()["details"].to_string();
        assert!(info.contains(&most.to_string()), "{info}");
    }
    let head = format!(
        "POST /patron.v1.ScoringService/Classify?{}",
        "x".repeat(20_000)
    );
    let answer = send(&service, &head, &[], b"").await;
    assert_eq!(answer.status, 431);
}

#[tokio::test]
async fn a_body_that_does_not_come_is_given_up() {
    let paused = service().await.pause().await;
    let service = paused
        .resume_with(|settings| settings.default_deadline_ms = 500)
        .await;
    let address = service.app.http_address.unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = "POST /patron.v1.ScoringService/Classify HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\
                content-type: application/json\r\ncontent-length: 100\r\n\r\n{";
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 504"), "{answer}");
    // The deadline of the call, which is before the limit on the message here.
    assert!(answer.contains("DEADLINE_EXCEEDED"), "{answer}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_the_limit_calls_are_refused_and_contacts_have_the_fallback() {
    // Nothing is in memory after a restart.
    let held = service().await.pause().await;
    let service = held
        .resume_with(|settings| settings.max_in_flight = 1)
        .await;
    let lock = service.lock_profiles().await;
    // The one place is taken by a call that waits for its profile.
    let address = service.app.http_address.unwrap();
    let mut waiting = TcpStream::connect(address).await.unwrap();
    let body = r#"{"subject": {"customerId": "ada"}}"#;
    let request = format!(
        "POST /patron.v1.ScoringService/Classify HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    waiting.write_all(request.as_bytes()).await.unwrap();
    let rpc = &service.app.metrics.rpc;
    until("the place is taken", async || {
        rpc.limited_in_flight.get() == 1
    })
    .await;

    let request = json!({ "subject": { "customerId": "firm-1" } });
    let answer = call(&service, "ScoringService/Classify", &request).await;
    assert_eq!((answer.status, &*answer.reason()), (503, "OVERLOADED"));
    assert_eq!(answer.header("retry-after"), Some("1"));
    let method = rpc.method("/patron.v1.ScoringService/Classify");
    assert_eq!(method.requests(StatusCode::from_header(b"14")).get(), 1);

    // Of an unknown caller, whatever is looked up; a contact that needs no look is answered as ever.
    for (number, quality, reason) in [
        ("%2B493023125002", "fallback", "overloaded"),
        ("anonymous", "full", ""),
    ] {
        let target = format!("GET /v1/route?number={number}&format=flat");
        let answer = send(&service, &target, &[], b"").await;
        let json = answer.json();
        assert_eq!(answer.status, 200);
        assert_eq!(
            (json["quality"].as_str(), json["fallback_reason"].as_str()),
            (Some(quality), Some(reason))
        );
        assert_ne!(json["queue"], "");
    }
    // As RouteContact, which never fails either.
    let contact = json!({ "number": "+493023125002" });
    let answer = call(&service, "RoutingService/RouteContact", &contact).await;
    assert_eq!(
        answer.json()["fallbackReason"],
        "FALLBACK_REASON_OVERLOADED"
    );

    lock.rollback().await.unwrap();
    let mut answer = String::new();
    let read = waiting.read_to_string(&mut answer);
    timeout(Duration::from_secs(20), read)
        .await
        .unwrap()
        .unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert_eq!(rpc.limited_in_flight.get(), 0);
}

#[tokio::test]
async fn a_connection_is_closed_at_its_age_between_two_requests() {
    let service = service_with(|settings| settings.max_connection_age_seconds = 1).await;
    let mut stream = TcpStream::connect(service.app.http_address.unwrap())
        .await
        .unwrap();
    // It would stay open for 30 seconds of silence.
    let request = b"GET /v1/route?number=%2B493023125001 HTTP/1.1\r\nhost: x\r\n\r\n";
    stream.write_all(request).await.unwrap();
    let mut answer = String::new();
    let closed = timeout(Duration::from_secs(20), stream.read_to_string(&mut answer));
    closed.await.unwrap().unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}
