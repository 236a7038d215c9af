//! The example is right, and everything that can be wrong with a file is found at once and at its place.

use std::fmt::Write as _;

mod policies;
mod sources;

use super::{Definitions, Mode, TreatmentChoice, report};
use crate::domain::calendar::Day;
use crate::domain::rules::{condition::SegmentId, diagnostic::Diagnostic, tests::Random};

const EXAMPLE: &str = include_str!("../../../examples/definitions.yaml");

fn today() -> Day {
    "2026-11-22".parse().unwrap()
}

#[track_caller]
fn read(text: &str) -> Definitions {
    Definitions::read(text)
        .unwrap_or_else(|problems| panic!("{}", report(text, "definitions.yaml", &problems)))
}

/// The smallest file without problems; `{}` takes schemes.
fn small(schemes: &str) -> String {
    format!(
        "value: {{currency: EUR, horizon_months: 12, monthly_discount: 1 %, basis: revenue}}
attributes:
  trainee: {{family: internal, type: bool, description: Is a trainee}}
  city: {{family: geographic, type: text, description: City}}
tiers: [{{name: gold, at_least: 100 EUR}}, {{name: silver}}]
schemes:
{schemes}
treatments:
  tiers:
    gold: &T {{sla: {{response: 1 h}}, queue: a}}
    silver: {{sla: {{response: 1 h}}, queue: a}}
    UNRATED: {{sla: {{response: 1 h}}, queue: a}}
"
    )
    .replace("&T ", "")
}

/// One exclusive scheme `s` with these conditions, indented as given.
fn conditions(list: &[&str]) -> String {
    let mut out = String::from("  s:\n    mode: exclusive\n    description: d\n    segments:\n");
    for (index, when) in list.iter().enumerate() {
        let _ = writeln!(out, "      - name: n{index}\n        when: {when}");
    }
    small(&out)
}

#[track_caller]
fn problems(text: &str) -> Vec<Diagnostic> {
    match Definitions::read(text) {
        Ok(_) => Vec::new(),
        Err(problems) => problems,
    }
}

/// The places of all problems, as the text that is marked there.
fn places(text: &str) -> Vec<(&'static str, String)> {
    problems(text)
        .iter()
        .map(|problem| (problem.code.as_str(), problem.span.text_in(text).to_owned()))
        .collect()
}

#[test]
fn the_example_is_without_problems() {
    let definitions = read(EXAMPLE);
    assert_eq!(definitions.tiers().len(), 4);
    assert_eq!(definitions.schemes().len(), 4);
    assert_eq!(definitions.segments().len(), 18);
    assert_eq!(
        definitions.program().root_count(),
        18 + 2,
        "rules are conditions, too"
    );
    let families: std::collections::HashSet<_> = definitions
        .attributes()
        .iter()
        .map(|attribute| attribute.family)
        .collect();
    assert_eq!(
        families.len(),
        13,
        "every family M18 to M31 has an attribute"
    );
    assert_eq!(definitions.schemes()[2].mode, Mode::Overlapping);
}

#[test]
fn a_segment_is_decided_after_those_it_depends_on() {
    let definitions = read(EXAMPLE);
    let position = |name: &str| {
        let id = definitions.vocabulary().segment_id(name).unwrap();
        definitions
            .order()
            .iter()
            .position(|&other| other == id)
            .unwrap()
    };
    assert!(position("attention/heavy_caller") < position("attention/could_use_portal"));
    assert!(position("internal/trainees") < position("internal/colleagues"));
    let text = conditions(&["trainee", "segment(\"s/n0\") == false && city == \"Ulm\""]);
    assert_eq!(read(&text).order(), [SegmentId(0), SegmentId(1)]);
}

#[test]
fn segments_refine_the_treatment_of_the_tier_field_by_field() {
    let definitions = read(EXAMPLE);
    let id = |name: &str| definitions.vocabulary().segment_id(name).unwrap();
    let (at_risk, regulated) = (id("attention/at_risk"), id("attention/regulated"));
    let members = [at_risk, regulated];
    let (treatment, choices) = definitions
        .treatments()
        .of_customer(Some(2), today(), |segment| members.contains(&segment));
    assert_eq!(treatment.queue.as_deref(), Some("service_plus"));
    assert_eq!(
        *treatment.skills.unwrap(),
        ["retention".into()],
        "the first entry that states it decides"
    );
    assert_eq!(treatment.playbook.unwrap().len(), 2);
    assert_eq!(choices[1], TreatmentChoice::Tier);
    let from =
        |choice| matches!(choice, TreatmentChoice::Segment { segment, .. } if segment == at_risk);
    assert!(from(choices[2]));

    let trainees = id("internal/trainees");
    let (treatment, _) = definitions
        .treatments()
        .of_customer(None, today(), |segment| segment == trainees);
    assert_eq!(treatment.queue.as_deref(), Some("it_help_desk"));
    assert_eq!(
        treatment.sla.unwrap().response_minutes,
        480,
        "UNRATED says the rest"
    );
}

#[test]
fn twelve_different_mistakes_are_found_at_once() {
    let text = include_str!("tests/mistakes.yaml");
    let expected = include_str!("tests/mistakes.report.txt");
    let found = report(text, "mistakes.yaml", &problems(text));
    assert_eq!(found, expected, "{found}");
    let kinds: std::collections::HashSet<_> =
        problems(text).iter().map(|problem| problem.code).collect();
    assert_eq!(kinds.len(), 12, "{kinds:?}");
}

#[test]
fn a_mistake_in_a_condition_is_shown_where_it_stands_in_the_file() {
    for when in [
        "trainee && citi == \"Ulm\"",
        "'trainee && citi == \"Ulm\"'",
        "'trainee && city != ''Bonn'' && citi == \"Ulm\"'",
        "\"trainee && city != \\\"K\\u00f6ln\\\" && citi == 'Ulm'\"",
        "\"trainee \\\n          && citi == 'Ulm'\"",
        "trainee\n          && citi == \"Ulm\"",
        "|\n          trainee   // ü\n          && citi == \"Ulm\"\n",
        "|-\n          trainee\n            && citi == \"Ulm\"",
        ">\n          trainee\n          &&\n\n          citi == \"Ulm\"\n",
        ">-   # folded\n          trainee\n            && citi == \"Ulm\"",
        "|2\n          trainee && citi == \"Ulm\"",
    ] {
        let text = conditions(&[when]);
        assert_eq!(
            places(&text),
            [("UNKNOWN_NAME", "citi".to_owned())],
            "{text}"
        );
    }
    // Windows line ends and a byte order mark move nothing.
    let text = conditions(&["|\n          trainee\n          && citi == \"Ulm\"\n"]);
    let text = format!("\u{feff}{}", text.replace('\n', "\r\n"));
    assert_eq!(
        places(&text),
        [("UNKNOWN_NAME", "citi".to_owned())],
        "{text}"
    );
}

#[test]
fn circles_and_segments_that_nobody_reaches_are_refused() {
    let circle = "  a:
    mode: overlapping
    description: d
    segments:
      - {name: x, when: 'segment(\"b/y\") && trainee'}
  b:
    mode: overlapping
    description: d
    segments:
      - {name: y, when: 'segment(\"a/x\")'}";
    assert_eq!(
        places(&small(circle)),
        [("CYCLE", "segment(\"a/x\")".to_owned())]
    );
    assert_eq!(
        places(&conditions(&[
            "segment(\"s/n1\") || trainee",
            "city == \"Ulm\""
        ])),
        [("CYCLE", "segment(\"s/n1\")".to_owned())],
        "an exclusive segment depends on those before it"
    );
    assert_eq!(
        places(&conditions(&["segment(\"s/n0\")"])),
        [("CYCLE", "segment(\"s/n0\")".to_owned())]
    );
    assert_eq!(
        places(&conditions(&[
            "has(tier)",
            "clv > money(\"1 EUR\")",
            "tier == \"gold\""
        ])),
        [("UNREACHABLE", "n2".to_owned())]
    );
    assert_eq!(
        places(&conditions(&["'true'", "trainee"])),
        [("UNREACHABLE", "n1".to_owned())]
    );
    // What is unknown to the first may still be for the second.
    assert_eq!(
        places(&conditions(&[
            "city == \"Ulm\"",
            "'!has(city)'",
            "has(city)"
        ])),
        []
    );
}

#[test]
fn every_value_has_exactly_one_tier() {
    let with_tiers = |tiers: &str| {
        let text = conditions(&["trainee"]);
        text.replace("[{name: gold, at_least: 100 EUR}, {name: silver}]", tiers)
    };
    for (tiers, code, place) in [
        (
            "[{name: gold, at_least: 100 EUR}, {name: silver, at_least: 5 EUR}]",
            "TIER_GAP",
            "5 EUR",
        ),
        ("[{name: gold}, {name: silver}]", "TIER_OVERLAP", "gold"),
        (
            "[{name: gold, at_least: 5 EUR}, {name: silver, at_least: 7 EUR}, {name: bronze}]",
            "TIER_OVERLAP",
            "7 EUR",
        ),
        (
            "[{name: gold, at_least: 5 USD}, {name: silver}]",
            "CURRENCY_MISMATCH",
            "5 USD",
        ),
        (
            "[{name: gold, at_least: 5 EUR}, {name: gold}, {name: silver}]",
            "DUPLICATE",
            "gold",
        ),
    ] {
        let found = places(&with_tiers(tiers));
        assert!(
            found.contains(&(code, place.to_owned())),
            "{tiers}: {found:?}"
        );
    }
}

#[test]
fn what_yaml_makes_of_a_condition_is_explained() {
    let bang = problems(&conditions(&["!trainee"]));
    assert_eq!(bang[0].code.as_str(), "YAML");
    assert!(
        bang[0].help.as_deref().unwrap().contains("when: |"),
        "{bang:?}"
    );
    let quote = problems(&conditions(&["\"vip\" in city"]));
    assert!(
        quote[0].help.as_deref().unwrap().contains("when: |"),
        "{quote:?}"
    );
    let comment = conditions(&["trainee // said HR\n          && city == \"Ulm\""]);
    assert_eq!(places(&comment), [("SYNTAX", "//".to_owned())]);
    assert_eq!(places(&conditions(&["city == \"http://x\""])), []);
}

#[test]
fn files_made_to_hurt_are_answered() {
    let deep = format!("value: {}1{}", "[".repeat(5_000), "]".repeat(5_000));
    let laughs = "a: &a [1,1]\nb: &b [*a,*a]\nc: [*b,*b]\n";
    let many = format!("value: [{}]", "1,".repeat(200_000));
    let keys = "value: {currency: EUR}\nvalue: {currency: USD}\n";
    for text in [
        "",
        "\u{feff}",
        "---",
        "a",
        "- a",
        "? [a]\n: b",
        "\t",
        "a: b: c",
        "%YAML 9",
        "a: 1\n---\nb: 2",
        "!!map {}",
        deep.as_str(),
        laughs,
        many.as_str(),
        keys,
        "a: !x b",
        "a: |9999999999\n  b",
        "\u{0}",
        "a: \"\\uD800\"",
        "{a: [}",
    ] {
        let found = problems(text);
        assert!(!found.is_empty(), "{text:.60}");
        assert!(report(text, "f", &found).len() < 40_000);
    }
    assert!(places(keys).contains(&("DUPLICATE", "value".to_owned())));
}

/// A file in which anything was deleted, doubled or replaced: there is an answer, and every place lies in the file.
#[test]
fn any_change_of_the_example_is_answered() {
    let mut random = Random::for_test("definitions");
    let chars: Vec<char> = EXAMPLE.chars().collect();
    let mut refused = 0;
    for _ in 0..300 {
        let mut changed = chars.clone();
        for _ in 0..=random.below(4) {
            let at = random.below(changed.len());
            match random.below(4) {
                0 => drop(changed.drain(at..(at + random.below(40)).min(changed.len()))),
                1 => changed.insert(
                    at,
                    *random.pick(&[
                        '"', '\'', ':', '&', '*', '!', '[', '{', '|', '\\', '\t', '\n', 'ü', '#',
                    ]),
                ),
                2 => changed[at] = *random.pick(&['x', ' ', '\n', '"', '(', '}', '-', ',']),
                _ => {
                    let part: Vec<char> =
                        changed[at..(at + random.below(60)).min(changed.len())].to_vec();
                    let to = random.below(changed.len());
                    changed.splice(to..to, part);
                }
            }
        }
        let text: String = changed.into_iter().collect();
        let found = problems(&text);
        refused += usize::from(!found.is_empty());
        for problem in &found {
            let (start, end) = (problem.span.start as usize, problem.span.end as usize);
            assert!(start <= end && end <= text.len() + 1, "{problem:?}");
        }
        assert!(found.is_empty() || !report(&text, "f", &found).is_empty());
    }
    println!("definitions: 300 changed files, {refused} refused");
    assert!(refused > 100, "{refused}");
}
