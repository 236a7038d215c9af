//! Collects the one message of a request as it comes, and checks that it is one.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{BufMut as _, Bytes, BytesMut};
use http_body::{Body as _, Frame, SizeHint};
use tonic::Status;
use tonic::body::Body;

use super::stream::Stream;
use crate::grpc::layers::compression::CompressedMessage;

/// Bytes before a message: whether it is compressed, and its length.
pub const PREFIX_BYTES: usize = 5;

/// The body of a request whose message is there, or a stream of messages.
#[derive(Debug)]
pub enum Message {
    /// One message with its prefix; `None` once it was taken.
    Whole(Option<Bytes>),
    /// One message as JSON, which is read in a lane: by [`transcode`](crate::grpc::layers::transcode).
    Json(Bytes),
    /// One compressed message, which is inflated in a lane: by [`compression`](crate::grpc::layers::compression).
    Compressed(CompressedMessage),
    /// A stream of messages.
    Stream(Box<Stream>),
}

impl Message {
    /// The bytes of the message, without its prefix; `None` for a stream.
    #[must_use]
    pub fn bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Whole(framed) => framed.as_ref()?.get(PREFIX_BYTES..),
            Self::Json(_) | Self::Compressed(_) | Self::Stream(_) => None,
        }
    }

    /// A message of these bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self::Whole(Some(frame(bytes)))
    }
}

/// A message with its prefix.
#[must_use]
pub fn frame(message: &[u8]) -> Bytes {
    let mut framed = BytesMut::with_capacity(PREFIX_BYTES + message.len());
    framed.put_u8(0);
    // Messages are far below 4 GiB; the fallback is never taken.
    framed.put_u32(u32::try_from(message.len()).unwrap_or(u32::MAX));
    framed.put_slice(message);
    framed.freeze()
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
            // Never polled: it is read before it is passed on.
            Self::Json(_) | Self::Compressed(_) => Poll::Ready(None),
            Self::Stream(stream) => {
                let message = stream.poll_message(cx);
                message.map(|message| message.map(|it| it.map(Frame::data)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(framed) => framed.is_none(),
            Self::Json(_) | Self::Compressed(_) => true,
            Self::Stream(stream) => stream.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(framed) => {
                SizeHint::with_exact(framed.as_ref().map_or(0, Bytes::len) as u64)
            }
            Self::Json(_) | Self::Compressed(_) => SizeHint::with_exact(0),
            Self::Stream(_) => SizeHint::default(),
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

/// How a body holds its message, and how its end is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    /// With a prefix, over HTTP/2: a body that was reset ends as one that is complete, but does not know that it is at its end.
    Prefixed,
    /// With a prefix, over HTTP/1: a body that breaks off is an error.
    PrefixedHttp1,
    /// The body is the message, over HTTP/1.
    Bare,
}

/// A message that is under way.
#[derive(Debug)]
pub(super) struct Collect {
    body: Body,
    framing: Framing,
    max_bytes: usize,
    /// Whether the message may be compressed: its encoding is known.
    may_be_compressed: bool,
    first: Bytes,
    /// Everything, once there is more than one piece. Grows with what came, never with what was announced.
    all: BytesMut,
}

impl Collect {
    pub(super) fn new(body: Body, framing: Framing, max_bytes: usize) -> Self {
        Self {
            body,
            framing,
            max_bytes,
            may_be_compressed: false,
            first: Bytes::new(),
            all: BytesMut::new(),
        }
    }

    pub(super) fn max_bytes(&self) -> usize {
        self.max_bytes
    }

    pub(super) fn allow_compressed(&mut self, allowed: bool) {
        self.may_be_compressed = allowed;
    }

    /// The compressed bytes of a complete body; `None` if its message is not compressed.
    pub(super) fn compressed_part(&self, body: &Bytes) -> Option<Bytes> {
        match self.framing {
            Framing::Bare => Some(body.clone()),
            Framing::Prefixed | Framing::PrefixedHttp1 => {
                (body.first() == Some(&1)).then(|| body.slice(PREFIX_BYTES..))
            }
        }
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

    /// Ready with the body once it is complete, or as soon as it cannot become one message.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<Bytes, Broken>> {
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
                None if self.framing == Framing::Prefixed && !self.body.is_end_stream() => {
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
        if self.framing == Framing::Bare {
            return if received.len() > self.max_bytes {
                Err(Broken::TooLarge)
            } else {
                Ok(Some(received.len()))
            };
        }
        let Some((&[compressed, a, b, c, d], _)) = received.split_first_chunk() else {
            return Ok(None);
        };
        match compressed {
            0 => {}
            1 if self.may_be_compressed => {}
            1 => {
                return Err(Broken::Malformed(
                    "the message is marked as compressed, but grpc-encoding is missing",
                ));
            }
            _ => {
                return Err(Broken::Malformed(
                    "the first byte of the message is neither 0 nor 1",
                ));
            }
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

    fn finish(&mut self) -> Result<Bytes, Broken> {
        match self.check()? {
            Some(bytes) if bytes == self.received_bytes() => {}
            Some(_) => {
                return Err(Broken::Malformed(
                    "the message is shorter than its length prefix",
                ));
            }
            None => return Err(Broken::Malformed("the message is missing")),
        }
        Ok(if self.all.is_empty() {
            std::mem::take(&mut self.first)
        } else {
            std::mem::take(&mut self.all).freeze()
        })
    }
}
