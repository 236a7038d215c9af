//! Requests that are none: what their callers are told, and that nothing of it looks like a fault of the server.

use http::HeaderMap;
use patron::app::server::Limits;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use super::raw::{self, Peer, framed, head, last_data, reset};
use super::{Running, soon};
use crate::support::until;

const CLASSIFY: &str = "patron.v1.ScoringService/Classify";

/// The reason within the headers of an answer.
#[track_caller]
fn check(answer: &HeaderMap, code: Code, reason: &str) {
    let status = Status::from_header_map(answer).unwrap();
    assert_eq!(status.code(), code, "{status:?}");
    let info = status.get_details_error_info().unwrap();
    assert_eq!((&*info.reason, &*info.domain), (reason, "patron"));
}

#[tokio::test]
async fn what_is_no_message_of_the_method_is_an_invalid_argument() {
    let server = Running::start(Limits::default()).await;
    let customer_id = |bytes: &[u8]| {
        let id = [&[0x0a, u8::try_from(bytes.len()).unwrap()][..], bytes].concat();
        framed(&[&[0x0a, u8::try_from(id.len()).unwrap()][..], &id].concat())
    };
    let good = customer_id(b"anna");
    let invalid_utf8 = customer_id(&[0xff, 0xfe]);
    let wire_type = framed(&[0x0f]);
    let truncated = framed(&[0x0a, 200, 1]);
    let nothing: &[u8] = &[];
    let compressed = [&[1][..], &good[1..]].concat();
    let twice = good.repeat(2);
    for body in [
        &invalid_utf8,
        &wire_type,
        &truncated,
        nothing,
        &compressed,
        &twice,
        &good[..7],
    ] {
        let (answer, _) = raw::exchange_bytes(server.address, CLASSIFY, body, &[]).await;
        check(&answer, Code::InvalidArgument, "MALFORMED_MESSAGE");
    }
    let (answer, _) = raw::exchange_bytes(server.address, CLASSIFY, &good, &[]).await;
    assert_eq!(answer["grpc-status"], "0");
}

#[tokio::test]
async fn what_the_server_cannot_do_is_unimplemented_and_says_what() {
    let server = Running::start(Limits::default()).await;
    let body = framed(&[]);
    let snappy = [("grpc-encoding", "snappy")];
    let (answer, _) = raw::exchange_bytes(server.address, CLASSIFY, &body, &snappy).await;
    assert_eq!(answer["grpc-accept-encoding"], "identity, gzip, zstd");
    check(&answer, Code::Unimplemented, "COMPRESSION_UNSUPPORTED");
    for method in ["patron.v1.ScoringService/NoSuch", "no.such.Service/Method"] {
        let (answer, _) = raw::exchange_bytes(server.address, method, &body, &[]).await;
        check(&answer, Code::Unimplemented, "UNKNOWN_METHOD");
    }
}

#[tokio::test]
async fn a_caller_that_goes_away_is_cancelled_whatever_it_had_sent() {
    let server = Running::start(Limits::default()).await;
    let method = server
        .shared
        .metrics
        .rpc
        .method(&format!("/{CLASSIFY}"))
        .clone();
    let ended = |number: &str| {
        let code = patron::metrics::StatusCode::from_header(number.as_bytes());
        method.requests(code).get()
    };
    let mut peer = Peer::idle(server.address).await;
    // Only the head, a part of the message, and all of it.
    peer.send(&[head(1, CLASSIFY, &[]), reset(1)].concat())
        .await;
    let part = raw::data(3, &framed(b"hello")[..7]);
    peer.send(&[head(3, CLASSIFY, &[]), part, reset(3)].concat())
        .await;
    let wait = framed(&[0x0a, 6, 0x0a, 4, b'w', b'a', b'i', b't']);
    peer.send(&[head(5, CLASSIFY, &[]), last_data(5, &wait)].concat())
        .await;
    server.fake.until(|waiting| waiting.now == 1).await;
    peer.send(&reset(5)).await;
    // One more goes away with its connection, in the middle of its message.
    let mut gone = Peer::idle(server.address).await;
    let part = raw::data(1, &framed(b"hello")[..7]);
    gone.send(&[head(1, CLASSIFY, &[]), part].concat()).await;
    until("the last call is under way", async || {
        method.in_flight.get() == 1 || ended("1") == 4
    })
    .await;
    drop(gone);
    soon(until("all are counted", async || ended("1") == 4)).await;
    for number in 0..17 {
        if number != 1 {
            assert_eq!(ended(&number.to_string()), 0, "{number}");
        }
    }
}
