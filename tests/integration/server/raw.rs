//! Peers that are not gRPC clients: bare sockets, frames written by hand, and calls with headers no client would send.

use std::net::SocketAddr;

use bytes::Bytes;
use http::{HeaderMap, Request};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

use super::{request, soon};

/// What an HTTP/2 client says first.
pub(crate) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// An empty SETTINGS frame.
const SETTINGS: [u8; 9] = [0, 0, 0, 4, 0, 0, 0, 0, 0];

/// Type of a SETTINGS frame.
pub(super) const SETTINGS_TYPE: u8 = 4;

/// Type of a GOAWAY frame.
pub(super) const GOAWAY_TYPE: u8 = 7;

/// Ends the stream (DATA, HEADERS).
const END_STREAM: u8 = 1;

/// Ends the headers.
const END_HEADERS: u8 = 4;

/// A setting with which answers wait until the peer asks for them: streams have no window.
pub(crate) const NO_WINDOW: &[u8] = &[0, 0, 6, 4, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0];

/// A frame of a stream.
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let [_, a, b, c] = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let head = [&[a, b, c, kind, flags][..], &stream.to_be_bytes()].concat();
    [&head, payload].concat()
}

/// The head of a call, its message to follow.
pub(crate) fn head(stream: u32, method: &str, headers: &[(&str, &str)]) -> Vec<u8> {
    let text = |text: &str| {
        let length = u8::try_from(text.len()).unwrap();
        assert!(length < 127, "longer lengths are written in another way");
        [&[length][..], text.as_bytes()].concat()
    };
    // Of the static table: POST, http, and the name `:path`.
    let mut block = [&[0x83, 0x86, 0x04][..], &text(&format!("/{method}"))].concat();
    let grpc = [("content-type", "application/grpc"), ("te", "trailers")];
    for (name, value) in grpc.iter().chain(headers) {
        block.extend([&[0][..], &text(name), &text(value)].concat());
    }
    frame(1, END_HEADERS, stream, &block)
}

/// A part of the message of a call.
pub(super) fn data(stream: u32, bytes: &[u8]) -> Vec<u8> {
    frame(0, 0, stream, bytes)
}

/// The last part of the message of a call.
pub(crate) fn last_data(stream: u32, bytes: &[u8]) -> Vec<u8> {
    frame(0, END_STREAM, stream, bytes)
}

/// The caller gives a call up.
pub(super) fn reset(stream: u32) -> Vec<u8> {
    const CANCEL: [u8; 4] = [0, 0, 0, 8];
    frame(3, 0, stream, &CANCEL)
}

/// A message with its prefix.
pub(crate) fn framed(message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).unwrap().to_be_bytes();
    [&[0][..], &length, message].concat()
}

/// Streams that a client may use, in their order.
pub(crate) fn streams(count: u32) -> impl Iterator<Item = u32> {
    (0..count).map(|at| 2 * at + 1)
}

/// A frame as it came.
pub(super) struct Frame {
    pub(super) kind: u8,
    pub(super) flags: u8,
    pub(super) stream: u32,
    pub(super) payload: Vec<u8>,
}

/// A bare socket.
pub(crate) struct Peer(pub(crate) TcpStream);

impl Peer {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        // Little room, so that a peer that does not read is soon felt by the server.
        socket.set_recv_buffer_size(4096).unwrap();
        Self(soon(socket.connect(address)).await.unwrap())
    }

    /// A peer that has shaken hands and then says nothing more, whatever it is asked.
    pub(super) async fn idle(address: SocketAddr) -> Self {
        let mut peer = Self::connect(address).await;
        peer.send(PREFACE).await;
        peer.send(&SETTINGS).await;
        // The acknowledgement of our SETTINGS: from here the server counts it as a peer.
        while let Some(frame) = peer.frame().await {
            if frame.kind == SETTINGS_TYPE && frame.flags == 1 {
                return peer;
            }
        }
        panic!("the server closed the connection");
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        soon(self.0.write_all(bytes)).await.unwrap();
    }

    /// The next frame, or `None` when the server has closed the connection.
    pub(super) async fn frame(&mut self) -> Option<Frame> {
        let mut head = [0; 9];
        soon(self.0.read_exact(&mut head)).await.ok()?;
        let [a, b, c, kind, flags, stream @ ..] = head;
        let mut payload = vec![0; u32::from_be_bytes([0, a, b, c]) as usize];
        soon(self.0.read_exact(&mut payload)).await.ok()?;
        Some(Frame {
            kind,
            flags,
            stream: u32::from_be_bytes(stream),
            payload,
        })
    }

    /// Reads until the server closes the connection, in whatever way.
    pub(crate) async fn until_closed(&mut self) {
        let mut buffer = [0; 1024];
        while let Ok(1..) = soon(self.0.read(&mut buffer)).await {}
    }
}

/// Calls Classify with these headers and no timer on this side; returns the headers, or trailers, that carry the status.
pub(super) async fn classify(
    address: SocketAddr,
    command: &str,
    headers: &[(&'static str, &str)],
) -> HeaderMap {
    let method = "patron.v1.ScoringService/Classify";
    call(address, method, &request(command), headers).await
}

/// Calls a method on a connection of its own, with these headers and no timer on this side; returns the headers, or trailers, that carry
/// the status.
pub(crate) async fn call(
    address: SocketAddr,
    method: &str,
    message: &impl prost::Message,
    headers: &[(&'static str, &str)],
) -> HeaderMap {
    exchange(address, method, message, headers).await.0
}

/// As [`call`]; returns the bytes of the answer's message as well, empty when there is none.
pub(crate) async fn exchange(
    address: SocketAddr,
    method: &str,
    message: &impl prost::Message,
    headers: &[(&'static str, &str)],
) -> (HeaderMap, Vec<u8>) {
    exchange_bytes(address, method, &framed(&message.encode_to_vec()), headers).await
}

/// As [`exchange`], with whatever bytes as the body of the request.
pub(crate) async fn exchange_bytes(
    address: SocketAddr,
    method: &str,
    body_bytes: &[u8],
    headers: &[(&'static str, &str)],
) -> (HeaderMap, Vec<u8>) {
    /// What stands before a message: whether it is compressed, and its length.
    const PREFIX: usize = 5;
    let socket = soon(TcpStream::connect(address)).await.unwrap();
    let (mut client, connection) = soon(h2::client::handshake(socket)).await.unwrap();
    let connection = tokio::spawn(connection);
    let mut call = Request::post(format!("http://{address}/{method}"))
        .header("content-type", "application/grpc")
        .header("te", "trailers");
    for (name, value) in headers {
        call = call.header(*name, *value);
    }
    let (answer, mut body) = client.send_request(call.body(()).unwrap(), false).unwrap();
    body.send_data(Bytes::copy_from_slice(body_bytes), true)
        .unwrap();
    let answer = soon(answer).await.unwrap();
    assert_eq!(answer.status(), 200);
    let (parts, mut body) = answer.into_parts();
    // Trailers alone. Where an empty DATA frame ends them instead, the gRPC core loses the status.
    let is_over = body.is_end_stream();
    assert_eq!(
        parts.headers.contains_key("grpc-status"),
        is_over,
        "{method}"
    );
    let mut framed = vec![];
    while let Some(data) = soon(body.data()).await {
        let data = data.unwrap();
        body.flow_control().release_capacity(data.len()).unwrap();
        framed.extend_from_slice(&data);
    }
    let trailers = soon(body.trailers()).await.unwrap();
    connection.abort();
    let mut all = parts.headers;
    all.extend(trailers.unwrap_or_default());
    (all, framed.split_off(framed.len().min(PREFIX)))
}
