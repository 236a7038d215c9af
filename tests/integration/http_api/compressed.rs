//! Compressed requests and answers, over HTTP/1 and over gRPC.

use std::io::{Read as _, Write as _};

use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use patron::pb;
use prost::Message as _;
use serde_json::{Value, json};

use super::service;
use super::wire::{call, post};
use crate::server::raw;
use crate::support::messages::{by_id, patch};
use crate::support::service::ServiceWithDatabase;

const BATCH: &str = "patron.v1.ScoringService/BatchClassify";

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(vec![], flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn compress(encoding: &str, bytes: &[u8]) -> Vec<u8> {
    match encoding {
        "gzip" => gzip(bytes),
        _ => zstd::encode_all(bytes, 3).unwrap(),
    }
}

fn inflate(encoding: &str, bytes: &[u8]) -> Vec<u8> {
    let mut inflated = vec![];
    match encoding {
        "gzip" => {
            GzDecoder::new(bytes).read_to_end(&mut inflated).unwrap();
        }
        _ => inflated = zstd::decode_all(bytes).unwrap(),
    }
    inflated
}

/// A batch whose answer is long.
fn batch(subjects: usize) -> pb::BatchClassifyRequest {
    pb::BatchClassifyRequest {
        subjects: (0..subjects).map(|at| by_id(&format!("c{at}"))).collect(),
        ..Default::default()
    }
}

async fn with_customers() -> ServiceWithDatabase {
    let service = service().await;
    let patches: Vec<_> = (0..300).map(|at| patch(&format!("c{at}"))).collect();
    service.write_customers(&patches).await;
    service
}

#[tokio::test]
async fn a_compressed_body_is_read_like_a_plain_one() {
    let service = service().await;
    for (method, request) in [
        // A lookup, and a call of a lane.
        (
            "ScoringService/Classify",
            json!({ "subject": { "customerId": "ada" } }),
        ),
        (
            "ScoringService/BatchClassify",
            json!({ "subjects": [{ "customerId": "ada" }] }),
        ),
    ] {
        let plain = call(&service, method, &request).await;
        assert_eq!(plain.status, 200);
        for encoding in ["gzip", "zstd"] {
            let body = compress(encoding, request.to_string().as_bytes());
            let headers = [("content-encoding", encoding)];
            let answer = post(&service, method, &headers, &body).await;
            assert_eq!(answer.status, 200, "{method} {encoding}");
            assert_eq!(answer.body, plain.body, "{method} {encoding}");
            let answer = post(&service, method, &headers, b"{}").await;
            assert_eq!(
                (answer.status, &*answer.reason()),
                (400, "MALFORMED_MESSAGE"),
                "{method} {encoding}"
            );
        }
    }
}

#[tokio::test]
async fn what_a_small_body_inflates_to_is_bounded() {
    let service = service().await;
    for (method, most) in [
        ("ScoringService/Classify", 128 * 1024),
        ("ScoringService/BatchClassify", 1024 * 1024),
    ] {
        let bomb = format!("{{\"asOf\": \"{}\"}}", " ".repeat(8 << 20));
        for encoding in ["gzip", "zstd"] {
            let body = compress(encoding, bomb.as_bytes());
            assert!(body.len() < most, "{encoding}");
            let headers = [("content-encoding", encoding)];
            let answer = post(&service, method, &headers, &body).await;
            assert_eq!(
                (answer.status, &*answer.reason()),
                (413, "MESSAGE_TOO_LARGE"),
                "{method} {encoding}"
            );
        }
    }
}

#[tokio::test]
async fn a_long_answer_is_compressed_for_those_who_accept_it() {
    let service = with_customers().await;
    let method = "ScoringService/BatchClassify";
    let subjects: Vec<Value> = (0..300)
        .map(|at| json!({ "customerId": format!("c{at}") }))
        .collect();
    let request = json!({ "subjects": subjects }).to_string();
    let plain = post(&service, method, &[], request.as_bytes()).await;
    assert_eq!(plain.header("content-encoding"), None);
    for (accepted, expected) in [
        ("gzip", Some("gzip")),
        ("gzip, deflate, br, zstd", Some("zstd")),
        ("gzip;q=1.0, zstd;q=0", Some("gzip")),
        ("br", None),
    ] {
        let headers = [("accept-encoding", accepted)];
        let answer = post(&service, method, &headers, request.as_bytes()).await;
        assert_eq!(answer.header("content-encoding"), expected, "{accepted}");
        let Some(encoding) = expected else {
            assert_eq!(answer.body, plain.body);
            continue;
        };
        assert!(answer.body.len() < plain.body.len() / 4, "{accepted}");
        assert_eq!(inflate(encoding, &answer.body), plain.body, "{accepted}");
    }
    // A short one takes one round trip anyway.
    let short = json!({ "subject": { "customerId": "c1" } }).to_string();
    let headers = [("accept-encoding", "gzip")];
    let answer = post(
        &service,
        "ScoringService/Classify",
        &headers,
        short.as_bytes(),
    )
    .await;
    assert_eq!(answer.header("content-encoding"), None);
    assert_eq!(answer.json()["match"], "MATCH_ONE");
    let counted = &service.app.metrics.compression;
    let format = patron::metrics::CompressionFormat::Zstd;
    assert_eq!(counted.answers(format).get(), 1);
}

#[tokio::test]
async fn grpc_messages_are_compressed_both_ways() {
    let service = with_customers().await;
    let address = service.app.address;
    let request = batch(300);
    let (_, plain) = raw::exchange(address, BATCH, &request, &[]).await;
    for encoding in ["gzip", "zstd"] {
        let message = compress(encoding, &request.encode_to_vec());
        let mut framed = raw::framed(&message);
        framed[0] = 1;
        let headers = [
            ("grpc-encoding", encoding),
            ("grpc-accept-encoding", encoding),
        ];
        let (answer, bytes) = raw::exchange_bytes(address, BATCH, &framed, &headers).await;
        assert_eq!(answer["grpc-status"], "0");
        assert_eq!(answer["grpc-encoding"], encoding);
        assert_eq!(inflate(encoding, &bytes), plain);
        // The header alone does not make a message compressed.
        let framed = raw::framed(&request.encode_to_vec());
        let headers = [("grpc-encoding", encoding)];
        let (answer, bytes) = raw::exchange_bytes(address, BATCH, &framed, &headers).await;
        assert_eq!(answer["grpc-status"], "0");
        assert_eq!(bytes, plain);
    }
}
