//! A call of each service, and that it is the same call as over gRPC.

use patron::metrics::StatusCode;
use patron::pb;
use prost::Message as _;
use serde_json::json;

use super::service;
use super::wire::{call, post, send};
use crate::routing::ADA;
use crate::support::messages::by_phone;
use crate::support::service::{ServiceWithDatabase, TODAY};

/// A person, and one without an id.
const CUSTOMERS: &str = r#"{"customers": [{
    "customerId": "json-1", "kind": "CUSTOMER_KIND_COMPANY", "displayName": "Über \"GmbH\"",
    "addIdentifiers": [{"email": "a@b.example"}],
    "attributes": [{"name": "line", "textValue": "orders", "observedOn": "2026-11-01"}]
}, {}]}"#;
const ONE: &str = r#"{"subject": {"customerId": "ada"}}"#;
const TWO: &str = r#"{"subjects": [{"customerId": "ada"}, {"email": "a@b.example"}]}"#;
const CONTACT: &str = r#"{"number": "030 23125001", "readMask": "treatment,candidateCount"}"#;

/// Calls, and how a value of each answer begins.
const CALLS: [[&str; 4]; 10] = [
    [
        "IngestService/IngestCustomers",
        CUSTOMERS,
        "/results/0/outcome",
        "OUTCOME_WRITTEN",
    ],
    [
        "IngestService/IngestCustomers",
        CUSTOMERS,
        "/results/1/outcome",
        "OUTCOME_REFUSED",
    ],
    [
        "ScoringService/Classify",
        ONE,
        "/classification/tier/unratedReason",
        "UNRATED_REASON_NO",
    ],
    [
        "ScoringService/BatchClassify",
        TWO,
        "/responses/1/classification/displayName",
        "Über \"GmbH\"",
    ],
    [
        "ScoringService/ScoreLifetimeValue",
        ONE,
        "/score/customerId",
        "ada",
    ],
    [
        "CustomerService/GetCustomer",
        ONE,
        "/customer/identifiers/0/display",
        "+49*",
    ],
    [
        "RoutingService/RouteContact",
        CONTACT,
        "/treatment/queue",
        "reception",
    ],
    [
        "RoutingService/RouteContact",
        CONTACT,
        "/verdict",
        "ROUTE_VERDICT_RESOLVED",
    ],
    [
        "DefinitionService/ValidateDefinitions",
        r#"{"document": "value: {}"}"#,
        "/problems/0/reason",
        "",
    ],
    [
        "DefinitionService/ListRevisions",
        "{}",
        "/revisions/0/revision",
        "1",
    ],
];

#[tokio::test]
async fn every_service_answers_in_json() {
    let service = service().await;
    for [method, request, pointer, expected] in CALLS {
        let answer = post(&service, method, &[], request.as_bytes()).await;
        let json = answer.json();
        assert_eq!(answer.status, 200, "{method}: {json:#}");
        assert_eq!(answer.header("content-type"), Some("application/json"));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert!(answer.header("x-request-id").is_some());
        let found = json.pointer(pointer).and_then(serde_json::Value::as_str);
        let is_right = found.is_some_and(|it| it.starts_with(expected));
        assert!(is_right, "{method}: {json:#}");
    }
    let models = call(&service, "ModelService/ListModels", &json!({})).await;
    assert_eq!((models.status, models.json()), (200, json!({})));
    let health = "POST /grpc.health.v1.Health/Check";
    let json_type = [("content-type", "application/json")];
    let health = send(&service, health, &json_type, b"{}").await;
    assert_eq!(health.json(), json!({ "status": "SERVING" }));
}

async fn classify_as_binary(service: &ServiceWithDatabase, number: &str) -> pb::ClassifyResponse {
    let request = pb::ClassifyRequest {
        subject: Some(by_phone(number)),
        as_of: String::new(),
        ..Default::default()
    };
    let headers = [
        ("content-type", "application/proto"),
        ("connect-protocol-version", "1"),
    ];
    let path = "POST /patron.v1.ScoringService/Classify";
    let answer = send(service, path, &headers, &request.encode_to_vec()).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), Some("application/proto"));
    pb::ClassifyResponse::decode(&*answer.body).unwrap()
}

#[tokio::test]
async fn the_answers_are_those_of_grpc_cold_kept_and_counted() {
    let service = service().await.restart().await;
    let over_grpc = service.classify(by_phone(ADA), "").await;
    let over_grpc_later = service.classify(by_phone(ADA), TODAY).await;
    assert_eq!(over_grpc, over_grpc_later);
    // The first of the next is kept already; what is cold comes with another customer.
    assert_eq!(classify_as_binary(&service, ADA).await, over_grpc);
    let request = json!({ "subject": { "phoneNumber": ADA } });
    let kept = call(&service, "ScoringService/Classify", &request).await;
    let provenance = &kept.json()["provenance"];
    assert_eq!(provenance["asOf"], TODAY);
    let expected = over_grpc.classification.unwrap();
    let classification = &kept.json()["classification"];
    assert_eq!(classification["customerId"], expected.customer_id);
    let queue = &expected.treatment.unwrap().queue;
    assert_eq!(classification["treatment"]["queue"], **queue);
    let firm = json!({ "subject": { "customerId": "firm-3" } });
    for _ in 0..2 {
        let answer = call(&service, "ScoringService/Classify", &firm).await;
        assert_eq!(
            answer.json()["classification"]["kind"],
            "CUSTOMER_KIND_COMPANY"
        );
    }
    // 2 over gRPC, 1 as bytes, 3 as JSON; a connection that is closed at once is counted before.
    let metrics = &service.app.metrics;
    let method = metrics.rpc.method("/patron.v1.ScoringService/Classify");
    assert_eq!(method.requests(StatusCode::OK).get(), 6);
    assert_eq!(method.requests(StatusCode::CANCELLED).get(), 0);
    assert_eq!(method.in_flight.get(), 0);
    assert_eq!(metrics.http.requests(200).get(), 4);
}

#[tokio::test]
async fn a_thousand_customers_come_and_go_as_json() {
    let service = service().await;
    let id = |at: usize| format!("json-{at:0>100}");
    let customers =
        (0..1000).map(|at| json!({ "customerId": id(at), "displayName": "x".repeat(200) }));
    let customers: Vec<_> = customers.collect();
    let request = json!({ "customers": customers }).to_string();
    assert!(request.len() > 300_000);
    let answer = post(
        &service,
        "IngestService/IngestCustomers",
        &[],
        request.as_bytes(),
    )
    .await;
    let results = answer.json()["results"].clone();
    let results = results.as_array().unwrap();
    assert_eq!(results.len(), 1000);
    assert!(results.iter().all(|it| it["outcome"] == "OUTCOME_WRITTEN"));
    let subjects: Vec<_> = (0..1000)
        .map(|at| json!({ "customerId": id(at) }))
        .collect();
    let request = json!({ "subjects": subjects }).to_string();
    let answer = post(
        &service,
        "ScoringService/BatchClassify",
        &[],
        request.as_bytes(),
    )
    .await;
    // Longer than the pieces in which answers are sent.
    assert!(answer.body.len() > 300_000, "{}", answer.body.len());
    let responses = answer.json()["responses"].clone();
    for (at, result) in responses.as_array().unwrap().iter().enumerate() {
        assert_eq!(result["classification"]["customerId"], id(at));
    }
}
