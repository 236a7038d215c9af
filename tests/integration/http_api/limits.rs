//! Deadlines, sizes and the limit on calls hold over HTTP as over gRPC.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::service;
use super::wire::{post, send};

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
    let service = service().await;
    let address = service.app.http_address.unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = "POST /patron.v1.ScoringService/Classify HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\
                content-type: application/json\r\ncontent-length: 100\r\n\r\n{";
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 504"), "{answer}");
    // The limit on the message or the deadline of the call, whichever is first.
    assert!(answer.contains("DEADLINE_EXCEEDED"), "{answer}");
}
