//! What `--json` of a command prints is the response of its call, as HTTP answers it; the exit code tells one customer from none or several.

use serde_json::{Value, json};

use super::service;
use super::wire::{call, post};
use crate::routing::ADA;
use crate::support::messages::{call as contact, purchase};
use crate::support::program::run;

const FIRM: &str = "+493023125002";
const DAY: &str = "2026-11-22";

/// A command, the method that it calls with its request, and its exit code.
type Call = (&'static [&'static str], &'static str, &'static str, i32);

const CALLS: [Call; 16] = [
    (
        &["classify", "ada", "--as-of", DAY],
        "ScoringService/Classify",
        r#"{"subject": {"customerId": "ada"}, "asOf": "2026-11-22"}"#,
        0,
    ),
    (
        &["classify", FIRM],
        "ScoringService/Classify",
        r#"{"subject": {"phoneNumber": "+493023125002"}}"#,
        2,
    ),
    (
        &["classify", "nobody"],
        "ScoringService/Classify",
        r#"{"subject": {"customerId": "nobody"}}"#,
        2,
    ),
    (
        &["score", "ada", "--horizon-months", "6"],
        "ScoringService/ScoreLifetimeValue",
        r#"{"subject": {"customerId": "ada"}, "horizonMonths": 6}"#,
        0,
    ),
    (
        &["score", FIRM],
        "ScoringService/ScoreLifetimeValue",
        r#"{"subject": {"phoneNumber": "+493023125002"}}"#,
        2,
    ),
    (
        &["explain", "ada"],
        "ScoringService/ExplainSegment",
        r#"{"subject": {"customerId": "ada"}}"#,
        0,
    ),
    (
        &["explain", FIRM],
        "ScoringService/ExplainSegment",
        r#"{"subject": {"phoneNumber": "+493023125002"}}"#,
        2,
    ),
    (
        &["explain", "nobody"],
        "ScoringService/ExplainSegment",
        r#"{"subject": {"customerId": "nobody"}}"#,
        2,
    ),
    (
        &["customer", "show", "ada", "--days", "1000"],
        "CustomerService/GetCustomer",
        r#"{"subject": {"customerId": "ada"}}"#,
        0,
    ),
    (
        &["route", ADA],
        "RoutingService/RouteContact",
        r#"{"number": "+493023125001"}"#,
        0,
    ),
    (
        &["route", FIRM],
        "RoutingService/RouteContact",
        r#"{"number": "+493023125002"}"#,
        2,
    ),
    (&["route"], "RoutingService/RouteContact", "{}", 2),
    (&["rates", "list"], "IngestService/ListRates", "{}", 0),
    (
        &["import", "list"],
        "CorrectionService/ListImports",
        "{}",
        0,
    ),
    (
        &["cost-to-serve", "ada", "--months", "12"],
        "ServiceDeskService/GetCostToServe",
        r#"{"subject": {"customerId": "ada"}, "months": 12}"#,
        0,
    ),
    (
        &["service", "figures", "--days", "365"],
        "ServiceDeskService/GetServiceFigures",
        r#"{"group": {}, "days": 365}"#,
        0,
    ),
];

/// What a command prints with `--json`, and its exit code.
async fn printed(endpoint: &str, line: &[&str]) -> (Value, Option<i32>) {
    let output = run(&[line, &["--json", "--endpoint", endpoint]].concat()).await;
    let notes = String::from_utf8_lossy(&output.stderr);
    let json = serde_json::from_slice(&output.stdout);
    let json = json.unwrap_or_else(|error| panic!("{line:?}: {error}: {notes}"));
    (json, output.status.code())
}

#[tokio::test]
async fn json_of_a_command_is_the_response_of_its_call() {
    let service = service().await;
    service
        .write(&[purchase("ada", "1", "2026-03-01", 4_990)])
        .await;
    service
        .write_contacts(&[contact("ada", "1", "2026-03-02")])
        .await;
    let rate = r#"{"rates": [{"fromCurrency": "USD", "toCurrency": "EUR", "day": "2026-01-01", "rate": "0.9"}], "importId": "rates-1"}"#;
    post(&service, "IngestService/IngestRates", &[], rate.as_bytes()).await;
    let endpoint = service.app.endpoint();
    for (line, method, request, code) in CALLS {
        let answer = post(&service, method, &[], request.as_bytes()).await;
        assert_eq!(answer.status, 200, "{method}: {:#}", answer.json());
        let (json, found) = printed(&endpoint, line).await;
        let mut expected = answer.json();
        let mut json = json;
        for answer in [&mut expected, &mut json] {
            // The time of a contact is that of its call.
            if let Some(answer) = answer.as_object_mut() {
                answer.remove("times");
            }
        }
        assert_eq!(json, expected, "{line:?}");
        assert_eq!(found, Some(code), "{line:?}");
    }
}

#[tokio::test]
async fn json_of_many_scores_has_each_response_with_its_subject() {
    let service = service().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("subjects.csv");
    std::fs::write(&file, format!("who\nada\n{FIRM}\nnobody\n")).unwrap();
    let line = [
        "score",
        "--subjects",
        file.to_str().unwrap(),
        "--subject-by",
        "any",
    ];
    let (json, code) = printed(&service.app.endpoint(), &line).await;
    let request = json!({"subjects": [
        {"customerId": "ada"}, {"phoneNumber": FIRM}, {"customerId": "nobody"},
    ]});
    let answer = call(&service, "ScoringService/BatchScoreLifetimeValue", &request).await;
    let mut expected = answer.json()["responses"].clone();
    for (at, subject) in ["ada", FIRM, "nobody"].into_iter().enumerate() {
        expected[at]["subject"] = subject.into();
    }
    assert_eq!(json, expected);
    assert_eq!(code, Some(0));
}
