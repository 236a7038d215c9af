//! `/v1/route`: who calls and how to treat the call, by GET or POST.

use std::borrow::Cow;

use axum::{
    body::Body,
    extract::{Request, State},
    http::{HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Collected, LengthLimitError, Limited};
use prost::Message as _;
use serde_json::Value;

use super::{
    parameters::{self, Asked, Format, ParameterError},
    render::render,
};
use crate::{api::routes::ContactRoutes, pb};

/// Most bytes of a body: the forty fields of a telephone provider, and room.
pub const MAX_BODY_BYTES: usize = 16 * 1024;

/// Answers a contact.
pub(super) async fn route(State(routes): State<ContactRoutes>, request: Request) -> Response {
    let asked = match ask(request).await {
        Ok(asked) => asked,
        Err(response) => return *response,
    };
    let Asked {
        contact,
        mask,
        format,
        language,
    } = asked;
    let answer = routes.answer_within_limit(&contact, mask).await;
    // It was written here.
    let rendered = answer
        .ok()
        .and_then(|answer| pb::RouteContactResponse::decode(answer).ok())
        .and_then(|answer| render(&answer, format, language).ok());
    match rendered {
        Some(body) => ok(body, format),
        None => refuse(StatusCode::INTERNAL_SERVER_ERROR, "internal error"),
    }
}

/// Reads what a request asks.
async fn ask(request: Request) -> Result<Asked, Box<Response>> {
    let (head, body) = request.into_parts();
    let query = head.uri.query().unwrap_or_default();
    if head.method != Method::POST {
        return asked(form_urlencoded::parse(query.as_bytes()).collect());
    }
    let content_type = head.headers.get(header::CONTENT_TYPE);
    let content_type = content_type.and_then(|it| it.to_str().ok()).unwrap_or("");
    let content_type = content_type.split(';').next().unwrap_or_default().trim();
    let body = read(body).await?;
    let mut pairs: Vec<_> = form_urlencoded::parse(query.as_bytes()).collect();
    match content_type {
        "application/json" => pairs.extend(json_pairs(&body)?),
        "application/x-www-form-urlencoded" | "" => pairs.extend(form_urlencoded::parse(&body)),
        _ => {
            return Err(Box::new(refuse(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "send application/x-www-form-urlencoded or application/json",
            )));
        }
    }
    asked(pairs)
}

/// A parameter and its value.
type Pair<'a> = (Cow<'a, str>, Cow<'a, str>);

fn asked(pairs: Vec<Pair<'_>>) -> Result<Asked, Box<Response>> {
    let refused = |error: ParameterError| {
        let response = refuse(StatusCode::BAD_REQUEST, &error.to_string());
        Box::new(response)
    };
    parameters::read(pairs).map_err(refused)
}

async fn read(body: Body) -> Result<Bytes, Box<Response>> {
    let read = Limited::new(body, MAX_BODY_BYTES).collect().await;
    read.map(Collected::to_bytes).map_err(|error| {
        Box::new(if error.is::<LengthLimitError>() {
            let message = format!("the body is longer than {MAX_BODY_BYTES} bytes");
            refuse(StatusCode::PAYLOAD_TOO_LARGE, &message)
        } else {
            refuse(StatusCode::BAD_REQUEST, "the body was not received")
        })
    })
}

/// The values of a JSON object: texts, numbers and truth values, and a list of texts as one with commas. The error does not repeat what was
/// sent, which may be a number.
fn json_pairs<'a>(body: &[u8]) -> Result<Vec<Pair<'a>>, Box<Response>> {
    let refused = |sentence: &str| Box::new(refuse(StatusCode::BAD_REQUEST, sentence));
    let parsed: Result<Value, _> = serde_json::from_slice(body);
    let parsed = parsed.map_err(|error| {
        let (line, column) = (error.line(), error.column());
        refused(&format!(
            "the body is not JSON: line {line}, column {column}"
        ))
    })?;
    let Value::Object(object) = parsed else {
        return Err(refused("the body is not a JSON object"));
    };
    let mut pairs = vec![];
    for (name, value) in object {
        let value = match value {
            Value::String(text) => text,
            Value::Number(number) => number.to_string(),
            Value::Bool(truth) => truth.to_string(),
            Value::Array(list) if list.iter().all(Value::is_string) => {
                let texts: Vec<&str> = list.iter().filter_map(Value::as_str).collect();
                texts.join(",")
            }
            Value::Array(_) | Value::Object(_) if parameters::is_known(&name) => {
                let sentence = format!("{name}: is a list or an object; send a text");
                return Err(refused(&sentence));
            }
            Value::Null | Value::Array(_) | Value::Object(_) => continue,
        };
        pairs.push((name.into(), value.into()));
    }
    Ok(pairs)
}

fn ok(body: Vec<u8>, format: Format) -> Response {
    let content_type = match format {
        Format::Json | Format::Flat => "application/json",
        Format::Pairs => "application/x-www-form-urlencoded",
    };
    let mut response = Response::new(Body::from(body));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    // The next call may find another customer.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

pub(super) fn refuse(status: StatusCode, message: &str) -> Response {
    (status, format!("{message}\n")).into_response()
}
