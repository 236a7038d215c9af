//! The admin listener.

use std::net::SocketAddr;

use patron::app::admin;
use patron::app::server::{Limits, Shared};
use patron::app::shutdown::Phase;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use super::{Running, request, soon};

/// Serves the admin pages for as long as the test runs.
async fn start(shared: &Shared) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = admin::router(shared.metrics.clone(), shared.lifecycle.clone());
    tokio::spawn(admin::serve(listener, router, CancellationToken::new()));
    address
}

/// Status and body of a page.
pub(crate) async fn get(address: SocketAddr, path: &str) -> (u16, String) {
    let mut socket = soon(TcpStream::connect(address)).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: admin\r\nconnection: close\r\n\r\n");
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    soon(socket.read_to_string(&mut answer)).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, body.to_owned())
}

#[tokio::test]
async fn ready_is_not_alive() {
    let shared = Shared::new(std::sync::Arc::new(patron::clock::SystemClock));
    let address = start(&shared).await;
    let table = [
        (Phase::Starting, 200, 503, 503),
        (Phase::Serving, 200, 200, 200),
        (Phase::LameDuck, 200, 503, 200),
        (Phase::Draining, 200, 503, 200),
    ];
    for (phase, live, ready, started) in table {
        shared.lifecycle.advance(phase);
        for (path, expected) in [("/livez", live), ("/readyz", ready), ("/startupz", started)] {
            let (status, _) = get(address, path).await;
            assert_eq!(status, expected, "{path} when {phase:?}");
        }
    }
}

#[tokio::test]
async fn half_open_requests_do_not_shut_out_probes() {
    let shared = Shared::new(std::sync::Arc::new(patron::clock::SystemClock));
    let address = start(&shared).await;
    let mut half_open = vec![];
    for _ in 0..10 {
        for _ in 0..100 {
            let mut socket = soon(TcpStream::connect(address)).await.unwrap();
            socket.write_all(b"GET /livez HT").await.unwrap();
            half_open.push(socket);
        }
        let (status, body) = get(address, "/livez").await;
        assert_eq!((status, &*body), (200, "alive\n"));
    }
    // The oldest went: what the server holds stays the same.
    let mut buffer = [0; 16];
    for socket in half_open.iter_mut().take(900) {
        let read = soon(socket.read(&mut buffer)).await;
        assert!(matches!(read, Ok(0) | Err(_)), "{read:?}");
    }
}

#[tokio::test]
async fn the_version_is_told() {
    let shared = Shared::new(std::sync::Arc::new(patron::clock::SystemClock));
    let (status, body) = get(start(&shared).await, "/version").await;
    let version: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!(status, 200);
    assert_eq!(version["version"], env!("CARGO_PKG_VERSION"));
    // As its releases are named, for example 2026a.
    let data = version["time_zone_data"].as_str().unwrap();
    assert!(data.len() == 5 && data.starts_with("20"), "{data}");
}

#[tokio::test]
async fn metrics_tell_how_calls_ended() {
    let server = Running::start(Limits::default()).await;
    let address = start(&server.shared).await;
    let mut client = server.client().await;
    client.classify(request("anna")).await.unwrap();
    client.classify(request("bert")).await.unwrap();
    client.classify(request("fail")).await.unwrap_err();
    let mut leaving = client.clone();
    let call = tokio::spawn(async move { leaving.classify(request("wait")).await });
    server.fake.until(|waiting| waiting.now == 1).await;
    let (_, during) = get(address, "/metrics").await;
    call.abort();
    server.fake.until(|waiting| waiting.now == 0).await;
    let (status, after) = get(address, "/metrics").await;
    assert_eq!(status, 200);
    let method = r#"method="patron.v1.ScoringService/Classify""#;
    let in_flight = format!("patron_rpc_in_flight{{{method}}}");
    let ended = |status| format!("patron_rpc_requests_total{{{method},grpc_status=\"{status}\"}}");
    check(&during, &in_flight, "1");
    check(&after, &in_flight, "0");
    check(&after, &ended("OK"), "2");
    check(&after, &ended("NOT_FOUND"), "1");
    check(&after, &ended("CANCELLED"), "1");
    check(&after, &ended("INTERNAL"), "0");
    check(
        &after,
        &format!("patron_rpc_duration_seconds_count{{{method}}}"),
        "4",
    );
    check(&after, "patron_grpc_connections_open", "1");
    check(&after, "patron_phase", "1");
}

#[tokio::test]
async fn calls_of_methods_that_do_not_exist_share_one_series() {
    let server = Running::start(Limits::default()).await;
    let address = start(&server.shared).await;
    let mut client = tonic::client::Grpc::new(server.channel().await);
    for index in 0..5 {
        client.ready().await.unwrap();
        let path = format!("/no.such.Service/Method{index}").parse().unwrap();
        let codec = tonic_prost::ProstCodec::<(), ()>::default();
        let answer = client.unary(tonic::Request::new(()), path, codec).await;
        assert_eq!(answer.unwrap_err().code(), tonic::Code::Unimplemented);
    }
    let (_, text) = get(address, "/metrics").await;
    let series = r#"patron_rpc_requests_total{method="other",grpc_status="UNIMPLEMENTED"}"#;
    check(&text, series, "5");
    assert!(!text.contains("no.such"), "{text}");
}

#[track_caller]
fn check(text: &str, series: &str, value: &str) {
    let line = format!("{series} {value}");
    assert!(
        text.lines().any(|it| it == line),
        "{line:?} is not in\n{text}"
    );
}
