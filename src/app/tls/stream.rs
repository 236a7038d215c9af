//! A socket of a peer, encrypted or not. The handshake happens where the connection is served, at the first read or write, and has a time.
//!
//! What the peer takes and sends is accounted for below the encryption, in bytes of the socket.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Sleep;
use tokio_rustls::Accept;
use tokio_rustls::rustls;
use tokio_rustls::server::TlsStream;

use super::names::read_names;
use super::rotation::{Protocol, Tls};
use crate::app::peer_stream::PeerStream;
use crate::grpc::layers::peer::Peer;
use crate::metrics::HandshakeFailure;

/// What makes the sockets of a listener encrypted ones.
#[derive(Debug, Clone)]
pub(in crate::app) struct ListenerTls {
    tls: Option<Arc<Tls>>,
    protocol: Protocol,
    limit: Duration,
}

impl ListenerTls {
    /// Handshakes have to end within `limit`. Without `tls` sockets stay plain.
    pub(in crate::app) fn new(tls: Option<Arc<Tls>>, protocol: Protocol, limit: Duration) -> Self {
        Self {
            tls,
            protocol,
            limit,
        }
    }

    /// The connection of a peer that was accepted just now.
    pub(in crate::app) fn secure(&self, stream: TcpStream, peer: Arc<Peer>) -> SecureStream {
        let client = stream.peer_addr().ok();
        let stream = PeerStream::new(stream, Arc::clone(&peer));
        let state = match &self.tls {
            None => State::Plain(stream),
            Some(tls) => State::Shaking(Box::new(Handshake {
                accept: tls.acceptor(self.protocol).accept(stream),
                time: Box::pin(tokio::time::sleep(self.limit)),
                tls: Arc::clone(tls),
                protocol: self.protocol,
                client,
            })),
        };
        SecureStream { state, peer }
    }
}

/// A socket of a peer.
#[derive(Debug)]
pub(in crate::app) struct SecureStream {
    state: State,
    peer: Arc<Peer>,
}

enum State {
    Plain(PeerStream),
    Shaking(Box<Handshake>),
    Encrypted(Box<TlsStream<PeerStream>>),
    /// The handshake failed.
    Failed,
}

struct Handshake {
    accept: Accept<PeerStream>,
    time: Pin<Box<Sleep>>,
    tls: Arc<Tls>,
    protocol: Protocol,
    /// Where the client is.
    client: Option<SocketAddr>,
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Plain(_) => "Plain",
            Self::Shaking(_) => "Shaking",
            Self::Encrypted(_) => "Encrypted",
            Self::Failed => "Failed",
        })
    }
}

impl Handshake {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<TlsStream<PeerStream>>> {
        let accepted = Pin::new(&mut self.accept).poll(cx);
        if accepted.is_pending() && self.time.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        accepted
    }

    fn note_failure(&self, error: &io::Error) {
        let failure = reason(error);
        let listener = self.protocol.listener();
        self.tls.metrics().failures(listener, failure).inc();
        // Probes of balancers connect and leave: that is no news.
        if failure == HandshakeFailure::Closed {
            tracing::debug!(error.cause = %error, "a TLS handshake was given up");
            return;
        }
        tracing::info!(
            tls.listener = listener.name(),
            tls.reason = failure.name(),
            client.address = self.client.map(tracing::field::display),
            error.cause = %error,
            "a TLS handshake failed"
        );
    }
}

/// Why a handshake failed, by what an operator would do about it.
fn reason(error: &io::Error) -> HandshakeFailure {
    use rustls::Error as Tls;
    let Some(cause) = error.get_ref().and_then(|it| it.downcast_ref::<Tls>()) else {
        return if error.kind() == io::ErrorKind::TimedOut {
            HandshakeFailure::Timeout
        } else {
            HandshakeFailure::Closed
        };
    };
    if matches!(cause, Tls::InvalidMessage(_)) {
        HandshakeFailure::NotTls
    } else if matches!(cause, Tls::NoCertificatesPresented) {
        HandshakeFailure::NoCertificate
    } else if matches!(cause, Tls::InvalidCertificate(_)) {
        HandshakeFailure::BadCertificate
    } else if matches!(cause, Tls::AlertReceived(_)) {
        HandshakeFailure::Rejected
    } else if matches!(cause, Tls::PeerIncompatible(_) | Tls::NoApplicationProtocol) {
        HandshakeFailure::Incompatible
    } else {
        HandshakeFailure::Other
    }
}

impl SecureStream {
    pub(in crate::app) fn peer(&self) -> &Arc<Peer> {
        &self.peer
    }

    /// The stream that bytes pass through, once there is one.
    fn poll_established(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Established<'_>>> {
        if let State::Shaking(handshake) = &mut self.state {
            match ready!(handshake.poll(cx)) {
                Ok(stream) => {
                    let (_, session) = stream.get_ref();
                    let chain = session.peer_certificates();
                    if let Some(own) = chain.and_then(|chain| chain.first()) {
                        self.peer.identify(read_names(own));
                    }
                    self.state = State::Encrypted(Box::new(stream));
                }
                Err(error) => {
                    handshake.note_failure(&error);
                    self.state = State::Failed;
                    return Poll::Ready(Err(error));
                }
            }
        }
        Poll::Ready(match &mut self.state {
            State::Plain(stream) => Ok(Established::Plain(Pin::new(stream))),
            State::Encrypted(stream) => Ok(Established::Encrypted(Pin::new(stream))),
            State::Shaking(_) | State::Failed => Err(io::ErrorKind::NotConnected.into()),
        })
    }
}

/// A stream after its handshake.
enum Established<'a> {
    Plain(Pin<&'a mut PeerStream>),
    Encrypted(Pin<&'a mut TlsStream<PeerStream>>),
}

impl AsyncRead for SecureStream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match ready!(self.get_mut().poll_established(cx))? {
            Established::Plain(stream) => stream.poll_read(cx, buffer),
            Established::Encrypted(stream) => stream.poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for SecureStream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match ready!(self.get_mut().poll_established(cx))? {
            Established::Plain(stream) => stream.poll_write(cx, bytes),
            Established::Encrypted(stream) => stream.poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match ready!(self.get_mut().poll_established(cx))? {
            Established::Plain(stream) => stream.poll_flush(cx),
            Established::Encrypted(stream) => stream.poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        match &mut this.state {
            State::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            State::Encrypted(stream) => Pin::new(stream).poll_shutdown(cx),
            // Nothing was said that would have to be ended; dropping it closes the socket.
            State::Shaking(_) | State::Failed => Poll::Ready(Ok(())),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match ready!(self.get_mut().poll_established(cx))? {
            Established::Plain(stream) => stream.poll_write_vectored(cx, slices),
            Established::Encrypted(stream) => stream.poll_write_vectored(cx, slices),
        }
    }

    /// Asked once, before the handshake.
    fn is_write_vectored(&self) -> bool {
        match &self.state {
            State::Plain(stream) => stream.is_write_vectored(),
            State::Shaking(_) | State::Encrypted(_) | State::Failed => true,
        }
    }
}
