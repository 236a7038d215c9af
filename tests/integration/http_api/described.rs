//! The descriptions of the API, over HTTP and from the command line.

use std::collections::BTreeSet;

use patron::app::server::methods;
use prost::Message as _;
use prost_types::FileDescriptorSet;
use serde_json::Value;

use super::service;
use super::wire::{call, send};
use crate::support::program;

#[tokio::test]
async fn the_document_describes_every_call_and_is_printed_too() {
    let service = service().await;
    let served = send(&service, "GET /v1/openapi.json", &[], b"").await;
    assert_eq!(
        (served.status, served.header("content-type")),
        (200, Some("application/json"))
    );
    let printed = program::run(&["api", "openapi"]).await;
    assert_eq!(printed.status.code(), Some(0));
    assert!(printed.stdout == served.body);
    let document = served.json();
    assert_eq!(document["openapi"], "3.1.0");
    let paths: BTreeSet<String> = document["paths"]
        .as_object()
        .unwrap()
        .keys()
        .cloned()
        .collect();
    let mut expected: BTreeSet<String> = methods()
        .into_iter()
        .filter(|name| name.starts_with("patron."))
        // JSON carries no streams.
        .filter(|name| name != "patron.v1.IngestService/StreamFacts")
        .map(|name| format!("/{name}"))
        .collect();
    expected.extend(["/v1/route", "/v1/openapi.json", "/v1/descriptors"].map(str::to_owned));
    assert_eq!(paths, expected);
}

/// The schema that a schema refers to, or itself.
fn followed<'a>(schema: &'a Value, document: &'a Value) -> &'a Value {
    match schema["$ref"].as_str() {
        Some(target) => document.pointer(target.trim_start_matches('#')).unwrap(),
        None => schema,
    }
}

/// The property of a schema, or of one of those that it is made of.
fn property<'a>(schema: &'a Value, document: &'a Value, key: &str) -> &'a Value {
    let parts = schema["allOf"].as_array().into_iter().flatten();
    let parts = parts.map(|part| followed(part, document));
    let mut all = std::iter::once(schema).chain(parts);
    let found = all.find_map(|schema| schema["properties"].get(key));
    found.unwrap_or(&schema["additionalProperties"])
}

/// Whether all keys of a value are properties of its schema, references followed.
fn undescribed(
    value: &Value,
    schema: &Value,
    document: &Value,
    path: &str,
    found: &mut Vec<String>,
) {
    let schema = followed(schema, document);
    match value {
        Value::Object(object) => {
            for (key, value) in object {
                let inner = property(schema, document, key);
                let path = format!("{path}.{key}");
                if inner.is_null() {
                    found.push(path);
                } else {
                    undescribed(value, inner, document, &path, found);
                }
            }
        }
        Value::Array(list) => {
            for value in list {
                undescribed(value, &schema["items"], document, path, found);
            }
        }
        Value::String(text) if schema["enum"].is_array() => {
            let values = schema["enum"].as_array().unwrap();
            if !values.iter().any(|it| it == text) {
                found.push(format!("{path} = {text}"));
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[tokio::test]
async fn answers_have_no_key_that_the_document_lacks() {
    let service = service().await;
    let document = send(&service, "GET /v1/openapi.json", &[], b"")
        .await
        .json();
    let schemas = &document["components"]["schemas"];
    let mut found = vec![];
    for number in [
        "anonymous",
        "%2B493023125001",
        "%2B493023125002",
        "%2B49+030+1",
        "030+5555555",
    ] {
        let answer = send(
            &service,
            &format!("GET /v1/route?number={number}"),
            &[],
            b"",
        )
        .await;
        undescribed(
            &answer.json(),
            &schemas["RouteAnswer"],
            &document,
            number,
            &mut found,
        );
    }
    let request = serde_json::json!({ "subject": { "phoneNumber": "+493023125002" } });
    let answer = call(&service, "ScoringService/Classify", &request).await;
    let schema = &schemas["patron.v1.ClassifyResponse"];
    undescribed(&answer.json(), schema, &document, "Classify", &mut found);
    assert_eq!(found, Vec::<String>::new());
}

#[tokio::test]
async fn the_descriptors_are_complete_and_written_too() {
    let service = service().await;
    let served = send(&service, "GET /v1/descriptors", &[], b"").await;
    assert_eq!(
        served.header("content-type"),
        Some("application/x-protobuf")
    );
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("patron.binpb");
    let written = program::run(&["api", "descriptors", file.to_str().unwrap()]).await;
    assert_eq!(written.status.code(), Some(0));
    assert!(std::fs::read(&file).unwrap() == served.body);
    let set = FileDescriptorSet::decode(&*served.body).unwrap();
    // Each file after those that it imports, as protobuf libraries want it.
    let mut known = BTreeSet::new();
    for file in &set.file {
        for dependency in &file.dependency {
            assert!(
                known.contains(dependency.as_str()),
                "{dependency} in {}",
                file.name()
            );
        }
        assert!(known.insert(file.name()), "{} twice", file.name());
    }
    let comments = set
        .file
        .iter()
        .filter(|file| file.source_code_info.is_some());
    assert!(comments.count() >= 8);
    for name in ["patron/v1/scoring.proto", "google/protobuf/timestamp.proto"] {
        assert!(known.contains(name), "{known:?}");
    }
}

/// The cells of the table that begins with this head.
fn rows(page: &'static str, head: &str) -> impl Iterator<Item = Vec<&'static str>> {
    let (_, table) = page.split_once(head).unwrap();
    let rows = table.lines().skip(2).take_while(|row| row.starts_with('|'));
    rows.map(|row| row.trim_matches('|').split('|').map(str::trim).collect())
}

#[tokio::test]
async fn the_page_on_http_lists_what_is_answered() {
    let page = include_str!("../../../docs/http.md");
    let service = service().await;
    let mut count = 0;
    for row in rows(page, "| endpoint | methods |") {
        let path = row[0]
            .trim_matches('`')
            .replace("SERVICE/METHOD", "ScoringService/Classify");
        let allowed: Vec<&str> = row[1].split(", ").collect();
        for method in ["GET", "POST"] {
            let json = [("content-type", "application/json")];
            let answer = send(&service, &format!("{method} {path}"), &json, b"{}").await;
            let is_refused = matches!(answer.status, 404 | 405);
            assert_eq!(is_refused, !allowed.contains(&method), "{method} {path}");
            count += 1;
        }
    }
    assert_eq!(count, 10);
}

#[test]
fn the_page_on_http_has_the_status_of_every_code() {
    let page = include_str!("../../../docs/http.md");
    let mut count = 0;
    for row in rows(page, "| code | status |") {
        for name in row[0].split(", ") {
            let number = (0..17).find(|number: &i32| {
                let header = number.to_string();
                patron::metrics::StatusCode::from_header(header.as_bytes()).name() == name
            });
            let code = tonic::Code::from(number.unwrap());
            let status = patron::grpc::json::http_status(&tonic::Status::new(code, ""));
            assert!(row[1].starts_with(status.as_str()), "{name}: {status}");
            count += 1;
        }
    }
    assert_eq!(count, 16, "all but OK");
}
