//! Refuses calls by the verdict of [`super::identity`], before their messages are received.
//!
//! Where identities are required, a call without a verdict is refused as well.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::{Request, Response};
use pin_project_lite::pin_project;
use tonic::Status;
use tonic::body::Body;
use tower::{Layer, Service};

use super::deadline::parse_timeout;
use super::identity::Verdict;
use crate::grpc::status;
use crate::service::identity::Refusal;

/// Layer that makes [`AdmitService`].
#[derive(Debug, Clone, Copy)]
pub struct AdmitLayer {
    is_required: bool,
}

impl AdmitLayer {
    /// Whether identities are required.
    #[must_use]
    pub fn new(is_required: bool) -> Self {
        Self { is_required }
    }
}

impl<S> Layer<S> for AdmitLayer {
    type Service = AdmitService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        AdmitService {
            inner,
            is_required: self.is_required,
        }
    }
}

/// Refuses calls; see the module.
#[derive(Debug, Clone)]
pub struct AdmitService<S> {
    inner: S,
    is_required: bool,
}

impl<S, B> Service<Request<B>> for AdmitService<S>
where
    S: Service<Request<B>, Response = Response<Body>>,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = AdmitFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let refusal = match request.extensions().get::<Verdict>() {
            Some(Verdict::Open | Verdict::Admitted(_)) => None,
            Some(Verdict::Refused(refusal)) => Some(Arc::clone(refusal)),
            None => self.is_required.then(|| Arc::new(Refusal::NoCredentials)),
        };
        let state = match refusal {
            None => State::Running {
                work: self.inner.call(request),
            },
            Some(refusal) => State::Refused {
                refusal,
                time: parse_timeout(request.headers()).unwrap_or_default(),
            },
        };
        AdmitFuture { state }
    }
}

pin_project! {
    /// Future of [`AdmitService`].
    pub struct AdmitFuture<F> {
        #[pin]
        state: State<F>,
    }
}

pin_project! {
    #[project = StateProjection]
    enum State<F> {
        Running { #[pin] work: F },
        Refused { refusal: Arc<Refusal>, time: Option<Duration> },
    }
}

impl<F, E> Future for AdmitFuture<F>
where
    F: Future<Output = Result<Response<Body>, E>>,
{
    type Output = Result<Response<Body>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().state.project() {
            StateProjection::Running { work } => work.poll(cx),
            StateProjection::Refused { refusal, time } => {
                let status: Status = (&**refusal).into();
                let mut answer = status.into_http();
                if let Some(time) = time {
                    status::fit_pushback(answer.headers_mut(), || *time);
                }
                Poll::Ready(Ok(answer))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use tower::{ServiceExt as _, service_fn};

    use super::*;

    async fn status(is_required: bool, verdict: Option<Verdict>) -> Option<String> {
        let behind =
            service_fn(async |_: Request<()>| Ok::<_, Infallible>(Response::new(Body::empty())));
        let mut request = Request::new(());
        if let Some(verdict) = verdict {
            request.extensions_mut().insert(verdict);
        }
        let service = AdmitLayer::new(is_required).layer(behind);
        let answer = service.oneshot(request).await.unwrap();
        let status = answer.headers().get("grpc-status");
        status.map(|it| it.to_str().unwrap().to_owned())
    }

    #[tokio::test]
    async fn a_call_without_a_verdict_is_refused_where_identities_are_required() {
        assert_eq!(status(true, None).await.as_deref(), Some("16"));
        assert_eq!(status(false, None).await, None);
        assert_eq!(status(true, Some(Verdict::Open)).await, None);
        let refused = Verdict::Refused(Arc::new(Refusal::Invalid));
        assert_eq!(status(true, Some(refused)).await.as_deref(), Some("16"));
    }
}
