//! `/v1/route`: who calls and how to treat the call, by GET or POST.

use std::{borrow::Cow, time::Duration};

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::{HeaderValue, Method, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::get,
};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Collected, LengthLimitError, Limited};
use prost::Message as _;
use serde_json::Value;
use tokio::time::{Instant, timeout};

use super::{
    parameters::{self, Asked, Format, ParameterError},
    render::render,
};
use crate::{api::routes::ContactRoutes, metrics::HttpMetrics, pb};

/// Most bytes of a body: the forty fields of a telephone provider, and room.
pub const MAX_BODY_BYTES: usize = 16 * 1024;

/// Time to send the body of a request and to be answered. Routing itself has a shorter limit.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);

/// What the face is made of.
#[derive(Clone)]
struct Face {
    routes: ContactRoutes,
    metrics: HttpMetrics,
}

/// The routes of the face.
pub fn router(routes: ContactRoutes, metrics: HttpMetrics) -> Router {
    let face = Face { routes, metrics };
    Router::new()
        .route("/v1/route", get(route).post(route))
        .fallback(|| async { refuse(StatusCode::NOT_FOUND, "not found: ask /v1/route") })
        .method_not_allowed_fallback(|| async {
            refuse(StatusCode::METHOD_NOT_ALLOWED, "use GET or POST")
        })
        .layer(middleware::from_fn(in_time))
        .layer(middleware::from_fn_with_state(face.clone(), count))
        .with_state(face)
}

/// Answers within the limit, whatever a peer does with the body.
async fn in_time(request: Request, next: Next) -> Response {
    let answered = timeout(REQUEST_TIMEOUT, next.run(request)).await;
    answered.unwrap_or_else(|_| {
        let sentence = "the request did not arrive in time";
        refuse(StatusCode::REQUEST_TIMEOUT, sentence)
    })
}

/// Counts every answer, also those of the router.
async fn count(State(face): State<Face>, request: Request, next: Next) -> Response {
    let start = Instant::now();
    let response = next.run(request).await;
    let status = response.status().as_u16();
    face.metrics.requests(status).inc();
    face.metrics.duration.observe(start.elapsed().as_secs_f64());
    response
}

async fn route(State(Face { routes, .. }): State<Face>, request: Request) -> Response {
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
    let answer = routes.answer(&contact, mask, Instant::now(), None).await;
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

fn refuse(status: StatusCode, message: &str) -> Response {
    (status, format!("{message}\n")).into_response()
}
