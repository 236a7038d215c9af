#!/bin/sh
# A server that limits the age of connections, so that clients spread over new replicas: `max_connection_age`, and
# `max_connection_age_grace` for calls under way (gRFC A9: at the age GOAWAY is sent, after the grace what is left is closed).
#
# Guess: with an age of 1 s and a grace of 1 s, GOAWAY comes after 1 s and the connection ends by 2 s.
# Seen: with a grace, tonic sends no GOAWAY at all; it waits for age plus grace and closes the socket under whatever runs. Without a grace,
# GOAWAY comes at the age.
#
# What follows: set the age alone, and bound the drain elsewhere.
#
# Version: tonic 0.14.9, a bare HTTP/2 client (crates.io). Exits 0 if the behaviour is as described.
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
tokio = { version = "=1.54.1", features = ["io-util", "macros", "net", "rt", "time"] }
tokio-stream = { version = "=0.1.19", features = ["net"] }
tonic = { version = "=0.14.9", default-features = false, features = ["router", "server", "transport"] }
TOML
cat > "$place/src/main.rs" <<'RUST'
use std::time::{Duration, Instant};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{service::Routes, transport::Server};

const AGE: Duration = Duration::from_secs(1);
const PREFACE_AND_SETTINGS: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
const PING: u8 = 6;
const GOAWAY: u8 = 7;

/// When GOAWAY came and when the connection ended, in seconds.
async fn life(grace: Option<Duration>) -> (Option<f64>, f64) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut server = Server::builder().max_connection_age(AGE);
    if let Some(grace) = grace {
        server = server.max_connection_age_grace(grace);
    }
    let router = server.add_routes(Routes::default());
    tokio::spawn(router.serve_with_incoming(TcpListenerStream::new(listener)));
    let mut socket = TcpStream::connect(address).await.unwrap();
    let start = Instant::now();
    socket.write_all(PREFACE_AND_SETTINGS).await.unwrap();
    let mut goaway = None;
    let mut head = [0; 9];
    while socket.read_exact(&mut head).await.is_ok() {
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
        let mut payload = vec![0; length];
        socket.read_exact(&mut payload).await.unwrap();
        match head[3] {
            GOAWAY if goaway.is_none() => goaway = Some(start.elapsed().as_secs_f64()),
            // Answered as every client does: a graceful end waits for it.
            PING if head[4] == 0 => {
                head[4] = 1;
                let _ = socket.write_all(&[&head, &*payload].concat()).await;
            }
            _ => {}
        }
    }
    (goaway, start.elapsed().as_secs_f64())
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let (without, with) = tokio::join!(life(None), life(Some(AGE)));
    println!("tonic 0.14.9, age 1 s");
    for (name, (goaway, end)) in [("no grace", without), ("grace 1 s", with)] {
        println!("{name}: GOAWAY after {goaway:.2?} s, end after {end:.2} s");
    }
    let at_age = without.0.is_some_and(|at| (0.9..1.5).contains(&at));
    let never = with.0.is_none() && (1.9..2.5).contains(&with.1);
    std::process::exit(i32::from(!(at_age && never)));
}
RUST
cargo run --quiet --manifest-path "$place/Cargo.toml" --target-dir "$place/target"
