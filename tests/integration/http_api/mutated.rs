//! Requests with bytes changed, removed and repeated: each has an answer or a closed connection, none a fault of the server, and none hangs.

use std::time::Duration;

use proptest::prelude::RngExt as _;
use proptest::test_runner::{RngAlgorithm, TestRng};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::service;
use super::wire::call;

/// Requests: `PATRON_MUTATED_REQUESTS`, else so many.
const REQUESTS: usize = 1000;

const VALID: [&str; 5] = [
    "POST /patron.v1.ScoringService/Classify HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
     connect-timeout-ms: 1000\r\ncontent-length: 35\r\n\r\n{\"subject\": {\"customerId\": \"ada\"} }",
    "POST /patron.v1.ScoringService/BatchClassify HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
     content-length: 49\r\n\r\n{\"subjects\": [{\"externalId\": {\"id\": \"1\"}}, null]}",
    "POST /patron.v1.ScoringService/Classify HTTP/1.1\r\nhost: x\r\ncontent-type: application/grpc-web-text\r\n\
     content-length: 16\r\n\r\nAAAAAAcKBQoDYWRh",
    "GET /v1/route?number=%2B493023125001&format=flat&lang=de HTTP/1.1\r\nhost: x\r\nx-request-id: 1\r\n\r\n",
    "POST /v1/route?format=kv HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-www-form-urlencoded\r\n\
     transfer-encoding: chunked\r\n\r\na\r\nFrom=%2B493\r\n0\r\n\r\n",
];

/// A valid request with one to four changes.
fn mutated(rng: &mut TestRng) -> Vec<u8> {
    let mut bytes = VALID[rng.random_range(0..VALID.len())].as_bytes().to_vec();
    for _ in 0..rng.random_range(1..5) {
        let at = rng.random_range(0..bytes.len());
        match rng.random_range(0..4) {
            0 => bytes[at] = rng.random(),
            1 => bytes.truncate(at + 1),
            2 => bytes.insert(at, b"{}[]\"\\:%\r\n,0"[rng.random_range(0..12)]),
            _ => {
                let part = bytes[at..].to_vec();
                bytes.extend_from_slice(&part[..part.len().min(64)]);
            }
        }
    }
    bytes
}

#[tokio::test]
async fn a_mutated_request_is_answered_or_refused() {
    let service = service().await;
    let address = service.app.http_address.unwrap();
    let count = std::env::var("PATRON_MUTATED_REQUESTS").map_or(REQUESTS, |it| it.parse().unwrap());
    let mut rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
    let (mut answered, mut closed) = (0, 0);
    for _ in 0..count {
        let request = mutated(&mut rng);
        let exchange = async {
            let mut stream = TcpStream::connect(address).await.unwrap();
            let _ = stream.write_all(&request).await;
            // What is incomplete stays so: nobody waits for the rest.
            let _ = stream.shutdown().await;
            let mut answer = vec![];
            let _ = stream.read_to_end(&mut answer).await;
            answer
        };
        let answer = timeout(Duration::from_secs(20), exchange).await;
        let answer = answer.unwrap_or_else(|_| panic!("no end: {request:?}"));
        if answer.is_empty() {
            closed += 1;
            continue;
        }
        let head = String::from_utf8_lossy(&answer[..answer.len().min(12)]).into_owned();
        assert!(
            head.starts_with("HTTP/1.1 ") || head.starts_with("HTTP/1.0 "),
            "{head}"
        );
        assert!(!head.ends_with("500"), "{request:?}");
        answered += 1;
    }
    assert!(answered > count / 4, "{answered} answered, {closed} closed");
    assert_eq!(service.app.metrics.http.requests(500).get(), 0);
    let health = call(&service, "ModelService/ListModels", &serde_json::json!({})).await;
    assert_eq!(health.status, 200);
    eprintln!("{count} mutated requests: {answered} answered, {closed} closed");
}
