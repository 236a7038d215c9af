//! Connections end at their age, after their calls; those that do not are cut.

use std::time::Duration;

use patron::app::server::{Lifetime, Limits};
use prost::Message as _;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;
use tonic_types::StatusExt as _;

use super::raw::{GOAWAY_TYPE, Peer, framed, head, last_data};
use super::{Running, request, soon};

/// Long enough for a call to begin, whatever the machine is busy with: no test depends on it.
const AGE: Duration = Duration::from_millis(200);

async fn start(grace: Duration) -> Running {
    Running::start(Limits {
        lifetime: Lifetime {
            age: Some(AGE),
            grace,
        },
        default_deadline: Duration::from_mins(1),
        ..Limits::default()
    })
    .await
}

#[tokio::test]
async fn a_client_leaves_its_old_connection_and_calls_on_a_new_one() {
    let server = start(Duration::from_mins(1)).await;
    let mut client = server.client().await;
    client.classify(request("anna")).await.unwrap();
    let connections = server.shared.metrics.connections.clone();
    soon(async {
        while connections.open.get() > 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    client.classify(request("anna")).await.unwrap();
    assert!(connections.accepted.get() >= 2);
}

#[tokio::test]
async fn a_call_in_progress_is_finished_on_the_connection_that_ends() {
    let server = start(Duration::from_mins(1)).await;
    let mut peer = Peer::idle(server.address).await;
    let message = framed(&request("wait").encode_to_vec());
    let method = "patron.v1.ScoringService/Classify";
    let call = [head(1, method, &[]), last_data(1, &message)].concat();
    peer.send(&call).await;
    let is_goaway = |kind| kind == GOAWAY_TYPE;
    while let Some(frame) = peer.frame().await {
        if is_goaway(frame.kind) {
            break;
        }
    }
    server.fake.until(|waiting| waiting.now == 1).await;
    server.fake.release();
    let mut has_answer = false;
    while !has_answer && let Some(frame) = peer.frame().await {
        // The trailers end the stream.
        has_answer = frame.stream == 1 && frame.flags & 1 == 1;
    }
    assert!(has_answer, "the call was cut with its connection");
}

#[tokio::test]
async fn a_connection_that_does_not_end_is_cut_after_the_grace() {
    let server = start(Duration::from_millis(50)).await;
    // It answers no ping, so that the server cannot know which calls it has sent.
    let mut peer = Peer::idle(server.address).await;
    let mut is_told = false;
    while let Some(frame) = peer.frame().await {
        is_told |= frame.kind == GOAWAY_TYPE;
    }
    assert!(is_told, "it was told before it was cut");
}

#[tokio::test]
async fn a_watch_ends_with_its_connection_and_can_begin_again() {
    let server = start(Duration::from_mins(1)).await;
    let mut health = HealthClient::new(server.channel().await);
    let watched = health.watch(HealthCheckRequest::default()).await;
    let mut watch = watched.unwrap().into_inner();
    let ended = soon(async {
        loop {
            match watch.message().await {
                Ok(Some(_)) => {}
                other => return other,
            }
        }
    });
    let status = ended.await.unwrap_err();
    let details = status.get_error_details();
    assert_eq!(details.error_info().unwrap().reason, "STOPPING");
    let again = health.watch(HealthCheckRequest::default()).await;
    assert!(
        soon(again.unwrap().into_inner().message())
            .await
            .unwrap()
            .is_some()
    );
}
