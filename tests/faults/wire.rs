//! Calls over bare HTTP/2, so that the generator costs less than what it measures: a message is encoded once, an answer is counted and
//! thrown away.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use anyhow::Context as _;
use bytes::{BufMut as _, Bytes, BytesMut};
use h2::client::{ResponseFuture, SendRequest};
use http::{HeaderMap, Request};
use tokio::net::{TcpSocket, TcpStream};

pub(crate) const CLASSIFY: &str = "/patron.v1.ScoringService/Classify";
pub(crate) const SCORE: &str = "/patron.v1.ScoringService/ScoreLifetimeValue";
pub(crate) const BATCH_CLASSIFY: &str = "/patron.v1.ScoringService/BatchClassify";
pub(crate) const BATCH_SCORE: &str = "/patron.v1.ScoringService/BatchScoreLifetimeValue";
pub(crate) const INGEST: &str = "/patron.v1.IngestService/IngestTransactions";
pub(crate) const HEALTH: &str = "/grpc.health.v1.Health/Check";

/// Window of a stream: room for an answer to a batch.
const STREAM_WINDOW: u32 = 8 * 1024 * 1024;
/// Window of a connection.
const CONNECTION_WINDOW: u32 = 64 * 1024 * 1024;

/// A connection, on a task of its own.
#[derive(Clone)]
pub(crate) struct Caller {
    pub(crate) sender: SendRequest<Bytes>,
    authority: String,
}

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    /// With an answer of so many bytes.
    Answered(usize),
    /// With this gRPC status.
    Status(i32),
    /// The stream or the connection broke.
    Broken,
}

/// A message as it is sent: one byte for no compression, four for the length.
pub(crate) fn framed(message: &impl prost::Message) -> Bytes {
    let length = message.encoded_len();
    let mut bytes = BytesMut::with_capacity(5 + length);
    bytes.put_u8(0);
    bytes.put_u32(u32::try_from(length).unwrap_or(u32::MAX));
    message.encode(&mut bytes).expect("the buffer grows");
    bytes.freeze()
}

impl Caller {
    /// Connects to `host:port`.
    pub(crate) async fn connect(address: &str) -> anyhow::Result<Self> {
        Self::with_windows(address, STREAM_WINDOW, CONNECTION_WINDOW).await
    }

    /// Connects as a peer that lets a stream have so many bytes before it reads.
    pub(crate) async fn with_windows(
        address: &str,
        stream: u32,
        connection: u32,
    ) -> anyhow::Result<Self> {
        let socket = TcpStream::connect(address).await.context("connect")?;
        Self::over(socket, address, (stream, connection)).await
    }

    /// Connects from another address of this machine, as another caller.
    pub(crate) async fn from(source: IpAddr, address: &str) -> anyhow::Result<Self> {
        let socket = TcpSocket::new_v4()?;
        socket.bind(SocketAddr::new(source, 0))?;
        let socket = socket.connect(address.parse()?).await.context("connect")?;
        Self::over(socket, address, (STREAM_WINDOW, CONNECTION_WINDOW)).await
    }

    async fn over(
        socket: TcpStream,
        address: &str,
        (stream, connection): (u32, u32),
    ) -> anyhow::Result<Self> {
        socket.set_nodelay(true)?;
        let mut builder = h2::client::Builder::new();
        builder
            .initial_window_size(stream)
            .initial_connection_window_size(connection);
        let (sender, connection) = builder.handshake::<_, Bytes>(socket).await?;
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                eprintln!("note: a connection ended: {error}");
            }
        });
        Ok(Self {
            sender,
            authority: address.to_owned(),
        })
    }

    /// Whether another stream may be opened now.
    pub(crate) async fn is_ready(&mut self) -> Result<bool, h2::Error> {
        std::future::poll_fn(|cx| match self.sender.poll_ready(cx) {
            std::task::Poll::Ready(ready) => std::task::Poll::Ready(ready.map(|()| true)),
            std::task::Poll::Pending => std::task::Poll::Ready(Ok(false)),
        })
        .await
    }

    /// Sends the head of a call and nothing else.
    pub(crate) fn head(
        &mut self,
        path: &'static str,
        timeout: Duration,
    ) -> Result<(ResponseFuture, h2::SendStream<Bytes>), h2::Error> {
        let request = Request::post(format!("http://{}{path}", self.authority))
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .header(
                "grpc-timeout",
                format!("{}u", timeout.as_micros().min(99_999_999)),
            )
            .body(())
            .expect("a sound request");
        self.sender.send_request(request, false)
    }

    /// Sends a call; [`ended`] waits for its end.
    pub(crate) fn send(
        &mut self,
        path: &'static str,
        message: Bytes,
        timeout: Duration,
    ) -> Result<ResponseFuture, h2::Error> {
        let (answer, mut body) = self.head(path, timeout)?;
        body.send_data(message, true)?;
        Ok(answer)
    }

    /// A whole call.
    pub(crate) async fn call(
        &mut self,
        path: &'static str,
        message: Bytes,
        timeout: Duration,
    ) -> Ended {
        let ready = self.sender.clone().ready().await;
        let Ok(sender) = ready else {
            return Ended::Broken;
        };
        self.sender = sender;
        match self.send(path, message, timeout) {
            Ok(answer) => ended(answer).await,
            Err(_) => Ended::Broken,
        }
    }
}

/// Waits for the end of a call.
pub(crate) async fn ended(answer: ResponseFuture) -> Ended {
    read(answer).await.unwrap_or(Ended::Broken)
}

async fn read(answer: ResponseFuture) -> Result<Ended, h2::Error> {
    let answer = answer.await?;
    if let Some(status) = status(answer.headers()) {
        return Ok(Ended::Status(status));
    }
    let mut body = answer.into_body();
    let mut bytes = 0;
    while let Some(chunk) = body.data().await {
        let chunk = chunk?;
        bytes += chunk.len();
        body.flow_control().release_capacity(chunk.len())?;
    }
    let trailers = body.trailers().await?;
    Ok(match trailers.as_ref().and_then(status) {
        Some(0) => Ended::Answered(bytes),
        Some(status) => Ended::Status(status),
        None => Ended::Broken,
    })
}

fn status(headers: &HeaderMap) -> Option<i32> {
    headers.get("grpc-status")?.to_str().ok()?.parse().ok()
}
