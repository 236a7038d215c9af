//! Answers Classify from memory, before and outside the limit on calls in progress.
//!
//! Most calls of a warm service find their finished answer in memory. Looking costs about as much as a refusal, so such a call takes no
//! place, arms no timer and does not pass the router: it is answered under any load, and while the database is away. Everything else goes
//! on as it came. What is in memory and when it is right is for the function to know that is given to the layer.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::{BufMut as _, Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, Request, Response, header};
use http_body::Frame;
use pin_project_lite::pin_project;
use tonic::Status;
use tonic::body::Body;
use tower::{Layer, Service};

use super::receive::Message;

/// Path of the method that is answered here.
const CLASSIFY: &str = "/patron.v1.ScoringService/Classify";

/// Bytes before a message: whether it is compressed, and its length.
const PREFIX_BYTES: usize = 5;

/// Finds the finished answer to the message of a request, both as bytes.
pub type FindKept = Arc<dyn Fn(&[u8]) -> Option<Bytes> + Send + Sync>;

/// Layer that makes [`KeptService`].
#[derive(Clone)]
pub struct KeptLayer {
    find: Option<FindKept>,
}

impl KeptLayer {
    /// Answers what `find` finds; nothing without it.
    #[must_use]
    pub fn new(find: Option<FindKept>) -> Self {
        Self { find }
    }
}

impl fmt::Debug for KeptLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeptLayer").finish_non_exhaustive()
    }
}

impl<S> Layer<S> for KeptLayer {
    type Service = KeptService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        KeptService {
            inner,
            find: self.find.clone(),
        }
    }
}

/// Answers what is kept; see the module.
#[derive(Clone)]
pub struct KeptService<S> {
    inner: S,
    find: Option<FindKept>,
}

impl<S> Service<Request<Message>> for KeptService<S>
where
    S: Service<Request<Message>, Response = Response<Body>>,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = KeptFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Message>) -> Self::Future {
        let find = self.find.as_ref();
        let find = find.filter(|_| request.uri().path() == CLASSIFY);
        let kept = find.and_then(|find| find(request.body().bytes()?));
        let state = match kept {
            Some(message) => State::Kept {
                answer: Some(answer(&message)),
            },
            None => State::Running {
                work: self.inner.call(request),
            },
        };
        KeptFuture { state }
    }
}

/// The answer as tonic writes it.
fn answer(message: &[u8]) -> Response<Body> {
    let mut framed = BytesMut::with_capacity(PREFIX_BYTES + message.len());
    framed.put_u8(0);
    // What is kept was below the largest message when it was written; the fallback is never taken.
    framed.put_u32(u32::try_from(message.len()).unwrap_or(u32::MAX));
    framed.put_slice(message);
    let mut answer = Response::new(Body::new(KeptBody {
        framed: Some(framed.freeze()),
        is_over: false,
    }));
    let grpc = HeaderValue::from_static("application/grpc");
    answer.headers_mut().insert(header::CONTENT_TYPE, grpc);
    answer
}

/// One message and the status OK.
struct KeptBody {
    framed: Option<Bytes>,
    is_over: bool,
}

impl http_body::Body for KeptBody {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = self.get_mut();
        if let Some(framed) = this.framed.take() {
            return Poll::Ready(Some(Ok(Frame::data(framed))));
        }
        if std::mem::replace(&mut this.is_over, true) {
            return Poll::Ready(None);
        }
        let mut trailers = HeaderMap::new();
        trailers.insert(Status::GRPC_STATUS, HeaderValue::from_static("0"));
        Poll::Ready(Some(Ok(Frame::trailers(trailers))))
    }

    fn is_end_stream(&self) -> bool {
        self.is_over
    }
}

pin_project! {
    /// Future of [`KeptService`].
    pub struct KeptFuture<F> {
        #[pin]
        state: State<F>,
    }
}

pin_project! {
    #[project = StateProjection]
    enum State<F> {
        Kept { answer: Option<Response<Body>> },
        Running { #[pin] work: F },
    }
}

impl<F, E> Future for KeptFuture<F>
where
    F: Future<Output = Result<Response<Body>, E>>,
{
    type Output = Result<Response<Body>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().state.project() {
            StateProjection::Kept { answer } => match answer.take() {
                Some(answer) => Poll::Ready(Ok(answer)),
                None => Poll::Pending, // answered already
            },
            StateProjection::Running { work } => work.poll(cx),
        }
    }
}
