//! Peers that mean no good, or are broken: what they hold is bounded, and nobody else notices.

use std::time::Duration;

use patron::app::server::Limits;
use tokio::io::AsyncWriteExt as _;
use tokio::time::timeout;

use super::raw::{NO_WINDOW, Peer, framed, head, last_data, reset, streams};
use super::{PATIENCE, Running, raw, request, soon};
use crate::support::until;

const CLASSIFY: &str = "patron.v1.ScoringService/Classify";
const INGEST: &str = "patron.v1.IngestService/IngestTransactions";

/// Streams that one connection may have.
const STREAMS: u32 = 256;

/// The message of a Classify of the customer `ada`, with its prefix.
const ADA: [u8; 12] = [0, 0, 0, 0, 7, 0x0a, 5, 0x0a, 3, b'a', b'd', b'a'];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn heads_without_messages_take_no_places() {
    const PEERS: u32 = 4;
    let server = Running::start(Limits {
        max_in_flight: 8,
        message_timeout: Duration::from_secs(3),
        ..Limits::default()
    })
    .await;
    let mut client = server.client().await;
    let mut peers = vec![];
    for _ in 0..PEERS {
        let mut peer = Peer::idle(server.address).await;
        let heads: Vec<_> = streams(STREAMS)
            .map(|at| head(at, CLASSIFY, &[("grpc-timeout", "1M")]))
            .collect();
        peer.send(&heads.concat()).await;
        peers.push(peer);
    }
    let metrics = &server.shared.metrics;
    let method = metrics.rpc.method(&format!("/{CLASSIFY}"));
    let all = u64::from(STREAMS * PEERS);
    until("all heads have come", async || {
        method.in_flight.get().unsigned_abs() == all
    })
    .await;
    assert_eq!(metrics.rpc.limited_in_flight.get(), 0);
    for _ in 0..20 {
        client.classify(request("anna")).await.unwrap();
    }
    assert_eq!(metrics.rpc.shed.get(), 0);
    until("the messages are not waited for", async || {
        metrics.peers.requests_timed_out.get() == all
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_announced_length_reserves_nothing() {
    /// What a call is charged beside its message, and the most that is held for five bytes of it.
    const CALL: i64 = 8192 + 64;
    let server = Running::start(Limits::default()).await;
    let mut peer = Peer::idle(server.address).await;
    let calls: Vec<_> = streams(STREAMS)
        .map(|at| {
            [
                head(at, INGEST, &[]),
                raw::data(at, &[0, 0, 0x3f, 0xff, 0xff]),
            ]
            .concat()
        })
        .collect();
    peer.send(&calls.concat()).await;
    let held = &server.shared.metrics.peers.request_bytes;
    until("all calls are charged", async || {
        assert!(held.get() <= i64::from(STREAMS) * CALL, "{}", held.get());
        held.get() > i64::from(STREAMS) * (CALL - 64)
    })
    .await;
    drop(peer);
    until("it is given back", async || held.get() == 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_under_way_have_a_budget_for_each_connection() {
    let server = Running::start(Limits {
        max_message_bytes: 64 * 1024,
        max_concurrent_streams: 16,
        ..Limits::default()
    })
    .await;
    let mut peer = Peer::idle(server.address).await;
    // Two messages of 64 KiB and 16 calls of 8 KiB may be under way: of calls with 16 KiB of their messages that is ten.
    let part = [&[0, 0, 0, 0xff, 0xff][..], &[0; 16 * 1024 - 5]].concat();
    for at in streams(12) {
        peer.send(&[head(at, INGEST, &[]), raw::data(at, &part)].concat())
            .await;
    }
    let refused = &server.shared.metrics.peers.requests_refused;
    until("two are refused", async || refused.get() == 2).await;
    let mut client = server.client().await;
    client.classify(request("anna")).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_leaves_answers_unread_is_cut() {
    let server = Running::start(Limits {
        stall_limit: Duration::from_millis(200),
        ..Limits::default()
    })
    .await;
    let mut client = server.client().await;
    let mut peer = Peer::idle(server.address).await;
    peer.send(NO_WINDOW).await;
    for at in streams(STREAMS) {
        peer.send(&[head(at, CLASSIFY, &[]), last_data(at, &ADA)].concat())
            .await;
    }
    let metrics = &server.shared.metrics;
    until("it is cut", async || metrics.peers.cut.get() == 1).await;
    until("it is gone", async || metrics.connections.open.get() == 1).await;
    until("nothing is held", async || {
        metrics.peers.answer_bytes.get() == 0
    })
    .await;
    // A client that reads, and one that is merely idle, stay.
    client.classify(request("anna")).await.unwrap();
    assert_eq!(metrics.peers.cut.get(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unread_answers_have_a_budget_over_all_connections() {
    const PEERS: usize = 12;
    let server = Running::start(Limits {
        answer_bytes: 4 << 20,
        max_message_bytes: 64 * 1024,
        ..Limits::default()
    })
    .await;
    let mut client = server.client().await;
    let mut peers = vec![];
    // At 8 KiB a call and more, each leaves two MiB unread.
    for _ in 0..PEERS {
        let mut peer = Peer::idle(server.address).await;
        let calls: Vec<_> = streams(STREAMS)
            .map(|at| [head(at, CLASSIFY, &[]), last_data(at, &ADA)].concat())
            .collect();
        let calls = [NO_WINDOW, &calls.concat()].concat();
        // A connection may be cut while it is still asking.
        let _ = timeout(PATIENCE, peer.0.write_all(&calls)).await.unwrap();
        peers.push(peer);
    }
    let metrics = &server.shared.metrics.peers;
    until("the largest holders are cut", async || {
        metrics.cut.get() >= 10 && metrics.answer_bytes.get() <= 4 << 20
    })
    .await;
    client.classify(request("anna")).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_that_pings_and_does_not_read_is_cut() {
    let server = Running::start(Limits {
        stall_limit: Duration::from_millis(500),
        ..Limits::default()
    })
    .await;
    let mut peer = Peer::idle(server.address).await;
    let ping = [0, 0, 8, 6, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8];
    let pings = ping.repeat(4096);
    // Until the server takes no more, or has had enough.
    while matches!(
        timeout(PATIENCE, peer.0.write_all(&pings)).await,
        Ok(Ok(()))
    ) {}
    let metrics = &server.shared.metrics;
    until("it is gone", async || metrics.connections.open.get() == 0).await;
    assert_eq!(metrics.peers.cut.get(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_that_are_given_up_at_once_do_not_close_the_connection() {
    const ROUNDS: u32 = 16;
    let server = Running::start(Limits::default()).await;
    let mut peer = Peer::idle(server.address).await;
    // As an honest client under load: its deadlines pass, and each frees a stream for the next call. All of it arrives at once.
    let calls: Vec<_> = streams(STREAMS * ROUNDS)
        .map(|at| [head(at, CLASSIFY, &[]), last_data(at, &ADA), reset(at)].concat())
        .collect();
    peer.send(&calls.concat()).await;
    let last = 2 * STREAMS * ROUNDS + 1;
    peer.send(&[head(last, CLASSIFY, &[]), last_data(last, &ADA)].concat())
        .await;
    let answered = async {
        while let Some(frame) = peer.frame().await {
            assert_ne!(frame.kind, raw::GOAWAY_TYPE);
            if frame.stream == last {
                return;
            }
        }
        panic!("the connection was closed");
    };
    soon(answered).await;
    assert_eq!(framed(&ADA[5..]), ADA);
}
