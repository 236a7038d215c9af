//! Answers lookups whose customer is in memory, before and outside the limit on calls in progress.
//!
//! Most calls of a warm service are about a customer whose profile is held, often with the finished answer of the day. Answering them costs
//! about as much as refusing them, and waits for nothing: such a call takes no place, arms no timer and does not pass the router. It is
//! answered under any load, and while the database is away. Every other call goes on as it came. What can be answered so is for the function
//! to decide that is given to the layer.

use std::fmt;
use std::future::ready;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::{BufMut as _, Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, Request, Response, header};
use http_body_util::{BodyExt as _, Full};
use pin_project_lite::pin_project;
use tonic::Status;
use tonic::body::Body;
use tower::{Layer, Service};

use super::receive::Message;

/// Bytes before a message: whether it is compressed, and its length.
const PREFIX_BYTES: usize = 5;

/// The answer to the message of a request for the method at a path, both as bytes, if memory has what it takes.
pub type FindInMemory = Arc<dyn Fn(&str, &[u8]) -> Option<Bytes> + Send + Sync>;

/// Layer that makes [`MemoryService`].
#[derive(Clone)]
pub struct MemoryLayer {
    find: Option<FindInMemory>,
}

impl MemoryLayer {
    /// Answers what `find` returns; nothing without it.
    #[must_use]
    pub fn new(find: Option<FindInMemory>) -> Self {
        Self { find }
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
            find: self.find.clone(),
        }
    }
}

/// Answers from memory; see the module.
#[derive(Clone)]
pub struct MemoryService<S> {
    inner: S,
    find: Option<FindInMemory>,
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
        let find = self.find.as_ref();
        let found = find.and_then(|find| find(request.uri().path(), request.body().bytes()?));
        let state = match found {
            Some(message) => State::Answered {
                answer: Some(answer(&message)),
            },
            None => State::Running {
                work: self.inner.call(request),
            },
        };
        MemoryFuture { state }
    }
}

/// The answer as tonic writes it.
fn answer(message: &[u8]) -> Response<Body> {
    let mut framed = BytesMut::with_capacity(PREFIX_BYTES + message.len());
    framed.put_u8(0);
    // An answer about one customer is far below that; the fallback is never taken.
    framed.put_u32(u32::try_from(message.len()).unwrap_or(u32::MAX));
    framed.put_slice(message);
    let mut trailers = HeaderMap::new();
    trailers.insert(Status::GRPC_STATUS, HeaderValue::from_static("0"));
    let body = Full::new(framed.freeze()).with_trailers(ready(Some(Ok(trailers))));
    let mut answer = Response::new(Body::new(body));
    let grpc = HeaderValue::from_static("application/grpc");
    answer.headers_mut().insert(header::CONTENT_TYPE, grpc);
    answer
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
        Running { #[pin] work: F },
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
            StateProjection::Running { work } => work.poll(cx),
        }
    }
}
