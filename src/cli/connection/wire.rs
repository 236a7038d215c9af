//! What comes back over a channel: answers of a server, or the page of a proxy that has none.
//!
//! A proxy that does not reach its server answers with a page (502, 503, 504), and one that takes no body of such a size too (413). tonic reads
//! the page as a message and reports that its first letter is no compression flag, with a code that means a fault of the server.

use std::pin::Pin;
use std::task::{Context, Poll};

use http::header::CONTENT_TYPE;
use http::{HeaderValue, Request, Response, StatusCode};
use tonic::body::Body;
use tonic::metadata::GRPC_CONTENT_TYPE;
use tonic::transport::{Channel, Error};
use tonic::{Code, Status};
use tower::Service;

/// A channel on which pages of proxies are statuses of gRPC.
#[derive(Debug, Clone)]
pub struct Wire(Channel);

impl Wire {
    pub(super) fn new(channel: Channel) -> Self {
        Self(channel)
    }
}

impl Service<Request<Body>> for Wire {
    type Response = Response<Body>;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let answering = self.0.call(request);
        Box::pin(async move { answering.await.map(unless_page) })
    }
}

/// An answer of gRPC as it is; anything else as the status that it means.
fn unless_page(answer: Response<Body>) -> Response<Body> {
    let kind = answer.headers().get(CONTENT_TYPE);
    let kind = kind.map_or("", |kind| kind.to_str().unwrap_or_default());
    // A status that a proxy is configured to answer may have no content, and so no kind: nginx's 204.
    let is_grpc =
        kind.starts_with("application/grpc") || answer.headers().contains_key(Status::GRPC_STATUS);
    match answer.status() {
        _ if is_grpc => answer,
        StatusCode::OK if kind.is_empty() => answer,
        status => {
            let (code, message) = page(status, kind);
            without_body(code, &message)
        }
    }
}

/// The status that a page means, by the mapping of gRPC (doc/http-grpc-status-mapping.md); 413 is none of its own there.
fn page(status: StatusCode, kind: &str) -> (Code, String) {
    let (code, what) = match status {
        StatusCode::OK => {
            let what = format!("the answer is {kind} and not gRPC: is this the gRPC port?");
            return (Code::Unknown, what);
        }
        StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT => {
            (Code::Unavailable, "a proxy does not reach the server")
        }
        StatusCode::TOO_MANY_REQUESTS => (Code::Unavailable, "a proxy takes no more requests now"),
        StatusCode::PAYLOAD_TOO_LARGE => (
            Code::ResourceExhausted,
            "a proxy takes no request of this size; raise its limit (nginx: client_max_body_size)",
        ),
        StatusCode::UNAUTHORIZED => (Code::Unauthenticated, "a proxy wants a login"),
        StatusCode::FORBIDDEN => (Code::PermissionDenied, "a proxy refuses the call"),
        StatusCode::NOT_FOUND => (
            Code::Unimplemented,
            "a proxy or another server has no such path",
        ),
        StatusCode::BAD_REQUEST => (Code::Internal, "a proxy does not understand the request"),
        _ => (
            Code::Unknown,
            "a proxy or another server answers for the server",
        ),
    };
    (code, format!("{what}: HTTP status {status}"))
}

/// An answer that is a status and nothing else, as a server sends it.
fn without_body(code: Code, message: &str) -> Response<Body> {
    let mut answer = Response::new(Body::empty());
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, GRPC_CONTENT_TYPE);
    headers.insert(Status::GRPC_STATUS, HeaderValue::from(code as i32));
    // Of visible letters only: all of it is ours, but for the kind of a page.
    if let Ok(message) = HeaderValue::from_str(message) {
        headers.insert(Status::GRPC_MESSAGE, message);
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(status: u16, kind: &str, code: Option<Code>) {
        let answer = Response::builder().status(status);
        let answer = answer
            .header(CONTENT_TYPE, kind)
            .body(Body::empty())
            .unwrap();
        let found = Status::from_header_map(unless_page(answer).headers());
        assert_eq!(found.map(|status| status.code()), code, "{status} {kind}");
    }

    #[test]
    fn a_page_is_the_status_that_it_means_and_an_answer_stays_one() {
        check(200, "application/grpc", None);
        check(200, "application/grpc+proto", None);
        check(502, "text/html", Some(Code::Unavailable));
        check(503, "text/plain", Some(Code::Unavailable));
        check(504, "text/html", Some(Code::Unavailable));
        check(413, "text/html", Some(Code::ResourceExhausted));
        check(404, "text/html", Some(Code::Unimplemented));
        check(200, "text/html", Some(Code::Unknown));
        check(500, "text/html", Some(Code::Unknown));
    }

    #[test]
    fn a_status_of_a_proxy_needs_no_content_type() {
        let answer = Response::builder().status(204);
        let answer = answer.header(Status::GRPC_STATUS, "14").body(Body::empty());
        let found = Status::from_header_map(unless_page(answer.unwrap()).headers());
        assert_eq!(found.unwrap().code(), Code::Unavailable);
    }
}
