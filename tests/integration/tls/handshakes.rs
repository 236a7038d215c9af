//! The handshake: who gets in, who is closed and counted, and in what time.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use patron::app::server::Limits;
use patron::metrics::{HandshakeFailure, TlsListener};
use patron::pb::scoring_service_client::ScoringServiceClient;
use prost::Message as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{ClientConfig, ProtocolVersion, SupportedProtocolVersion};
use tonic::Code;
use tonic::transport::Endpoint;

use super::authority::Authority;
use super::clients::connect;
use super::{ServerFiles, open, trusting};
use crate::server::raw::{NO_WINDOW, PREFACE, Peer, framed, head, last_data, streams};
use crate::server::{Running, request, soon};
use crate::support::until;

/// What a client of TLS 1.1 begins with, in a record: version 3.2, one cipher, no extensions.
const TLS_1_1: [u8; 50] = {
    let mut hello = [0; 50];
    let head = [22, 3, 1, 0, 45, 1, 0, 0, 41, 3, 2];
    let mut at = 0;
    while at < head.len() {
        hello[at] = head[at];
        at += 1;
    }
    // After 32 random bytes: no session, one cipher (ECDHE-RSA-AES128-SHA), no compression.
    (hello[45], hello[46], hello[47], hello[48]) = (2, 0xc0, 0x13, 1);
    hello
};

/// Type of a record with an alert.
const ALERT: u8 = 21;

/// Level of an alert that ends the connection.
const FATAL: u8 = 2;

async fn start(files: &ServerFiles, limits: Limits) -> Running {
    Running::start_with(limits, |shared| {
        shared.tls = Some(open(files.files(), &shared.metrics.tls));
    })
    .await
}

fn failures(server: &Running, reason: HandshakeFailure) -> u64 {
    let metrics = &server.shared.metrics.tls;
    metrics.failures(TlsListener::Grpc, reason).get()
}

async fn until_counted(server: &Running, reason: HandshakeFailure, count: u64) {
    until("the failure is counted", async || {
        failures(server, reason) == count
    })
    .await;
}

/// Limits with little time for handshakes.
fn hurried() -> Limits {
    Limits {
        handshake_timeout: Duration::from_millis(50),
        ..Limits::default()
    }
}

/// A connection that offers these protocols.
pub(super) async fn shake(
    authority: &Authority,
    address: SocketAddr,
    protocols: &[&str],
    versions: &[&'static SupportedProtocolVersion],
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(versions)
        .unwrap()
        .with_root_certificates(authority.roots())
        .with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|it| it.as_bytes().to_vec()).collect();
    let stream = soon(TcpStream::connect(address)).await?;
    let name = ServerName::try_from("localhost").unwrap();
    soon(TlsConnector::from(Arc::new(config)).connect(name, stream)).await
}

const BOTH: [&SupportedProtocolVersion; 2] = [&TLS12, &TLS13];

#[tokio::test]
async fn a_client_that_trusts_the_authority_is_answered() {
    let files = ServerFiles::new();
    let server = start(&files, Limits::default()).await;
    let mut client = connect(&server, files.trusting()).await.unwrap();
    for _ in 0..3 {
        client.classify(request("anna")).await.unwrap();
    }
}

#[tokio::test]
async fn a_client_that_trusts_another_authority_goes_away() {
    let files = ServerFiles::new();
    let server = start(&files, Limits::default()).await;
    let other = trusting(&Authority::new("another authority"));
    let refused = connect(&server, other).await.unwrap_err();
    assert!(
        format!("{refused:?}").contains("UnknownIssuer"),
        "{refused:?}"
    );
    until_counted(&server, HandshakeFailure::Rejected, 1).await;
}

#[tokio::test]
async fn plain_text_is_closed_and_counted() {
    let files = ServerFiles::new();
    let server = start(&files, Limits::default()).await;
    let plain = Endpoint::from_shared(format!("http://{}", server.address)).unwrap();
    let mut client = ScoringServiceClient::new(plain.connect_lazy());
    let refused = soon(client.classify(request("anna"))).await.unwrap_err();
    assert!(
        [Code::Unavailable, Code::Unknown].contains(&refused.code()),
        "{refused:?}"
    );
    until("the failure is counted", async || {
        failures(&server, HandshakeFailure::NotTls) > 0
    })
    .await;
    let before = failures(&server, HandshakeFailure::NotTls);
    let mut peer = Peer::connect(server.address).await;
    peer.send(b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n")
        .await;
    peer.until_closed().await;
    until_counted(&server, HandshakeFailure::NotTls, before + 1).await;
}

#[tokio::test]
async fn a_silent_client_is_closed_in_time() {
    let files = ServerFiles::new();
    let server = start(&files, hurried()).await;
    let mut peer = Peer::connect(server.address).await;
    peer.until_closed().await;
    until_counted(&server, HandshakeFailure::Timeout, 1).await;
    // The beginning of a record, and nothing more.
    let mut peer = Peer::connect(server.address).await;
    peer.send(&TLS_1_1[..20]).await;
    peer.until_closed().await;
    until_counted(&server, HandshakeFailure::Timeout, 2).await;
}

#[tokio::test]
async fn a_probe_that_connects_and_leaves_is_counted_as_such() {
    let files = ServerFiles::new();
    let server = start(&files, Limits::default()).await;
    drop(Peer::connect(server.address).await);
    until_counted(&server, HandshakeFailure::Closed, 1).await;
}

#[tokio::test]
async fn handshakes_count_as_connections() {
    let files = ServerFiles::new();
    let server = start(
        &files,
        Limits {
            max_connections: 1,
            ..Limits::default()
        },
    )
    .await;
    let silent = Peer::connect(server.address).await;
    let connections = &server.shared.metrics.connections;
    until("it is accepted", async || connections.accepted.get() == 1).await;
    Peer::connect(server.address).await.until_closed().await;
    assert_eq!(connections.refused.get(), 1);
    drop(silent);
    until("its place is free", async || {
        let client = connect(&server, files.trusting()).await;
        match client {
            Ok(mut client) => client.classify(request("anna")).await.is_ok(),
            Err(_) => false,
        }
    })
    .await;
}

#[tokio::test]
async fn hundreds_of_silent_clients_keep_nobody_out() {
    let files = ServerFiles::new();
    let server = start(&files, Limits::default()).await;
    let mut silent = vec![];
    for _ in 0..500 {
        silent.push(Peer::connect(server.address).await);
    }
    let mut client = connect(&server, files.trusting()).await.unwrap();
    client.classify(request("anna")).await.unwrap();
    let open = server.shared.metrics.connections.open.get();
    assert!(open > 1, "{open}");
}

#[tokio::test]
async fn who_says_nothing_above_tls_is_closed_as_well() {
    let files = ServerFiles::new();
    let server = start(&files, hurried()).await;
    for hello in [&b""[..], &PREFACE[..10]] {
        let shaken = shake(&files.authority, server.address, &["h2"], &BOTH).await;
        let mut peer = shaken.unwrap();
        peer.write_all(hello).await.unwrap();
        let mut said = vec![];
        // However it ends.
        let _ = soon(peer.read_to_end(&mut said)).await;
    }
    assert_eq!(failures(&server, HandshakeFailure::Timeout), 0);
    let open = &server.shared.metrics.connections.open;
    until("both are closed", async || open.get() == 0).await;
    // One that did say hello stays, however long it is silent after that.
    let mut client = connect(&server, files.trusting()).await.unwrap();
    client.classify(request("anna")).await.unwrap();
}

#[tokio::test]
async fn the_protocol_is_negotiated() {
    let files = ServerFiles::new();
    let server = start(&files, Limits::default()).await;
    let shaken = |protocols: &'static [&'static str]| {
        shake(&files.authority, server.address, protocols, &BOTH)
    };
    let stream = shaken(&["http/1.1", "h2"]).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    // A client that negotiates nothing is taken at its word.
    let stream = shaken(&[]).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), None);
    let refused = shaken(&["http/1.1"]).await.unwrap_err();
    assert!(
        refused.to_string().contains("NoApplicationProtocol"),
        "{refused}"
    );
    until_counted(&server, HandshakeFailure::Incompatible, 1).await;
}

#[tokio::test]
async fn tls_1_2_and_1_3_are_spoken_and_nothing_older() {
    let files = ServerFiles::new();
    let server = start(&files, Limits::default()).await;
    for (version, name) in [
        (&TLS12, ProtocolVersion::TLSv1_2),
        (&TLS13, ProtocolVersion::TLSv1_3),
    ] {
        let stream = shake(&files.authority, server.address, &["h2"], &[version]).await;
        assert_eq!(stream.unwrap().get_ref().1.protocol_version(), Some(name));
    }
    let mut peer = Peer::connect(server.address).await;
    peer.send(&TLS_1_1).await;
    let mut alert = vec![];
    soon(peer.0.read_to_end(&mut alert)).await.unwrap();
    assert!(matches!(alert[..], [ALERT, .., FATAL, _]), "{alert:?}");
    until_counted(&server, HandshakeFailure::Incompatible, 1).await;
}

#[tokio::test]
async fn large_answers_pass() {
    let files = ServerFiles::new();
    let server = start(&files, Limits::default()).await;
    let mut client = connect(&server, files.trusting()).await.unwrap();
    let long = "x".repeat(60_000);
    for _ in 0..20 {
        let answer = client.classify(request(&long)).await.unwrap().into_inner();
        assert_eq!(answer.classification.unwrap().customer_id, long);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_leaves_answers_unread_is_cut_below_tls() {
    const STREAMS: u32 = 256;
    let files = ServerFiles::new();
    let limits = Limits {
        stall_limit: Duration::from_millis(200),
        ..Limits::default()
    };
    let server = start(&files, limits).await;
    let shaken = shake(&files.authority, server.address, &["h2"], &BOTH).await;
    let mut peer = shaken.unwrap();
    let message = framed(&request("ada").encode_to_vec());
    let calls: Vec<_> = streams(STREAMS)
        .map(|at| {
            let head = head(at, "patron.v1.ScoringService/Classify", &[]);
            [head, last_data(at, &message)].concat()
        })
        .collect();
    let calls = [PREFACE, NO_WINDOW, &calls.concat()].concat();
    peer.write_all(&calls).await.unwrap();
    let metrics = &server.shared.metrics;
    until("it is cut", async || metrics.peers.cut.get() == 1).await;
    until("it is gone", async || metrics.connections.open.get() == 0).await;
    until("nothing is held", async || {
        metrics.peers.answer_bytes.get() == 0
    })
    .await;
}
