//! What arrives at the HTTP and the `FastAGI` listener is mutated: each request has an answer, a refusal or the end of its connection, in time.
//!
//! `PATRON_MUTATIONS=100000 cargo test --test integration mutated` sends as many.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use patron::domain::clv::random::Random;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::service;

/// Requests as they should be.
const HTTP: [&str; 8] = [
    "GET /v1/route?number=%2B493023125001&format=kv&lang=de&fields=treatment,customer HTTP/1.1\r\nhost: x\r\n\r\n",
    "GET /v1/route?asserted_identity=%3Csip:%2B493023125002%40a%3Buser=phone%3E&privacy=id&trunk=sip HTTP/1.1\r\nhost: x\r\n\r\n",
    "POST /v1/route?format=flat HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-www-form-urlencoded\r\ncontent-length: 49\r\n\r\n\
     From=%2B493023125001&claim=ada&email=a%40b&x=1234",
    "POST /v1/route HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 61\r\n\r\n\
     {\"number\": \"+49 (0)30 23125-001\", \"fields\": [\"treatment\"], \"n\":1}",
    "POST /v1/route?format=kv HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-www-form-urlencoded\r\n\
     transfer-encoding: chunked\r\n\r\na\r\nFrom=%2B493\r\n0\r\n\r\n",
    "POST /patron.v1.ScoringService/Classify HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
     connect-timeout-ms: 1000\r\ncontent-length: 35\r\n\r\n{\"subject\": {\"customerId\": \"ada\"} }",
    "POST /patron.v1.ScoringService/BatchClassify HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
     content-length: 49\r\n\r\n{\"subjects\": [{\"externalId\": {\"id\": \"1\"}}, null]}",
    "POST /patron.v1.ScoringService/Classify HTTP/1.1\r\nhost: x\r\ncontent-type: application/grpc-web-text\r\n\
     content-length: 16\r\n\r\nAAAAAAcKBQoDYWRh",
];
const AGI: [&str; 2] = [
    "agi_request: agi://127.0.0.1/route?trunk=sip\nagi_channel: PJSIP/p-1\nagi_callerid: 493023125001\nagi_dnid: 4930999\n\n200 result=1\n",
    "agi_request: agi://127.0.0.1/route\nagi_callerid: unknown\nagi_calleridname: Ada\nagi_arg_1: x\n\n200 result=1\n200 result=1\n",
];

/// Pieces that parsers mistake for something else.
const PIECES: [&[u8]; 14] = [
    b"%",
    b"%00",
    b"%FF",
    b"&",
    b"=",
    b"\r\n",
    b"\n\n",
    b"\0",
    b"\xff\xfe",
    b"+49",
    b";",
    b"\"",
    b"{[",
    b"content-length: 9\r\n",
];

/// The request with up to eight changes: bytes changed, inserted, removed, repeated, or the rest cut off.
fn mutated(seed: &str, random: &mut Random) -> Vec<u8> {
    let mut below = |limit: usize| usize::try_from(random.bits() % limit as u64).unwrap();
    let mut bytes = seed.as_bytes().to_vec();
    for _ in 0..=below(8) {
        let at = below(bytes.len().max(1));
        let end = (at + 1 + below(24)).min(bytes.len());
        match below(6) {
            0 if at < bytes.len() => bytes[at] = u8::try_from(below(256)).unwrap(),
            1 => {
                bytes.splice(at..at, PIECES[below(PIECES.len())].iter().copied());
            }
            2 if at < end => {
                bytes.drain(at..end);
            }
            3 if at < end => {
                let part = bytes[at..end].repeat(1 + below(200));
                bytes.splice(at..at, part);
            }
            4 => bytes.truncate(at),
            _ if at < bytes.len() => bytes[at] ^= 1 << below(8),
            _ => {}
        }
    }
    bytes
}

/// What a listener answers before it closes the connection, or a sentence about what it did instead.
async fn answered(address: SocketAddr, request: &[u8]) -> Result<Vec<u8>, &'static str> {
    let exchange = async {
        let mut stream = TcpStream::connect(address).await?;
        // The peer may close before it has read all.
        let _ = stream.write_all(request).await;
        let _ = stream.shutdown().await;
        let mut answer = vec![];
        let _ = stream.read_to_end(&mut answer).await;
        Ok::<_, std::io::Error>(answer)
    };
    let ended = timeout(Duration::from_secs(20), exchange).await;
    ended
        .map_err(|_| "does not end in 20 s")?
        .map_err(|_| "is nothing: it refuses connections")
}

/// The kind of an answer of the HTTP listener.
fn kind(answer: &[u8]) -> Result<&'static str, &'static str> {
    if answer.is_empty() {
        return Ok("end");
    }
    let text = String::from_utf8_lossy(answer);
    let version = ["HTTP/1.1 ", "HTTP/1.0 "];
    let status = version.iter().find_map(|it| text.strip_prefix(*it));
    match status.and_then(|status| status.get(..3)) {
        Some("200" | "204") => Ok("answer"),
        // Of the others: a method that does not exist, and a time limit that is too short.
        Some(status) if status.starts_with('4') || ["501", "504"].contains(&status) => {
            Ok("refusal")
        }
        _ => Err("is neither an answer nor a refusal"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mutated_requests_are_answered_or_refused() {
    let service = service().await;
    let http = service.app.http_address.unwrap();
    let agi = service.app.agi_address.unwrap();
    let count: u64 = std::env::var("PATRON_MUTATIONS").map_or(2_000, |it| it.parse().unwrap());
    let mut at_work = JoinSet::new();
    for worker in 0..16 {
        at_work.spawn(async move {
            let mut kinds: BTreeMap<&str, u64> = BTreeMap::new();
            for number in (worker..count).step_by(16) {
                let mut random = Random::new(number);
                let at = usize::try_from(random.bits() % 10).unwrap();
                let (address, seed) = match HTTP.get(at) {
                    Some(seed) => (http, *seed),
                    None => (agi, AGI[at - HTTP.len()]),
                };
                let request = mutated(seed, &mut random);
                let answer = answered(address, &request).await;
                let kind = answer.and_then(|answer| match address == http {
                    true => kind(&answer),
                    false if answer.is_empty() => Ok("FastAGI end"),
                    false if answer.starts_with(b"SET VARIABLE PATRON_") => Ok("FastAGI answer"),
                    false => Err("is not FastAGI"),
                });
                let kind = kind.unwrap_or_else(|what| {
                    let request = String::from_utf8_lossy(&request);
                    panic!("mutation {number}: what the listener answers {what}: {request}")
                });
                *kinds.entry(kind).or_default() += 1;
            }
            kinds
        });
    }
    let mut kinds: BTreeMap<&str, u64> = BTreeMap::new();
    while let Some(done) = at_work.join_next().await {
        for (kind, count) in done.unwrap() {
            *kinds.entry(kind).or_default() += count;
        }
    }
    println!("{count} mutated requests: {kinds:?}");
    assert_eq!(kinds.values().sum::<u64>(), count);
    for kind in ["answer", "refusal", "end", "FastAGI answer", "FastAGI end"] {
        assert!(kinds.contains_key(kind), "no {kind}: {kinds:?}");
    }
    assert_eq!(service.app.metrics.http.requests(500).get(), 0);
    let after = service.route(super::number(super::ADA)).await;
    assert_eq!(after.customer.unwrap().customer_id, "ada");
}
