#!/bin/sh
# A unary gRPC answer is a head, one message and trailers: three small HTTP/2 frames that are ready at the same time.
#
# Guess: tonic's server hands them to the socket together, one write an answer, and several answers that are ready together in one write.
# Seen: one write for an answer of 200 bytes, two for one of 300: from 256 bytes on, h2 sends the message from where it lies, in a vectored
# write with the head before it, and the trailers only after that. With 32 calls in flight on one connection it is 1.03 writes an answer:
# the trailers leave with the next head, and no two messages leave together.
#
# What follows: an answer that says something costs two system calls where calls come singly, and one where they do not; who measures a
# server with short answers measures something else. A socket that gathers what is written until it is read next has neither.
#
# Version: tonic 0.14.9, h2 0.4.20, hyper 1.12.0 (crates.io). Exits 0 if the behaviour is as described.
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
futures-util = "=0.3.34"
h2 = "=0.4.20"
http = "=1.5.0"
hyper = "=1.12.0"
tokio = { version = "=1.54.1", features = ["macros", "net", "rt"] }
tokio-stream = "=0.1.19"
tonic = { version = "=0.14.9", default-features = false, features = ["channel", "server"] }
tonic-prost = "=0.14.9"
tower = "=0.5.3"
TOML
cat > "$place/src/main.rs" <<'RUST'
use std::convert::Infallible;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use futures_util::future::join_all;
use http::Request;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tonic::body::Body;
use tower::Service;
use tonic::server::{Grpc, UnaryService};
use tonic::transport::server::Connected;
use tonic::transport::{Channel, Server};

/// Writes that the socket took.
static WRITES: AtomicUsize = AtomicUsize::new(0);

struct Counted(TcpStream);

fn count(written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
    if matches!(written, Poll::Ready(Ok(_))) {
        WRITES.fetch_add(1, Ordering::Relaxed);
    }
    written
}

impl AsyncRead for Counted {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Counted {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        count(Pin::new(&mut self.0).poll_write(cx, bytes))
    }
    fn poll_write_vectored(mut self: Pin<&mut Self>, cx: &mut Context<'_>, slices: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        count(Pin::new(&mut self.0).poll_write_vectored(cx, slices))
    }
    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

impl Connected for Counted {
    type ConnectInfo = ();
    fn connect_info(&self) {}
}

/// Answers the number that it is asked with so many bytes.
#[derive(Clone)]
struct Echo;

impl UnaryService<String> for Echo {
    type Response = String;
    type Future = std::future::Ready<Result<tonic::Response<String>, tonic::Status>>;
    fn call(&mut self, request: tonic::Request<String>) -> Self::Future {
        let length = request.into_inner().parse().unwrap();
        std::future::ready(Ok(tonic::Response::new("x".repeat(length))))
    }
}

impl Service<Request<Body>> for Echo {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn std::future::Future<Output = Result<Self::Response, Infallible>> + Send>>;
    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }
    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let codec = tonic_prost::ProstCodec::<String, String>::default();
        Box::pin(async move { Ok(Grpc::new(codec).unary(Echo, request).await) })
    }
}

async fn ask(channel: Channel, length: usize) {
    let mut client = tonic::client::Grpc::new(channel);
    client.ready().await.unwrap();
    let path = http::uri::PathAndQuery::from_static("/finding.Echo/Ask");
    let codec = tonic_prost::ProstCodec::<String, String>::default();
    let answer = client.unary(tonic::Request::new(length.to_string()), path, codec).await;
    assert_eq!(answer.unwrap().into_inner().len(), length);
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (socket, _) = listener.accept().await.unwrap();
        socket.set_nodelay(true).unwrap();
        let one = tokio_stream::once(Ok::<_, io::Error>(Counted(socket)));
        let incoming = tokio_stream::StreamExt::chain(one, tokio_stream::pending());
        Server::builder().serve_with_incoming(Echo, incoming).await.unwrap();
    });
    let channel = Channel::from_shared(format!("http://{address}")).unwrap().connect().await.unwrap();
    let mut writes = vec![];
    for (length, in_flight) in [(200, 1), (300, 1), (300, 32)] {
        ask(channel.clone(), length).await;
        let before = WRITES.load(Ordering::Relaxed);
        for _ in 0..320 / in_flight {
            join_all((0..in_flight).map(|_| ask(channel.clone(), length))).await;
        }
        let per_answer = (WRITES.load(Ordering::Relaxed) - before) as f64 / 320.0;
        println!("answers of {length} bytes, {in_flight} in flight: {per_answer:.2} writes an answer");
        writes.push(per_answer);
    }
    let as_described = writes[0] < 1.2 && writes[1] > 1.8 && writes[2] > 0.9 && writes[2] < 1.2;
    std::process::exit(i32::from(!as_described));
}
RUST
cargo run --quiet --release --manifest-path "$place/Cargo.toml"
