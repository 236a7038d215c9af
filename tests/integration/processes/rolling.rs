//! A rolling restart: two servers are restarted in turn under load, and a client with the published service config has no failed call.

use std::io::Read as _;
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use patron::app::settings::Settings;
use patron::pb;
use prost::Message as _;
use tokio::task::spawn_blocking;

use crate::support::messages::{by_id, purchase};
use crate::support::service::{Service, ServiceWithDatabase};
use crate::support::{APART, until};

/// Debian's Python: its package of gRPC belongs to it.
const PYTHON: &str = "/usr/bin/python3";
/// How often each server is restarted.
const ROUNDS: usize = 5;
/// More than one open connection: that of the service's own client is the first.
const REACHED: i64 = 2;

/// Whether the client can run here.
fn has_grpcio() -> bool {
    let mut python = Command::new(PYTHON);
    let import = python.args(["-c", "import grpc"]).stderr(Stdio::null());
    import.status().is_ok_and(|status| status.success())
}

/// The service config that the documentation tells clients to use.
fn published_config() -> String {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/several-processes.md");
    let page = std::fs::read_to_string(page).unwrap();
    let (_, rest) = page.split_once("```json\n").unwrap();
    let (config, _) = rest.split_once("```").unwrap();
    config.to_owned()
}

fn start_client([first, second]: [SocketAddr; 2]) -> Child {
    let request = pb::ClassifyRequest {
        subject: Some(by_id("ada")),
        ..Default::default()
    };
    let message = request.encode_to_vec();
    let message = STANDARD.encode(message);
    Command::new(PYTHON)
        .args(["-c", include_str!("rolling.py")])
        .args([format!("{first},{second}"), published_config(), message])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

async fn until_reached(service: &Service) {
    until("the client is connected", async || {
        service.app.metrics.connections.open.get() >= REACHED
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rolling_restart_fails_no_call_of_a_client_with_the_published_retry_policy() {
    if !has_grpcio() {
        eprintln!("not run: {PYTHON} has no grpc (Debian: python3-grpcio)");
        return;
    }
    // Not called: it keeps the database.
    let keeper = ServiceWithDatabase::start_shared().await;
    keeper
        .write(&[purchase("ada", "1", "2026-01-05", 10_000)])
        .await;
    let start = async |address: SocketAddr| {
        let listen = |settings: &mut Settings| settings.listen = address;
        keeper.join_with(listen).await
    };
    let any = SocketAddr::new(APART, 0);
    let mut servers = vec![start(any).await, start(any).await];
    let addresses = [0, 1].map(|at| servers[at].app.address);
    let mut client = start_client(addresses);
    for server in &servers {
        until_reached(server).await;
    }
    for _ in 0..ROUNDS {
        for at in [0, 1] {
            let server = servers.remove(at);
            server.app.stop().await.unwrap();
            servers.insert(at, start(addresses[at]).await);
            until_reached(&servers[at]).await;
        }
    }
    drop(client.stdin.take());
    let ended = spawn_blocking(move || {
        let mut printed = String::new();
        let mut output = client.stdout.take().unwrap();
        output.read_to_string(&mut printed).unwrap();
        assert!(client.wait().unwrap().success());
        printed
    });
    let printed = tokio::time::timeout(Duration::from_secs(30), ended).await;
    let printed = printed.unwrap().unwrap();
    let (answered, failed) = printed.split_once('\n').unwrap();
    eprintln!("{answered} calls over {} restarts", 2 * ROUNDS);
    assert!(answered.parse::<u32>().unwrap() > 100, "{printed}");
    assert_eq!(failed, "", "after {answered} answers");
}
