//! What no customer can ever make true, or false: contradictions, tautologies and segments that are never reached.
//!
//! Each clause is turned into boxes: one set of values a term, all of which must hold. Without boxes left, nothing is possible. Beyond
//! `MAX_BOXES` boxes are joined into their hull, so that an answer "impossible" is always right and "possible" may be too generous.

mod set;

use std::collections::BTreeMap;

use self::set::Set;
use super::{
    condition::{Clause, ClauseKind, Predicate, Term, Test, TextOp},
    diagnostic::{Code, Diagnostics, Span},
    vocabulary::Vocabulary,
};
use crate::domain::{stop, text::Label};

/// Boxes that are kept apart. Chosen: exact for every condition that a person writes, and bounded work for the others.
const MAX_BOXES: usize = 64;

/// A verdict, or its absence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// TRUE.
    True,
    /// FALSE.
    False,
    /// FALSE or UNKNOWN.
    NotTrue,
    /// TRUE or UNKNOWN.
    NotFalse,
}

impl Expected {
    const fn negated(self) -> Self {
        match self {
            Self::True => Self::False,
            Self::False => Self::True,
            Self::NotTrue => Self::NotFalse,
            Self::NotFalse => Self::NotTrue,
        }
    }

    /// Whether an AND wants this of all its parts (else one is enough).
    const fn needs_all(self) -> bool {
        matches!(self, Self::True | Self::NotFalse)
    }
}

/// What a box restricts: the value of a term, or the answer of one question to a text or set of tags.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Value(Term),
    Question(Term, TextOp, Label),
}

type Possible = Vec<BTreeMap<Key, Set>>;

/// Reports the smallest parts of a condition that can never be true or never be false.
pub fn report(text: &str, root: &Clause, vocabulary: &Vocabulary, problems: &mut Diagnostics) {
    if root.kind != ClauseKind::Everyone {
        Reporter {
            text,
            vocabulary,
            problems,
        }
        .verdicts(root);
    }
}

/// The customers that give a clause one verdict, as far as it can be told from the clause alone.
#[derive(Debug, Clone)]
pub struct Customers(Possible);

impl Customers {
    /// Those that give `clause` the verdict `want`.
    #[must_use]
    pub fn with_verdict(clause: &Clause, want: Expected, vocabulary: &Vocabulary) -> Self {
        Self(possible(clause, want, vocabulary))
    }

    /// Whether somebody is among these and among all of `others`. `true` may be too generous, `false` never is wrong.
    #[must_use]
    pub fn meet<'a>(&self, others: impl IntoIterator<Item = &'a Self>) -> bool {
        let mut left = self.0.clone();
        for other in others {
            left = both(left, &other.0);
            if left.is_empty() {
                return false;
            }
        }
        !left.is_empty()
    }
}

fn possible(clause: &Clause, want: Expected, vocabulary: &Vocabulary) -> Possible {
    stop::check();
    match &clause.kind {
        ClauseKind::Everyone if want.needs_all() => anything(),
        ClauseKind::Everyone => Vec::new(),
        ClauseKind::Test(test) => leaf(test, want, vocabulary),
        ClauseKind::Not(inner) => possible(inner, want.negated(), vocabulary),
        ClauseKind::All(parts) | ClauseKind::Any(parts) => {
            let is_all = matches!(clause.kind, ClauseKind::All(_));
            let parts = parts.iter().map(|part| possible(part, want, vocabulary));
            if want.needs_all() == is_all {
                product(parts)
            } else {
                union(parts)
            }
        }
    }
}

fn anything() -> Possible {
    vec![BTreeMap::new()]
}

fn product(parts: impl Iterator<Item = Possible>) -> Possible {
    parts.fold(anything(), |left, right| both(left, &right))
}

fn union(parts: impl Iterator<Item = Possible>) -> Possible {
    parts.fold(Vec::new(), |mut left, right| {
        left.extend(right);
        if left.len() > MAX_BOXES {
            hull(&left)
        } else {
            left
        }
    })
}

/// The boxes in which both hold.
fn both(left: Possible, right: &Possible) -> Possible {
    if left.len() * right.len() > MAX_BOXES {
        return both(hull(&left), &hull(right));
    }
    if let [only] = right.as_slice() {
        return left.into_iter().filter_map(|a| meet(a, only)).collect();
    }
    let pairs = left.iter().flat_map(|a| right.iter().map(move |b| (a, b)));
    pairs.filter_map(|(a, b)| meet(a.clone(), b)).collect()
}

/// The box in which both hold; `None` when it is empty.
fn meet(mut joint: BTreeMap<Key, Set>, other: &BTreeMap<Key, Set>) -> Option<BTreeMap<Key, Set>> {
    for (key, set) in other {
        let met = match joint.get(key) {
            Some(known) => known.intersect(set),
            None => set.clone(),
        };
        if met.is_empty() {
            return None;
        }
        joint.insert(key.clone(), met);
    }
    Some(joint)
}

/// The smallest single box around all.
fn hull(boxes: &Possible) -> Possible {
    let mut all = boxes.iter();
    let Some(mut joint) = all.next().cloned() else {
        return Vec::new();
    };
    for other in all {
        joint.retain(|key, set| match other.get(key) {
            Some(known) => {
                *set = set.unite(known);
                true
            }
            None => false,
        });
    }
    vec![joint]
}

/// The boxes in which a leaf has the wanted verdict.
fn leaf(test: &Test, want: Expected, vocabulary: &Vocabulary) -> Possible {
    let domain = Set::domain(&test.term, vocabulary);
    let single = |key: Key, set: Set| {
        if set.is_empty() {
            Vec::new()
        } else {
            vec![BTreeMap::from([(key, set)])]
        }
    };
    let value = Key::Value(test.term.clone());
    let is_true = want.needs_all();
    let may_be_unknown = matches!(want, Expected::NotTrue | Expected::NotFalse);
    let missing = domain.only_missing();
    let question = match &test.predicate {
        Predicate::Known if is_true => return single(value, domain.known()),
        Predicate::Known => return single(value, missing),
        Predicate::Text(op @ (TextOp::StartsWith | TextOp::EndsWith | TextOp::Contains), part) => {
            Some((*op, part))
        }
        Predicate::HasTag(tag) => Some((TextOp::Is, tag)),
        Predicate::Text(TextOp::Is | TextOp::IsNot, _)
        | Predicate::Int(..)
        | Predicate::Number(..)
        | Predicate::Bool(_)
        | Predicate::IntIn(_)
        | Predicate::NumberIn(_)
        | Predicate::TextIn(_) => None,
    };
    if let Some((op, part)) = question {
        let key = Key::Question(test.term.clone(), op, part.clone());
        let mut boxes = vec![BTreeMap::from([
            (value.clone(), domain.known()),
            (key, Set::answer(is_true)),
        ])];
        if may_be_unknown {
            boxes.extend(single(value, missing));
        }
        return boxes;
    }
    let holds = Set::from_predicate(&test.predicate);
    let holds = if is_true { holds } else { holds.complement() };
    let mut set = domain.known().intersect(&holds);
    if may_be_unknown {
        set = set.unite(&missing);
    }
    single(value, set)
}

struct Reporter<'a> {
    text: &'a str,
    vocabulary: &'a Vocabulary,
    problems: &'a mut Diagnostics,
}

impl Reporter<'_> {
    /// When the clause is TRUE, and when it is FALSE. What can never be is reported once, at the smallest clause; its verdict then counts
    /// as possible, so that nothing around it is reported for the same reason.
    fn verdicts(&mut self, clause: &Clause) -> (Possible, Possible) {
        let (mut holds, mut fails) = match &clause.kind {
            ClauseKind::Everyone => (anything(), anything()),
            ClauseKind::Test(test) => {
                let of = |want| leaf(test, want, self.vocabulary);
                (of(Expected::True), of(Expected::False))
            }
            ClauseKind::Not(inner) => {
                let (holds, fails) = self.verdicts(inner);
                (fails, holds)
            }
            ClauseKind::All(parts) => {
                let (holds, fails) = self.parts(parts);
                if let Some((a, b)) = exclusive_pair(&holds) {
                    let [a, b] = [parts[a].span, parts[b].span].map(|span| self.quote(span));
                    self.never_true(
                        clause.span,
                        format!("never true: `{a}` and `{b}` exclude each other"),
                    );
                }
                (product(holds.into_iter()), union(fails.into_iter()))
            }
            ClauseKind::Any(parts) => {
                let (holds, fails) = self.parts(parts);
                if let Some((a, b)) = exclusive_pair(&fails) {
                    let [a, b] = [parts[a].span, parts[b].span].map(|span| self.quote(span));
                    self.always_true(
                        clause.span,
                        format!("always true: where `{a}` fails, `{b}` holds"),
                    );
                }
                (union(holds.into_iter()), product(fails.into_iter()))
            }
        };
        let shown = self.quote(clause.span);
        if holds.is_empty() {
            self.never_true(
                clause.span,
                format!("never true: no customer can have `{shown}`"),
            );
            holds = anything();
        }
        if fails.is_empty() {
            self.always_true(
                clause.span,
                format!("always true: every customer has `{shown}`"),
            );
            fails = anything();
        }
        (holds, fails)
    }

    fn parts(&mut self, parts: &[Clause]) -> (Vec<Possible>, Vec<Possible>) {
        parts.iter().map(|part| self.verdicts(part)).unzip()
    }

    fn never_true(&mut self, span: Span, message: String) {
        let help = "change a limit, or write `||` where one is enough";
        self.problems
            .add_with_help(span, Code::NeverTrue, message, help);
    }

    fn always_true(&mut self, span: Span, message: String) {
        let help =
            "change a limit, or write `&&` where both must hold; `has(x)` tests whether x is known";
        self.problems
            .add_with_help(span, Code::AlwaysTrue, message, help);
    }

    fn quote(&self, span: Span) -> String {
        let text = span.text_in(self.text);
        let shown: String = text.chars().take(60).collect();
        if shown.len() < text.len() {
            format!("{shown} ...")
        } else {
            shown
        }
    }
}

/// Parts looked at in pairs; the product finds the rest.
const MAX_PAIRED: usize = 40;

/// The first two parts that cannot both be.
fn exclusive_pair(parts: &[Possible]) -> Option<(usize, usize)> {
    let shown = &parts[..parts.len().min(MAX_PAIRED)];
    for (b, right) in shown.iter().enumerate() {
        for (a, left) in shown[..b].iter().enumerate() {
            if both(left.clone(), right).is_empty() {
                return Some((a, b));
            }
        }
    }
    None
}
