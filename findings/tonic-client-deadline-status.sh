#!/bin/sh
# A call whose deadline passes is DEADLINE_EXCEEDED in every gRPC client (status codes, gRPC documentation: "may be returned even if the
# operation has completed successfully"), and retry policies, dashboards and alerts go by that code. CANCELLED means that the caller gave up.
#
# Guess: tonic's client reports DEADLINE_EXCEEDED when the time of `Request::set_timeout` has passed.
# Seen: it reports CANCELLED, "Timeout expired", whether the request or the endpoint sets the time. The same call from grpcio, to the same
# silent server, is DEADLINE_EXCEEDED.
#
# The status has no source to tell it by. What follows: a tonic client that cancels nothing itself takes CANCELLED for a passed deadline.
#
# Version: tonic 0.14.9, h2 0.4.20 as the silent server (crates.io), grpcio 1.85.1 (PyPI). Exits 0 if the behaviour is as described.
set -eu
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install --quiet --disable-pip-version-check grpcio==1.85.1
cat > "$place/call.py" <<'PYTHON'
import sys

import grpc

call = grpc.insecure_channel(sys.argv[1]).unary_unary("/finding.Silence/Ask", request_serializer=bytes)
try:
    call(b"", timeout=0.5)
except grpc.RpcError as error:
    print(error.code().name)
PYTHON
mkdir "$place/src"
cat > "$place/Cargo.toml" <<'TOML'
[package]
name = "finding"
version = "0.0.0"
edition = "2021"

[dependencies]
h2 = "=0.4.20"
http = "=1.5.0"
tokio = { version = "=1.54.1", features = ["macros", "net", "process", "rt"] }
tonic = { version = "=0.14.9", default-features = false, features = ["channel"] }
tonic-prost = "=0.14.9"
TOML
cat > "$place/src/main.rs" <<'RUST'
use std::time::Duration;

use tokio::{net::TcpListener, process::Command};
use tonic::{client::Grpc, transport::Channel, Code, Request};

const TIME: Duration = Duration::from_millis(500);

/// Takes every call and never answers.
async fn silent() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (socket, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                let mut connection = h2::server::handshake(socket).await.unwrap();
                let mut held = vec![];
                while let Some(Ok(call)) = connection.accept().await {
                    held.push(call);
                }
            });
        }
    });
    address.to_string()
}

async fn call(channel: Channel, timeout: Option<Duration>) -> tonic::Status {
    let mut client = Grpc::new(channel);
    client.ready().await.unwrap();
    let mut request = Request::new(());
    if let Some(timeout) = timeout {
        request.set_timeout(timeout);
    }
    let path = http::uri::PathAndQuery::from_static("/finding.Silence/Ask");
    let codec = tonic_prost::ProstCodec::<(), ()>::default();
    client.unary(request, path, codec).await.unwrap_err()
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let address = silent().await;
    let endpoint = || Channel::from_shared(format!("http://{address}")).unwrap();
    let of_request = call(endpoint().connect().await.unwrap(), Some(TIME)).await;
    let of_endpoint = call(endpoint().timeout(TIME).connect().await.unwrap(), None).await;
    let mut as_described = true;
    for (whose, status) in [("request", of_request), ("endpoint", of_endpoint)] {
        println!("tonic, time of the {whose}: {:?}, {:?}", status.code(), status.message());
        as_described &= status.code() == Code::Cancelled && status.message() == "Timeout expired";
    }
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let python = Command::new(&arguments[0]).args([&arguments[1], &address]).output().await.unwrap();
    let python = String::from_utf8(python.stdout).unwrap();
    println!("grpcio: {}", python.trim());
    as_described &= python.trim() == "DEADLINE_EXCEEDED";
    std::process::exit(i32::from(!as_described));
}
RUST
cargo run --quiet --release --manifest-path "$place/Cargo.toml" -- "$place/venv/bin/python" "$place/call.py"
