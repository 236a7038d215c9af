//! How the server stops: in order, and always within its limit, whatever its peers do.

use std::sync::Arc;
use std::time::{Duration, Instant};

use patron::app::server::{self as serve, DrainOutcome, Limits, Shared};
use patron::app::shutdown::Phase;
use patron::clock::SystemClock;
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tonic::Code;
use tonic::service::Routes;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_types::StatusExt as _;

use super::raw::{GOAWAY_TYPE, PREFACE, Peer};
use super::{Running, request, soon};

/// Short, so that the tests are; far above what an orderly end takes.
const DRAIN_LIMIT: Duration = Duration::from_millis(300);

/// How much later than the limit a busy machine may notice.
const SLACK: Duration = Duration::from_secs(2);

async fn start() -> Running {
    Running::start(Limits {
        drain_limit: DRAIN_LIMIT,
        default_deadline: Duration::from_mins(1),
        ..Limits::default()
    })
    .await
}

/// Stops the server, which must be out within its limit and then refuse connections.
async fn stop(server: Running) -> DrainOutcome {
    let (address, lifecycle) = (server.address, server.shared.lifecycle.clone());
    let start = Instant::now();
    let outcome = server.stop().await;
    let time = start.elapsed();
    assert!(time < DRAIN_LIMIT + SLACK, "{time:?}");
    assert_eq!(lifecycle.phase(), Phase::Stopped);
    assert!(TcpStream::connect(address).await.is_err());
    outcome
}

#[tokio::test]
async fn without_peers_it_stops_at_once() {
    let server = start().await;
    assert_eq!(stop(server).await, DrainOutcome::Drained);
}

#[tokio::test]
async fn idle_clients_are_told_to_go_and_go() {
    let server = start().await;
    let mut client = server.client().await;
    client.classify(request("anna")).await.unwrap();
    assert_eq!(stop(server).await, DrainOutcome::Drained);
}

#[tokio::test]
async fn a_silent_peer_does_not_keep_it_alive() {
    let server = start().await;
    let mut peer = Peer::idle(server.address).await;
    let outcome = stop(server).await;
    assert_eq!(outcome, DrainOutcome::Cut { connections: 1 });
    let mut told = false;
    while let Some(frame) = peer.frame().await {
        told |= frame.kind == GOAWAY_TYPE;
    }
    assert!(told, "it was told before it was cut");
}

#[tokio::test]
async fn a_half_sent_preface_does_not_keep_it_alive() {
    let server = start().await;
    let mut peer = Peer::connect(server.address).await;
    peer.send(&PREFACE[..10]).await;
    // Its place in the queue of connections is before this one, so it has been accepted when this one answers.
    server
        .client()
        .await
        .classify(request("anna"))
        .await
        .unwrap();
    stop(server).await;
    peer.until_closed().await;
}

#[tokio::test]
async fn a_call_in_progress_is_finished() {
    let server = start().await;
    let mut client = server.client().await;
    let call = tokio::spawn(async move { client.classify(request("wait")).await });
    server.fake.until(|waiting| waiting.now == 1).await;
    let (fake, lifecycle) = (server.fake.clone(), server.shared.lifecycle.clone());
    let stopping = tokio::spawn(stop(server));
    soon(async {
        while lifecycle.phase() != Phase::Draining {
            tokio::task::yield_now().await;
        }
    })
    .await;
    fake.release();
    soon(call).await.unwrap().unwrap();
    assert_eq!(soon(stopping).await.unwrap(), DrainOutcome::Drained);
}

#[tokio::test]
async fn a_call_that_does_not_end_is_cut_and_its_work_given_up() {
    let server = start().await;
    let mut client = server.client().await;
    let call = tokio::spawn(async move { client.classify(request("wait")).await });
    server.fake.until(|waiting| waiting.now == 1).await;
    let fake = server.fake.clone();
    let outcome = stop(server).await;
    assert_eq!(outcome, DrainOutcome::Cut { connections: 1 });
    soon(call).await.unwrap().unwrap_err();
    let waited = fake.until(|waiting| waiting.now == 0).await;
    assert_eq!(waited.dropped, 1);
}

#[tokio::test]
async fn a_peer_that_takes_no_answers_does_not_keep_it_alive() {
    let server = Running::start(Limits {
        drain_limit: DRAIN_LIMIT,
        ..Limits::default()
    })
    .await;
    // Asks for pings to be answered and reads none of the answers, until the server can write no more and waits.
    let mut peer = Peer::idle(server.address).await;
    let ping = [0, 0, 8, 6, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8];
    let pings = ping.repeat(4096);
    while timeout(Duration::from_secs(1), peer.0.write_all(&pings))
        .await
        .is_ok()
    {}
    let open = server.shared.metrics.connections.open.clone();
    let outcome = stop(server).await;
    assert_eq!(outcome, DrainOutcome::Cut { connections: 1 });
    // Without our reading anything, which would let the server go on.
    soon(async {
        while open.get() > 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn open_watches_and_reflections_end_when_the_drain_begins() {
    let server = Running::start(Limits::default()).await;
    let mut health = HealthClient::new(server.channel().await);
    let watched = HealthCheckRequest::default();
    let mut states = health.watch(watched).await.unwrap().into_inner();
    let first = soon(states.message()).await.unwrap().unwrap();
    assert_eq!(first.status(), ServingStatus::Serving);
    let mut reflection = ServerReflectionClient::new(server.channel().await);
    let questions = tokio_stream::pending::<ServerReflectionRequest>();
    let answers = reflection.server_reflection_info(questions).await.unwrap();
    let mut answers = answers.into_inner();
    let start = Instant::now();
    assert_eq!(server.stop().await, DrainOutcome::Drained);
    let time = start.elapsed();
    assert!(time < Limits::default().drain_limit / 2, "{time:?}");
    let last = soon(states.message()).await.unwrap().unwrap();
    assert_eq!(last.status(), ServingStatus::NotServing, "before the end");
    for end in [
        soon(states.message()).await.unwrap_err(),
        soon(answers.message()).await.unwrap_err(),
    ] {
        assert_eq!(end.code(), Code::Unavailable);
        let info = end.get_details_error_info().unwrap();
        assert_eq!(info.reason, "STOPPING");
    }
}

#[tokio::test]
async fn a_runtime_that_computes_does_not_delay_the_stop() {
    let busy = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let shared = Shared::new(Arc::new(SystemClock));
    let limits = Limits {
        drain_limit: DRAIN_LIMIT,
        ..Limits::default()
    };
    let running = {
        let _busy = busy.enter();
        let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        socket.set_nonblocking(true).unwrap();
        let listener = TcpListener::from_std(socket).unwrap();
        serve::start(listener, Routes::default().into(), &limits, &shared).unwrap()
    };
    let stop = CancellationToken::new();
    let supervised = tokio::spawn(running.supervise(stop.clone()));
    // The only thread of the runtime that answers calls computes until the stop is over.
    let (over, computing) = std::sync::mpsc::channel::<()>();
    let (begun, computes) = tokio::sync::oneshot::channel();
    busy.spawn(async move {
        begun.send(()).unwrap();
        let _ = computing.recv();
    });
    soon(computes).await.unwrap();
    let start = Instant::now();
    stop.cancel();
    let outcome = soon(supervised).await.unwrap().unwrap();
    let time = start.elapsed();
    assert_eq!(outcome, DrainOutcome::Cut { connections: 0 });
    assert!(time < DRAIN_LIMIT + Duration::from_millis(500), "{time:?}");
    over.send(()).unwrap();
    busy.shutdown_background();
}

#[tokio::test]
async fn as_a_lame_duck_it_says_so_and_goes_on_answering() {
    let server = Running::start(Limits {
        lame_duck: Duration::from_mins(1),
        ..Limits::default()
    })
    .await;
    let mut health = HealthClient::new(server.channel().await);
    let watched = HealthCheckRequest::default();
    let mut states = health.watch(watched).await.unwrap().into_inner();
    let mut next = async || {
        let state = soon(states.message()).await.unwrap().unwrap();
        state.status()
    };
    assert_eq!(next().await, ServingStatus::Serving);
    server.stop.cancel();
    assert_eq!(next().await, ServingStatus::NotServing);
    assert_eq!(server.shared.lifecycle.phase(), Phase::LameDuck);
    let name = "patron.v1.IngestService";
    server.shared.health.set(name, true).await;
    let asked = HealthCheckRequest {
        service: name.to_owned(),
    };
    let answer = health.check(asked).await.unwrap().into_inner();
    assert_eq!(answer.status(), ServingStatus::NotServing, "for good");
    // On a new connection as well: the balancer may not have noticed yet.
    let mut client = server.client().await;
    client.classify(request("anna")).await.unwrap();
    server.served.abort();
}
