//! What the HTTP listener answers: call arrival, every unary call of the API, and descriptions of them.

use std::{pin::Pin, sync::Arc, time::Duration};

use axum::{
    Router,
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::get,
};
use bytes::Bytes;
use tokio::time::{Instant, timeout};
use tower_http::cors::{AllowOrigin, CorsLayer};

use super::{
    openapi,
    route::{refuse, route},
};
use crate::{
    api::{
        error::{ApiError, Code},
        routes::ContactRoutes,
    },
    metrics::HttpMetrics,
};

/// Time to send the body of a request to `/v1/route` and to be answered. Routing itself has a shorter limit.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);

/// How long browsers need not ask again whether an origin is allowed.
const PREFLIGHT_AGE: Duration = Duration::from_hours(1);

/// Headers of requests that pages of other origins may send, besides those that every page may.
const ALLOWED_HEADERS: [HeaderName; 12] = [
    header::AUTHORIZATION,
    header::CONTENT_TYPE,
    HeaderName::from_static("connect-protocol-version"),
    HeaderName::from_static("connect-timeout-ms"),
    HeaderName::from_static("grpc-timeout"),
    HeaderName::from_static("patron-at-least"),
    HeaderName::from_static("patron-class"),
    HeaderName::from_static("patron-purpose"),
    HeaderName::from_static("x-grpc-web"),
    HeaderName::from_static("x-request-id"),
    HeaderName::from_static("x-requested-with"),
    HeaderName::from_static("x-user-agent"),
];

/// Headers of answers that those pages may read.
const EXPOSED_HEADERS: [HeaderName; 6] = [
    header::RETRY_AFTER,
    HeaderName::from_static("grpc-status"),
    HeaderName::from_static("grpc-message"),
    HeaderName::from_static("grpc-status-details-bin"),
    HeaderName::from_static("patron-written"),
    HeaderName::from_static("x-request-id"),
];

/// Decides about a request that is no call.
pub type Admit = Arc<dyn Fn(&Request) -> Result<(), Box<ApiError>> + Send + Sync>;

/// Answers a call of the API.
pub type AnswerCall =
    Arc<dyn Fn(Request) -> Pin<Box<dyn Future<Output = Response> + Send>> + Send + Sync>;

/// What the listener answers with.
#[derive(Clone)]
pub struct Face {
    /// Routes contacts.
    pub contacts: ContactRoutes,
    /// Decides who may; `None`: everybody.
    pub admit: Option<Admit>,
    /// Answers calls.
    pub calls: AnswerCall,
    /// Origins whose pages may use the listener from a browser, as `https://crm.example`.
    pub origins: Arc<[HeaderValue]>,
    /// The descriptors of the API, a binary `FileDescriptorSet`.
    pub descriptors: Bytes,
    /// Counts.
    pub metrics: HttpMetrics,
}

/// The routes of the listener.
pub fn router(face: Face) -> Router {
    let arrival = Router::new()
        .route("/v1/route", get(route).post(route))
        .layer(middleware::from_fn(in_time))
        .with_state(face.contacts.clone());
    let descriptions = Router::new()
        .route("/v1/openapi.json", get(describe))
        .route("/v1/descriptors", get(descriptors))
        .with_state(face.clone());
    let admitted = arrival.merge(descriptions);
    let admitted = admitted.layer(middleware::from_fn_with_state(face.clone(), admit));
    let mut router = Router::new()
        .fallback(call)
        .with_state(face.clone())
        .merge(admitted)
        .method_not_allowed_fallback(|| async {
            refuse(StatusCode::METHOD_NOT_ALLOWED, "use GET or POST")
        });
    if !face.origins.is_empty() {
        router = router.layer(
            CorsLayer::new()
                .allow_origin(AllowOrigin::list(face.origins.iter().cloned()))
                .allow_methods([Method::GET, Method::POST])
                .allow_headers(ALLOWED_HEADERS)
                .expose_headers(EXPOSED_HEADERS)
                .max_age(PREFLIGHT_AGE),
        );
    }
    router.layer(middleware::from_fn_with_state(face, count))
}

/// Answers within the limit, whatever a peer does with the body.
async fn in_time(request: Request, next: Next) -> Response {
    let answered = timeout(REQUEST_TIMEOUT, next.run(request)).await;
    answered.unwrap_or_else(|_| {
        let sentence = "the request did not arrive in time";
        refuse(StatusCode::REQUEST_TIMEOUT, sentence)
    })
}

/// Refuses who may not. Calls are decided about where those over gRPC are.
async fn admit(State(face): State<Face>, request: Request, next: Next) -> Response {
    let decided = face.admit.as_ref().map_or(Ok(()), |admit| admit(&request));
    match decided {
        Ok(()) => next.run(request).await,
        Err(error) => refuse_caller(&error),
    }
}

/// The answer to a caller who may not.
fn refuse_caller(error: &ApiError) -> Response {
    let status = match error.code {
        Code::Unauthenticated => StatusCode::UNAUTHORIZED,
        Code::ResourceExhausted => StatusCode::TOO_MANY_REQUESTS,
        Code::InvalidArgument
        | Code::NotFound
        | Code::AlreadyExists
        | Code::FailedPrecondition
        | Code::Aborted
        | Code::Unavailable
        | Code::Internal
        | Code::PermissionDenied => StatusCode::FORBIDDEN,
    };
    let mut response = refuse(status, &error.message);
    let headers = response.headers_mut();
    if status == StatusCode::UNAUTHORIZED {
        let bearer = HeaderValue::from_static("Bearer");
        headers.insert(header::WWW_AUTHENTICATE, bearer);
    }
    if let Some(after) = error.retry_after {
        // Whole seconds, rounded up.
        let seconds = after.as_secs() + u64::from(after.subsec_nanos() > 0);
        headers.insert(header::RETRY_AFTER, seconds.into());
    }
    response
}

/// Counts every answer, also those of the router, and refuses web pages that are not allowed.
async fn count(State(face): State<Face>, request: Request, next: Next) -> Response {
    let start = Instant::now();
    let response = if comes_from_other_page(request.headers(), &face.origins) {
        let sentence =
            "web pages of this origin may not use this listener: see --http-allowed-origins";
        refuse(StatusCode::FORBIDDEN, sentence)
    } else {
        next.run(request).await
    };
    let status = response.status().as_u16();
    face.metrics.requests(status).inc();
    face.metrics.duration.observe(start.elapsed().as_secs_f64());
    response
}

/// Whether a browser sent a request for a page whose origin is not allowed. That a browser keeps the answer from the page is not enough: a page
/// whose name was made to lead here is of the same origin, to the browser. The listener has no pages of its own. What a person enters in the
/// address bar comes from no page.
fn comes_from_other_page(headers: &HeaderMap, origins: &[HeaderValue]) -> bool {
    match headers.get(header::ORIGIN) {
        Some(origin) => !origins.contains(origin),
        None => headers
            .get("sec-fetch-site")
            .is_some_and(|from| from != "none"),
    }
}

/// Answers a call, if the path is that of one: `/package.Service/Method`.
async fn call(State(face): State<Face>, request: Request) -> Response {
    let mut parts = request.uri().path().split('/').skip(1);
    let is_call = parts.next().is_some_and(|service| service.contains('.'))
        && parts.next().is_some_and(|method| !method.is_empty())
        && parts.next().is_none();
    if is_call {
        return (face.calls)(request).await;
    }
    let sentence =
        "not found: ask /v1/route or /v1/openapi.json, or POST to /patron.v1.SERVICE/METHOD";
    refuse(StatusCode::NOT_FOUND, sentence)
}

async fn describe() -> Response {
    let json = HeaderValue::from_static("application/json");
    match openapi::document() {
        Some(document) => ([(header::CONTENT_TYPE, json)], document).into_response(),
        None => refuse(StatusCode::INTERNAL_SERVER_ERROR, "internal error"),
    }
}

async fn descriptors(State(face): State<Face>) -> Response {
    let protobuf = HeaderValue::from_static("application/x-protobuf");
    ([(header::CONTENT_TYPE, protobuf)], face.descriptors).into_response()
}
