//! Receives the request message before anything is spent on the call.
//!
//! A head without a message, a message that trickles in and a length that is only announced cost a peer nothing. So no place is taken, and
//! nothing is reserved, until the message is there: what came is kept as it came, within a size for each method, a time, and budgets of
//! the connection and the process ([`super::peer`]). tonic reserves what a message announces; what it gets from here is exactly as long as
//! it says. A message that came in one frame, as most do, is passed on without a copy.
//!
//! Streams pass through until the drain begins: their messages are bounded where they are decoded. What the messages say is not known here.

mod collect;

pub use collect::{Message, PREFIX_BYTES, frame};

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use pin_project_lite::pin_project;
use tokio::time::Sleep;
use tokio_util::sync::CancellationToken;
use tonic::Status;
use tonic::body::Body;
use tower::{Layer, Service};

use self::collect::{Broken, Collect, Framing, Stream};
use super::deadline::Deadline;
use super::lane;
use super::methods::Method;
use super::peer::{Exceeded, Peer, RequestCharge};
use super::transcode::Wire;
use crate::grpc::status::{self, transport};
use crate::metrics::PeerMetrics;

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

/// Layer that makes [`ReceiveService`].
#[derive(Debug, Clone)]
pub struct ReceiveLayer {
    limits: ReceiveLimits,
    metrics: PeerMetrics,
    draining: CancellationToken,
}

impl ReceiveLayer {
    /// Receives within `limits`. Streams end when `draining` is cancelled.
    #[must_use]
    pub fn new(limits: ReceiveLimits, metrics: PeerMetrics, draining: CancellationToken) -> Self {
        Self {
            limits,
            metrics,
            draining,
        }
    }
}

impl<S> Layer<S> for ReceiveLayer {
    type Service = ReceiveService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        ReceiveService {
            inner,
            layer: Arc::new(self.clone()),
        }
    }
}

/// Receives the message of each call; see the module.
#[derive(Debug, Clone)]
pub struct ReceiveService<S> {
    inner: S,
    layer: Arc<ReceiveLayer>,
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
        let Some(max_bytes) = method.max_request_bytes(self.layer.limits.max_message_bytes) else {
            return ReceiveFuture {
                state: State::Running {
                    work: self.inner.call(request.map(|body| {
                        let draining = self.layer.draining.clone();
                        Message::Stream(Stream::new(body, draining))
                    })),
                    charge: None,
                },
            };
        };
        let (head, body) = request.into_parts();
        let (framing, max_body_bytes) = match head.extensions.get::<Wire>() {
            None => (Framing::Prefixed, max_bytes),
            Some(Wire::GrpcWeb) => (Framing::PrefixedHttp1, max_bytes),
            Some(Wire::Binary) => (Framing::Bare, max_bytes),
            Some(Wire::Json(_)) => {
                let most = self.layer.limits.max_message_bytes;
                (Framing::Bare, (max_bytes * JSON_FACTOR).min(most))
            }
        };
        ReceiveFuture {
            state: State::Receiving {
                receiving: Some(Box::new(Receiving {
                    collect: Collect::new(body, framing, max_body_bytes),
                    peer: head.extensions.get::<Arc<Peer>>().cloned(),
                    head,
                    inner: self.inner.clone(),
                    layer: Arc::clone(&self.layer),
                    timeout: None,
                    charge: None,
                    charged: 0,
                    is_new: true,
                })),
            },
        }
    }
}

/// A call whose message is not there yet.
struct Receiving<S> {
    collect: Collect,
    head: http::request::Parts,
    inner: S,
    layer: Arc<ReceiveLayer>,
    peer: Option<Arc<Peer>>,
    timeout: Option<Pin<Box<Sleep>>>,
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
            if let Some(refused) = refuse_encoding(&self.head.headers) {
                return Poll::Ready(Err(refused));
            }
        }
        let collected = self.collect.poll(cx);
        let must_pay = match &collected {
            Poll::Pending => true,
            Poll::Ready(Ok(body)) => body.len() > UNCHARGED_BYTES,
            Poll::Ready(Err(_)) => false,
        };
        if must_pay && let Err(exceeded) = self.pay(&collected) {
            self.layer.metrics.requests_refused.inc();
            return Poll::Ready(Err(no_room(exceeded)));
        }
        match collected {
            Poll::Ready(Ok(body)) => Poll::Ready(self.message(body)),
            Poll::Ready(Err(broken)) => Poll::Ready(Err(refuse(broken, self.collect.max_bytes()))),
            Poll::Pending => {
                let limit = self.layer.limits.message_timeout;
                let timeout = self
                    .timeout
                    .get_or_insert_with(|| Box::pin(tokio::time::sleep(limit)));
                ready!(timeout.as_mut().poll(cx));
                self.layer.metrics.requests_timed_out.inc();
                Poll::Ready(Err(transport::message_timeout(limit)))
            }
        }
    }

    /// The message of a complete body. JSON is read here where the call is a lookup, so that memory may answer it; elsewhere in the lane.
    fn message(&self, body: Bytes) -> Result<Message, Status> {
        match self.head.extensions.get::<Wire>() {
            None | Some(Wire::GrpcWeb) => Ok(Message::Whole(Some(body))),
            Some(Wire::Binary) => Ok(Message::of(&body)),
            Some(Wire::Json(_)) if lane::runs_in_lane(self.head.uri.path()) => {
                Ok(Message::Json(body))
            }
            Some(Wire::Json(shape)) => Ok(Message::of(&shape.read(&body)?)),
        }
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

/// What a caller is told who compresses: nothing here reads it, and tonic's own answer has no details.
fn refuse_encoding(headers: &HeaderMap) -> Option<Status> {
    let encoding = headers.get("grpc-encoding")?;
    (encoding != "identity").then(transport::compression_unsupported)
}

fn no_room(exceeded: Exceeded) -> Status {
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
