//! Sends answers only as fast as their callers read them, and ends streams when the server stops.
//!
//! The transport takes what a body gives it, so a body that gives everything at once lets a peer that does not read pile up answers.
//! This one gives a frame at a time, which the windows of HTTP/2 hold back, and charges what is left to the connection
//! ([`super::peer`]). Streams (health's Watch, reflection) pass through and end when the drain begins or their connection is to end: they would
//! outlast it. Those whose requests end then, end by themselves.
//!
//! It also gives reasons to what tonic answers by itself. Every status of ours carries details; one without them was made by tonic, and
//! after [`super::receive`] there are three of these: a message that cannot be decoded, a method that does not exist, and an answer that
//! is too large. What the answers say is not known here.

mod body;

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use http::{HeaderMap, Request, Response};
use http_body::Body as _;
use pin_project_lite::pin_project;
use tokio_util::sync::CancellationToken;
use tonic::body::Body;
use tonic::{Code, Status};
use tower::{Layer, Service};

use self::body::{Collected, EndlessBody, PacedBody};
use super::methods::Method;
use super::peer::Peer;
use crate::grpc::status::transport;

/// Layer that makes [`AnswersService`].
#[derive(Debug, Clone)]
pub struct AnswersLayer {
    draining: CancellationToken,
}

impl AnswersLayer {
    /// Streams end when their connection is to end; those of no known connection when `draining` is cancelled.
    #[must_use]
    pub fn new(draining: CancellationToken) -> Self {
        Self { draining }
    }
}

impl<S> Layer<S> for AnswersLayer {
    type Service = AnswersService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        AnswersService {
            inner,
            draining: self.draining.clone(),
        }
    }
}

/// Sends each answer; see the module.
#[derive(Debug, Clone)]
pub struct AnswersService<S> {
    inner: S,
    draining: CancellationToken,
}

impl<S, B> Service<Request<B>> for AnswersService<S>
where
    S: Service<Request<B>, Response = Response<Body>>,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = AnswersFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let method = Method::find(request.uri().path());
        request.extensions_mut().insert(method);
        let peer = request.extensions().get::<Arc<Peer>>().cloned();
        let leaving = peer.as_ref().map_or(&self.draining, |peer| peer.leaving());
        let draining = method.is_endless().then(|| leaving.clone());
        let is_ending_stream = method.is_ending_stream();
        AnswersFuture {
            work: self.inner.call(request),
            peer,
            draining,
            is_ending_stream,
            collecting: None,
        }
    }
}

pin_project! {
    /// Future of [`AnswersService`].
    pub struct AnswersFuture<F> {
        #[pin]
        work: F,
        peer: Option<Arc<Peer>>,
        // Of streams only.
        draining: Option<CancellationToken>,
        is_ending_stream: bool,
        collecting: Option<(http::response::Parts, Collected)>,
    }
}

impl<F, E> Future for AnswersFuture<F>
where
    F: Future<Output = Result<Response<Body>, E>>,
{
    type Output = Result<Response<Body>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        if this.collecting.is_none() {
            let answer = ready!(this.work.poll(cx))?;
            if answer.body().is_end_stream() {
                if let Some(peer) = this.peer {
                    peer.answer_head();
                }
                return Poll::Ready(Ok(with_reason(answer)));
            }
            if let Some(draining) = this.draining.take() {
                let stream = |body| Body::new(EndlessBody::new(body, draining));
                return Poll::Ready(Ok(answer.map(stream)));
            }
            if *this.is_ending_stream {
                return Poll::Ready(Ok(answer));
            }
            let (head, body) = answer.into_parts();
            *this.collecting = Some((head, Collected::new(body)));
        }
        if let Some((_, collected)) = this.collecting {
            ready!(collected.poll(cx));
        }
        let Some((head, collected)) = this.collecting.take() else {
            return Poll::Pending; // answered already
        };
        if let Some(status) = collected.failure() {
            return Poll::Ready(Ok(status.into_http()));
        }
        let body = PacedBody::new(collected, this.peer.as_ref());
        Poll::Ready(Ok(Response::from_parts(head, Body::new(body))))
    }
}

/// The answer with a reason, if it is one of tonic's own.
fn with_reason(answer: Response<Body>) -> Response<Body> {
    match own_status(answer.headers()) {
        Some(Code::Internal) => transport::malformed_message("it cannot be decoded").into_http(),
        Some(Code::Unimplemented) => transport::unknown_method().into_http(),
        _ => answer,
    }
}

/// The code of a status that tonic made by itself.
fn own_status(headers: &HeaderMap) -> Option<Code> {
    let code = headers.get(Status::GRPC_STATUS)?;
    (!headers.contains_key(Status::GRPC_STATUS_DETAILS)).then(|| Code::from_bytes(code.as_bytes()))
}

#[cfg(test)]
mod tests;
