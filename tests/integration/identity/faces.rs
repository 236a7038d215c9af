//! Identities over HTTP: call arrival, calls as JSON, descriptions.

use patron::pb;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::{known, service, wanted};
use crate::server::soon;
use crate::support::service::ServiceWithDatabase;

/// The status, head and body of the answer to a request.
async fn send(
    service: &ServiceWithDatabase,
    target: &str,
    token: Option<&str>,
    body: Option<&str>,
) -> (u16, String, String) {
    let token = token.map_or_else(String::new, |it| format!("authorization: {it}\r\n"));
    let head = format!("{target} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{token}");
    let body = body.map_or_else(
        || "\r\n".to_owned(),
        |body| {
            let length = body.len();
            format!("content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}")
        },
    );
    let address = service.app.http_address.unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream
        .write_all(format!("{head}{body}").as_bytes())
        .await
        .unwrap();
    let mut answer = String::new();
    soon(stream.read_to_string(&mut answer)).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, head.to_lowercase(), body.to_owned())
}

const ROUTE: &str = "GET /v1/route?number=03023125001";

#[tokio::test]
async fn call_arrival_needs_a_token_that_may_route() {
    let service = service().await;
    let (status, head, body) = send(&service, ROUTE, None, None).await;
    assert_eq!(status, 401, "{body}");
    assert!(head.contains("www-authenticate: bearer"), "{head}");
    assert!(body.contains("patron token create"), "{body}");
    let telephony = known(&service, wanted(&[pb::Role::Telephony])).await;
    let (status, _, body) = send(&service, ROUTE, Some(&telephony), None).await;
    assert_eq!(status, 200, "{body}");
    let analyst = known(&service, wanted(&[pb::Role::Analyst])).await;
    let (status, _, body) = send(&service, ROUTE, Some(&analyst), None).await;
    assert_eq!(status, 403);
    assert!(body.contains("needs the scope route"), "{body}");
}

#[tokio::test]
async fn calls_as_json_are_decided_like_those_over_grpc() {
    let service = service().await;
    let target = "POST /patron.v1.IngestService/GetTimeZone";
    let (status, head, body) = send(&service, target, None, Some("{}")).await;
    assert_eq!(status, 401, "{body}");
    assert!(head.contains("www-authenticate: bearer"), "{head}");
    let error: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(error["details"][0]["reason"], "NO_TOKEN");
    let agent = known(&service, wanted(&[pb::Role::Agent])).await;
    let (status, _, body) = send(&service, target, Some(&agent), Some("{}")).await;
    assert_eq!(status, 200, "{body}");
    let target = "POST /patron.v1.CorrectionService/EraseCustomer";
    let erase = Some(r#"{"customerId": "anna"}"#);
    let (status, _, body) = send(&service, target, Some(&agent), erase).await;
    assert_eq!(status, 403);
    let error: Value = serde_json::from_str(&body).unwrap();
    let info = &error["details"][0];
    assert_eq!(info["reason"], "SCOPE_MISSING");
    assert_eq!(
        info["metadata"]["method"],
        "CorrectionService/EraseCustomer"
    );
    assert_eq!(info["metadata"]["scope"], "customer.erase");
    assert_eq!(info["metadata"]["roles"], "privacy-officer");
}

#[tokio::test]
async fn descriptions_of_the_api_need_an_identity() {
    let service = service().await;
    let telephony = known(&service, wanted(&[pb::Role::Telephony])).await;
    for path in ["GET /v1/openapi.json", "GET /v1/route"] {
        let (status, ..) = send(&service, path, None, None).await;
        assert_eq!(status, 401, "{path}");
    }
    let (status, ..) = send(&service, "GET /v1/openapi.json", Some(&telephony), None).await;
    assert_eq!(status, 200);
    let (status, ..) = send(&service, "GET /v1/nothing", None, None).await;
    assert_eq!(status, 404);
}
