//! Reads and writes calls in JSON, where their work is done: in their lane, or where the lookup arrived.
//!
//! Between here and the face a call is framed as in gRPC, with JSON in place of the message, so that no other layer needs to know. A lookup
//! was read before ([`super::receive`]) and may have been answered from memory ([`super::memory`]); then it never comes here.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Request, Response};
use http_body_util::{BodyExt as _, Collected, Full};
use pin_project_lite::pin_project;
use tonic::Status;
use tonic::body::Body;
use tower::{Layer, Service};

use super::receive::{Message, PREFIX_BYTES, frame};
use crate::api::error::ApiError;
use crate::grpc::json::Shape;

/// The form of a call that came over HTTP/1; in the extensions of its request. Calls over gRPC have none.
#[derive(Debug, Clone)]
pub enum Wire {
    /// JSON.
    Json(Arc<Shape>),
    /// A message and nothing else.
    Binary,
    /// As over gRPC, with the trailers in the body.
    GrpcWeb,
}

/// Layer that makes [`TranscodeService`].
#[derive(Debug, Clone, Copy)]
pub struct TranscodeLayer;

impl<S> Layer<S> for TranscodeLayer {
    type Service = TranscodeService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        TranscodeService { inner }
    }
}

/// Reads and writes JSON; see the module.
#[derive(Debug, Clone)]
pub struct TranscodeService<S> {
    inner: S,
}

impl<S> Service<Request<Message>> for TranscodeService<S>
where
    S: Service<Request<Message>, Response = Response<Body>, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = TranscodeFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Message>) -> Self::Future {
        let Some(Wire::Json(shape)) = request.extensions().get::<Wire>() else {
            let form = Form::Plain {
                work: self.inner.call(request),
            };
            return TranscodeFuture { form };
        };
        let shape = Arc::clone(shape);
        let (head, message) = request.into_parts();
        let message = match message {
            Message::Json(json) => shape.read(&json).map(|message| Message::of(&message)),
            // Inflated before: by [`compression`](super::compression).
            Message::Whole(_) | Message::Compressed(_) | Message::Stream(_) => Ok(message),
        };
        let work: BoxFuture = match message {
            Ok(message) => {
                let work = self.inner.call(Request::from_parts(head, message));
                Box::pin(async move {
                    let Ok(answer) = work.await;
                    written(answer, &shape).await
                })
            }
            Err(refused) => Box::pin(std::future::ready(refused.into_http())),
        };
        TranscodeFuture {
            form: Form::Json { work },
        }
    }
}

/// The answer with JSON in place of its message.
async fn written(answer: Response<Body>, shape: &Shape) -> Response<Body> {
    if answer.headers().contains_key(Status::GRPC_STATUS) {
        return answer; // an error
    }
    let (head, body) = answer.into_parts();
    let collected: Collected<_> = match body.collect().await {
        Ok(collected) => collected,
        Err(status) => return status.into_http(),
    };
    let trailers = collected.trailers().cloned();
    let framed = collected.to_bytes();
    let data = match framed.get(PREFIX_BYTES..) {
        Some(message) => match shape.write(message) {
            Ok(json) => frame(&json),
            Err(malformed) => {
                let status: Status = ApiError::internal("INTERNAL", &malformed).into();
                return status.into_http();
            }
        },
        // No message: the trailers have the error.
        None => framed,
    };
    let body = Full::new(data).with_trailers(std::future::ready(trailers.map(Ok)));
    Response::from_parts(head, Body::new(body))
}

type BoxFuture = Pin<Box<dyn Future<Output = Response<Body>> + Send>>;

pin_project! {
    /// Future of [`TranscodeService`].
    pub struct TranscodeFuture<F> {
        #[pin]
        form: Form<F>,
    }
}

pin_project! {
    #[project = FormProjection]
    enum Form<F> {
        Plain { #[pin] work: F },
        Json { work: BoxFuture },
    }
}

impl<F> Future for TranscodeFuture<F>
where
    F: Future<Output = Result<Response<Body>, Infallible>>,
{
    type Output = Result<Response<Body>, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().form.project() {
            FormProjection::Plain { work } => work.poll(cx),
            FormProjection::Json { work } => work.as_mut().poll(cx).map(Ok),
        }
    }
}
