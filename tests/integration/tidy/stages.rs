//! Decisions are made once, in order: conversions copy what use cases decided, and no stage of an assessment knows a later one.

use super::layers::{find_in_sources, is_word, layer};
use super::{assert_finds, assert_none, source};

/// What decides about a customer: use cases call it, conversions only copy what came of it.
const DECIDING: [&str; 5] = ["slots", "Decided", "Memo", "Trace", "Valued"];

/// Functions that decide, as they are called.
const DECIDING_CALLS: [&str; 6] = [
    "assess(",
    "decide(",
    "evaluate(",
    "explain_tier(",
    "Explainer::new(",
    "unpriced_channels(",
];

/// The stages of an assessment, each with the names of later ones, which it must not know.
const STAGES: [(&str, &[&str]); 4] = [
    (
        "src/domain/assess/tiers",
        &["valuation", "valued", "segments", "Assessment"],
    ),
    (
        "src/domain/assess/valuation",
        &["Valued", "segments", "Assessment"],
    ),
    ("src/domain/assess/valued", &["segments", "Assessment"]),
    (
        "src/domain/assess/segments",
        &["Assessment", "AssignedTreatment"],
    ),
];

/// Whether the code has `name` as a whole word.
fn has_word(code: &str, name: &str) -> bool {
    code.match_indices(name).any(|(position, _)| {
        !code[..position].ends_with(is_word) && !code[position + name.len()..].starts_with(is_word)
    })
}

fn find_decisions(path: &str, text: &str) -> Vec<String> {
    if layer(path) != Some("api") {
        return Vec::new();
    }
    let code = source::read(text).code;
    let called = |name: &str| {
        code.match_indices(name)
            .any(|(position, _)| !code[..position].ends_with(is_word))
    };
    let words = DECIDING.into_iter().filter(|name| has_word(&code, name));
    let calls = DECIDING_CALLS.into_iter().filter(|name| called(name));
    words
        .chain(calls)
        .map(|name| format!("{path}: {name}: conversions copy fields, use cases decide"))
        .collect()
}

fn find_later_stages(path: &str, text: &str) -> Vec<String> {
    let code = source::read(text).code;
    let stages = STAGES.iter().filter(|(stage, _)| path.starts_with(stage));
    let named = stages.flat_map(|(_, later)| later.iter().filter(|name| has_word(&code, name)));
    named
        .map(|name| format!("{path}: {name} belongs to a later stage"))
        .collect()
}

#[test]
fn conversions_copy_what_use_cases_decided() {
    assert_none(&find_in_sources(find_decisions));
}

#[test]
fn each_stage_of_an_assessment_knows_only_earlier_ones() {
    assert_none(&find_in_sources(find_later_stages));
}

#[test]
fn a_conversion_that_decides_and_a_stage_that_looks_ahead_are_found() {
    let api = |text| find_decisions("src/api/answers.rs", text);
    assert_finds(&api("use crate::domain::assess::segments::slots;"), "slots");
    assert_finds(&api("fn f() { let a = assess(view, basis); }"), "assess(");
    assert_finds(&api("fn f() { Explainer::new(d, s) }"), "Explainer::new(");
    assert_none(&api(
        "// slots\nuse crate::domain::assess::Assessment;\nfn f() { reassess() }",
    ));
    assert_none(&find_decisions(
        "src/service/answer/x.rs",
        "fn f() { assess(view, basis) }",
    ));
    let stage = |file, text| find_later_stages(&format!("src/domain/assess/{file}.rs"), text);
    assert_finds(
        &stage("valuation/spend", "use crate::a::segments;"),
        "segments",
    );
    assert_finds(
        &stage("segments/slots", "use super::Assessment;"),
        "Assessment",
    );
    assert_none(&stage("segments/slots", "use super::Valued;"));
}
