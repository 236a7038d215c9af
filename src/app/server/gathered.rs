//! Answers that go out together: what a connection writes in one turn of its task is one write to the socket.
//!
//! h2 hands each frame to the socket by itself, two writes for an answer of more than 256 bytes, and a system call costs more than the lookup
//! that it carries. So what is written is kept, and a flush only asks for a further turn of the task; by then everything else that was ready has
//! had its turn, and has added its answers. The socket gets them when that turn begins to read. Encryption, which is below, makes one record
//! of them.

use std::io;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Bytes that are kept at most, besides the frame that exceeds them; then the writer waits for the socket, as it would without this.
const MOST_BYTES: usize = 64 * 1024;

/// Room that a connection at rest keeps.
const KEPT_BYTES: usize = 16 * 1024;

/// A stream whose writes are gathered.
#[derive(Debug)]
pub(super) struct Gathered<S> {
    stream: S,
    pending: Vec<u8>,
    /// How much of it the stream has taken.
    taken: usize,
    /// Whether a flush is owed to the stream.
    is_flushing: bool,
}

impl<S> Gathered<S> {
    pub(super) fn new(stream: S) -> Self {
        Self {
            stream,
            pending: vec![],
            taken: 0,
            is_flushing: false,
        }
    }

    /// The stream.
    pub(super) fn get_ref(&self) -> &S {
        &self.stream
    }
}

impl<S: AsyncWrite + Unpin> Gathered<S> {
    /// Gives the stream what is kept.
    fn poll_pending(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.taken < self.pending.len() {
            let left = &self.pending[self.taken..];
            let taken = ready!(Pin::new(&mut self.stream).poll_write(cx, left))?;
            if taken == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.taken += taken;
        }
        self.taken = 0;
        self.pending.clear();
        if self.pending.capacity() > MOST_BYTES {
            self.pending.shrink_to(KEPT_BYTES);
        }
        Poll::Ready(Ok(()))
    }

    /// The same, and the flush that was asked for.
    fn poll_turn(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_pending(cx))?;
        if mem::take(&mut self.is_flushing) {
            let flushed = Pin::new(&mut self.stream).poll_flush(cx);
            self.is_flushing = flushed.is_pending();
            return flushed;
        }
        Poll::Ready(Ok(()))
    }

    /// Whether there is room for more.
    fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.pending.len() < MOST_BYTES {
            return Poll::Ready(Ok(()));
        }
        self.poll_pending(cx)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Gathered<S> {
    /// A turn of the connection begins here.
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        // What does not go out waits for the socket; that is no reason not to read.
        if let Poll::Ready(Err(error)) = this.poll_turn(cx) {
            return Poll::Ready(Err(error));
        }
        Pin::new(&mut this.stream).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Gathered<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        ready!(this.poll_room(cx))?;
        this.pending.extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.pending.is_empty() {
            return Pin::new(&mut this.stream).poll_flush(cx);
        }
        if !this.is_flushing {
            this.is_flushing = true;
            cx.waker().wake_by_ref();
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_pending(cx))?;
        Pin::new(&mut this.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        ready!(this.poll_room(cx))?;
        let before = this.pending.len();
        for slice in slices {
            this.pending.extend_from_slice(slice);
        }
        Poll::Ready(Ok(this.pending.len() - before))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests;
