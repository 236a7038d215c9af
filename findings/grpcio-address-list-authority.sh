#!/bin/sh
# A client that knows all servers of a service: gRPC core takes several addresses in one target, `ipv4:10.0.0.1:50051,10.0.0.2:50051`.
#
# Guess: calls go to one of the addresses, as with a name that resolves to them; `:authority` is that address, or the server does not care.
# Seen: `:authority` of every call is the whole list, comma included. A server of grpcio takes it; one of tonic (h2) resets each stream with
# PROTOCOL_ERROR before any handler sees it, and the call ends as INTERNAL "RST_STREAM with error code 1", which no retry policy retries.
# With one address, or with `grpc.default_authority`, the same call arrives.
#
# What follows: set `grpc.default_authority` wherever a target is a list.
#
# Version: grpcio 1.85.1 (PyPI), tonic 0.14.9 (crates.io). Exits 0 if the behaviour is as described.
set -eu
place=$(mktemp -d)
trap 'kill "$server" 2>/dev/null || true; rm -rf "$place"' EXIT
server=
mkdir "$place/src"
cat > "$place/Cargo.toml" <<'TOML'
[package]
name = "finding"
version = "0.0.0"
edition = "2021"

[dependencies]
tokio = { version = "=1.54.1", features = ["macros", "net", "rt"] }
tokio-stream = { version = "=0.1.19", features = ["net"] }
tonic = { version = "=0.14.9", default-features = false, features = ["router", "server", "transport"] }
TOML
cat > "$place/src/main.rs" <<'RUST'
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{service::Routes, transport::Server};

/// Answers every call: UNIMPLEMENTED.
#[tokio::main(flavor = "current_thread")]
async fn main() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    println!("{}", listener.local_addr().unwrap());
    let router = Server::builder().add_routes(Routes::default());
    let incoming = TcpListenerStream::new(listener);
    router.serve_with_incoming(incoming).await.unwrap();
}
RUST
cargo build --quiet --manifest-path "$place/Cargo.toml" --target-dir "$place/target"
"$place/target/debug/finding" > "$place/address" &
server=$!
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install --quiet --disable-pip-version-check grpcio==1.85.1
"$place/venv/bin/python" - "$place/address" <<'PYTHON'
import sys
from concurrent import futures

import grpc

UNIMPLEMENTED, INTERNAL = grpc.StatusCode.UNIMPLEMENTED, grpc.StatusCode.INTERNAL


def end(target, options=()):
    """How a call ends that no server implements: UNIMPLEMENTED means that it arrived."""
    with grpc.insecure_channel(target, options=options) as channel:
        call = channel.unary_unary("/none.None/None")
        try:
            call(b"", timeout=10, wait_for_ready=True)
        except grpc.RpcError as error:
            return error.code(), error.details()


own = grpc.server(futures.ThreadPoolExecutor(1))
own_address = f"127.0.0.1:{own.add_insecure_port('127.0.0.1:0')}"
own.start()
address = open(sys.argv[1]).read().strip()
authority = [("grpc.default_authority", "service")]
ends = {
    "tonic, one address": end(f"ipv4:{address}"),
    "tonic, a list": end(f"ipv4:{address},{address}"),
    "tonic, a list and an authority": end(f"ipv4:{address},{address}", authority),
    "grpcio, a list": end(f"ipv4:{own_address},{own_address}"),
}
print(f"grpcio {grpc.__version__}, tonic 0.14.9")
for case, (code, details) in ends.items():
    print(f"{case}: {code.name} {details!r}")
codes = [code for code, _ in ends.values()]
expected = codes == [UNIMPLEMENTED, INTERNAL, UNIMPLEMENTED, UNIMPLEMENTED]
sys.exit(0 if expected and "error code 1" in ends["tonic, a list"][1] else 1)
PYTHON
