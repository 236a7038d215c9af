//! `docs/integrations/haproxy.md`, run by HAProxy without the certificates.

use std::net::{SocketAddr, TcpStream};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use super::{Pair, check};
use crate::support::recipes::{Running, block, free, get, has, moved};
use crate::support::{place, until};

const PAGE: &str = include_str!("../../../docs/integrations/haproxy.md");

async fn haproxy(pair: &Pair) -> (SocketAddr, SocketAddr, (Running, TempDir)) {
    let (grpc, http, folder) = (free(), free(), place());
    let servers = pair.addresses();
    let mut lines = vec![];
    for (name, host, [grpc, http, admin]) in [
        ("one", "10.0.0.1", &servers[0]),
        ("two", "10.0.0.2", &servers[1]),
    ] {
        let (_, port) = admin.split_once(':').unwrap();
        for (from, to, rest) in [
            (50051, grpc, " proto h2 check port "),
            (50080, http, " check port "),
        ] {
            lines.push((
                format!("server {name} {host}:{from}{rest}9464"),
                format!("server {name} {to}{rest}{port}"),
            ));
        }
    }
    let (grpc_bind, http_bind) = (format!("bind {grpc} proto h2"), format!("bind {http}"));
    let mut moves = vec![
        (
            "bind 10.0.0.9:50051 ssl crt /etc/haproxy/patron.pem alpn h2",
            &*grpc_bind,
        ),
        (
            "bind 10.0.0.9:50080 ssl crt /etc/haproxy/patron.pem alpn http/1.1",
            &*http_bind,
        ),
        // A busy machine may be slower than a check or a call may wait.
        ("timeout check 500ms", "timeout check 10s"),
        ("timeout server 1s", "timeout server 10s"),
    ];
    moves.extend(lines.iter().map(|(from, to)| (&**from, &**to)));
    let file = folder.path().join("haproxy.cfg");
    std::fs::write(&file, moved(block(PAGE, "haproxy"), &moves) + "\n").unwrap();
    let log = std::fs::File::create(folder.path().join("log")).unwrap();
    let mut command = Command::new("haproxy");
    command.arg("-db").arg("-f").arg(&file).stdin(Stdio::null());
    let process = command.stdout(Stdio::null()).stderr(log).spawn().unwrap();
    let process = Running(process);
    until("HAProxy listens", async || {
        TcpStream::connect(grpc).is_ok() && TcpStream::connect(http).is_ok()
    })
    .await;
    (grpc, http, (process, folder))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn haproxy_balances_two_servers_and_takes_out_the_one_that_drains() {
    if !has("haproxy") {
        return;
    }
    let pair = Pair::start().await;
    let (grpc, http, _running) = haproxy(&pair).await;
    until("HTTP passes", async || {
        let (status, body) = get(http, "/v1/route?number=%2B493023125001", "").await;
        status == 200 && body.contains("\"verdict\"")
    })
    .await;
    Box::pin(check(grpc, pair)).await;
}
