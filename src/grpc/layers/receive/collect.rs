//! Collects the one message of a request as it comes, and checks that it is one.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use http_body::{Body as _, Frame, SizeHint};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tonic::Status;
use tonic::body::Body;

/// Bytes before a message: whether it is compressed, and its length.
pub(super) const PREFIX_BYTES: usize = 5;

/// The body of a request whose message is there, or a stream of messages.
#[derive(Debug)]
pub enum Message {
    /// One message with its prefix; `None` once it was taken.
    Whole(Option<Bytes>),
    /// What the peer sends, as it comes.
    Stream(Stream),
}

/// A stream of messages, which ends when the drain begins: whoever reads it would wait for more.
#[derive(Debug)]
pub struct Stream {
    body: Body,
    draining: Pin<Box<WaitForCancellationFutureOwned>>,
}

impl Stream {
    pub(super) fn new(body: Body, draining: CancellationToken) -> Self {
        Self {
            body,
            draining: Box::pin(draining.cancelled_owned()),
        }
    }
}

impl Message {
    /// The bytes of the message, without its prefix; `None` for a stream.
    #[must_use]
    pub fn bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Whole(framed) => framed.as_ref()?.get(PREFIX_BYTES..),
            Self::Stream(_) => None,
        }
    }
}

impl http_body::Body for Message {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        match self.get_mut() {
            Self::Whole(framed) => Poll::Ready(framed.take().map(|it| Ok(Frame::data(it)))),
            Self::Stream(stream) => match Pin::new(&mut stream.body).poll_frame(cx) {
                Poll::Ready(frame) => Poll::Ready(frame),
                Poll::Pending => stream.draining.as_mut().poll(cx).map(|()| None),
            },
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(framed) => framed.is_none(),
            Self::Stream(stream) => stream.body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(framed) => {
                SizeHint::with_exact(framed.as_ref().map_or(0, Bytes::len) as u64)
            }
            Self::Stream(stream) => stream.body.size_hint(),
        }
    }
}

/// Why there is no message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Broken {
    /// It is larger, or says it will be.
    TooLarge,
    /// It is none.
    Malformed(&'static str),
    /// The caller gave the call up.
    Abandoned,
}

/// A message that is under way.
#[derive(Debug)]
pub(super) struct Collect {
    body: Body,
    max_bytes: usize,
    first: Bytes,
    /// Everything, once there is more than one piece. Grows with what came, never with what was announced.
    all: BytesMut,
}

impl Collect {
    pub(super) fn new(body: Body, max_bytes: usize) -> Self {
        Self {
            body,
            max_bytes,
            first: Bytes::new(),
            all: BytesMut::new(),
        }
    }

    pub(super) fn max_bytes(&self) -> usize {
        self.max_bytes
    }

    /// Bytes that came so far.
    fn received_bytes(&self) -> usize {
        self.received().len()
    }

    /// Bytes that are held for what came: more than came, as buffers grow by doubling.
    pub(super) fn held_bytes(&self) -> usize {
        self.first.len().max(self.all.capacity())
    }

    fn received(&self) -> &[u8] {
        if self.all.is_empty() {
            &self.first
        } else {
            &self.all
        }
    }

    /// Ready with the message once it is complete, or as soon as it cannot become one.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<Message, Broken>> {
        loop {
            // Asked first: it spares most calls a second look at the body.
            if !self.received().is_empty() && self.body.is_end_stream() {
                return Poll::Ready(self.finish());
            }
            let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) else {
                // A piece may be a small part of a large buffer of the transport, which must not be held for it.
                let first = std::mem::take(&mut self.first);
                self.all.extend_from_slice(&first);
                return Poll::Pending;
            };
            let frame = match frame {
                Some(Ok(frame)) => frame,
                // A body ends without its end when the peer resets the stream or goes away.
                Some(Err(_)) => return Poll::Ready(Err(Broken::Abandoned)),
                None if !self.body.is_end_stream() => {
                    return Poll::Ready(Err(Broken::Abandoned));
                }
                None => return Poll::Ready(self.finish()),
            };
            if let Ok(data) = frame.into_data() {
                self.add(data);
                if let Err(broken) = self.check() {
                    return Poll::Ready(Err(broken));
                }
            }
        }
    }

    fn add(&mut self, data: Bytes) {
        if self.first.is_empty() && self.all.is_empty() {
            self.first = data;
            return;
        }
        if self.all.is_empty() {
            self.all.extend_from_slice(&std::mem::take(&mut self.first));
        }
        self.all.extend_from_slice(&data);
    }

    /// Whether what came can become a message. Returns how many bytes it will have with its prefix, once that is known.
    fn check(&self) -> Result<Option<usize>, Broken> {
        let received = self.received();
        let Some((&[compressed, a, b, c, d], _)) = received.split_first_chunk() else {
            return Ok(None);
        };
        if compressed != 0 {
            return Err(Broken::Malformed(
                "the message is marked as compressed, but grpc-encoding is missing",
            ));
        }
        let length = u32::from_be_bytes([a, b, c, d]) as usize;
        if length > self.max_bytes {
            return Err(Broken::TooLarge);
        }
        if received.len() > PREFIX_BYTES + length {
            return Err(Broken::Malformed("more than one message"));
        }
        Ok(Some(PREFIX_BYTES + length))
    }

    fn finish(&mut self) -> Result<Message, Broken> {
        match self.check()? {
            Some(bytes) if bytes == self.received_bytes() => {}
            Some(_) => {
                return Err(Broken::Malformed(
                    "the message is shorter than its length prefix",
                ));
            }
            None => return Err(Broken::Malformed("the message is missing")),
        }
        let framed = if self.all.is_empty() {
            std::mem::take(&mut self.first)
        } else {
            std::mem::take(&mut self.all).freeze()
        };
        Ok(Message::Whole(Some(framed)))
    }
}
