//! Which missing or stale inputs could decide or change a verdict.
//!
//! Each open input is tried with one value of every kind that the condition tells apart (below, at and above each limit, each listed
//! text and another one), all else staying as it is. So "could hold" and "could fail" are proved by an evaluation, never guessed.

use std::collections::BTreeSet;

use super::{Clause, Leaf, Recorded};
use crate::domain::{
    assess::segments::slots::typed,
    definitions::Definitions,
    rules::{
        condition::{Predicate, SegmentId, Term, TextOp},
        program::{Absence, Silent, Slot, Slots, Verdict},
        vocabulary::ValueType,
    },
    text::Label,
};

/// An input without a usable value.
#[derive(Debug, Clone, PartialEq)]
pub struct OpenInput<'a> {
    /// What is open.
    pub term: &'a Term,
    /// Why.
    pub absence: Absence,
    /// What is recorded of it, when that is too old or of another type.
    pub recorded: Option<Recorded<'a>>,
    /// Whether some value of it alone would make the condition TRUE.
    pub could_hold: bool,
    /// Whether some value of it alone would make the condition FALSE.
    pub could_fail: bool,
    /// What the verdict would be if a stale value still held.
    pub if_unchanged: Option<Verdict>,
}

/// The inputs of a condition that have no value, in the order of its text. Those that cannot change anything, whatever their value, are
/// left out, unless several together keep the verdict UNKNOWN.
pub(super) fn open_inputs<'a>(
    definitions: &'a Definitions,
    segment: SegmentId,
    slots: &Slots<'a>,
    tree: &Clause<'a>,
) -> Vec<OpenInput<'a>> {
    let mut leaves = Vec::new();
    collect(tree, &mut leaves);
    let mut seen = BTreeSet::new();
    let mut out = Vec::new();
    for leaf in &leaves {
        let Err(absence) = leaf.observed else {
            continue;
        };
        if !seen.insert(&leaf.test.term) {
            continue;
        }
        let Some(slot) = definitions.program().slot_of(&leaf.test.term) else {
            continue;
        };
        let values = candidates(&leaf.test.term, &leaves, definitions);
        let verdicts = values.iter().map(|value| {
            let value = value.slot(definitions);
            with(definitions, segment, slots, slot, value)
        });
        let verdicts: Vec<Verdict> = verdicts.collect();
        let if_unchanged = unchanged(definitions, leaf)
            .map(|value| with(definitions, segment, slots, slot, value));
        let input = OpenInput {
            term: &leaf.test.term,
            absence,
            recorded: leaf.recorded,
            could_hold: verdicts.contains(&Verdict::True),
            could_fail: verdicts.contains(&Verdict::False),
            if_unchanged,
        };
        let changes = verdicts.iter().any(|&verdict| verdict != tree.verdict);
        if changes || tree.verdict == Verdict::Unknown {
            out.push(input);
        }
    }
    out
}

fn collect<'a>(clause: &Clause<'a>, out: &mut Vec<Leaf<'a>>) {
    out.extend(clause.leaf);
    for part in &clause.parts {
        collect(part, out);
    }
}

/// The verdict with one slot changed.
fn with<'b>(
    definitions: &Definitions,
    segment: SegmentId,
    slots: &Slots<'b>,
    slot: usize,
    value: Slot<'b>,
) -> Verdict {
    let mut slots = slots.clone();
    slots.set(slot, value);
    let program = definitions.program();
    program.evaluate(
        definitions.root(segment),
        &slots,
        &mut program.memo(),
        &mut Silent,
    )
}

/// The stale value of an attribute, if it is still of the right type.
fn unchanged<'a>(definitions: &Definitions, leaf: &Leaf<'a>) -> Option<Slot<'a>> {
    if leaf.observed != Err(Absence::Stale) {
        return None;
    }
    let attribute = definitions
        .vocabulary()
        .attribute(leaf.test.term.attribute()?);
    typed(
        leaf.recorded?.value?,
        &attribute.value_type,
        definitions.program(),
    )
}

/// A value to try.
enum Candidate {
    Int(i64),
    Num(f64),
    Bool(bool),
    Text(Label),
    Tags(Vec<Label>),
}

impl Candidate {
    fn slot(&self, definitions: &Definitions) -> Slot<'_> {
        match self {
            Self::Int(value) => Slot::Int(*value),
            Self::Num(value) => Slot::Num(*value),
            Self::Bool(value) => Slot::Bool(*value),
            Self::Text(text) => definitions.program().text(text),
            Self::Tags(tags) => Slot::List(tags),
        }
    }
}

/// One value of every kind that these leaves tell apart.
fn candidates(term: &Term, leaves: &[Leaf<'_>], definitions: &Definitions) -> Vec<Candidate> {
    let mut out = Vec::new();
    let mut texts: Vec<Label> = Vec::new();
    let mut tags: Vec<Label> = Vec::new();
    for leaf in leaves.iter().filter(|leaf| leaf.test.term == *term) {
        match &leaf.test.predicate {
            Predicate::Int(_, limit) => around(*limit, &mut out),
            Predicate::IntIn(list) => list.iter().for_each(|&limit| around(limit, &mut out)),
            Predicate::Number(_, limit) => near(limit.get(), &mut out),
            Predicate::NumberIn(list) => list.iter().for_each(|limit| near(limit.get(), &mut out)),
            Predicate::Bool(_) => out.extend([Candidate::Bool(false), Candidate::Bool(true)]),
            Predicate::Text(op, text) => {
                if matches!(op, TextOp::StartsWith | TextOp::EndsWith | TextOp::Contains) {
                    // Longer than the part itself, so that `==` with the part alone does not hold too.
                    texts.push(format!("{text}{text}").into());
                }
                texts.push(text.clone());
            }
            Predicate::TextIn(list) => texts.extend(list.iter().cloned()),
            Predicate::HasTag(tag) => tags.push(tag.clone()),
            Predicate::Known => {}
        }
    }
    others(term, definitions, &mut texts, &tags, &mut out);
    out.retain(|candidate| is_possible(term, candidate, definitions));
    out.extend(texts.into_iter().map(Candidate::Text));
    if !tags.is_empty() {
        out.push(Candidate::Tags(Vec::new()));
        out.extend(tags.iter().map(|tag| Candidate::Tags(vec![tag.clone()])));
        tags.sort();
        out.push(Candidate::Tags(tags));
    }
    out
}

/// A value that no leaf names; for `has`, any value.
fn others(
    term: &Term,
    definitions: &Definitions,
    texts: &mut Vec<Label>,
    tags: &[Label],
    out: &mut Vec<Candidate>,
) {
    let vocabulary = definitions.vocabulary();
    let value_type = match term.attribute() {
        Some(id) => &vocabulary.attribute(id).value_type,
        None if *term == Term::ProbabilityAlive => &ValueType::Number,
        None => &ValueType::Whole,
    };
    match value_type {
        ValueType::OneOf(values) => {
            texts.clear();
            texts.extend(values.iter().cloned());
        }
        // No stored text has this control character, so that it is another one whatever the leaves name.
        ValueType::Text => texts.push("\u{1}".into()),
        ValueType::Tags if tags.is_empty() => out.push(Candidate::Tags(Vec::new())),
        ValueType::Tags => {}
        ValueType::Bool => out.push(Candidate::Bool(true)),
        ValueType::Number => out.push(Candidate::Num(0.0)),
        ValueType::Whole
        | ValueType::Days
        | ValueType::Money(_)
        | ValueType::Day
        | ValueType::Tier
        | ValueType::Time => {
            out.push(Candidate::Int(0));
        }
    }
}

fn around(limit: i64, out: &mut Vec<Candidate>) {
    out.extend(
        [limit.saturating_sub(1), limit, limit.saturating_add(1)]
            .into_iter()
            .map(Candidate::Int),
    );
}

fn near(limit: f64, out: &mut Vec<Candidate>) {
    out.extend(
        [limit.next_down(), limit, limit.next_up()]
            .into_iter()
            .map(Candidate::Num),
    );
}

/// Whether the term can have the value at all.
fn is_possible(term: &Term, candidate: &Candidate, definitions: &Definitions) -> bool {
    match (term, candidate) {
        (Term::ProbabilityAlive, Candidate::Num(value)) => (0.0..=1.0).contains(value),
        (Term::Tier, Candidate::Int(value)) => {
            usize::try_from(*value).is_ok_and(|ordinal| ordinal < definitions.tiers().len())
        }
        (Term::DaysSinceLastOrder | Term::TenureDays, Candidate::Int(value)) => *value >= 0,
        _ => true,
    }
}
