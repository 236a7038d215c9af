//! Receives the request message before anything is spent on the call.
//!
//! A head without a message, a message that trickles in and a length that is only announced cost a peer nothing. So no place is taken, and
//! nothing is reserved, until the message is there: what came is kept as it came, within a size for each method, a time, and budgets of
//! the connection and the process ([`super::peer`]). tonic reserves what a message announces; what it gets from here is exactly as long as
//! it says. A message that came in one frame, as most do, is passed on without a copy.
//!
//! The messages of a stream are received one by one, as their handler reads them (`receive/stream.rs`). What the messages say is not known here.

mod collect;
mod stream;

pub use collect::{Message, PREFIX_BYTES, frame};
pub use stream::StreamControl;

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use pin_project_lite::pin_project;
use tokio::time::Sleep;
use tokio_util::sync::CancellationToken;
use tonic::body::Body;
use tonic::{Code, Status};
use tower::{Layer, Service};

use self::collect::{Broken, Collect, Framing};
use self::stream::Stream;
use super::compression::{CompressedMessage, ENCODING_HEADER, Encoding};
use super::deadline::Deadline;
use super::lane;
use super::methods::{Method, Receive};
use super::peer::{Exceeded, Peer, RequestCharge};
use super::transcode::Wire;
use crate::grpc::status::{self, transport};
use crate::metrics::{CompressionMetrics, PeerMetrics};

/// Time after which a caller whose message found no room may send it again. Chosen: messages under way take milliseconds.
const RETRY_AFTER: Duration = Duration::from_millis(100);

/// Largest message that is not charged when it came at once: of these, calls in progress alone hold no more than 4 MiB.
const UNCHARGED_BYTES: usize = 4096;

/// How much longer than its message JSON may be: it spells out names and escapes line ends.
const JSON_FACTOR: usize = 2;

/// How requests are received.
#[derive(Debug, Clone, Copy)]
pub struct ReceiveLimits {
    /// Most bytes of any message.
    pub max_message_bytes: usize,
    /// Time a message may take to come, once its head is there.
    pub message_timeout: Duration,
}

/// What every call is received with.
#[derive(Debug, Clone)]
struct JoinedLimits {
    receive: ReceiveLimits,
    metrics: PeerMetrics,
    compression: CompressionMetrics,
    draining: CancellationToken,
}

/// Layer that makes [`ReceiveService`].
#[derive(Debug, Clone)]
pub struct ReceiveLayer(JoinedLimits);

impl ReceiveLayer {
    /// Receives within `limits`. Streams end when `draining` is cancelled.
    #[must_use]
    pub fn new(
        limits: ReceiveLimits,
        metrics: PeerMetrics,
        compression: CompressionMetrics,
        draining: CancellationToken,
    ) -> Self {
        Self(JoinedLimits {
            receive: limits,
            metrics,
            compression,
            draining,
        })
    }
}

impl<S> Layer<S> for ReceiveLayer {
    type Service = ReceiveService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        ReceiveService {
            inner,
            limits: Arc::new(self.0.clone()),
        }
    }
}

/// Receives the message of each call; see the module.
#[derive(Debug, Clone)]
pub struct ReceiveService<S> {
    inner: S,
    limits: Arc<JoinedLimits>,
}

impl<S> Service<Request<Body>> for ReceiveService<S>
where
    S: Service<Request<Message>, Response = Response<Body>> + Clone,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = ReceiveFuture<S, S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let method = Method::of_request(&request);
        let largest = self.limits.receive.max_message_bytes;
        if let Receive::Stream(max_bytes) = method.receive {
            return self.receive_stream(request, max_bytes.min(largest));
        }
        let max_bytes = method.max_request_bytes(largest);
        let (head, body) = request.into_parts();
        let (framing, max_body_bytes) = match head.extensions.get::<Wire>() {
            None => (Framing::Prefixed, max_bytes),
            Some(Wire::GrpcWeb) => (Framing::PrefixedHttp1, max_bytes),
            Some(Wire::Binary) => (Framing::Bare, max_bytes),
            Some(Wire::Json(_)) => (Framing::Bare, (max_bytes * JSON_FACTOR).min(largest)),
        };
        ReceiveFuture {
            state: State::Receiving {
                receiving: Some(Box::new(Receiving {
                    collect: Collect::new(body, framing, max_body_bytes),
                    peer: head.extensions.get::<Arc<Peer>>().cloned(),
                    head,
                    inner: self.inner.clone(),
                    limits: Arc::clone(&self.limits),
                    timeout: None,
                    encoding: None,
                    charge: None,
                    charged: 0,
                    is_new: true,
                })),
            },
        }
    }
}

impl<S> ReceiveService<S>
where
    S: Service<Request<Message>, Response = Response<Body>> + Clone,
{
    /// Passes a stream on at once: its handler reads the messages.
    fn receive_stream(
        &mut self,
        request: Request<Body>,
        max_bytes: usize,
    ) -> ReceiveFuture<S, S::Future> {
        let (mut head, body) = request.into_parts();
        let Ok(encoding) = Encoding::of_request(&head.headers) else {
            let answer = Some(transport::encoding_unsupported().into_http());
            return ReceiveFuture {
                state: State::Refused { answer },
            };
        };
        head.headers.remove(ENCODING_HEADER);
        let peer = head.extensions.get::<Arc<Peer>>().cloned();
        let stream = Stream::new(body, (*self.limits).clone(), max_bytes, encoding, peer);
        head.extensions.insert(stream.control());
        let request = Request::from_parts(head, Message::Stream(Box::new(stream)));
        ReceiveFuture {
            state: State::Running {
                work: self.inner.call(request),
                charge: None,
            },
        }
    }
}

/// A call whose message is not there yet.
struct Receiving<S> {
    collect: Collect,
    head: http::request::Parts,
    inner: S,
    limits: Arc<JoinedLimits>,
    peer: Option<Arc<Peer>>,
    timeout: Option<Pin<Box<Sleep>>>,
    /// Of the message, if it says that it is compressed.
    encoding: Option<Encoding>,
    charge: Option<RequestCharge>,
    charged: usize,
    /// Not polled yet.
    is_new: bool,
}

impl<S> Receiving<S> {
    /// Ready with the message, or with what the caller is told instead.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<Message, Status>> {
        if std::mem::take(&mut self.is_new) {
            if let Some(deadline) = self.head.extensions.get_mut::<Deadline>() {
                deadline.begin();
            }
            if self.head.headers.contains_key(ENCODING_HEADER) {
                let Ok(encoding) = Encoding::of_request(&self.head.headers) else {
                    return Poll::Ready(Err(transport::encoding_unsupported()));
                };
                self.encoding = encoding;
                self.collect.allow_compressed(encoding.is_some());
                // From here on the message is plain.
                self.head.headers.remove(ENCODING_HEADER);
            }
        }
        let collected = self.collect.poll(cx);
        let must_pay = match &collected {
            Poll::Pending => true,
            Poll::Ready(Ok(body)) => body.len() > UNCHARGED_BYTES,
            Poll::Ready(Err(_)) => false,
        };
        if must_pay && let Err(exceeded) = self.pay(&collected) {
            self.limits.metrics.requests_refused.inc();
            return Poll::Ready(Err(no_room(exceeded)));
        }
        match collected {
            Poll::Ready(Ok(body)) => Poll::Ready(self.message(body)),
            Poll::Ready(Err(broken)) => Poll::Ready(Err(refuse(broken, self.collect.max_bytes()))),
            Poll::Pending => {
                let limit = self.limits.receive.message_timeout;
                let timeout = self
                    .timeout
                    .get_or_insert_with(|| Box::pin(tokio::time::sleep(limit)));
                ready!(timeout.as_mut().poll(cx));
                self.limits.metrics.requests_timed_out.inc();
                Poll::Ready(Err(transport::message_timeout(limit)))
            }
        }
    }

    /// The message of a complete body. What is compressed or JSON is read here where the call is a lookup, so that memory may answer it;
    /// elsewhere in the lane.
    fn message(&mut self, body: Bytes) -> Result<Message, Status> {
        let runs_in_lane = lane::runs_in_lane(self.head.uri.path());
        let compressed = self.encoding.and_then(|encoding| {
            let bytes = self.collect.compressed_part(&body)?;
            let max_bytes = self.collect.max_bytes();
            Some(CompressedMessage {
                encoding,
                bytes,
                max_bytes,
            })
        });
        if let Some(compressed) = compressed {
            let format = compressed.encoding.format();
            self.limits.compression.requests(format).inc();
            if runs_in_lane {
                return Ok(Message::Compressed(compressed));
            }
            let framed = self.inflate(&compressed)?;
            return match self.head.extensions.get::<Wire>() {
                Some(Wire::Json(shape)) => Ok(Message::of(&shape.read(&framed[PREFIX_BYTES..])?)),
                None | Some(Wire::GrpcWeb | Wire::Binary) => Ok(Message::Whole(Some(framed))),
            };
        }
        match self.head.extensions.get::<Wire>() {
            None | Some(Wire::GrpcWeb) => Ok(Message::Whole(Some(body))),
            Some(Wire::Binary) => Ok(Message::of(&body)),
            Some(Wire::Json(_)) if runs_in_lane => Ok(Message::Json(body)),
            Some(Wire::Json(shape)) => Ok(Message::of(&shape.read(&body)?)),
        }
    }

    /// A message in its plain form, with its prefix, charged for as it grows.
    fn inflate(&mut self, compressed: &CompressedMessage) -> Result<Bytes, Status> {
        let framed = compressed.inflate(|bytes| {
            let Some(peer) = &self.peer else {
                return Ok(()); // not from a connection of ours: a test of a layer
            };
            if self.charge.is_none() {
                self.charge = Some(peer.request()?);
            }
            self.charge
                .as_mut()
                .map_or(Ok(()), |charge| charge.grow(bytes as u64))
        });
        if matches!(&framed, Err(refused) if refused.code() == Code::Unavailable) {
            self.limits.metrics.requests_refused.inc();
        }
        Ok(framed?.freeze())
    }

    /// Charges for what came since the last time, and the first time for the call itself.
    fn pay(&mut self, collected: &Poll<Result<Bytes, Broken>>) -> Result<(), Exceeded> {
        let Some(peer) = &self.peer else {
            return Ok(()); // not from a connection of ours: a test of a layer
        };
        let charge = match &mut self.charge {
            Some(charge) => charge,
            none => none.insert(peer.request()?),
        };
        let received = match collected {
            Poll::Ready(Ok(body)) => body.len(),
            Poll::Ready(Err(_)) | Poll::Pending => self.collect.held_bytes(),
        };
        charge.grow(received.saturating_sub(self.charged) as u64)?;
        charge.shrink(self.charged.saturating_sub(received) as u64);
        self.charged = received;
        Ok(())
    }
}

/// The status for a message that does not fit a budget.
pub(super) fn no_room(exceeded: Exceeded) -> Status {
    let message = match exceeded {
        Exceeded::Connection => {
            "this connection has too many request bytes in progress: retry later"
        }
        Exceeded::Process => "the server has too many request bytes in progress: retry later",
    };
    status::unavailable("TOO_MUCH_UNDER_WAY", message, RETRY_AFTER)
}

fn refuse(broken: Broken, max_bytes: usize) -> Status {
    match broken {
        Broken::TooLarge => transport::message_too_large(max_bytes),
        Broken::Malformed(what) => transport::malformed_message(what),
        Broken::Abandoned => transport::cancelled(),
    }
}

pin_project! {
    /// Future of [`ReceiveService`].
    pub struct ReceiveFuture<S, F> {
        #[pin]
        state: State<S, F>,
    }
}

pin_project! {
    #[project = StateProjection]
    enum State<S, F> {
        Receiving { receiving: Option<Box<Receiving<S>>> },
        // What was charged is held until the answer is ready: until then the message is here in one form or another.
        Running { #[pin] work: F, charge: Option<RequestCharge> },
        Refused { answer: Option<Response<Body>> },
    }
}

impl<S> Future for ReceiveFuture<S, S::Future>
where
    S: Service<Request<Message>, Response = Response<Body>>,
{
    type Output = Result<Response<Body>, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        loop {
            let next = match state.as_mut().project() {
                StateProjection::Running { work, charge } => {
                    let answer = ready!(work.poll(cx));
                    charge.take();
                    return Poll::Ready(answer);
                }
                StateProjection::Refused { answer } => {
                    // Answered only once.
                    return answer
                        .take()
                        .map_or(Poll::Pending, |answer| Poll::Ready(Ok(answer)));
                }
                StateProjection::Receiving { receiving } => {
                    let Some(waiting) = receiving else {
                        return Poll::Pending; // answered already
                    };
                    let received = ready!(waiting.poll(cx));
                    let Some(mut done) = receiving.take() else {
                        return Poll::Pending;
                    };
                    if let Some(charge) = &mut done.charge {
                        charge.complete();
                    }
                    match received {
                        Ok(message) => State::Running {
                            work: done.inner.call(Request::from_parts(done.head, message)),
                            charge: done.charge,
                        },
                        Err(status) => return Poll::Ready(Ok(status.into_http())),
                    }
                }
            };
            state.set(next);
        }
    }
}

#[cfg(test)]
mod tests;
