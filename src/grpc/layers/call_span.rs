//! Runs the work of a call in a span with its id, so that every log line of it can be found by what the caller has in hand.
//!
//! It costs more than an answer from memory, which logs nothing, and therefore stands behind these.

use std::pin::Pin;
use std::task::{Context, Poll};

use http::Request;
use pin_project_lite::pin_project;
use tower::{Layer, Service};
use tracing::Span;

use super::request_id::RequestId;

/// Name of the span.
const NAME: &str = "grpc.call";

/// Layer that makes [`CallSpanService`].
#[derive(Debug, Clone)]
pub struct CallSpanLayer;

impl<S> Layer<S> for CallSpanLayer {
    type Service = CallSpanService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        CallSpanService { inner }
    }
}

/// Runs each call in its span; see the module.
#[derive(Debug, Clone)]
pub struct CallSpanService<S> {
    inner: S,
}

impl<S, B> Service<Request<B>> for CallSpanService<S>
where
    S: Service<Request<B>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = CallSpanFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        // A call over HTTP is in the span of its request.
        let outer = Span::current();
        let is_inside = outer.metadata().is_some_and(|it| it.name() == NAME);
        let span = match request.extensions().get::<RequestId>() {
            Some(id) if !is_inside => tracing::info_span!(NAME, request.id = id.as_str()),
            _ => outer,
        };
        // Not entered here: what is below only makes futures, and nothing of a call is done or logged before the first poll.
        let work = self.inner.call(request);
        CallSpanFuture { work, span }
    }
}

pin_project! {
    /// Future of [`CallSpanService`].
    #[derive(Debug)]
    pub struct CallSpanFuture<F> {
        #[pin]
        work: F,
        span: Span,
    }
}

impl<F: Future> Future for CallSpanFuture<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let _entered = this.span.enter();
        this.work.poll(cx)
    }
}
