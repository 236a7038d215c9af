//! `docs/integrations/envoy.md`, run by Envoy where it is installed.

use std::net::TcpStream;
use std::process::{Command, Stdio};

use super::{Pair, check};
use crate::support::recipes::{Running, block, free, has, moved};
use crate::support::{place, until};

const PAGE: &str = include_str!("../../../docs/integrations/envoy.md");

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn envoy_balances_two_servers_and_takes_out_the_one_that_drains() {
    if !has("envoy") {
        return;
    }
    let (pair, address, folder) = (Pair::start().await, free(), place());
    let socket = |address: &str| {
        let (host, port) = address.split_once(':').unwrap();
        format!("address: {host}, port_value: {port} }} }}")
    };
    let mut moves = vec![(socket("10.0.0.9:50051"), socket(&address.to_string()))];
    for (host, [grpc, http, admin]) in ["10.0.0.1", "10.0.0.2"].into_iter().zip(pair.addresses()) {
        let (_, admin) = admin.split_once(':').unwrap();
        // The port of the check stands in the line after the address.
        let check = |port: &str| {
            format!("\n                  health_check_config: {{ port_value: {port} }}")
        };
        for (port, to) in [(50051, grpc), (50080, http)] {
            moves.push((
                socket(&format!("{host}:{port}")) + &check("9464"),
                socket(&to) + &check(admin),
            ));
        }
    }
    // A busy machine may be slower than a check or a call may wait.
    moves.push(("timeout: 0.5s".to_owned(), "timeout: 10s".to_owned()));
    moves.push(("timeout: 1s".to_owned(), "timeout: 10s".to_owned()));
    let moves: Vec<(&str, &str)> = moves.iter().map(|(from, to)| (&**from, &**to)).collect();
    let file = folder.path().join("envoy.yaml");
    std::fs::write(&file, moved(block(PAGE, "yaml"), &moves)).unwrap();
    let log = std::fs::File::create(folder.path().join("log")).unwrap();
    let mut command = Command::new("envoy");
    command
        .arg("-c")
        .arg(&file)
        .args(["--concurrency", "1", "--disable-hot-restart"]);
    let process = command.stdin(Stdio::null()).stdout(Stdio::null());
    let _running = Running(process.stderr(log).spawn().unwrap());
    until("Envoy listens", async || {
        TcpStream::connect(address).is_ok()
    })
    .await;
    Box::pin(check(address, pair)).await;
}
