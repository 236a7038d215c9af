//! What web pages do: gRPC-Web, and calls from other origins, which only allowed ones may make.

use patron::metrics::StatusCode;
use patron::pb;
use prost::Message as _;

use super::wire::{post, send};
use super::{service, service_with};
use crate::routing::ADA;
use crate::server::raw::framed;
use crate::support::messages::{by_id, by_phone};

const PATH: &str = "POST /patron.v1.ScoringService/Classify";

fn request(subject: pb::Subject) -> Vec<u8> {
    let request = pb::ClassifyRequest {
        subject: Some(subject),
        as_of: String::new(),
        ..Default::default()
    };
    framed(&request.encode_to_vec())
}

/// The first frame of a body, its flags, and what follows it.
fn frame(body: &[u8]) -> (u8, &[u8], &[u8]) {
    let length = u32::from_be_bytes(body[1..5].try_into().unwrap()) as usize;
    let (content, rest) = body[5..].split_at(length);
    (body[0], content, rest)
}

#[tokio::test]
async fn a_page_calls_by_grpc_web() {
    let service = service().await;
    let expected = service.classify(by_phone(ADA), "").await;
    let web = [
        ("content-type", "application/grpc-web+proto"),
        ("x-grpc-web", "1"),
    ];
    // Kept, then cold.
    for (subject, customer) in [(by_phone(ADA), "ada"), (by_id("firm-5"), "firm-5")] {
        let answer = send(&service, PATH, &web, &request(subject)).await;
        assert_eq!(answer.status, 200);
        assert_eq!(
            answer.header("content-type"),
            Some("application/grpc-web+proto")
        );
        let (flags, message, rest) = frame(&answer.body);
        assert_eq!(flags, 0);
        let message = pb::ClassifyResponse::decode(message).unwrap();
        assert_eq!(
            message.classification.as_ref().unwrap().customer_id,
            customer
        );
        if customer == "ada" {
            assert_eq!(message, expected);
        }
        let (flags, trailers, rest) = frame(rest);
        assert_eq!((flags, rest.len()), (0x80, 0));
        let trailers = String::from_utf8(trailers.to_vec()).unwrap();
        assert!(trailers.contains("grpc-status:0"), "{trailers}");
    }
    // In a lane, with an error that the headers have.
    let request = pb::GetModelRequest { version: 9 };
    let path = "POST /patron.v1.ModelService/GetModel";
    let answer = send(&service, path, &web, &framed(&request.encode_to_vec())).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("grpc-status"), Some("5"));
    assert!(answer.header("grpc-status-details-bin").is_some());
    let late = [&web[..], &[("grpc-timeout", "0n")]].concat();
    let answer = send(&service, path, &late, &framed(&request.encode_to_vec())).await;
    assert_eq!(answer.header("grpc-status"), Some("4"));
    let text = [("content-type", "application/grpc-web-text")];
    let answer = send(&service, path, &text, b"AAAAAAIICQ==").await;
    assert_eq!(answer.header("grpc-status"), Some("5"), "{answer:?}");
    let metrics = &service.app.metrics.rpc;
    let get_model = metrics.method("/patron.v1.ModelService/GetModel");
    assert_eq!(get_model.requests(StatusCode::from_header(b"5")).get(), 2);
    let classify = metrics.method("/patron.v1.ScoringService/Classify");
    assert_eq!(classify.requests(StatusCode::OK).get(), 3);
    // A message that is longer than it says, or shorter.
    for body in [&[0, 0, 0, 0, 0, 1][..], &[0, 0, 0, 0, 9, 1]] {
        let answer = send(&service, PATH, &web, body).await;
        assert_eq!(answer.header("grpc-status"), Some("3"), "{answer:?}");
    }
}

#[tokio::test]
async fn pages_of_other_origins_need_a_setting() {
    const CRM: (&str, &str) = ("origin", "https://crm.example");
    let preflight = [
        CRM,
        ("access-control-request-method", "POST"),
        ("access-control-request-headers", "content-type,x-grpc-web"),
    ];
    let options = "OPTIONS /patron.v1.ScoringService/Classify";
    let body = br#"{"subject": {"customerId": "ada"}}"#;
    let closed = service().await;
    let answer = send(&closed, options, &preflight, b"").await;
    assert_eq!(answer.status, 403);
    assert_eq!(answer.header("access-control-allow-origin"), None);
    let answer = post(&closed, "ScoringService/Classify", &[CRM], body).await;
    assert_eq!(answer.header("access-control-allow-origin"), None);
    assert_eq!(answer.status, 403);
    assert!(answer.body.starts_with(b"web pages of this origin"));
    // A page that a browser takes for one of this listener reads nothing either; a person who enters the address does.
    for (site, status) in [("same-origin", 403), ("cross-site", 403), ("none", 200)] {
        let headers = [("sec-fetch-site", site)];
        let target = "GET /v1/route?number=anonymous";
        let answer = send(&closed, target, &headers, b"").await;
        assert_eq!(answer.status, status, "{site}");
    }

    let origins = ["https://crm.example", "http://127.0.0.1:8080"].map(str::to_owned);
    let open = service_with(|settings| settings.http_allowed_origins = origins.to_vec()).await;
    let answer = send(&open, options, &preflight, b"").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("access-control-allow-origin"), Some(CRM.1));
    let allowed = answer.header("access-control-allow-headers").unwrap();
    for name in [
        "content-type",
        "x-grpc-web",
        "grpc-timeout",
        "connect-timeout-ms",
        "patron-class",
    ] {
        assert!(allowed.contains(name), "{allowed}");
    }
    for path in [
        "/patron.v1.ScoringService/Classify",
        "/v1/route?number=anonymous",
    ] {
        let json = ("content-type", "application/json");
        let answer = send(&open, &format!("POST {path}"), &[json, CRM], body).await;
        assert_eq!(answer.status, 200);
        assert_eq!(
            answer.header("access-control-allow-origin"),
            Some(CRM.1),
            "{path}"
        );
        let exposed = answer.header("access-control-expose-headers").unwrap();
        assert!(exposed.contains("grpc-status-details-bin"), "{exposed}");
    }
    let other = ("origin", "https://evil.example");
    let answer = post(&open, "ScoringService/Classify", &[other], body).await;
    assert_eq!(answer.header("access-control-allow-origin"), None);
    assert_eq!(answer.status, 403);
}
