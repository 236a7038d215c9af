//! Inflates requests and compresses answers, where the work of the call is done: in its lane, or where the lookup arrived.
//!
//! A caller who neither sends nor accepts compressed messages passes through untouched. Answers shorter than [`MIN_ANSWER_BYTES`] are sent
//! as they are. Requests of lookups were inflated before ([`super::receive`]), so that memory may answer them.

mod encoding;

pub use encoding::Encoding;
use encoding::Unreadable;
pub(crate) use encoding::{ACCEPT_ENCODING_HEADER, ENCODING_HEADER};

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt as _, Collected, Full};
use pin_project_lite::pin_project;
use tonic::Status;
use tonic::body::Body;
use tower::{Layer, Service};

use super::peer::{Exceeded, Peer, RequestCharge};
use super::receive::{Message, PREFIX_BYTES, no_room};
use super::transcode::Wire;
use crate::grpc::status::transport;
use crate::metrics::{CompressionMetrics, PeerMetrics};

/// Shortest answer that is compressed. A server may send ten segments of 1,460 bytes before it hears from the client (RFC 6928): up to here an
/// answer takes one round trip whatever its size, and compressing it only adds time.
pub const MIN_ANSWER_BYTES: usize = 10 * 1460;

/// A message as it came, to be inflated in its lane.
#[derive(Debug)]
pub struct CompressedMessage {
    pub(super) encoding: Encoding,
    /// Without a prefix.
    pub(super) bytes: Bytes,
    /// Most bytes of what it inflates to.
    pub(super) max_bytes: usize,
}

impl CompressedMessage {
    /// The message with its prefix. `hold` is asked for room before more of it is held.
    ///
    /// # Errors
    /// The status that the caller gets instead.
    pub(super) fn inflate(
        &self,
        hold: impl FnMut(usize) -> Result<(), Exceeded>,
    ) -> Result<BytesMut, Status> {
        let inflated = self.encoding.inflate(&self.bytes, self.max_bytes, hold);
        inflated.map_err(|unreadable| match unreadable {
            Unreadable::TooLarge => transport::message_too_large(self.max_bytes),
            Unreadable::Malformed => transport::malformed_message(match self.encoding {
                Encoding::Gzip => "its bytes are not gzip",
                Encoding::Zstd => "its bytes are not zstd with a window of at most 8 MiB",
            }),
            Unreadable::NoRoom(exceeded) => no_room(exceeded),
        })
    }
}

/// An answer that is framed already, compressed if its caller accepts it and it is long enough. `headers` are those of the answer.
pub(super) fn compress(
    framed: Bytes,
    accepted: Option<Encoding>,
    headers: &mut HeaderMap,
    metrics: &CompressionMetrics,
) -> Bytes {
    let (Some(encoding), Some(message)) = (accepted, framed.get(PREFIX_BYTES..)) else {
        return framed;
    };
    if message.len() < MIN_ANSWER_BYTES {
        return framed;
    }
    let Some(compressed) = encoding.deflate(message) else {
        return framed;
    };
    headers.insert(ENCODING_HEADER, encoding.header());
    metrics.answers(encoding.format()).inc();
    compressed
}

/// Layer that makes [`CompressionService`].
#[derive(Debug, Clone)]
pub struct CompressionLayer {
    compression: CompressionMetrics,
    peers: PeerMetrics,
}

impl CompressionLayer {
    /// Counts compressed answers, and requests for which there was no room.
    #[must_use]
    pub fn new(compression: CompressionMetrics, peers: PeerMetrics) -> Self {
        Self { compression, peers }
    }
}

impl<S> Layer<S> for CompressionLayer {
    type Service = CompressionService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        CompressionService {
            inner,
            layer: self.clone(),
        }
    }
}

/// Inflates requests and compresses answers; see the module.
#[derive(Debug, Clone)]
pub struct CompressionService<S> {
    inner: S,
    layer: CompressionLayer,
}

impl<S> Service<Request<Message>> for CompressionService<S>
where
    S: Service<Request<Message>, Response = Response<Body>, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = CompressionFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Message>) -> Self::Future {
        let (mut request, mut charge) = (request, None);
        if let Message::Compressed(compressed) = request.body() {
            let peer = request.extensions().get::<Arc<Peer>>();
            let is_json = matches!(request.extensions().get(), Some(Wire::Json(_)));
            match inflated(compressed, peer, is_json) {
                Ok((message, held)) => {
                    *request.body_mut() = message;
                    charge = held;
                }
                Err(refused) => {
                    if refused.code() == tonic::Code::Unavailable {
                        self.layer.peers.requests_refused.inc();
                    }
                    let work: BoxFuture = Box::pin(std::future::ready(refused.into_http()));
                    return CompressionFuture {
                        form: Form::Changed { work },
                    };
                }
            }
        }
        let is_stream = matches!(request.body(), Message::Stream(_));
        let accepted = Encoding::accepted(request.headers(), ACCEPT_ENCODING_HEADER);
        let accepted = accepted.filter(|_| !is_stream);
        let work = self.inner.call(request);
        if accepted.is_none() && charge.is_none() {
            let form = Form::Plain { work };
            return CompressionFuture { form };
        }
        let metrics = self.layer.compression.clone();
        let work: BoxFuture = Box::pin(async move {
            let Ok(answer) = work.await;
            drop(charge);
            compressed(answer, accepted, &metrics).await
        });
        CompressionFuture {
            form: Form::Changed { work },
        }
    }
}

/// A message in its plain form, with what its connection is charged for it until the answer is ready.
fn inflated(
    compressed: &CompressedMessage,
    peer: Option<&Arc<Peer>>,
    is_json: bool,
) -> Result<(Message, Option<RequestCharge>), Status> {
    let mut charge = match peer {
        Some(peer) => Some(peer.request().map_err(no_room)?),
        None => None, // not from a connection of ours: a test of a layer
    };
    let mut framed = compressed.inflate(|bytes| match &mut charge {
        Some(charge) => charge.grow(bytes as u64),
        None => Ok(()),
    })?;
    if let Some(charge) = &mut charge {
        charge.complete();
    }
    let message = if is_json {
        Message::Json(framed.split_off(PREFIX_BYTES).freeze())
    } else {
        Message::Whole(Some(framed.freeze()))
    };
    Ok((message, charge))
}

/// The whole answer, with a compressed message if that is worth it.
async fn compressed(
    answer: Response<Body>,
    accepted: Option<Encoding>,
    metrics: &CompressionMetrics,
) -> Response<Body> {
    if answer.headers().contains_key(Status::GRPC_STATUS) {
        return answer; // an error
    }
    let (mut head, body) = answer.into_parts();
    let collected: Collected<_> = match body.collect().await {
        Ok(collected) => collected,
        Err(status) => return status.into_http(),
    };
    let trailers = collected.trailers().cloned();
    let data = compress(collected.to_bytes(), accepted, &mut head.headers, metrics);
    let body = Full::new(data).with_trailers(std::future::ready(trailers.map(Ok)));
    Response::from_parts(head, Body::new(body))
}

type BoxFuture = Pin<Box<dyn Future<Output = Response<Body>> + Send>>;

pin_project! {
    /// Future of [`CompressionService`].
    pub struct CompressionFuture<F> {
        #[pin]
        form: Form<F>,
    }
}

pin_project! {
    #[project = FormProjection]
    enum Form<F> {
        Plain { #[pin] work: F },
        Changed { work: BoxFuture },
    }
}

impl<F> Future for CompressionFuture<F>
where
    F: Future<Output = Result<Response<Body>, Infallible>>,
{
    type Output = Result<Response<Body>, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().form.project() {
            FormProjection::Plain { work } => work.poll(cx),
            FormProjection::Changed { work } => work.as_mut().poll(cx).map(Ok),
        }
    }
}
