//! Statuses of calls that never reached a handler, or whose answer never left: what is wrong with the message, its size or its time.

use std::time::Duration;

use tonic::{Code, Status};

use super::details::Details;

/// Time after which a stream that ended with the server is worth opening again: elsewhere at once, here after a restart.
const RESTART: Duration = Duration::from_secs(1);

/// `INVALID_ARGUMENT`: the request holds no message of its type. `what` says what is wrong, with the request as its subject.
#[must_use]
pub fn malformed_message(what: &str) -> Status {
    Details::new("MALFORMED_MESSAGE").into_status(
        Code::InvalidArgument,
        &format!("the request is malformed: {what}; check the client's protocol definitions"),
    )
}

/// `INVALID_ARGUMENT`: the body is not JSON. `what` says what is wrong, with the request as its subject.
#[must_use]
pub fn malformed_json(what: &str) -> Status {
    Details::new("MALFORMED_MESSAGE").into_status(
        Code::InvalidArgument,
        &format!("the request is malformed: {what}; send one JSON object"),
    )
}

/// `UNIMPLEMENTED`: the answers of this method are a stream.
#[must_use]
pub fn stream_unsupported() -> Status {
    Details::new("STREAM_UNSUPPORTED").into_status(
        Code::Unimplemented,
        "this method streams, which JSON over HTTP does not carry; call it over gRPC",
    )
}

/// `UNIMPLEMENTED`: a call over HTTP is a POST.
#[must_use]
pub fn post_required() -> Status {
    Details::new("POST_REQUIRED").into_status(
        Code::Unimplemented,
        "the HTTP method is not supported here; send a POST request",
    )
}

/// `INVALID_ARGUMENT`: the type of the body is none that is read.
#[must_use]
pub fn unsupported_media_type() -> Status {
    Details::new("UNSUPPORTED_MEDIA_TYPE").into_status(
        Code::InvalidArgument,
        "the content-type is not supported: send application/json, application/proto or application/grpc-web",
    )
}

/// `RESOURCE_EXHAUSTED`: the request message is larger than its method takes.
#[must_use]
pub fn message_too_large(max_bytes: usize) -> Status {
    let mut details = Details::new("MESSAGE_TOO_LARGE");
    details.metadata(&[("max_bytes", max_bytes.to_string())]);
    details.into_status(
        Code::ResourceExhausted,
        &format!("the request exceeds {max_bytes} bytes; send fewer items per call"),
    )
}

/// `RESOURCE_EXHAUSTED`: the answer is larger than a message may be. `sizes` are its bytes and those of the largest message, if known.
#[must_use]
pub fn answer_too_large(sizes: Option<(u64, u64)>) -> Status {
    let mut details = Details::new("ANSWER_TOO_LARGE");
    let Some((bytes, max_bytes)) = sizes else {
        return details.into_status(
            Code::ResourceExhausted,
            "the response exceeds the message size limit; request fewer items, or raise --max-message-bytes",
        );
    };
    details.metadata(&[
        ("answer_bytes", bytes.to_string()),
        ("max_bytes", max_bytes.to_string()),
    ]);
    let share = max_bytes * 100 / bytes.max(1);
    details.into_status(
        Code::ResourceExhausted,
        &format!(
            "the response has {bytes} bytes and {max_bytes} are allowed; request at most {share} % of the items, or raise --max-message-bytes"
        ),
    )
}

/// `DEADLINE_EXCEEDED`: the head of the request came and its message did not.
#[must_use]
pub fn message_timeout(limit: Duration) -> Status {
    Details::new("MESSAGE_TIMEOUT").into_status(
        Code::DeadlineExceeded,
        &format!(
            "the request did not arrive within {} ms; check the connection",
            limit.as_millis()
        ),
    )
}

/// `UNIMPLEMENTED`: the request is compressed in a format that is not read here.
#[must_use]
pub fn encoding_unsupported() -> Status {
    let mut status = Details::new("COMPRESSION_UNSUPPORTED").into_status(
        Code::Unimplemented,
        "this compression is not supported; use gzip or zstd, or send the request uncompressed",
    );
    let supported = tonic::metadata::AsciiMetadataValue::from_static("identity, gzip, zstd");
    status
        .metadata_mut()
        .insert("grpc-accept-encoding", supported);
    status
}

/// `UNIMPLEMENTED`: there is no such service or method.
#[must_use]
pub fn unknown_method() -> Status {
    Details::new("UNKNOWN_METHOD").into_status(
        Code::Unimplemented,
        "unknown method; check the service name and the server version",
    )
}

/// `CANCELLED`: the caller cancelled the call. Nobody reads it; it is for the metrics.
#[must_use]
pub fn cancelled() -> Status {
    Details::new("CANCELLED").into_status(Code::Cancelled, "the caller cancelled the call")
}

/// `UNAVAILABLE`: a stream ends because the server stops.
#[must_use]
pub fn stopping() -> Status {
    super::unavailable(
        "STOPPING",
        "the server is shutting down; reconnect",
        RESTART,
    )
}
