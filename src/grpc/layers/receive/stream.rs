//! A stream of request messages, each passed on once it is whole.
//!
//! A message of a stream is bounded, charged to its connection and inflated like that of any other call. The reader decides when the next one
//! is taken, and says when it is done with one: what it has not read waits in the windows of HTTP/2, and the peer with it.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body::Body as _;
use tokio::time::Sleep;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tonic::Status;
use tonic::body::Body;

use super::collect::PREFIX_BYTES;
use super::{JoinedLimits, no_room};
use crate::grpc::layers::compression::{CompressedMessage, Encoding};
use crate::grpc::layers::peer::{Exceeded, Peer, RequestCharge};
use crate::grpc::status::transport;

/// What the handler of a stream knows of it beside its messages; in the extensions of its request.
#[derive(Debug, Clone)]
pub struct StreamControl {
    held: Arc<Mutex<Held>>,
    draining: CancellationToken,
}

impl StreamControl {
    fn new(draining: CancellationToken) -> Self {
        Self {
            held: Arc::default(),
            draining,
        }
    }

    /// The first `messages` of those that are still charged to the connection are done with.
    pub fn release(&self, messages: usize) {
        let mut held = self.held();
        let messages = messages.min(held.charges.len());
        held.charges.drain(..messages);
        let waiting = held.waiting.take();
        drop(held);
        if let Some(waiting) = waiting {
            waiting.wake();
        }
    }

    /// Ready once the messages that are still charged have no more than `most` bytes.
    fn poll_room(&self, most: u64, cx: &Context<'_>) -> Poll<()> {
        let mut held = self.held();
        let bytes: u64 = held.charges.iter().map(RequestCharge::bytes).sum();
        if bytes <= most {
            return Poll::Ready(());
        }
        held.waiting = Some(cx.waker().clone());
        Poll::Pending
    }

    /// Whether the server stops, which ends the messages of every stream.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.draining.is_cancelled()
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        // Nothing that can panic runs under the lock.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Messages that were passed on and are not done with.
#[derive(Debug, Default)]
struct Held {
    charges: VecDeque<RequestCharge>,
    /// Who reads the next message once there is room.
    waiting: Option<Waker>,
}

/// A stream of messages, which ends when the drain begins: its reader would wait for more.
#[derive(Debug)]
pub struct Stream {
    body: Body,
    limits: JoinedLimits,
    max_bytes: usize,
    encoding: Option<Encoding>,
    peer: Option<Arc<Peer>>,
    control: StreamControl,
    draining: Pin<Box<WaitForCancellationFutureOwned>>,
    /// What came and is not yet passed on.
    received: BytesMut,
    /// For the message that is under way.
    charge: Option<RequestCharge>,
    timeout: Option<Pin<Box<Sleep>>>,
    has_ended: bool,
}

impl Stream {
    pub(super) fn new(
        body: Body,
        limits: JoinedLimits,
        max_bytes: usize,
        encoding: Option<Encoding>,
        peer: Option<Arc<Peer>>,
    ) -> Self {
        let draining = limits.draining.clone();
        Self {
            body,
            max_bytes,
            encoding,
            peer,
            control: StreamControl::new(draining.clone()),
            draining: Box::pin(draining.cancelled_owned()),
            limits,
            received: BytesMut::new(),
            charge: None,
            timeout: None,
            has_ended: false,
        }
    }

    /// For the handler.
    pub(super) fn control(&self) -> StreamControl {
        self.control.clone()
    }

    pub(super) fn is_end_stream(&self) -> bool {
        self.has_ended || (self.received.is_empty() && self.body.is_end_stream())
    }

    /// Ready with the next message and its prefix, with `None` at the end, or with what is wrong.
    pub(super) fn poll_message(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Status>>> {
        loop {
            // Asked first: a peer that always has more would outlast the drain.
            if self.has_ended || self.draining.as_mut().poll(cx).is_ready() {
                self.has_ended = true;
                return Poll::Ready(None);
            }
            match self.next_message() {
                Ok(None) => {}
                Ok(Some(message)) => return Poll::Ready(Some(Ok(message))),
                Err(refused) => return self.end_with(refused),
            }
            // One of the largest messages may be held while the next one comes: a fast sender waits for the writer, and is not cut.
            if self
                .control
                .poll_room(self.max_bytes as u64, cx)
                .is_pending()
            {
                return Poll::Pending;
            }
            match Pin::new(&mut self.body).poll_frame(cx) {
                Poll::Ready(Some(Ok(frame))) => {
                    if let Ok(data) = frame.into_data() {
                        self.received.extend_from_slice(&data);
                        if let Err(refused) = self.pay() {
                            return self.end_with(refused);
                        }
                    }
                }
                // The peer reset the stream or went away.
                Poll::Ready(Some(Err(_))) => return self.end_with(transport::cancelled()),
                Poll::Ready(None) => {
                    self.has_ended = true;
                    if self.received.is_empty() {
                        return Poll::Ready(None);
                    }
                    let what = "the last message is shorter than its length prefix";
                    return self.end_with(transport::malformed_message(what));
                }
                Poll::Pending => return self.poll_waiting(cx),
            }
        }
    }

    /// Nothing came: a message that has begun must come to its end in time.
    fn poll_waiting(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Status>>> {
        if self.received.is_empty() {
            self.timeout = None;
            return Poll::Pending;
        }
        let limit: Duration = self.limits.receive.message_timeout;
        let timeout = self
            .timeout
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(limit)));
        if timeout.as_mut().poll(cx).is_pending() {
            return Poll::Pending;
        }
        self.limits.metrics.requests_timed_out.inc();
        self.end_with(transport::message_timeout(limit))
    }

    fn end_with(&mut self, refused: Status) -> Poll<Option<Result<Bytes, Status>>> {
        self.has_ended = true;
        self.received = BytesMut::new();
        self.charge = None;
        Poll::Ready(Some(Err(refused)))
    }

    /// The next message, if all of it came.
    fn next_message(&mut self) -> Result<Option<Bytes>, Status> {
        let Some(&[flag, a, b, c, d]) = self.received.first_chunk::<PREFIX_BYTES>() else {
            return Ok(None);
        };
        let is_compressed = match (flag, self.encoding) {
            (0, _) => None,
            (1, Some(encoding)) => Some(encoding),
            (1, None) => {
                let what = "a message is marked as compressed, but grpc-encoding is missing";
                return Err(transport::malformed_message(what));
            }
            _ => {
                let what = "the first byte of a message is neither 0 nor 1";
                return Err(transport::malformed_message(what));
            }
        };
        let length = u32::from_be_bytes([a, b, c, d]) as usize;
        if length > self.max_bytes {
            return Err(transport::message_too_large(self.max_bytes));
        }
        if self.received.len() < PREFIX_BYTES + length {
            return Ok(None);
        }
        let whole = self.received.split_to(PREFIX_BYTES + length).freeze();
        self.timeout = None;
        let message = match is_compressed {
            None => whole,
            Some(encoding) => self.inflate(encoding, whole.slice(PREFIX_BYTES..))?,
        };
        if let Some(mut charge) = self.charge.take() {
            charge.complete();
            self.control.held().charges.push_back(charge);
        }
        // What came behind the message is that of the next one.
        self.pay()?;
        Ok(Some(message))
    }

    fn inflate(&mut self, encoding: Encoding, bytes: Bytes) -> Result<Bytes, Status> {
        self.limits.compression.requests(encoding.format()).inc();
        let compressed = CompressedMessage {
            encoding,
            bytes,
            max_bytes: self.max_bytes,
        };
        let inflated = compressed.inflate(|bytes| match &mut self.charge {
            Some(charge) => charge.grow(bytes as u64),
            None => Ok(()), // not from a connection of ours: a test of a layer
        });
        Ok(inflated?.freeze())
    }

    /// Charges for what is held of the message under way.
    fn pay(&mut self) -> Result<(), Status> {
        self.hold().map_err(|exceeded| {
            self.limits.metrics.requests_refused.inc();
            no_room(exceeded)
        })
    }

    /// Charges the first time for the message itself, and then for what came of it.
    fn hold(&mut self) -> Result<(), Exceeded> {
        let Some(peer) = &self.peer else {
            return Ok(()); // not from a connection of ours: a test of a layer
        };
        if self.received.is_empty() {
            return Ok(());
        }
        let charge = match &mut self.charge {
            Some(charge) => charge,
            none => none.insert(peer.request()?),
        };
        charge.hold(self.received.len() as u64)
    }
}
