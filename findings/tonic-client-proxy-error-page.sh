#!/bin/sh
# A proxy in front of a gRPC server answers 502 or 503 with an HTML page while the server restarts. The gRPC specification maps such
# answers to a status by their HTTP code ("HTTP to gRPC Status Code Mapping": 502, 503 and 504 are UNAVAILABLE), which clients may retry.
#
# Guess: tonic's client reports UNAVAILABLE.
# Seen: it reads the page as a gRPC message, takes its first byte ('<', 60) for a compression flag and reports INTERNAL. The same answer
# without a body is UNAVAILABLE.
#
# What follows: a client that is to survive a restart behind a proxy looks at the text of an INTERNAL status for the HTTP code.
#
# Version: tonic 0.14.9, h2 0.4.20 as the proxy (crates.io). Exits 0 if the behaviour is as described.
set -eu
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
mkdir "$place/src"
cat > "$place/Cargo.toml" <<'TOML'
[package]
name = "finding"
version = "0.0.0"
edition = "2021"

[dependencies]
bytes = "=1.12.1"
h2 = "=0.4.20"
http = "=1.5.0"
tokio = { version = "=1.54.1", features = ["macros", "net", "rt"] }
tonic = { version = "=0.14.9", default-features = false, features = ["channel"] }
tonic-prost = "=0.14.9"
TOML
cat > "$place/src/main.rs" <<'RUST'
use bytes::Bytes;
use tokio::net::TcpListener;
use tonic::{client::Grpc, transport::Channel, Code, Request};

const PAGE: &str = "<html><body><h1>503 Service Unavailable</h1></body></html>";

/// Answers every request with this status and page.
async fn proxy(status: u16, page: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let mut connection = h2::server::handshake(socket).await.unwrap();
            while let Some(Ok((_, mut respond))) = connection.accept().await {
                let answer = http::Response::builder().status(status).header("content-type", "text/html");
                let mut body = respond.send_response(answer.body(()).unwrap(), page.is_empty()).unwrap();
                if !page.is_empty() {
                    body.send_data(Bytes::from_static(page.as_bytes()), true).unwrap();
                }
            }
        }
    });
    format!("http://{address}")
}

async fn call(endpoint: String) -> tonic::Status {
    let channel = Channel::from_shared(endpoint).unwrap().connect().await.unwrap();
    let mut client = Grpc::new(channel);
    client.ready().await.unwrap();
    let codec = tonic_prost::ProstCodec::<(), ()>::default();
    let path = http::uri::PathAndQuery::from_static("/a.B/C");
    client.unary(Request::new(()), path, codec).await.unwrap_err()
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let mut as_described = true;
    for (status, page, expected) in [(503, PAGE, Code::Internal), (502, PAGE, Code::Internal), (503, "", Code::Unavailable)] {
        let seen = call(proxy(status, page).await).await;
        println!("tonic 0.14.9, HTTP {status}, {} bytes of HTML: {:?}: {}", page.len(), seen.code(), seen.message());
        as_described &= seen.code() == expected;
    }
    std::process::exit(i32::from(!as_described));
}
RUST
cargo run --quiet --manifest-path "$place/Cargo.toml" --target-dir "$place/target"
