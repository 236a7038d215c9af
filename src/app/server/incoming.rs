//! Accepts connections: nodelay on each, at most so many at once, a preface in time (above TLS, if there is any), and a way to cut one or all. Says what each socket
//! takes, and reads none while too many calls wait.
//!
//! tonic sets nodelay only on sockets it bound itself (40 ms a call without), and spins on an accept error such as "too many open files":
//! this stream never yields one.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_util::Stream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Sleep;
use tokio_util::sync::{CancellationToken, DropGuard};
use tonic::transport::server::Connected;

use super::gathered::Gathered;
use super::spread::Share;
use crate::app::server::Limits;
use crate::app::tls::{ListenerTls, SecureStream};
use crate::grpc::layers::peer::{Peer, Peers};
use crate::metrics::ConnectionMetrics;

/// Bytes of the HTTP/2 preface: until so many have come, nobody has said anything.
const PREFACE_BYTES: usize = 24;

/// Pause after an accept error: those that repeat (no file descriptors, no memory) need others to close first.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// The stream of sockets that were admitted. Dropping it closes the listener.
#[derive(Debug)]
pub(super) struct Incoming {
    listener: TcpListener,
    places: Arc<Semaphore>,
    metrics: ConnectionMetrics,
    pause: Option<Pin<Box<Sleep>>>,
}

/// A socket with its place among those that may be open.
#[derive(Debug)]
pub(super) struct Accepted {
    pub(super) stream: TcpStream,
    pub(super) place: OwnedSemaphorePermit,
    /// What it is of the core that serves it; `None` where cores are not told apart.
    pub(super) share: Option<Share>,
}

/// What makes connections of sockets.
#[derive(Debug, Clone)]
pub(super) struct Setup {
    tls: ListenerTls,
    handshake_timeout: Duration,
    metrics: ConnectionMetrics,
    peers: Peers,
    leave: CancellationToken,
    cut: CancellationToken,
}

impl Setup {
    /// Each connection is one of `peers`; the first token asks all that come from here to end, the second one ends them.
    pub(super) fn new(
        tls: ListenerTls,
        limits: &Limits,
        metrics: ConnectionMetrics,
        peers: Peers,
        (leave, cut): (CancellationToken, CancellationToken),
    ) -> Self {
        Self {
            tls,
            handshake_timeout: limits.handshake_timeout,
            metrics,
            peers,
            leave,
            cut,
        }
    }

    /// The same for connections that another one of the runtimes serves.
    pub(super) fn on_runtime(&self, runtime: usize) -> Self {
        Self {
            peers: self.peers.on_runtime(runtime),
            ..self.clone()
        }
    }

    /// The connection of a socket, served by the present runtime.
    pub(super) fn connect(&self, accepted: Accepted) -> Connection {
        self.metrics.accepted.inc();
        self.metrics.open.inc();
        let peer = self.peers.connect(&self.leave, &self.cut);
        Connection {
            stream: Gathered::new(self.tls.secure(accepted.stream, peer)),
            handshake: Some(Handshake {
                left: PREFACE_BYTES,
                timeout: Box::pin(tokio::time::sleep(self.handshake_timeout)),
            }),
            metrics: self.metrics.clone(),
            gone: CancellationToken::new().drop_guard(),
            _place: accepted.place,
            _share: accepted.share,
        }
    }
}

impl Incoming {
    pub(super) fn new(listener: TcpListener, limits: &Limits, metrics: ConnectionMetrics) -> Self {
        let most = usize::try_from(limits.max_connections).unwrap_or(usize::MAX);
        Self {
            listener,
            places: Arc::new(Semaphore::new(most.min(Semaphore::MAX_PERMITS))),
            metrics,
            pause: None,
        }
    }

    /// Admits a socket, or closes it (by dropping it) when there are too many: its client learns at once and tries elsewhere, where in
    /// the backlog it would wait until its deadline.
    fn admit(&self, stream: TcpStream) -> Option<Accepted> {
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else {
            self.metrics.refused.inc();
            tracing::warn!("connection refused: --max-connections are open");
            return None;
        };
        if let Err(error) = stream.set_nodelay(true) {
            // The peer is gone already; reading from it will say so.
            tracing::debug!(
                error = &error as &dyn std::error::Error,
                "nodelay was not set"
            );
        }
        Some(Accepted {
            stream,
            place,
            share: None,
        })
    }
}

impl Stream for Incoming {
    type Item = Accepted;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        loop {
            if let Some(pause) = &mut this.pause {
                ready!(pause.as_mut().poll(cx));
                this.pause = None;
            }
            match ready!(this.listener.poll_accept(cx)) {
                Ok((stream, _)) => {
                    if let Some(accepted) = this.admit(stream) {
                        return Poll::Ready(Some(accepted));
                    }
                }
                Err(error) => {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "a connection could not be accepted"
                    );
                    this.pause = Some(Box::pin(tokio::time::sleep(ACCEPT_PAUSE)));
                }
            }
        }
    }
}

/// What a peer still owes before its connection counts as one.
#[derive(Debug)]
struct Handshake {
    left: usize,
    timeout: Pin<Box<Sleep>>,
}

/// A connection that can be cut.
#[derive(Debug)]
pub(super) struct Connection {
    stream: Gathered<SecureStream>,
    handshake: Option<Handshake>,
    metrics: ConnectionMetrics,
    gone: DropGuard,
    _place: OwnedSemaphorePermit,
    _share: Option<Share>,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.metrics.open.dec();
    }
}

impl Connected for Connection {
    /// Layers find it in the extensions of each request.
    type ConnectInfo = Arc<Peer>;

    fn connect_info(&self) -> Self::ConnectInfo {
        Arc::clone(self.stream.get_ref().peer())
    }
}

impl Connection {
    /// Cancelled when it is over.
    pub(super) fn gone(&self) -> CancellationToken {
        self.gone.token().clone()
    }

    /// The result of reading or writing, or an error when it is pending and the time for the preface is over.
    fn unless_late<T>(
        &mut self,
        cx: &mut Context<'_>,
        done: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if done.is_pending()
            && let Some(handshake) = &mut self.handshake
            && handshake.timeout.as_mut().poll(cx).is_ready()
        {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        done
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        let read = Pin::new(&mut this.stream).poll_read(cx, buffer);
        if let Some(handshake) = &mut this.handshake {
            handshake.left = handshake
                .left
                .saturating_sub(buffer.filled().len() - before);
            if handshake.left == 0 {
                this.handshake = None;
            }
        }
        this.unless_late(cx, read)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write(cx, bytes);
        this.unless_late(cx, written)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let flushed = Pin::new(&mut this.stream).poll_flush(cx);
        this.unless_late(cx, flushed)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let shut = Pin::new(&mut this.stream).poll_shutdown(cx);
        this.unless_late(cx, shut)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write_vectored(cx, slices);
        this.unless_late(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
