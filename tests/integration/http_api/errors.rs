//! Errors over HTTP: the status, the JSON, and what it says about the request.

use serde_json::{Value, json};

use super::service;
use super::wire::{call, post, send};

fn detail<'a>(error: &'a Value, name: &str) -> &'a Value {
    let of_type = format!("type.googleapis.com/google.rpc.{name}");
    let details = error["details"].as_array().unwrap();
    let found = details.iter().find(|it| it["@type"] == *of_type);
    found.unwrap_or_else(|| panic!("no {name} in {error:#}"))
}

#[tokio::test]
async fn an_error_is_a_status_with_details() {
    let service = service().await;
    let request = json!({ "subject": { "phoneNumber": "030 1234" } });
    let answer = call(&service, "ScoringService/Classify", &request).await;
    assert_eq!(answer.status, 400);
    let error = answer.json();
    assert_eq!(error["code"], 3);
    assert_eq!(answer.reason(), "INVALID_REQUEST");
    let violation = &detail(&error, "BadRequest")["fieldViolations"][0];
    assert_eq!(violation["field"], "subject.phone_number");
    assert!(error["message"].as_str().unwrap().contains("country code"));

    let request = json!({ "subject": { "customerId": "nobody" } });
    let answer = call(&service, "CustomerService/GetCustomer", &request).await;
    assert_eq!(answer.status, 404);
    let error = answer.json();
    assert_eq!(answer.reason(), "CUSTOMER_NOT_FOUND");
    let resource = detail(&error, "ResourceInfo");
    assert_eq!(resource["resourceType"], "patron.v1.Customer");

    // In a lane, and in the form of clients that speak Connect.
    let connect = [("connect-protocol-version", "1")];
    let body = br#"{"version": 9}"#;
    let answer = post(&service, "ModelService/GetModel", &connect, body).await;
    assert_eq!(
        (answer.status, answer.json()["code"].as_str()),
        (404, Some("not_found"))
    );
    let types: Vec<_> = answer.json()["details"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["type"].as_str().unwrap().to_owned())
        .collect();
    assert!(
        types.contains(&"google.rpc.ErrorInfo".to_owned()),
        "{types:?}"
    );
}

#[tokio::test]
async fn json_that_does_not_fit_names_every_field() {
    let service = service().await;
    for method in ["ScoringService/Classify", "ScoringService/BatchClassify"] {
        let request = json!({ "subject": 1, "subjects": 1, "asOf": 2026, "extra": null });
        let answer = call(&service, method, &request).await;
        assert_eq!((answer.status, &*answer.reason()), (400, "INVALID_REQUEST"));
        let error = answer.json();
        let violations = detail(&error, "BadRequest")["fieldViolations"].clone();
        let fields = violations.as_array().unwrap().iter();
        let mut fields: Vec<_> = fields.map(|it| it["field"].as_str().unwrap()).collect();
        fields.sort_unstable();
        assert_eq!(
            fields,
            ["as_of", "extra", "subject", "subjects"],
            "{error:#}"
        );
        let answer = post(&service, method, &[], b"{\"asOf\": \"2026-01-31\"").await;
        assert_eq!(
            (answer.status, &*answer.reason()),
            (400, "MALFORMED_MESSAGE")
        );
    }
}

const CLASSIFY: &str = "POST /patron.v1.ScoringService/Classify";
const JSON: (&str, &str) = ("content-type", "application/json");
const GRPC: (&str, &str) = ("content-type", "application/grpc");
const LATIN: (&str, &str) = ("content-type", "application/json; charset=latin1");
const BROTLI: (&str, &str) = ("content-encoding", "br");
const REFLECT: &str = "POST /grpc.reflection.v1.ServerReflection/ServerReflectionInfo";

/// A request with its headers, and the status and reason of the refusal.
type Refused = (&'static str, &'static [Header], u16, &'static str);
type Header = (&'static str, &'static str);

const REFUSED: [Refused; 11] = [
    (
        "GET /patron.v1.ScoringService/Classify",
        &[],
        405,
        "POST_REQUIRED",
    ),
    (CLASSIFY, &[], 415, "UNSUPPORTED_MEDIA_TYPE"),
    (CLASSIFY, &[GRPC], 415, "UNSUPPORTED_MEDIA_TYPE"),
    (CLASSIFY, &[LATIN], 415, "UNSUPPORTED_MEDIA_TYPE"),
    (CLASSIFY, &[JSON, BROTLI], 501, "COMPRESSION_UNSUPPORTED"),
    (
        CLASSIFY,
        &[JSON, ("connect-timeout-ms", "1s")],
        400,
        "INVALID_TIMEOUT",
    ),
    (
        CLASSIFY,
        &[JSON, ("grpc-timeout", "1s")],
        400,
        "INVALID_TIMEOUT",
    ),
    (
        "POST /patron.v1.ScoringService/Clasify",
        &[JSON],
        501,
        "UNKNOWN_METHOD",
    ),
    (
        "POST /patron.v1.NoService/Classify",
        &[JSON],
        501,
        "UNKNOWN_METHOD",
    ),
    (REFLECT, &[JSON], 501, "STREAM_UNSUPPORTED"),
    (
        "POST /grpc.health.v1.Health/Watch",
        &[JSON],
        501,
        "STREAM_UNSUPPORTED",
    ),
];

#[tokio::test]
async fn what_is_no_call_is_refused_with_what_to_send() {
    let service = service().await;
    for (start, headers, status, reason) in REFUSED {
        let answer = send(&service, start, headers, b"{}").await;
        let found = (answer.status, answer.reason());
        assert_eq!(found, (status, reason.to_owned()), "{start} {headers:?}");
        if status == 405 {
            assert_eq!(answer.header("allow"), Some("post"));
        }
    }
    for path in [
        "/",
        "/patron.v1.ScoringService",
        "/a/b",
        "/patron.v1.ScoringService/Classify/",
    ] {
        let answer = send(&service, &format!("POST {path}"), &[JSON], b"{}").await;
        assert_eq!(answer.status, 404, "{path}");
        assert!(answer.body.starts_with(b"not found: ask /v1/route"));
    }
}
