//! The clause that the page on answers shows, against the messages of the API.

use std::collections::BTreeSet;

use patron::pb::FILE_DESCRIPTOR_SET;
use prost::Message as _;
use prost_types::{EnumValueDescriptorProto, FileDescriptorProto, FileDescriptorSet};
use serde_json::Value;

use super::table;

const ANSWERS: &str = include_str!("../../../docs/answers.md");

/// Fields that the shown clause does not need: it has no parts and no foreign currency, and what is false or absent is not there.
const NOT_SHOWN: [&str; 6] = [
    "absence",
    "convertedFrom",
    "isDecisive",
    "isProtected",
    "oldestRate",
    "parts",
];

/// The fields of a message of the API, or the values of an enum without their prefix and without the unspecified one.
fn names(of: &str, prefix: &str) -> BTreeSet<String> {
    let set = FileDescriptorSet::decode(FILE_DESCRIPTOR_SET).unwrap();
    let files = set.file.iter().filter(|file| file.package() == "patron.v1");
    files.flat_map(|file| list(file, of, prefix)).collect()
}

fn list(file: &FileDescriptorProto, of: &str, prefix: &str) -> Vec<String> {
    let messages = file.message_type.iter().filter(|it| it.name() == of);
    let fields = messages.flat_map(|it| it.field.iter().map(|field| field.json_name().to_owned()));
    let enums = file.enum_type.iter().filter(|it| it.name() == of);
    let values = enums.flat_map(|it| it.value.iter().map(EnumValueDescriptorProto::name));
    let values = values.filter_map(|name| name.strip_prefix(prefix));
    let values = values.filter(|name| *name != "UNSPECIFIED");
    fields.chain(values.map(str::to_owned)).collect()
}

/// The fields of an object that are no fields of a message, and the other way round.
fn differences(shown: &Value, of: &str) -> BTreeSet<String> {
    let shown: BTreeSet<String> = shown.as_object().unwrap().keys().cloned().collect();
    &shown ^ &names(of, "")
}

#[test]
fn the_shown_clause_has_the_fields_of_the_api() {
    let example = ANSWERS.split_once("```json\n").unwrap().1;
    let example = example.split_once("```\n").unwrap().0;
    let clause: Value = serde_json::from_str(example).unwrap();
    assert_eq!(
        differences(&clause, "Clause"),
        NOT_SHOWN.map(str::to_owned).into()
    );
    let operators = names("ComparisonOperator", "");
    assert!(operators.contains(clause["operator"].as_str().unwrap()));
    for value in [
        &clause["requiredValues"][0],
        &clause["observedValue"],
        &clause["gap"],
    ] {
        let fields = names("TypedValue", "");
        let keys = value.as_object().unwrap().keys();
        assert!(keys.clone().all(|key| fields.contains(key)), "{value}");
    }
}

#[test]
fn the_kinds_and_absences_of_clauses_are_listed() {
    let rows = table(ANSWERS, "The clause tree");
    let listed = |field: &str| -> BTreeSet<String> {
        let row = rows.iter().find(|row| row[0] == field).unwrap();
        let is_code = |c: char| c.is_ascii_uppercase() || c == '_';
        let words = row[1].split(|c| !is_code(c));
        let codes = words.filter(|word| word.len() > 2);
        codes.map(str::to_owned).collect()
    };
    assert_eq!(listed("kind"), names("ClauseKind", "CLAUSE_KIND_"));
    assert_eq!(listed("absence"), names("Absence", "ABSENCE_"));
}

#[test]
fn a_field_that_the_api_does_not_have_is_found() {
    let shown = serde_json::json!({ "en": "x", "fr": "y" });
    let expected = ["de", "fr"].map(str::to_owned).into();
    assert_eq!(differences(&shown, "LocalizedText"), expected);
}
