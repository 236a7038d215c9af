//! Calls over HTTP/1: JSON, the Connect protocol for unary calls, and gRPC-Web.
//!
//! `POST /patron.v1.ScoringService/Classify` with a message is the same call as over gRPC, and the same layers and handlers answer it. What
//! differs is the outside: the body is the message without a prefix, the result is an HTTP status, and an error is `google.rpc.Status` as
//! JSON. Clients that announce the Connect protocol (<https://connectrpc.com/docs/protocol>) get its errors instead.

mod bare;
mod timeout;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderValue, Method, Request, Response, header};
use tonic::Status;
use tonic::body::Body;
use tonic_types::StatusExt as _;
use tonic_web::{GrpcWebLayer, GrpcWebService};
use tower::util::BoxCloneSyncService;
use tower::{Layer as _, ServiceExt as _};

use self::bare::BareBody;
use crate::grpc::json::{Codec, http_status};
use crate::grpc::layers::compression::{ACCEPT_ENCODING_HEADER, ENCODING_HEADER, Encoding};
use crate::grpc::layers::methods;
use crate::grpc::layers::transcode::Wire;
use crate::grpc::status::{self, transport};

/// Calls as the layers take them.
pub type Calls = BoxCloneSyncService<Request<Body>, Response<Body>, Infallible>;

/// Header with which clients of the Connect protocol introduce themselves.
const CONNECT_VERSION: &str = "connect-protocol-version";

/// Answers calls over HTTP/1.
#[derive(Clone)]
pub struct HttpCalls {
    calls: Calls,
    web: GrpcWebService<Calls>,
    codec: Arc<Codec>,
}

/// What a body holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Json,
    Binary,
    GrpcWeb,
}

impl Form {
    /// By the content-type of the request.
    fn of(headers: &HeaderMap) -> Option<Self> {
        let stated = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
        let mut parts = stated.split(';').map(str::trim);
        let form = match parts.next()?.to_ascii_lowercase().as_str() {
            "application/json" => Self::Json,
            "application/proto" | "application/x-protobuf" | "application/protobuf" => Self::Binary,
            // Exactly these: what stands behind them is for tonic-web to read.
            "application/grpc-web"
            | "application/grpc-web+proto"
            | "application/grpc-web-text"
            | "application/grpc-web-text+proto" => Self::GrpcWeb,
            _ => return None,
        };
        // JSON is UTF-8 and nothing else (RFC 8259).
        let charset = parts.find_map(|part| part.strip_prefix("charset="));
        let is_utf8 = charset.is_none_or(|it| it.trim_matches('"').eq_ignore_ascii_case("utf-8"));
        is_utf8.then_some(form)
    }
}

impl HttpCalls {
    /// Answers by `calls`, which begin behind the layer of request ids.
    #[must_use]
    pub fn new(calls: Calls, codec: Arc<Codec>) -> Self {
        Self {
            web: GrpcWebLayer::new().layer(calls.clone()),
            calls,
            codec,
        }
    }

    /// Answers a request for a path `/package.Service/Method`.
    pub async fn answer(&self, mut request: Request<Body>) -> Response<Body> {
        let headers = request.headers();
        let is_connect = headers.contains_key(CONNECT_VERSION);
        if request.method() != Method::POST {
            let mut refused = self.error(&transport::post_required(), is_connect);
            *refused.status_mut() = http::StatusCode::METHOD_NOT_ALLOWED;
            let post = HeaderValue::from_static(Method::POST.as_str());
            refused.headers_mut().insert(header::ALLOW, post);
            return refused;
        }
        let form = match Form::of(headers) {
            Some(Form::GrpcWeb) => {
                request.extensions_mut().insert(Wire::GrpcWeb);
                let Ok(answer) = self.web.clone().oneshot(request).await;
                return answer;
            }
            Some(form) => form,
            None => {
                let mut refused = self.error(&transport::unsupported_media_type(), is_connect);
                *refused.status_mut() = http::StatusCode::UNSUPPORTED_MEDIA_TYPE;
                return refused;
            }
        };
        let is_connect = is_connect || form == Form::Binary;
        let answer = match self.prepare(&mut request, form) {
            Ok(()) => {
                let Ok(answer) = self.calls.clone().oneshot(request).await;
                answer
            }
            Err(refused) => return self.error(&refused, is_connect),
        };
        if let Some(error) = status::of_answer(&answer) {
            return self.error(&error, is_connect);
        }
        let content_type = match form {
            Form::Json => "application/json",
            Form::Binary | Form::GrpcWeb => "application/proto",
        };
        let encoding = answer.headers().get(ENCODING_HEADER).cloned();
        let body = BareBody::new(answer.into_body()).await;
        // The header stands for the call; the message itself says whether it is compressed.
        let encoding = encoding.filter(|_| body.is_compressed());
        let mut response = respond(Body::new(body), content_type);
        if let Some(encoding) = encoding {
            let headers = response.headers_mut();
            headers.insert(header::CONTENT_ENCODING, encoding);
        }
        response
    }

    /// Makes of a request over HTTP one over gRPC.
    fn prepare(&self, request: &mut Request<Body>, form: Form) -> Result<(), Status> {
        let path = request.uri().path();
        let shape = self.codec.shape(path).cloned();
        if shape.is_none() && methods::exists(path) {
            return Err(transport::stream_unsupported());
        }
        // A method that does not exist is refused by the router, and so counted.
        let wire = match (form, shape) {
            (Form::Json, Some(shape)) => Wire::Json(shape),
            (Form::Json | Form::Binary | Form::GrpcWeb, _) => Wire::Binary,
        };
        request.extensions_mut().insert(wire);
        let headers = request.headers_mut();
        timeout::translate(headers)?;
        if let Some(encoding) = headers.remove(header::CONTENT_ENCODING) {
            headers.insert(ENCODING_HEADER, encoding);
        }
        if let Some(accepted) = Encoding::accepted(headers, header::ACCEPT_ENCODING) {
            headers.insert(ACCEPT_ENCODING_HEADER, accepted.header());
        }
        let grpc = HeaderValue::from_static("application/grpc");
        headers.insert(header::CONTENT_TYPE, grpc);
        Ok(())
    }

    fn error(&self, error: &Status, is_connect: bool) -> Response<Body> {
        let json = if is_connect {
            self.codec.connect_error(error)
        } else {
            self.codec.error(error)
        };
        let body = http_body_util::Full::from(json);
        let mut response = respond(Body::new(body), "application/json");
        *response.status_mut() = http_status(error);
        if response.status() == http::StatusCode::UNAUTHORIZED {
            let bearer = HeaderValue::from_static("Bearer");
            response
                .headers_mut()
                .insert(header::WWW_AUTHENTICATE, bearer);
        }
        let retry = error.get_details_retry_info();
        if let Some(after) = retry.and_then(|retry| retry.retry_delay) {
            let seconds = HeaderValue::from(whole_seconds(after));
            response.headers_mut().insert(header::RETRY_AFTER, seconds);
        }
        response
    }
}

fn respond(body: Body, content_type: &'static str) -> Response<Body> {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    // Answers are about customers, and the next one may differ.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Retry-After has whole seconds: rounded up, so that no client comes too early.
fn whole_seconds(after: Duration) -> u64 {
    after.as_secs() + u64::from(after.subsec_nanos() > 0)
}
