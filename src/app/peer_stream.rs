//! A socket that keeps account of its peer: when it last sent something, what it took, and whether it takes no more. It is read as far as its
//! caller may send, and ends when the peer is cut.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_util::sync::WaitForCancellationFutureOwned;

use crate::grpc::layers::peer::{Peer, Reader};

/// Most bytes that are read at once where callers take turns.
const MOST_BYTES: usize = 4096;

/// A socket of a peer.
#[derive(Debug)]
pub(super) struct PeerStream {
    stream: TcpStream,
    peer: Arc<Peer>,
    reader: Reader,
    cut: Pin<Box<WaitForCancellationFutureOwned>>,
}

impl PeerStream {
    pub(super) fn new(stream: TcpStream, peer: Arc<Peer>) -> Self {
        if let Ok(address) = stream.peer_addr() {
            peer.set_address(address.ip());
        }
        Self {
            stream,
            reader: Reader::default(),
            cut: Box::pin(peer.cut().clone().cancelled_owned()),
            peer,
        }
    }

    /// Notes what the socket took, or that it takes no more.
    fn note_write(&self, written: &Poll<io::Result<usize>>) {
        match written {
            Poll::Ready(Ok(bytes)) => self.peer.wrote(*bytes),
            Poll::Ready(Err(_)) => {}
            Poll::Pending => self.peer.blocked(),
        }
    }

    /// The result of reading or writing, or an error when it is pending and the peer was cut. What a connection waits for may not come, so
    /// its waker is registered for this as well; while the peer is at work it costs nothing.
    fn unless_cut<T>(
        &mut self,
        cx: &mut Context<'_>,
        done: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if done.is_pending() && self.cut.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        done
    }
}

/// Reads so many bytes at most.
fn read_some(
    stream: Pin<&mut TcpStream>,
    cx: &mut Context<'_>,
    buffer: &mut ReadBuf<'_>,
    most: usize,
) -> Poll<io::Result<()>> {
    let mut bytes = [0; MOST_BYTES];
    let most = most.min(buffer.remaining()).min(MOST_BYTES);
    let mut some = ReadBuf::new(&mut bytes[..most]);
    let read = stream.poll_read(cx, &mut some);
    buffer.put_slice(some.filled());
    read
}

impl AsyncRead for PeerStream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        let Poll::Ready(most) = this.peer.poll_may_read(&mut this.reader, cx) else {
            return this.unless_cut(cx, Poll::Pending);
        };
        let stream = Pin::new(&mut this.stream);
        let read = if most >= buffer.remaining() {
            stream.poll_read(cx, buffer)
        } else {
            read_some(stream, cx, buffer, most)
        };
        let bytes = buffer.filled().len() - before;
        this.peer.note_bytes(&mut this.reader, bytes);
        this.unless_cut(cx, read)
    }
}

impl AsyncWrite for PeerStream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write(cx, bytes);
        this.note_write(&written);
        this.unless_cut(cx, written)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let flushed = Pin::new(&mut this.stream).poll_flush(cx);
        this.unless_cut(cx, flushed)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let shut = Pin::new(&mut this.stream).poll_shutdown(cx);
        this.unless_cut(cx, shut)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write_vectored(cx, slices);
        this.note_write(&written);
        this.unless_cut(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
