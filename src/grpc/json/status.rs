//! Errors over HTTP: `google.rpc.Status` as JSON, or the error of the Connect protocol, and the status that goes with a code.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use http::StatusCode;
use prost::Message as _;
use serde_json::json;
use tonic::{Code, Status};
use tonic_types::Status as RpcStatus;

use super::{Codec, write};
use crate::grpc::status;

/// Prefix of the name of a type in `@type`.
const TYPE_PREFIX: &str = "type.googleapis.com/";

/// The HTTP status of an error, as the comments of `google.rpc.Code` have it. A request that is too large is the one exception: "Too Many
/// Requests" would make clients send it again.
#[must_use]
pub fn http_status(error: &Status) -> StatusCode {
    match error.code() {
        Code::Ok => StatusCode::OK,
        // 499: the client closed the request.
        Code::Cancelled => StatusCode::from_u16(499).unwrap_or(StatusCode::BAD_REQUEST),
        Code::InvalidArgument | Code::FailedPrecondition | Code::OutOfRange => {
            StatusCode::BAD_REQUEST
        }
        Code::DeadlineExceeded => StatusCode::GATEWAY_TIMEOUT,
        Code::NotFound => StatusCode::NOT_FOUND,
        Code::AlreadyExists | Code::Aborted => StatusCode::CONFLICT,
        Code::PermissionDenied => StatusCode::FORBIDDEN,
        Code::Unauthenticated => StatusCode::UNAUTHORIZED,
        Code::ResourceExhausted
            if status::reason(error).as_deref() == Some("MESSAGE_TOO_LARGE") =>
        {
            StatusCode::PAYLOAD_TOO_LARGE
        }
        Code::ResourceExhausted => StatusCode::TOO_MANY_REQUESTS,
        Code::Unimplemented => StatusCode::NOT_IMPLEMENTED,
        Code::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Code::Unknown | Code::Internal | Code::DataLoss => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

impl Codec {
    /// An error as `google.rpc.Status`: code, message, and details with their `@type`.
    #[must_use]
    pub fn error(&self, error: &Status) -> Vec<u8> {
        let mut details = vec![];
        for detail in details_of(error) {
            if let Some(written) = self.detail(&detail) {
                if !details.is_empty() {
                    details.push(b',');
                }
                details.extend(written);
            }
        }
        let code = i32::from(error.code());
        let message = json!(error.message());
        let mut out = format!("{{\"code\":{code},\"message\":{message},\"details\":[").into_bytes();
        out.extend(details);
        out.extend_from_slice(b"]}");
        out
    }

    /// An error as the Connect protocol has it, for clients that speak it.
    #[must_use]
    pub fn connect_error(&self, error: &Status) -> Vec<u8> {
        let details = details_of(error).into_iter().map(|detail| {
            let name = detail.type_url.rsplit('/').next().unwrap_or_default();
            json!({ "type": name, "value": STANDARD_NO_PAD.encode(&detail.value) })
        });
        let details: Vec<_> = details.collect();
        let code = connect_code(error.code());
        let error = json!({ "code": code, "message": error.message(), "details": details });
        error.to_string().into_bytes()
    }

    /// A detail as JSON; `None` for one that the descriptors lack.
    fn detail(&self, detail: &prost_types::Any) -> Option<Vec<u8>> {
        let name = detail.type_url.strip_prefix(TYPE_PREFIX)?;
        let message = self.pool.get_message_by_name(name)?;
        let mut out = format!("{{\"@type\":{}", json!(detail.type_url)).into_bytes();
        let mut fields = vec![];
        write::write_fields(&message, &detail.value, &mut fields).ok()?;
        if !fields.is_empty() {
            out.push(b',');
            out.extend(fields);
        }
        out.push(b'}');
        Some(out)
    }
}

/// The details that a status carries.
fn details_of(error: &Status) -> Vec<prost_types::Any> {
    let carried = RpcStatus::decode(error.details());
    carried.map(|status| status.details).unwrap_or_default()
}

/// Names of codes in the Connect protocol.
fn connect_code(code: Code) -> &'static str {
    match code {
        Code::Ok => "ok",
        Code::Cancelled => "canceled",
        Code::Unknown => "unknown",
        Code::InvalidArgument => "invalid_argument",
        Code::DeadlineExceeded => "deadline_exceeded",
        Code::NotFound => "not_found",
        Code::AlreadyExists => "already_exists",
        Code::PermissionDenied => "permission_denied",
        Code::ResourceExhausted => "resource_exhausted",
        Code::FailedPrecondition => "failed_precondition",
        Code::Aborted => "aborted",
        Code::OutOfRange => "out_of_range",
        Code::Unimplemented => "unimplemented",
        Code::Internal => "internal",
        Code::Unavailable => "unavailable",
        Code::DataLoss => "data_loss",
        Code::Unauthenticated => "unauthenticated",
    }
}
