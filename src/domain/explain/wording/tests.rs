//! Every operator with every type, verdict and absence: worded in both languages, and in agreement with the typed values.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a test names the cases it needs"
)]

mod cases;
mod compiled;
mod texts;

use std::cmp::Ordering;

use self::{
    cases::{Case, cases, definitions},
    compiled::Compiled,
};
use super::{Language, Wording, absence_text, joint_text, origin_text, outcome_text, unrated_text};
use crate::domain::{
    assess::{
        segments::{SegmentOutcome, slots::kind_text},
        tiers::Unrated,
    },
    definitions::Definitions,
    explain::{
        Leaf, Recorded,
        value::{self, Operator, Value, contrary},
    },
    rules::{
        condition::SegmentId,
        program::{Absence, Program, Slot, Verdict},
        syntax::Op,
        trace::Joint,
    },
    text::Label,
};

const LANGUAGES: [Language; 2] = [Language::En, Language::De];
const ABSENCES: [Absence; 6] = [
    Absence::Missing,
    Absence::Stale,
    Absence::Future,
    Absence::WrongType,
    Absence::Unrated,
    Absence::NoRate,
];

/// Calls `visit` for every case with every observed value and every absence.
fn for_each(visit: &mut impl FnMut(&Case, &Compiled, &Leaf<'_>, Verdict, &Definitions)) {
    let definitions = definitions();
    for case in cases() {
        let compiled = Compiled::new(&case.condition, &definitions);
        for observed in &case.observed {
            let slot = observed.slot(&compiled.program);
            let (leaf, verdict) = compiled.leaf(Ok(slot));
            visit(&case, &compiled, &leaf, verdict, &definitions);
        }
        for absence in ABSENCES {
            let (leaf, verdict) = compiled.leaf(Err(absence));
            visit(&case, &compiled, &leaf, verdict, &definitions);
        }
    }
}

/// What a sentence must never show: the syntax of conditions, names of terms, code and placeholders.
const RAW: [&str; 26] = [
    "{",
    "}",
    "<",
    ">",
    "==",
    "!=",
    "&&",
    "||",
    "\"",
    "(",
    "[",
    "_",
    "days(",
    "money(",
    "has(",
    "startsWith",
    "clv",
    "kind",
    "PERSON",
    "COMPANY",
    "EMPLOYEE",
    "None",
    "Some",
    "NaN",
    "  ",
    "true",
];

/// Words of the one language that the other does not have.
const ENGLISH: [&str; 12] = [
    "required", "least", "most", "than", "days", "day ", "not ", "one of", "yes", "short", "the ",
    "unknown",
];
const GERMAN: [&str; 12] = [
    "verlangt",
    "mindestens",
    "höchstens",
    " als ",
    "Tage",
    "nicht",
    "eines",
    "ja",
    "wenig",
    " der ",
    "unbekannt",
    "von",
];

#[track_caller]
fn assert_clean(text: &str, language: Language, condition: &str) {
    assert!(!text.is_empty(), "{condition}");
    let text = text.replace("kind of customer", "sort of customer");
    for raw in RAW {
        assert!(!text.contains(raw), "{raw:?} in {text:?} of {condition}");
    }
    let foreign = match language {
        Language::En => GERMAN,
        Language::De => ENGLISH,
    };
    for word in foreign {
        assert!(!text.contains(word), "{word:?} in {text:?} of {condition}");
    }
    assert_eq!(text.trim(), text, "{condition}");
    assert!(
        !text.contains(": ,") && !text.ends_with(':'),
        "{text:?} of {condition}"
    );
}

#[test]
fn every_leaf_reads_in_both_languages_without_syntax_or_placeholders() {
    let (mut seen, mut operators) = ([0_usize; 3], std::collections::BTreeSet::new());
    for_each(&mut |case, _, leaf, verdict, definitions| {
        let wording = Wording::new(leaf, definitions);
        seen[verdict as usize] += 1;
        operators.insert(format!("{:?}", wording.operator()));
        for language in LANGUAGES {
            for is_negated in [false, true] {
                let text = wording.text(is_negated, language);
                assert_clean(&text, language, &case.condition);
                let required = wording.required_text(is_negated, language);
                assert!(text.ends_with(&format!(": {required}")), "{text}");
                assert!(text.contains(&wording.observed_text(language)), "{text}");
            }
        }
        let [plain, negated] = [false, true].map(|it| wording.required_text(it, Language::En));
        assert_ne!(plain, negated, "{}", case.condition);
    });
    assert!(seen.iter().all(|&count| count > 100), "{seen:?}");
    assert_eq!(operators.len(), 12, "{operators:?}");
}

/// All digits of a text, without grouping.
fn digits(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}

#[test]
fn the_gap_is_observed_less_required_and_its_text_agrees() {
    let mut gaps = 0_usize;
    for_each(&mut |case, _, leaf, verdict, definitions| {
        let wording = Wording::new(leaf, definitions);
        let gap = value::gap(leaf, definitions);
        let is_compared = matches!(wording.operator(), Operator::Compare(_))
            && matches!(leaf.observed, Ok(Slot::Int(_) | Slot::Num(_)));
        assert_eq!(gap.is_some(), is_compared, "{}", case.condition);
        let Some(gap) = gap else { return };
        gaps += 1;
        let (observed, required) = (wording.observed().unwrap(), wording.required()[0]);
        let order = order(&observed, &required, definitions);
        for is_negated in [false, true] {
            let [en, de] = LANGUAGES.map(|it| wording.gap_text(&gap, is_negated, it).unwrap());
            assert_clean(&en, Language::En, &case.condition);
            assert_clean(&de, Language::De, &case.condition);
            assert_eq!(digits(&en), digits(&de), "{en} / {de}");
            let size = size(&gap);
            assert_eq!(
                digits(&en).trim_start_matches('0'),
                size,
                "{en} of {}",
                case.condition
            );
            let ends = |words: &[&str]| words.iter().any(|word| en.ends_with(word));
            let holds = (verdict == Verdict::True) != is_negated;
            let is_failure = ends(&[" short", " limit", " low", " high", " early", " late"]);
            assert!(!(holds && is_failure), "{en} of {}", case.condition);
            let expected = match (
                ends(&[" short", " below", " low", " earlier", " early"]),
                ends(&[" over the limit", " above", " high", " later", " late"]),
            ) {
                (true, _) => Ordering::Less,
                (_, true) => Ordering::Greater,
                (false, false) => Ordering::Equal,
            };
            assert_eq!(order, expected, "{en} of {}", case.condition);
        }
    });
    assert!(gaps > 300, "{gaps}");
}

/// The digits of a gap as the text shows them, without leading zeros.
fn size(gap: &Value<'_>) -> String {
    let digits = match *gap {
        Value::Int(value, _) => value.unsigned_abs().to_string(),
        Value::Money(money) => money.amount_minor.unsigned_abs().to_string(),
        Value::Number(value, value::Unit::Share) => {
            format!("{:.1}", value.abs() * 100.0).replace('.', "")
        }
        Value::Number(value, _) => {
            let size = format!("{:.6}", value.abs()).replace('.', "");
            size.trim_end_matches('0').to_owned()
        }
        other => panic!("{other:?} is no gap"),
    };
    digits.trim_start_matches('0').to_owned()
}

/// How the observed value compares with the required one, by the typed values alone.
fn order(observed: &Value<'_>, required: &Value<'_>, definitions: &Definitions) -> Ordering {
    let rank = |name: &str| {
        let tiers = definitions.vocabulary().tiers();
        tiers.iter().position(|tier| **tier == *name).unwrap()
    };
    match (*observed, *required) {
        (Value::Int(one, unit), Value::Int(other, same)) if unit == same => one.cmp(&other),
        (Value::Number(one, _), Value::Number(other, _)) => one.total_cmp(&other),
        (Value::Money(one), Value::Money(other)) if one.currency == other.currency => {
            one.amount_minor.cmp(&other.amount_minor)
        }
        (Value::Day(one), Value::Day(other)) => one.cmp(&other),
        (Value::Tier(one), Value::Tier(other)) => rank(one).cmp(&rank(other)),
        (one, other) => panic!("{one:?} and {other:?} have no order"),
    }
}

#[test]
fn the_required_values_alone_decide_the_leaf() {
    let definitions = definitions();
    for case in cases() {
        let compiled = Compiled::new(&case.condition, &definitions);
        let required = value::required(compiled.test(), &definitions);
        let operator = Operator::from_predicate(&compiled.test().predicate);
        let count = match operator {
            Operator::In => 2..=4,
            Operator::Known => 0..=0,
            _ => 1..=1,
        };
        assert!(count.contains(&required.len()), "{}", case.condition);
        for value in &required {
            let tags: Vec<Label> = match (operator, value) {
                (Operator::HasTag, Value::Text(tag)) => vec![(*tag).into()],
                _ => Vec::new(),
            };
            let slot = match operator {
                Operator::HasTag => Slot::List(&tags),
                _ => slot(value, &compiled.program, &definitions),
            };
            let (_, verdict) = compiled.leaf(Ok(slot));
            let is_strict = matches!(operator, Operator::Compare(Op::Lt | Op::Gt | Op::Ne));
            assert_eq!(
                verdict,
                Verdict::from_bool(!is_strict),
                "{}",
                case.condition
            );
        }
    }
}

/// The slot of a typed value.
fn slot<'a>(value: &Value<'a>, program: &Program, definitions: &Definitions) -> Slot<'a> {
    match *value {
        Value::Bool(value) => Slot::Bool(value),
        Value::Int(value, _) => Slot::Int(value),
        Value::Number(value, _) => Slot::Num(value),
        Value::Text(text) => program.text(text),
        Value::Kind(kind) => program.text(kind_text(kind)),
        Value::Money(money) => Slot::Int(money.amount_minor),
        Value::Day(day) => Slot::Int(day.number().into()),
        Value::Tier(name) => {
            let tiers = definitions.vocabulary().tiers();
            let rank = tiers.iter().position(|tier| **tier == *name).unwrap();
            Slot::Int(i64::try_from(rank).unwrap())
        }
        Value::Tags(tags) => Slot::List(tags),
    }
}

/// "not (x >= 3)" reads as "x < 3" does, gap included.
#[test]
fn a_negated_comparison_reads_as_its_contrary() {
    let mut pairs = 0;
    for_each(&mut |case, compiled, leaf, _, definitions| {
        let Operator::Compare(op) = Operator::from_predicate(&leaf.test.predicate) else {
            return;
        };
        let (from, to) = (op.as_str(), contrary(op).as_str());
        let opposite = case
            .condition
            .replace(&format!(" {from} "), &format!(" {to} "));
        if opposite == case.condition {
            return; // A truth value has no operator of its own.
        }
        let other = Compiled::new(&opposite, definitions);
        let observed = leaf.observed.map(|value| match value {
            Slot::Text(_, text) => other.program.text(text),
            value => value,
        });
        let (other, _) = other.leaf(observed);
        let (one, other) = (
            Wording::new(leaf, definitions),
            Wording::new(&other, definitions),
        );
        assert_eq!(compiled.test().term, leaf.test.term);
        for language in LANGUAGES {
            assert_eq!(one.text(true, language), other.text(false, language));
            if let Some(gap) = value::gap(leaf, definitions) {
                assert_eq!(
                    one.gap_text(&gap, true, language),
                    other.gap_text(&gap, false, language)
                );
            }
        }
        pairs += 1;
    });
    assert!(pairs > 300, "{pairs}");
}

#[test]
fn what_surrounds_the_leaves_reads_in_both_languages() {
    let definitions = definitions();
    let joints = [Joint::All, Joint::Any, Joint::Not, Joint::Everyone];
    let unrated = [
        Unrated::NotApplicable,
        Unrated::NoPurchase,
        Unrated::NoModel,
        Unrated::NoMean,
        Unrated::NoRate,
        Unrated::TooLarge,
    ];
    let source: Label = "crm".into();
    for language in LANGUAGES {
        let mut texts: Vec<String> = Vec::new();
        texts.extend(joints.map(|joint| joint_text(joint, language).to_owned()));
        texts.extend(ABSENCES.map(|absence| absence_text(absence, language).to_owned()));
        texts.extend(unrated.map(|reason| unrated_text(reason, language).to_owned()));
        for verdict in [Verdict::False, Verdict::Unknown, Verdict::True] {
            for (is_member, earlier) in [(true, None), (false, None), (false, Some(SegmentId(0)))] {
                let outcome = SegmentOutcome { verdict, is_member };
                texts.push(outcome_text(outcome, earlier, &definitions, language));
            }
        }
        for age_days in [-2, 0, 1, 1_234] {
            let recorded = Recorded {
                value: None,
                observed_on: "2026-11-24".parse().unwrap(),
                age_days,
                source: &source,
            };
            let codes = ["CHF".parse().unwrap(), "USD".parse().unwrap()];
            texts.extend(origin_text(Some(&recorded), &codes, language));
        }
        for text in &texts {
            assert_clean(text, language, text);
        }
    }
    assert_eq!(origin_text(None, &[], Language::En), None);
    let codes = ["USD".parse().unwrap()];
    let converted = origin_text(None, &codes, Language::De).unwrap();
    assert_eq!(converted, "umgerechnet aus USD");
}
