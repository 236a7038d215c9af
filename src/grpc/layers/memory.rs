//! Answers lookups whose customer is in memory, before and outside the limit on calls in progress.
//!
//! Most calls of a warm service are about a customer whose profile is held, often with the finished answer of the day. Answering them costs
//! about as much as refusing them, and waits for nothing: such a call takes no place, arms no timer and does not pass the router. It is
//! answered under any load, and while the database is away. Every other call goes on as it came. What can be answered so is for the function
//! to decide that is given to the layer.
//!
//! A method that must not fail is answered here as well when the layers behind this one refuse it.

use std::fmt;
use std::future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response, header};
use http_body_util::{BodyExt as _, Full};
use pin_project_lite::pin_project;
use tonic::body::Body;
use tonic::{Code, Status};
use tower::{Layer, Service};

use super::compression::{ACCEPT_ENCODING_HEADER, Encoding, MIN_ANSWER_BYTES, compress};
use super::receive::{Message, frame};
use super::transcode::Wire;
use crate::metrics::CompressionMetrics;

/// The answer to the message of a request for the method at a path, both as bytes, if memory has what it takes.
pub type FindInMemory = Arc<dyn Fn(&str, &[u8]) -> Option<Bytes> + Send + Sync>;

/// The answer to a request that was refused with a code, if its method has one for such cases.
pub type FallBack = Arc<dyn Fn(&str, &[u8], Code) -> Option<Bytes> + Send + Sync>;

/// What is answered before a call is worked on, and when it is refused.
#[derive(Clone)]
pub struct FromMemory {
    /// Answers from memory what it can.
    pub find: FindInMemory,
    /// Whether a method has answers for refused calls.
    pub never_fails: fn(&str) -> bool,
    /// Answers them.
    pub fall_back: FallBack,
}

/// Layer that makes [`MemoryService`].
#[derive(Clone)]
pub struct MemoryLayer {
    memory: Option<FromMemory>,
    compression: CompressionMetrics,
}

impl MemoryLayer {
    /// Answers what `memory` has; nothing without it.
    #[must_use]
    pub fn new(memory: Option<FromMemory>, compression: CompressionMetrics) -> Self {
        Self {
            memory,
            compression,
        }
    }
}

impl fmt::Debug for MemoryLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryLayer").finish_non_exhaustive()
    }
}

impl<S> Layer<S> for MemoryLayer {
    type Service = MemoryService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        MemoryService {
            inner,
            memory: self.memory.clone(),
            compression: self.compression.clone(),
        }
    }
}

/// Answers from memory; see the module.
#[derive(Clone)]
pub struct MemoryService<S> {
    inner: S,
    memory: Option<FromMemory>,
    compression: CompressionMetrics,
}

impl<S> Service<Request<Message>> for MemoryService<S>
where
    S: Service<Request<Message>, Response = Response<Body>>,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = MemoryFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Message>) -> Self::Future {
        let memory = self.memory.as_ref();
        let path = request.uri().path();
        let found = memory.and_then(|memory| (memory.find)(path, request.body().bytes()?));
        let wire = request.extensions().get::<Wire>();
        let found = found.and_then(|message| {
            let accepted = || Encoding::accepted(request.headers(), ACCEPT_ENCODING_HEADER);
            answer(&message, wire, accepted, &self.compression)
        });
        let state = if found.is_some() {
            State::Answered { answer: found }
        } else {
            let memory = memory.filter(|memory| (memory.never_fails)(path));
            let rescue = memory.and_then(|memory| {
                Some(Rescue {
                    fall_back: Arc::clone(&memory.fall_back),
                    path: path.into(),
                    wire: wire.cloned(),
                    message: Bytes::copy_from_slice(request.body().bytes()?),
                    compression: self.compression.clone(),
                })
            });
            State::Running {
                work: self.inner.call(request),
                rescue,
            }
        };
        MemoryFuture { state }
    }
}

/// What it takes to answer a call that is refused.
struct Rescue {
    fall_back: FallBack,
    path: Box<str>,
    wire: Option<Wire>,
    message: Bytes,
    compression: CompressionMetrics,
}

impl Rescue {
    /// In place of a refusal, the answer for such cases.
    fn answer(&self, refused: &Response<Body>) -> Option<Response<Body>> {
        // A refusal has its status among the headers; an answer has it behind the messages.
        let code = refused.headers().get(Status::GRPC_STATUS)?;
        let code = Code::from_bytes(code.as_bytes());
        let message = (self.fall_back)(&self.path, &self.message, code)?;
        // Short: the treatment of strangers.
        answer(&message, self.wire.as_ref(), || None, &self.compression)
    }
}

/// The answer as tonic writes it, for JSON with JSON in place of the message. Our own messages can be written: `None` is never returned.
fn answer(
    message: &Bytes,
    wire: Option<&Wire>,
    accepted: impl FnOnce() -> Option<Encoding>,
    metrics: &CompressionMetrics,
) -> Option<Response<Body>> {
    let framed = match wire {
        Some(Wire::Json(shape)) => frame(&shape.write(message).ok()?),
        None | Some(Wire::Binary | Wire::GrpcWeb) => frame(message),
    };
    let mut headers = HeaderMap::new();
    let grpc = HeaderValue::from_static("application/grpc");
    headers.insert(header::CONTENT_TYPE, grpc);
    // Hardly any answer is so long: for the others it is not read what the caller accepts.
    let accepted = (framed.len() >= MIN_ANSWER_BYTES).then(accepted).flatten();
    let framed = compress(framed, accepted, &mut headers, metrics);
    let mut trailers = HeaderMap::new();
    trailers.insert(Status::GRPC_STATUS, HeaderValue::from_static("0"));
    let body = Full::new(framed).with_trailers(future::ready(Some(Ok(trailers))));
    let mut answer = Response::new(Body::new(body));
    *answer.headers_mut() = headers;
    Some(answer)
}

pin_project! {
    /// Future of [`MemoryService`].
    pub struct MemoryFuture<F> {
        #[pin]
        state: State<F>,
    }
}

pin_project! {
    #[project = StateProjection]
    enum State<F> {
        Answered { answer: Option<Response<Body>> },
        Running { #[pin] work: F, rescue: Option<Rescue> },
    }
}

impl<F, E> Future for MemoryFuture<F>
where
    F: Future<Output = Result<Response<Body>, E>>,
{
    type Output = Result<Response<Body>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().state.project() {
            StateProjection::Answered { answer } => match answer.take() {
                Some(answer) => Poll::Ready(Ok(answer)),
                None => Poll::Pending, // answered already
            },
            StateProjection::Running { work, rescue } => {
                let ended = ready!(work.poll(cx));
                Poll::Ready(ended.map(|response| {
                    let rescued = rescue.as_ref().and_then(|it| it.answer(&response));
                    rescued.unwrap_or(response)
                }))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::time::Duration;

    use tower::{ServiceExt as _, service_fn};

    use super::*;
    use crate::grpc::status;
    use crate::metrics::Metrics;

    /// What comes of a call of a method when the layers behind refuse it.
    async fn refused(path: &str, find: Option<&'static [u8]>) -> (Option<HeaderValue>, Bytes) {
        let memory = FromMemory {
            find: Arc::new(move |_, _| find.map(Bytes::from_static)),
            never_fails: |path| path == "/a/NeverFails",
            fall_back: Arc::new(|_, message, code| {
                assert_eq!(code, Code::Unavailable);
                Some(Bytes::copy_from_slice(&[message, b" fallen back"].concat()))
            }),
        };
        let behind = service_fn(async |_: Request<Message>| {
            let busy = status::unavailable("OVERLOADED", "busy", Duration::from_secs(1));
            Ok::<_, Infallible>(busy.into_http())
        });
        let service =
            MemoryLayer::new(Some(memory), Metrics::new([]).compression.clone()).layer(behind);
        let request = Request::builder().uri(path);
        let request = request.body(Message::Whole(Some(Bytes::from_static(
            b"\0\0\0\0\x05asked",
        ))));
        let answer = service.oneshot(request.unwrap()).await.unwrap();
        let status = answer.headers().get(Status::GRPC_STATUS).cloned();
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        (status, body)
    }

    #[tokio::test]
    async fn a_method_that_never_fails_is_answered_when_it_is_refused() {
        let (status, body) = refused("/a/NeverFails", None).await;
        assert_eq!(status, None);
        assert!(body.ends_with(b"asked fallen back"), "{body:?}");
        let (status, _) = refused("/a/Other", None).await;
        assert_eq!(status, Some(HeaderValue::from_static("14")));
        let (_, body) = refused("/a/Other", Some(b"known")).await;
        assert!(body.ends_with(b"known"), "{body:?}");
    }
}
