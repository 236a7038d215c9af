//! What the server takes, and what it says to more.

use std::time::Duration;

use patron::app::server::Limits;
use tonic::Code;
use tonic_types::StatusExt as _;

use super::raw::{PREFACE, Peer, SETTINGS_TYPE};
use super::{Running, request, soon};

/// Settings of HTTP/2 (RFC 9113, 6.5.2).
const MAX_CONCURRENT_STREAMS: u16 = 3;
const MAX_FRAME_SIZE: u16 = 5;
const MAX_HEADER_LIST_SIZE: u16 = 6;

#[tokio::test]
async fn a_connection_is_told_its_limits_at_once() {
    let server = Running::start(Limits {
        max_concurrent_streams: 17,
        ..Limits::default()
    })
    .await;
    let mut peer = Peer::connect(server.address).await;
    peer.send(PREFACE).await;
    let frame = peer.frame().await.unwrap();
    assert_eq!(frame.kind, SETTINGS_TYPE);
    let settings: Vec<(u16, u32)> = frame
        .payload
        .chunks_exact(6)
        .map(|entry| {
            let (id, value) = entry.split_at(2);
            (
                u16::from_be_bytes(id.try_into().unwrap()),
                u32::from_be_bytes(value.try_into().unwrap()),
            )
        })
        .collect();
    assert!(
        settings.contains(&(MAX_CONCURRENT_STREAMS, 17)),
        "{settings:?}"
    );
    assert!(
        settings.contains(&(MAX_HEADER_LIST_SIZE, 16 * 1024)),
        "{settings:?}"
    );
    assert!(
        settings.contains(&(MAX_FRAME_SIZE, 16 * 1024)),
        "{settings:?}"
    );
}

#[tokio::test]
async fn the_limit_on_calls_is_shared_by_all_connections() {
    const CONNECTIONS: usize = 10;
    const CALLS: usize = 5;
    const MOST: usize = 20;
    let server = Running::start(Limits {
        max_in_flight: 20,
        default_deadline: Duration::from_mins(1),
        ..Limits::default()
    })
    .await;
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..CONNECTIONS {
        let client = server.client().await;
        for _ in 0..CALLS {
            let mut client = client.clone();
            calls.spawn(async move { client.classify(request("wait")).await });
        }
    }
    server.fake.until(|waiting| waiting.now == MOST).await;
    for _ in MOST..CONNECTIONS * CALLS {
        let refused = soon(calls.join_next()).await.unwrap().unwrap().unwrap_err();
        assert_eq!(refused.code(), Code::Unavailable);
        let info = refused.get_details_error_info().unwrap();
        assert_eq!(info.reason, "OVERLOADED");
        let delay = refused.get_details_retry_info().unwrap().retry_delay;
        let pushback = refused.metadata().get("grpc-retry-pushback-ms").unwrap();
        let pushback: u64 = pushback.to_str().unwrap().parse().unwrap();
        assert_eq!(delay, Some(Duration::from_millis(pushback)));
        assert!(pushback >= 50, "{pushback}");
    }
    assert_eq!(server.shared.metrics.rpc.limited_in_flight.get(), 20);
    server.fake.release();
    while let Some(answer) = soon(calls.join_next()).await {
        answer.unwrap().unwrap();
    }
    let waited = server.fake.until(|waiting| waiting.now == 0).await;
    assert_eq!(waited.most, MOST);
    assert_eq!(server.shared.metrics.rpc.limited_in_flight.get(), 0);
    let shed = (CONNECTIONS * CALLS - MOST) as u64;
    assert_eq!(server.shared.metrics.rpc.shed.get(), shed);
}

#[tokio::test]
async fn one_connection_too_many_is_closed_and_its_place_comes_back() {
    let server = Running::start(Limits {
        max_connections: 1,
        ..Limits::default()
    })
    .await;
    let first = Peer::idle(server.address).await;
    let mut second = Peer::connect(server.address).await;
    second.until_closed().await;
    let connections = &server.shared.metrics.connections;
    assert_eq!((connections.open.get(), connections.refused.get()), (1, 1));
    drop(first);
    // The server learns of the end when it reads; until then a newcomer may still be turned away.
    soon(async {
        loop {
            let mut third = Peer::connect(server.address).await;
            third.send(PREFACE).await;
            if third.frame().await.is_some() {
                break;
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_peer_that_never_says_hello_is_closed() {
    let server = Running::start(Limits {
        handshake_timeout: Duration::from_millis(50),
        ..Limits::default()
    })
    .await;
    for hello in [&b""[..], &PREFACE[..10]] {
        let mut peer = Peer::connect(server.address).await;
        peer.send(hello).await;
        peer.until_closed().await;
    }
    // One that did say hello stays, however long it is silent after that.
    let mut client = server.client().await;
    client.classify(request("anna")).await.unwrap();
}

#[tokio::test]
async fn a_message_over_the_limit_is_refused() {
    let server = Running::start(Limits {
        max_message_bytes: 4096,
        ..Limits::default()
    })
    .await;
    let mut client = server.client().await;
    let refused = client.classify(request(&"x".repeat(5000))).await;
    let refused = refused.unwrap_err();
    assert_eq!(refused.code(), Code::ResourceExhausted);
    let info = refused.get_details_error_info().unwrap();
    assert_eq!(info.reason, "MESSAGE_TOO_LARGE");
    assert_eq!(info.metadata["max_bytes"], "4096");
    client.classify(request("anna")).await.unwrap();
}

#[tokio::test]
async fn one_connection_has_a_quarter_of_the_places() {
    let server = Running::start(Limits {
        max_in_flight: 8,
        ..Limits::default()
    })
    .await;
    let greedy = server.client().await;
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..5 {
        let mut client = greedy.clone();
        calls.spawn(async move { client.classify(request("wait")).await });
    }
    for _ in 0..3 {
        let refused = soon(calls.join_next()).await.unwrap().unwrap().unwrap_err();
        assert_eq!(refused.code(), Code::Unavailable);
        let info = refused.get_details_error_info().unwrap();
        assert_eq!(info.reason, "CONNECTION_BUSY");
        assert!(refused.get_details_retry_info().is_some());
    }
    assert_eq!(server.shared.metrics.rpc.shed_connection.get(), 3);
    let mut other = server.client().await;
    other.classify(request("anna")).await.unwrap();
    server.fake.release();
    while let Some(answer) = soon(calls.join_next()).await {
        answer.unwrap().unwrap();
    }
    greedy.clone().classify(request("anna")).await.unwrap();
}

#[tokio::test]
async fn while_few_places_are_free_a_caller_that_has_many_gets_no_more() {
    let server = Running::start(Limits {
        max_in_flight: 20,
        ..Limits::default()
    })
    .await;
    let mut calls = tokio::task::JoinSet::new();
    let wait = async |address: [u8; 4], calls: &mut tokio::task::JoinSet<_>| {
        let in_flight = &server.shared.metrics.rpc.limited_in_flight;
        let before = in_flight.get();
        let mut client = server.client_at(address).await;
        calls.spawn(async move { client.classify(request("wait")).await });
        soon(async {
            while in_flight.get() == before {
                tokio::task::yield_now().await;
            }
        })
        .await;
    };
    let (greedy, other) = ([127, 14, 6, 1], [127, 14, 6, 2]);
    for _ in 0..17 {
        wait(greedy, &mut calls).await;
    }
    wait(other, &mut calls).await;
    // It has seventeen, and two are free.
    let mut client = server.client_at(greedy).await;
    let refused = client.classify(request("anna")).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unavailable);
    let info = refused.get_details_error_info().unwrap();
    assert_eq!(info.reason, "CALLER_BUSY");
    assert!(refused.get_details_retry_info().is_some());
    assert_eq!(server.shared.metrics.rpc.shed_caller.get(), 1);
    wait(other, &mut calls).await;
    server.fake.release();
    while let Some(answer) = soon(calls.join_next()).await {
        answer.unwrap().unwrap();
    }
    client.classify(request("anna")).await.unwrap();
}
