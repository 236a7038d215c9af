//! Sources and what their ids name: what is right, and every mistake at its place.

use super::{conditions, places, read};
use crate::domain::definitions::SameId;

/// The smallest document with this text under `sources:`.
fn with(sources: &str) -> String {
    format!("{}sources: {sources}\n", conditions(&["trainee"]))
}

#[test]
fn a_source_is_any_text_with_one_of_three_rules() {
    let long = "s".repeat(64);
    let text = with(&format!(
        "{{shop: {{same_id: move}}, \"till 4\": {{same_id: separate}}, ERP/Ä: {{same_id: refuse}}, {long}: {{same_id: separate}}}}"
    ));
    let definitions = read(&text);
    for (source, expected) in [
        ("shop", SameId::Move),
        ("till 4", SameId::Separate),
        ("ERP/Ä", SameId::Refuse),
        (&*long, SameId::Separate),
        ("Shop", SameId::Refuse),
        ("till", SameId::Refuse),
        ("", SameId::Refuse),
    ] {
        assert_eq!(definitions.same_id(source), expected, "{source}");
    }
    assert_eq!(
        definitions.separate_sources(),
        ["till 4".into(), long.into()]
    );
}

#[test]
fn sources_can_be_missing_and_in_either_style() {
    for text in [conditions(&["trainee"]), with(""), with("{}")] {
        let definitions = read(&text);
        assert_eq!(definitions.same_id("shop"), SameId::Refuse, "{text}");
        assert_eq!(definitions.separate_sources(), []);
    }
    let lines = read(&with("\n  shop:\n    same_id: move"));
    assert_eq!(lines.same_id("shop"), SameId::Move);
}

#[test]
fn every_mistake_in_sources_is_found_at_its_place() {
    let long = "s".repeat(65);
    for (sources, code, place) in [
        ("shop", "BAD_VALUE", "sources"),
        ("[shop]", "BAD_VALUE", "sources"),
        ("{shop: move}", "BAD_VALUE", "shop"),
        ("{shop: [move]}", "BAD_VALUE", "shop"),
        ("{shop: {}}", "MISSING_KEY", "shop"),
        ("{shop: }", "BAD_VALUE", "shop"),
        ("{shop: {same_id: }}", "MISSING_KEY", "same_id"),
        ("{shop: {same_id: keep}}", "BAD_VALUE", "keep"),
        ("{shop: {same_id: Move}}", "BAD_VALUE", "Move"),
        ("{shop: {same_id: [move]}}", "BAD_VALUE", "["),
        ("{shop: {same_id: move, id: x}}", "UNKNOWN_KEY", "id"),
        (
            "{shop: {same_id: move}, shop: {same_id: refuse}}",
            "DUPLICATE",
            "shop",
        ),
        ("{\" shop\": {same_id: move}}", "BAD_VALUE", "\" shop\""),
        ("{\"\": {same_id: move}}", "BAD_VALUE", "\"\""),
        (
            &*format!("{{{long}: {{same_id: move}}}}"),
            "BAD_VALUE",
            &*long,
        ),
    ] {
        assert_eq!(
            places(&with(sources)),
            [(code, place.to_owned())],
            "{sources}"
        );
    }
}

#[test]
fn mistakes_of_several_sources_are_found_at_once() {
    let text = with("{\" a\": {same_id: keep}, shop: {}, erp: {same_id: move, x: y}}");
    assert_eq!(
        places(&text),
        [
            ("BAD_VALUE", "\" a\"".to_owned()),
            ("BAD_VALUE", "keep".to_owned()),
            ("MISSING_KEY", "shop".to_owned()),
            ("UNKNOWN_KEY", "x".to_owned()),
        ]
    );
}
