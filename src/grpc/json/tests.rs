use proptest::prelude::*;
use proptest::test_runner::{TestRng, TestRunner};
use prost_reflect::{DynamicMessage, Kind, MapKey, Value};
use prost_types::Timestamp;
use serde_json::json;
use tonic_types::StatusExt as _;

use super::*;
use crate::pb;

fn codec() -> Codec {
    Codec::new(&[
        pb::FILE_DESCRIPTOR_SET,
        tonic_types::pb::FILE_DESCRIPTOR_SET,
    ])
    .unwrap()
}

fn shape(method: &str) -> Arc<Shape> {
    let path = format!("/patron.v1.{method}");
    Arc::clone(codec().shape(&path).unwrap())
}

/// What a request in JSON is refused with: sentence, and violations by field.
#[track_caller]
fn refused(method: &str, json: &str) -> (String, Vec<(String, String)>) {
    let status = shape(method).read(json.as_bytes()).unwrap_err();
    assert_eq!(status.code(), tonic::Code::InvalidArgument);
    let details = status.get_details_bad_request();
    let violations = details.into_iter().flat_map(|it| it.field_violations);
    let violations = violations.map(|it| (it.field, it.description)).collect();
    (status.message().to_owned(), violations)
}

fn read(method: &str, json: &serde_json::Value) -> Vec<u8> {
    shape(method).read(json.to_string().as_bytes()).unwrap()
}

#[test]
fn names_and_numbers_are_read_in_every_form_of_the_specification() {
    let expected = pb::IngestTransactionsRequest {
        transactions: vec![pb::Transaction {
            customer_id: "a".to_owned(),
            amount: Some(pb::Money {
                amount_minor: 1999,
                currency: "EUR".to_owned(),
            }),
            ..Default::default()
        }],
        ..Default::default()
    };
    for amount in [json!("1999"), json!(1999), json!(1999.0), json!("1.999e3")] {
        for (id, minor) in [
            ("customerId", "amountMinor"),
            ("customer_id", "amount_minor"),
        ] {
            let request = json!({ "transactions": [
                { id: "a", "amount": { minor: amount, "currency": "EUR" }, "source": null },
            ] });
            let bytes = read("IngestService/IngestTransactions", &request);
            let message = pb::IngestTransactionsRequest::decode(&*bytes).unwrap();
            assert_eq!(message, expected, "{request}");
        }
    }
    for kind in [json!("ORDER_MODEL_KIND_PARETO_NBD"), json!(3)] {
        let bytes = read("ModelService/FitModel", &json!({ "kind": kind }));
        let message = pb::FitModelRequest::decode(&*bytes).unwrap();
        assert_eq!(message.kind(), pb::OrderModelKind::ParetoNbd);
    }
    let mask = json!({ "readMask": "treatment,candidateCount", "number": "+1" });
    let bytes = read("RoutingService/RouteContact", &mask);
    let message = pb::RouteContactRequest::decode(&*bytes).unwrap();
    assert_eq!(
        message.read_mask.unwrap().paths,
        ["treatment", "candidate_count"]
    );
}

#[test]
fn everything_that_does_not_fit_is_named_at_once() {
    let request = r#"{
        "subject": {"customerId": 7, "phoneNumber": "+4930", "phone_number": "+4930", "mail": "a@b"},
        "asof": "2026-01-31",
        "as_of": ["2026-01-31"]
    }"#;
    let (sentence, violations) = refused("ScoringService/Classify", request);
    let expected = [
        ("subject.customer_id", "must be a text in quotation marks"),
        (
            "subject.phone_number",
            "cannot be set together with customer_id: remove one",
        ),
        ("subject.phone_number", "appears twice: remove one"),
        (
            "subject.mail",
            "no such field in patron.v1.Subject; write email",
        ),
        (
            "asof",
            "no such field in patron.v1.ClassifyRequest; write asOf",
        ),
        ("as_of", "must be a single value, not a list or an object"),
    ];
    let expected = expected.map(|(field, text)| (field.to_owned(), text.to_owned()));
    assert_eq!(violations, expected);
    assert!(sentence.contains("subject.customer_id"), "{sentence}");
    assert!(sentence.contains("and 5 more"), "{sentence}");

    let request =
        r#"{"transactions": [{}, {"amount": {"amountMinor": 1.5}, "occurredOn": {}}, null, 7]}"#;
    let (_, violations) = refused("IngestService/IngestTransactions", request);
    let fields: Vec<&str> = violations.iter().map(|(field, _)| &**field).collect();
    assert_eq!(
        fields,
        [
            "transactions[1].amount.amount_minor",
            "transactions[1].occurred_on",
            "transactions[2]",
            "transactions[3]",
        ]
    );
    for (request, description) in [
        (r#"{"kind": "PARETO"}"#, "no such value; use one of"),
        (
            r#"{"kind": "ORDER_MODEL_KIND_PARETO_NBT"}"#,
            "no such value; write ORDER_MODEL_KIND_PARETO_NBD",
        ),
        (r#"{"kind": true}"#, "must be the name of a value"),
    ] {
        let (_, violations) = refused("ModelService/FitModel", request);
        assert!(violations[0].1.starts_with(description), "{violations:?}");
        assert!(violations[0].1.len() < 240, "{violations:?}");
    }
}

#[test]
fn what_is_not_json_is_refused_with_its_place_and_not_repeated() {
    for (request, what) in [
        ("", "it has no body"),
        ("{\"asOf\": \"2026", "the JSON ends too early"),
        (
            "{\"asOf\": +4930123456}",
            "it is not JSON from line 1, column 10",
        ),
        ("{} x", "it is not JSON from line 1, column 4"),
    ] {
        let (sentence, violations) = refused("ScoringService/Classify", request);
        assert!(sentence.contains(what), "{sentence}");
        assert!(violations.is_empty() && !sentence.contains("4930"));
    }
    for request in ["[]", "null", "7", "\"text\"", "true"] {
        let (_, violations) = refused("ScoringService/Classify", request);
        let expected = ("(body)".to_owned(), "must be an object".to_owned());
        assert_eq!(violations, [expected], "{request}");
    }
    // Neither many mistakes nor much depth cost more than the request.
    let many = format!("{{\"transactions\": [{}7]}}", "7,".repeat(10_000));
    let (sentence, _) = refused("IngestService/IngestTransactions", &many);
    assert!(sentence.contains("and 50 more"), "{sentence}");
    let deep = "{\"subject\":".repeat(1000);
    refused("ScoringService/Classify", &deep);
    let deep = format!("{{\"x\":{}", "[".repeat(100_000));
    refused("ScoringService/Classify", &deep);
}

#[test]
fn parts_of_a_message_are_merged() {
    // As kept answers are marked stale: two fields are appended.
    let whole = pb::ClassifyResponse {
        provenance: Some(pb::Provenance {
            as_of: "2026-11-22".to_owned(),
            ..Default::default()
        }),
        ..Default::default()
    };
    let mark = pb::ClassifyResponse {
        provenance: Some(pb::Provenance {
            stale: true,
            confirmed_time: Some(Timestamp {
                seconds: -1,
                nanos: 500_000_000,
            }),
            ..Default::default()
        }),
        ..Default::default()
    };
    let bytes = [whole.encode_to_vec(), mark.encode_to_vec()].concat();
    let json = shape("ScoringService/Classify").write(&bytes).unwrap();
    let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
    let expected = json!({ "provenance": {
        "asOf": "2026-11-22", "stale": true, "confirmedTime": "1969-12-31T23:59:59.500Z",
    } });
    assert_eq!(json, expected);
}

#[test]
fn an_error_is_a_status_with_its_details() {
    let status = crate::grpc::status::unavailable(
        "OVERLOADED",
        "retry later",
        std::time::Duration::from_millis(1500),
    );
    let json: serde_json::Value = serde_json::from_slice(&codec().error(&status)).unwrap();
    assert_eq!(json["code"], 14);
    assert_eq!(json["message"], "retry later");
    let details = json["details"].as_array().unwrap();
    assert!(details.contains(&json!({
        "@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "1.500s",
    })));
    assert!(details.contains(&json!({
        "@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "OVERLOADED", "domain": "patron",
    })));
    let json: serde_json::Value = serde_json::from_slice(&codec().connect_error(&status)).unwrap();
    assert_eq!(json["code"], "unavailable");
    assert_eq!(json["details"][0]["type"], "google.rpc.RetryInfo");
}

/// A message of random content: of each field nothing, or something of its kind.
fn random(message: &MessageDescriptor, depth: usize, rng: &mut TestRng) -> DynamicMessage {
    let mut made = DynamicMessage::new(message.clone());
    match message.full_name() {
        "google.protobuf.Timestamp" => {
            let seconds = rng.random_range(-60_000_000_000_i64..250_000_000_000);
            let nanos = [0, 1, 1000, 500_000_000][rng.random_range(0..4_usize)];
            made.set_field_by_number(1, Value::I64(seconds));
            made.set_field_by_number(2, Value::I32(nanos));
            return made;
        }
        "google.protobuf.Duration" => {
            let seconds = rng.random_range(0..10_000_i64);
            let nanos = [0, 1, 1000, 500_000_000][rng.random_range(0..4_usize)];
            made.set_field_by_number(1, Value::I64(seconds));
            made.set_field_by_number(2, Value::I32(nanos));
            return made;
        }
        "google.protobuf.FieldMask" => {
            let paths = vec![Value::String("read_mask".to_owned())];
            made.set_field_by_number(1, Value::List(paths));
            return made;
        }
        _ => {}
    }
    for field in message.fields() {
        let is_message = matches!(field.kind(), Kind::Message(_));
        if rng.random_range(0..2) == 0 || (is_message && depth == 0) {
            continue;
        }
        let kind = field.kind();
        let value = if let (true, Kind::Message(entry)) = (field.is_map(), &kind) {
            let key = MapKey::String(format!("key {}\"", rng.random_range(0..9)));
            let value = one(&entry.map_entry_value_field().kind(), depth, rng);
            Value::Map([(key, value)].into())
        } else if field.is_list() {
            let count = rng.random_range(1..3);
            Value::List((0..count).map(|_| one(&field.kind(), depth, rng)).collect())
        } else {
            one(&field.kind(), depth, rng)
        };
        made.set_field(&field, value);
    }
    made
}

fn one(kind: &Kind, depth: usize, rng: &mut TestRng) -> Value {
    let texts = ["", "a", "ümlaut \u{1F600}", "\"\\\n\t\u{0}", "2026-01-31"];
    let floats = [0.0, -0.0, 1.5, 1e300, 5e-324, f64::INFINITY, f64::NAN];
    let at = rng.random_range(0..35);
    match kind {
        Kind::Message(message) => Value::Message(random(message, depth - 1, rng)),
        Kind::Enum(values) => {
            let at = at % values.values().len();
            Value::EnumNumber(values.values().nth(at).unwrap().number())
        }
        Kind::Bool => Value::Bool(rng.random()),
        Kind::String => Value::String(texts[at % texts.len()].to_owned()),
        Kind::Bytes => Value::Bytes(texts[at % texts.len()].into()),
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => Value::I32(rng.random()),
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => Value::I64(rng.random()),
        Kind::Uint32 | Kind::Fixed32 => Value::U32(rng.random()),
        Kind::Uint64 | Kind::Fixed64 => Value::U64(rng.random()),
        Kind::Double => Value::F64(floats[at % floats.len()]),
        Kind::Float => Value::F32(if at % 2 == 0 { 1.5 } else { f32::INFINITY }),
    }
}

/// The JSON of the reference implementation, and back, for every message of the API.
#[test]
fn json_is_that_of_the_reference_implementation() {
    let codec = codec();
    let mut runner = TestRunner::deterministic();
    let rng = runner.rng();
    let mut compared = 0;
    for (path, shape) in &codec.methods {
        for message in [&shape.input, &shape.output] {
            for _ in 0..20 {
                let made = random(message, 4, rng);
                let bytes = made.encode_to_vec();
                let mut written = vec![];
                write::write(message, &bytes, &mut written).unwrap();
                let reference = serde_json::to_value(&made).unwrap();
                let ours: serde_json::Value = serde_json::from_slice(&written).unwrap();
                assert_eq!(ours, reference, "{path}");

                let text = reference.to_string();
                let read = read::read(message, text.as_bytes()).unwrap();
                let read = DynamicMessage::decode(message.clone(), &*read).unwrap();
                assert_eq!(serde_json::to_value(&read).unwrap(), reference, "{path}");
                compared += 1;
            }
        }
    }
    assert!(compared > 1000, "{compared}");
    assert_eq!(
        codec
            .pool
            .get_message_by_name("google.rpc.ErrorInfo")
            .unwrap()
            .name(),
        "ErrorInfo"
    );
}

proptest! {
    /// Neither side panics or accepts what is no message, whatever comes.
    #[test]
    fn mutated_json_is_read_or_refused(at in 0_usize..200, byte: u8, cut in 0_usize..200) {
        let shape = shape("ScoringService/ScoreLifetimeValue");
        let request = json!({
            "subject": { "externalId": { "system": "crm", "id": "17" } },
            "asOf": "2026-01-31", "horizonMonths": 12, "intervalLevel": 0.9,
        });
        let mut text = request.to_string().into_bytes();
        let at = at % text.len();
        text[at] = byte;
        text.truncate(text.len() - cut % 3);
        match shape.read(&text) {
            Ok(bytes) => {
                prop_assert!(pb::ScoreLifetimeValueRequest::decode(&*bytes).is_ok());
            }
            Err(status) => prop_assert!(!status.message().is_empty()),
        }
    }

    #[test]
    fn mutated_messages_are_written_or_malformed(at in 0_usize..100, byte: u8, cut in 0_usize..100) {
        let shape = shape("ScoringService/Classify");
        let whole = pb::ClassifyResponse {
            candidate_count: 300,
            provenance: Some(pb::Provenance { as_of: "2026-01-31".to_owned(), ..Default::default() }),
            ..Default::default()
        };
        let mut bytes = whole.encode_to_vec();
        let at = at % bytes.len();
        bytes[at] = byte;
        bytes.truncate(bytes.len() - cut % bytes.len());
        if let Ok(json) = shape.write(&bytes) {
            prop_assert!(serde_json::from_slice::<serde_json::Value>(&json).is_ok());
        }
    }
}
