//! The only place that builds a [`tonic::Status`]: a code, a sentence the caller can act on, and google.rpc details.
//!
//! Every status carries `ErrorInfo` with a stable reason in `SCREAMING_SNAKE_CASE` and the domain [`DOMAIN`]. A status stays under
//! [`MAX_WIRE_BYTES`]: gRPC clients refuse trailers over 8 KiB, and a refused trailer hides the error it carries. Texts are cut and
//! violations are counted ("and 12 more") to keep that.

mod details;
pub mod transport;

use std::time::Duration;

use http::{HeaderMap, HeaderValue, Response};
use tonic::Status;
use tonic_types::StatusExt as _;

use self::details::Details;
use crate::api::error::{ApiError, Code, DOMAIN, Violation};
use crate::api::violations::Violations;
use crate::service::error::ServiceError;
use crate::service::identity::Refusal;

/// Most bytes of `grpc-message` and `grpc-status-details-bin` together, as they are sent.
pub const MAX_WIRE_BYTES: usize = 4096;

/// The pushback that stops a client from sending a call again by itself (gRFC A6).
const NO_RETRY: HeaderValue = HeaderValue::from_static("-1");

impl From<ApiError> for Status {
    fn from(error: ApiError) -> Self {
        let mut details = Details::new(error.reason);
        details.violations(&error.violations);
        if let Some(resource) = &error.resource {
            let name = details.fit(&resource.name);
            details.inner.set_resource_info(resource.kind, name, "", "");
        }
        details.metadata(&error.metadata);
        if let Some(after) = error.retry_after {
            details.inner.set_retry_info(Some(after));
            details.retry_pushback = Some(after);
        }
        details.into_status(grpc_code(error.code), &error.message)
    }
}

impl From<ServiceError> for Status {
    fn from(error: ServiceError) -> Self {
        ApiError::from(error).into()
    }
}

impl From<&Refusal> for Status {
    fn from(refusal: &Refusal) -> Self {
        ApiError::from(refusal).into()
    }
}

fn grpc_code(code: Code) -> tonic::Code {
    match code {
        Code::InvalidArgument => tonic::Code::InvalidArgument,
        Code::NotFound => tonic::Code::NotFound,
        Code::AlreadyExists => tonic::Code::AlreadyExists,
        Code::FailedPrecondition => tonic::Code::FailedPrecondition,
        Code::Aborted => tonic::Code::Aborted,
        Code::Unavailable => tonic::Code::Unavailable,
        Code::Internal => tonic::Code::Internal,
        Code::Unauthenticated => tonic::Code::Unauthenticated,
        Code::PermissionDenied => tonic::Code::PermissionDenied,
        Code::ResourceExhausted => tonic::Code::ResourceExhausted,
    }
}

/// `INVALID_ARGUMENT`: the request can never succeed as it is. `violations` are all that is wrong with it.
#[must_use]
pub fn invalid_argument(reason: &'static str, violations: Vec<Violation>) -> Status {
    ApiError::invalid_argument(reason, violations).into()
}

/// `INVALID_ARGUMENT` with what a request's checks found.
#[must_use]
pub fn invalid_request(violations: Violations) -> Status {
    ApiError::from(violations).into()
}

/// `DEADLINE_EXCEEDED`: the time the caller gave, or the server's default, is over. The work was given up.
#[must_use]
pub fn deadline_exceeded() -> Status {
    Details::new("DEADLINE_EXCEEDED").into_status(
        tonic::Code::DeadlineExceeded,
        "the deadline expired before the response was ready; allow more time",
    )
}

/// `UNAVAILABLE`: the server cannot answer now; try again after `retry_after`.
#[must_use]
pub fn unavailable(reason: &'static str, message: &str, retry_after: Duration) -> Status {
    ApiError::unavailable(reason, message, retry_after).into()
}

/// Takes back the time after which an answer invites its caller to send the call again, where the caller has no more than `left`: it would wait for
/// that time, and then end at its deadline without the error. `RetryInfo` in the details stays, for people.
pub fn fit_pushback(headers: &mut HeaderMap, left: impl FnOnce() -> Duration) {
    let Some(pushback) = headers.get_mut(details::RETRY_PUSHBACK) else {
        return;
    };
    let millis = pushback.to_str().ok().and_then(|text| text.parse().ok());
    if millis.is_none_or(|millis| Duration::from_millis(millis) >= left()) {
        *pushback = NO_RETRY;
    }
}

/// The error that a call ended with before its answer began, if it did.
#[must_use]
pub fn of_answer<B>(answer: &Response<B>) -> Option<Status> {
    let code = answer.headers().get(Status::GRPC_STATUS)?;
    if tonic::Code::from_bytes(code.as_bytes()) == tonic::Code::Ok {
        return None;
    }
    let made_here = answer.extensions().get::<Status>().cloned();
    made_here.or_else(|| of_headers(answer.headers()))
}

/// The status within headers or trailers, if they have one.
#[must_use]
pub fn of_headers(headers: &HeaderMap) -> Option<Status> {
    Status::from_header_map(headers)
}

/// The reason within a status that was built here. Decodes the details: for logs of failures only.
#[must_use]
pub fn reason(status: &Status) -> Option<String> {
    status.get_details_error_info().map(|info| info.reason)
}

#[cfg(test)]
mod tests;
