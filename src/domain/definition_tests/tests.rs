mod mistakes;

use super::{DocumentWithTests, read};
use crate::domain::{
    definitions::{Definitions, report},
    rules::diagnostic::Diagnostic,
};

const EXAMPLE: &str = include_str!("../../../examples/definitions.yaml");

/// Tests of a gold tier and of segments with each kind of outcome.
const DOCUMENT: &str = r#"value: {currency: EUR, horizon_months: 12, monthly_discount: 1 %, basis: revenue}
channels:
  phone: {cost: 5 EUR}
attributes:
  trainee: {family: internal, type: bool, description: Is a trainee, max_age_days: 30}
  city: {family: geographic, type: text, description: City}
  class: {family: needs, type: one_of, values: [high, low], description: Class}
  size: {family: firmographic, type: number, description: Size}
  budget: {family: needs, type: money, description: Budget}
  since: {family: lifecycle, type: day, description: Since}
  needs: {family: needs, type: tags, description: Needs}
tiers: [{name: gold, at_least: 100 EUR}, {name: silver}]
schemes:
  s:
    mode: exclusive
    description: d
    segments:
      - {name: trainee, title: Trainees, when: trainee}
      - {name: ulm, title: From Ulm, when: city == "Ulm"}
  o:
    mode: overlapping
    description: d
    segments:
      - {name: calls, when: 'contacts(days(30), "phone") >= 2'}
      - {name: costly, when: cost_to_serve(days(30)) > money("8 EUR")}
      - {name: alive, when: probability_alive > 0.5}
      - {name: typed, when: 'class == "high" && size > 1.5 && budget >= money("10 EUR") && since < day("2026-01-01") && "price" in needs'}
      - {name: buys, when: orders(days(365)) >= 2 && spend(days(365)) == money("30 EUR")}
      - {name: subscribes, when: running_contracts == 1}
treatments:
  tiers:
    gold: {sla: {response: 1 h, resolution: 4 h, hours: always}, queue: plus, tone: {en: warm, de: herzlich}}
    silver: {sla: {response: 8 h}, queue: service}
    UNRATED: {sla: {response: 8 h}, queue: first}
  segments:
    - {segment: s/trainee, queue: help, skills: [patience], playbook: [{en: Explain, de: Erklären}]}
tests:
"#;

/// The document with one test: of this customer, with this expected.
fn with(customer: &str, expected: &str) -> String {
    format!(
        "{DOCUMENT}  - name: it\n    as_of: 2026-11-27\n    customer: {customer}\n    expect: {expected}\n"
    )
}

fn problems(text: &str) -> Vec<Diagnostic> {
    read(text).err().unwrap_or_default()
}

/// What is reported, each with the text that is marked.
fn reported(text: &str) -> Vec<(String, &str)> {
    let problems = problems(text).into_iter();
    let marked = problems.map(|it| (it.message, it.span.text_in(text)));
    marked.collect()
}

#[track_caller]
fn assert_passes(customer: &str, expected: &str) {
    let text = with(customer, expected);
    let problems = problems(&text);
    assert!(problems.is_empty(), "{}", report(&text, "it", &problems));
}

#[test]
fn the_tests_of_the_example_pass_and_each_expects_something_that_could_fail() {
    let document = read(EXAMPLE).unwrap_or_else(|it| panic!("{}", report(EXAMPLE, "it", &it)));
    assert_eq!(document.cases.len(), 5);
    // With every customer another one, none passes.
    let swapped = EXAMPLE
        .replace("value: 700 EUR", "value: 90 EUR")
        .replace("value: 40 EUR", "value: 900 EUR")
        .replace(
            "complaints_12m: { value: 2, observed_on: 2026-01-31 }",
            "complaints_12m: 0",
        )
        .replace(
            "customer: {}",
            "customer: { purchases: [{ on: 2026-01-01, amount: 1 EUR }] }",
        )
        .replace("trainee: true }", "trainee: false }");
    let document = DocumentWithTests::read(&swapped).unwrap();
    for tested in document.run() {
        assert!(!tested.failures.is_empty(), "{}", tested.case.name);
    }
}

#[test]
fn facts_and_stated_values_are_decided_as_those_of_any_customer() {
    assert_passes(
        "{}",
        "{tier: UNRATED, segments: [], treatment: {queue: first}}",
    );
    assert_passes(
        "{value: 100 EUR, purchases: [{on: 2025-01-01, amount: 1 EUR}]}",
        "{tier: gold}",
    );
    assert_passes(
        "{value: 99.99 EUR, purchases: [{on: 2025-01-01, amount: 1 EUR}]}",
        "{tier: silver}",
    );
    assert_passes(
        "{value: -3 EUR, contracts: [{started_on: 2026-01-01}]}",
        "{tier: silver}",
    );
    // Without a model nobody is rated.
    assert_passes(
        "{purchases: [{on: 2026-11-01, amount: 500 EUR}]}",
        "{tier: UNRATED}",
    );
    assert_passes(
        "{probability_alive: 51 %, purchases: [{on: 2025-01-01, amount: 1 EUR}]}",
        "{segments: [o/alive]}",
    );
    assert_passes("{}", "{segments: {o/alive: unknown, o/calls: not_in}}");
    assert_passes(
        "{contacts: [{on: 2026-11-27, channel: phone}, {on: 2026-11-27, channel: phone}]}",
        "{segments: [o/calls, o/costly]}",
    );
    assert_passes(
        "{contacts: [{on: 2026-11-01, channel: phone, cost: 1 EUR}, {on: 2026-11-02, channel: phone, cost: 7 EUR}]}",
        "{segments: [o/calls]}",
    );
    assert_passes(
        "{purchases: [{on: 2026-01-01, amount: 10 EUR}, {on: 2026-01-02, amount: 20 EUR}]}",
        "{segments: [o/buys]}",
    );
    assert_passes(
        "{contracts: [{started_on: 2026-01-01}, {started_on: 2025-01-01, ended_on: 2026-11-27}]}",
        "{segments: [o/subscribes]}",
    );
    assert_passes(
        "{attributes: {class: high, size: 1.6, budget: 10 EUR, since: 2025-12-31, needs: [price, advice]}}",
        "{segments: [o/typed]}",
    );
    // Fresh on its day, stale after thirty more.
    let trainee =
        |day: &str| format!("{{attributes: {{trainee: {{value: true, observed_on: {day}}}}}}}");
    assert_passes(&trainee("2026-10-28"), "{segments: {s/trainee: in}}");
    assert_passes(&trainee("2026-10-27"), "{segments: {s/trainee: unknown}}");
    assert_passes(
        "{kind: employee, attributes: {trainee: true, city: Ulm}}",
        "{segments: [s/trainee], treatment: {queue: help, playbook: [Explain]}}",
    );
    // Of agreed times and texts, what is stated.
    assert_passes(
        "{value: 100 EUR, purchases: [{on: 2025-01-01, amount: 1 EUR}]}",
        "{treatment: {sla: {response: 60 min}, tone: warm, skills: []}}",
    );
    assert_passes(
        "{value: 100 EUR, purchases: [{on: 2025-01-01, amount: 1 EUR}]}",
        "{treatment: {sla: {response: 1 h, resolution: 4 h, hours: always}, tone: {en: warm, de: herzlich}}}",
    );
}

#[test]
fn a_failure_says_what_was_decided_and_why_at_the_place_of_what_was_expected() {
    let text = with(
        "{value: 99 EUR, purchases: [{on: 2025-01-01, amount: 1 EUR}], attributes: {trainee: true, city: Ulm}}",
        "{tier: gold, segments: {s/ulm: in, s/trainee: not_in, o/calls: unknown}, treatment: {queue: service, skills: [calm], sla: {response: 1 h}, priority: 3}}",
    );
    let failures = problems(&text);
    let said: Vec<(&str, &str, Option<&str>)> = failures
        .iter()
        .map(|it| (it.span.text_in(&text), &*it.message, it.help.as_deref()))
        .collect();
    assert_eq!(
        said,
        [
            (
                "gold",
                "\"it\": the tier is silver, expected gold",
                Some("the value is 99.00 EUR")
            ),
            (
                "in",
                "\"it\": s/ulm: not in, already in the earlier segment Trainees; expected: in",
                Some("already in the earlier segment Trainees")
            ),
            (
                "not_in",
                "\"it\": s/trainee: in; expected: not in",
                Some("Is a trainee: yes, required: yes")
            ),
            (
                "unknown",
                "\"it\": o/calls: not in; expected: undecided",
                Some("contacts by phone in the last 30 days: 0, required: at least 2")
            ),
            (
                "queue",
                "\"it\": queue is help, expected service",
                Some("it comes from s/trainee")
            ),
            (
                "skills",
                "\"it\": skills is [patience], expected [calm]",
                Some("it comes from s/trainee")
            ),
            (
                "sla",
                "\"it\": sla is response 480 min, expected response 60 min",
                Some("it comes from tier")
            ),
            ("priority", "\"it\": priority is not set, expected 3", None),
        ]
    );
}

#[test]
fn a_list_is_of_all_segments_and_what_models_would_say_is_to_be_stated() {
    // A list is of all segments: one is missing, one too many.
    let text = with(
        "{attributes: {trainee: true}}",
        "{segments: [s/ulm, o/calls]}",
    );
    let said = reported(&text);
    let places: Vec<&str> = said.iter().map(|(_, place)| *place).collect();
    assert_eq!(places.len(), 3, "{said:?}");
    assert!(
        said[0].0.contains("s/trainee: in; expected: not in"),
        "{said:?}"
    );
    assert_eq!(places[1..], ["s/ulm", "o/calls"]);
    // What models would say is to be stated.
    let text = with(
        "{purchases: [{on: 2026-01-01, amount: 1 EUR}]}",
        "{tier: gold}",
    );
    let help = problems(&text).remove(0).help.unwrap();
    assert_eq!(
        help,
        "no active model can value this customer: state what one would answer with `value`"
    );
}

#[test]
fn what_is_in_force_is_read_without_its_tests() {
    let text = with("{visits: 3}", "{tier: bronze}");
    assert!(read(&text).is_err());
    assert_eq!(Definitions::read(&text).unwrap().tiers().len(), 2);
}

#[test]
fn lists_whose_order_means_nothing_are_compared_as_sets() {
    let text = with(
        "{attributes: {trainee: true}}",
        "{treatment: {skills: [calm, patience], channels: [phone, mail]}}",
    );
    let treated = "skills: [patience, calm], channels: [mail, phone]";
    let text = text.replace("skills: [patience]", treated).replace(
        "  phone: {cost: 5 EUR}",
        "  phone: {cost: 5 EUR}\n  mail: {}",
    );
    let said: Vec<String> = reported(&text).into_iter().map(|it| it.0).collect();
    assert_eq!(
        said,
        ["\"it\": channels is [mail, phone], expected [phone, mail]"]
    );
}

#[test]
fn of_thousands_of_failures_the_first_are_reported() {
    let segments: Vec<String> = (0..3_000)
        .map(|at| format!("      - {{name: n{at}, when: trainee}}\n"))
        .collect();
    let segments = segments.concat();
    let text = with("{attributes: {trainee: true}}", "{segments: []}");
    let text = text.replace(
        "      - {name: calls,",
        &format!("{segments}      - {{name: calls,"),
    );
    let document = DocumentWithTests::read(&text).unwrap();
    let tested: Vec<_> = document.run().collect();
    assert_eq!(tested[0].failures.len(), 50);
}
