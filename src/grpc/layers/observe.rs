//! Counts and logs every call by how it ended.
//!
//! The outcome is the `grpc-status` of the trailers, or of the headers when there is no body; HTTP says 200 to nearly everything. A call
//! whose caller went away first is `CANCELLED`. One line is logged for a call that failed, at a level that says who should act; one at
//! debug for every call. Neither requests, answers nor messages are logged, for they name people.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body::{Frame, SizeHint};
use pin_project_lite::pin_project;
use tokio::time::Instant;
use tonic::body::Body;
use tonic::{Code, Status};
use tower::{Layer, Service};
use tracing::Level;

use crate::grpc::layers::identity::Verdict;
use crate::grpc::layers::peer::{ClientCertificate, ClientName, Peer};
use crate::grpc::layers::request_id::RequestId;
use crate::grpc::status;
use crate::metrics::{MethodMetrics, RpcMetrics, StatusCode};

/// Layer that makes [`ObserveService`].
#[derive(Debug, Clone)]
pub struct ObserveLayer {
    /// Shared: the transport clones the service for every call.
    metrics: Arc<RpcMetrics>,
}

impl ObserveLayer {
    /// Counts into `metrics`.
    #[must_use]
    pub fn new(metrics: RpcMetrics) -> Self {
        Self {
            metrics: Arc::new(metrics),
        }
    }
}

impl<S> Layer<S> for ObserveLayer {
    type Service = ObserveService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        ObserveService {
            inner,
            metrics: Arc::clone(&self.metrics),
        }
    }
}

/// Observes each call; see the module.
#[derive(Debug, Clone)]
pub struct ObserveService<S> {
    inner: S,
    metrics: Arc<RpcMetrics>,
}

impl<S, B> Service<Request<B>> for ObserveService<S>
where
    S: Service<Request<B>, Response = Response<Body>>,
{
    type Response = Response<ObservedBody>;
    type Error = S::Error;
    type Future = ObserveFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let method = Arc::clone(self.metrics.method(request.uri().path()));
        let peer = request.extensions().get::<Arc<Peer>>();
        let client = peer.and_then(|peer| peer.certificate()).cloned();
        let id = request.extensions().get().cloned();
        let verdict = request.extensions().get().cloned();
        let call = Call::begin(method, id, client, verdict);
        ObserveFuture {
            work: self.inner.call(request),
            call: Some(call),
        }
    }
}

/// A call under way. Whatever happens to it, it is counted once: at its end, or as cancelled when it is dropped before.
#[derive(Debug)]
struct Call {
    method: Arc<MethodMetrics>,
    id: Option<RequestId>,
    /// Who calls, where connections have certificates.
    client: Option<Arc<ClientCertificate>>,
    /// Who calls, where identities are required.
    verdict: Option<Verdict>,
    start: Instant,
    /// Why the call failed, as far as it is known before its end.
    reason: Option<String>,
    ended: bool,
}

impl Call {
    fn begin(
        method: Arc<MethodMetrics>,
        id: Option<RequestId>,
        client: Option<Arc<ClientCertificate>>,
        verdict: Option<Verdict>,
    ) -> Self {
        method.in_flight.inc();
        Self {
            method,
            id,
            client,
            verdict,
            start: Instant::now(),
            reason: None,
            ended: false,
        }
    }

    fn end(&mut self, code: StatusCode) {
        if self.ended {
            return;
        }
        self.ended = true;
        let time = self.start.elapsed();
        self.method.in_flight.dec();
        self.method.requests(code).inc();
        self.method.duration.observe(time.as_secs_f64());
        self.log(code, time.as_secs_f64() * 1e3);
    }

    fn client_name(&self) -> Option<&str> {
        let certificate = self.client.as_deref()?;
        certificate.name().map(ClientName::as_str)
    }

    fn purpose(&self) -> Option<&str> {
        self.verdict.as_ref()?.call()?.purpose()
    }

    fn log(&self, code: StatusCode, duration_ms: f64) {
        /// The same line at one of four levels: the macro wants a constant. It stands outside of the call's span, whose id it has.
        macro_rules! line {
            ($level:expr, $message:literal) => {
                tracing::event!(
                    parent: None,
                    $level,
                    rpc.method = &*self.method.name,
                    rpc.grpc_status = code.name(),
                    error.reason = self.reason.as_deref(),
                    duration_ms,
                    client.name = self.client_name(),
                    caller.id = self.verdict.as_ref().and_then(Verdict::caller_id),
                    caller.purpose = self.purpose(),
                    request.id = self.id.as_ref().map(RequestId::as_str),
                    $message
                )
            };
        }
        if code == StatusCode::OK {
            line!(Level::DEBUG, "call completed");
            return;
        }
        match Code::from(i32::from(code.number())) {
            // Somebody should look: this is a fault of the program.
            Code::Unknown | Code::Internal | Code::DataLoss => line!(Level::ERROR, "a call failed"),
            // The server could not do what was right to ask.
            Code::DeadlineExceeded | Code::ResourceExhausted | Code::Unavailable => {
                line!(Level::WARN, "a call failed");
            }
            // The caller's doing, or his news.
            Code::Ok
            | Code::Cancelled
            | Code::InvalidArgument
            | Code::NotFound
            | Code::AlreadyExists
            | Code::PermissionDenied
            | Code::FailedPrecondition
            | Code::Aborted
            | Code::OutOfRange
            | Code::Unimplemented
            | Code::Unauthenticated => line!(Level::INFO, "a call failed"),
        }
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.end(StatusCode::CANCELLED);
    }
}

/// The outcome in these headers or trailers, if they have one.
fn outcome(headers: &HeaderMap) -> Option<StatusCode> {
    headers
        .get("grpc-status")
        .map(|value| StatusCode::from_header(value.as_bytes()))
}

pin_project! {
    /// Future of [`ObserveService`].
    #[derive(Debug)]
    pub struct ObserveFuture<F> {
        #[pin]
        work: F,
        call: Option<Call>,
    }
}

impl<F, E> Future for ObserveFuture<F>
where
    F: Future<Output = Result<Response<Body>, E>>,
{
    type Output = Result<Response<ObservedBody>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let answer = ready!(this.work.poll(cx));
        let mut call = this.call.take();
        let Ok(answer) = answer else {
            // The services of a router do not fail; if one did, tonic answers UNKNOWN for it.
            if let Some(call) = &mut call {
                call.end(StatusCode::UNKNOWN);
            }
            return Poll::Ready(
                answer.map(|answer| answer.map(|body| ObservedBody { body, call })),
            );
        };
        if let (Some(call), Some(code)) = (&mut call, outcome(answer.headers())) {
            if code != StatusCode::OK {
                call.reason = answer.extensions().get::<Status>().and_then(status::reason);
            }
            call.end(code);
        }
        Poll::Ready(Ok(answer.map(|body| ObservedBody { body, call })))
    }
}

pin_project! {
    /// The body of an answer, watched for its trailers.
    #[derive(Debug)]
    pub struct ObservedBody {
        #[pin]
        body: Body,
        call: Option<Call>,
    }
}

impl http_body::Body for ObservedBody {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = self.project();
        let frame = ready!(this.body.poll_frame(cx));
        let code = match &frame {
            Some(Ok(frame)) => frame.trailers_ref().and_then(outcome),
            Some(Err(status)) => {
                let code = i32::from(status.code()).to_string();
                Some(StatusCode::from_header(code.as_bytes()))
            }
            // The end without trailers: its writer did not speak gRPC.
            None => Some(StatusCode::UNKNOWN),
        };
        if let (Some(call), Some(code)) = (this.call.as_mut(), code) {
            call.end(code);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
