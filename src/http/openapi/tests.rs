use std::collections::BTreeSet;

use serde_json::Value;

use super::*;
use crate::http::parameters;

fn parsed() -> Value {
    serde_json::from_slice(&document().unwrap()).unwrap()
}

/// Every reference of the document.
fn references<'a>(value: &'a Value, found: &mut BTreeSet<&'a str>) {
    match value {
        Value::Object(object) => {
            if let Some(Value::String(target)) = object.get("$ref") {
                found.insert(target);
            }
            object.values().for_each(|it| references(it, found));
        }
        Value::Array(list) => list.iter().for_each(|it| references(it, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
fn every_reference_leads_somewhere_and_every_schema_is_used() {
    let document = parsed();
    let mut found = BTreeSet::new();
    references(&document, &mut found);
    assert!(found.len() > 100, "{found:?}");
    for target in &found {
        let pointer = target.strip_prefix('#').unwrap();
        let schema = document.pointer(pointer);
        assert!(schema.is_some_and(Value::is_object), "{target}");
    }
    let schemas = document["components"]["schemas"].as_object().unwrap();
    for name in schemas.keys() {
        let target = format!("#/components/schemas/{name}");
        assert!(found.contains(target.as_str()), "{name} is not used");
    }
}

#[test]
fn every_call_has_its_comments() {
    let document = parsed();
    let calls = document["paths"].as_object().unwrap();
    let calls = calls
        .iter()
        .filter(|(path, _)| path.starts_with("/patron."));
    let mut count = 0;
    for (path, item) in calls {
        let operation = &item["post"];
        for key in ["summary", "description", "operationId"] {
            let text = operation[key].as_str().unwrap();
            assert!(!text.is_empty(), "{path}: {key}");
        }
        count += 1;
    }
    let pool = DescriptorPool::decode(pb::FILE_DESCRIPTOR_SET).unwrap();
    let is_unary = |method: &MethodDescriptor| !method.is_client_streaming();
    let methods = pool
        .services()
        .map(|it| it.methods().filter(is_unary).count());
    let methods: usize = methods.sum();
    assert_eq!(count, methods);
    let subject = &document["components"]["schemas"]["patron.v1.Subject"]["properties"];
    let phone = subject["phoneNumber"]["description"].as_str().unwrap();
    assert_eq!(
        phone,
        "A phone number in E.164: \"+\" and 7 to 15 digits. Several customers may share it. Set at most one of customerId, \
         phoneNumber, email, externalId."
    );
}

#[test]
fn every_parameter_of_a_route_is_described() {
    let described: BTreeSet<&str> = route::PARAMETERS.iter().map(|(name, _)| *name).collect();
    assert_eq!(described, parameters::names().collect());
}
