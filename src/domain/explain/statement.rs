//! A clause tree as it is handed out: typed values next to their texts in both languages. Faces only copy it.

use super::{
    Clause, Explainer, Explanation, Leaf, Recorded,
    reasons::{About, Reason},
    value::{self, Operator, Value},
    wording::{self, Wording, both},
};
use crate::domain::{
    definitions::LocalizedText,
    money::Currency,
    rates::UsedRate,
    rules::{
        condition::{self, Term},
        program::{Absence, Verdict},
        trace::Joint,
    },
};

/// A clause with its texts.
#[derive(Debug, Clone, PartialEq)]
pub struct ClauseStatement<'a> {
    /// How it joins its parts.
    pub joint: Joint,
    /// Its verdict.
    pub verdict: Verdict,
    /// The clause as written in the definitions.
    pub expression: &'a str,
    /// The clause in words. That of a negated leaf states the contrary requirement, so that the leaf needs no line of its own.
    pub text: LocalizedText,
    /// The gap of a leaf or negated leaf in words that fit `text`.
    pub gap_text: Option<LocalizedText>,
    /// Where the value of a leaf or negated leaf comes from.
    pub origin_text: Option<LocalizedText>,
    /// What is compared, of a leaf.
    pub test: Option<TestStatement<'a>>,
    /// Its parts.
    pub parts: Vec<ClauseStatement<'a>>,
}

/// A leaf with its values.
#[derive(Debug, Clone, PartialEq)]
pub struct TestStatement<'a> {
    /// The term.
    pub term: &'a Term,
    /// What the term is called.
    pub term_text: LocalizedText,
    /// How the values are compared.
    pub operator: Operator,
    /// The required values, see [`value::required`].
    pub required: Vec<Value<'a>>,
    /// Operator and required values in words.
    pub required_text: LocalizedText,
    /// The observed value, or why there is none.
    pub observed: Result<Value<'a>, Absence>,
    /// The observed value, or why there is none, in words.
    pub observed_text: LocalizedText,
    /// Observed less required value.
    pub gap: Option<Value<'a>>,
    /// What is recorded of an attribute, fresh or not.
    pub recorded: Option<Recorded<'a>>,
    /// The currencies, by code, out of which the observed amount was converted.
    pub converted_from: Vec<Currency>,
    /// The oldest rate by which a part of it was.
    pub oldest_rate: Option<UsedRate>,
    /// Whether the leaf is one of the reasons.
    pub is_decisive: bool,
    /// Whether the value may be shown only for a purpose.
    pub is_protected: bool,
}

impl<'a> Explainer<'a> {
    /// The clause tree of an explanation with its texts.
    #[must_use]
    pub fn statement(&self, explanation: &Explanation<'a>) -> ClauseStatement<'a> {
        self.clause_statement(&explanation.tree, &explanation.reasons)
    }

    fn clause_statement(&self, clause: &Clause<'a>, reasons: &[Reason<'a>]) -> ClauseStatement<'a> {
        let negated = match (clause.joint, &*clause.parts) {
            (Joint::Not, [part]) => part.leaf.as_ref(),
            _ => None,
        };
        let words = match (&clause.leaf, negated) {
            (Some(leaf), _) => self.leaf_words(leaf, false),
            (None, Some(leaf)) => self.leaf_words(leaf, true),
            (None, None) => LeafWords {
                text: both(|language| wording::joint_text(clause.joint, language)),
                gap_text: None,
                origin_text: None,
            },
        };
        let parts = clause.parts.iter();
        ClauseStatement {
            joint: clause.joint,
            verdict: clause.verdict,
            expression: clause.text,
            text: words.text,
            gap_text: words.gap_text,
            origin_text: words.origin_text,
            test: clause.leaf.as_ref().map(|leaf| {
                let is_decisive = reasons.iter().any(|reason| is_about(reason, leaf.test));
                self.test_statement(leaf, is_decisive)
            }),
            parts: parts
                .map(|part| self.clause_statement(part, reasons))
                .collect(),
        }
    }

    fn test_statement(&self, leaf: &Leaf<'a>, is_decisive: bool) -> TestStatement<'a> {
        let (wording, term) = (Wording::new(leaf, self.definitions), &leaf.test.term);
        TestStatement {
            term,
            term_text: both(|language| wording::term(term, self.definitions, language)),
            operator: wording.operator(),
            required: wording.required().to_vec(),
            required_text: both(|language| wording.required_text(false, language)),
            observed: wording.observed(),
            observed_text: both(|language| wording.observed_text(language)),
            gap: value::gap(leaf, self.definitions),
            recorded: leaf.recorded,
            converted_from: self.converted(leaf),
            oldest_rate: leaf
                .observed
                .ok()
                .and_then(|_| self.oldest_rate(&leaf.test.term)),
            is_decisive,
            is_protected: leaf.is_protected,
        }
    }

    fn leaf_words(&self, leaf: &Leaf<'a>, is_negated: bool) -> LeafWords {
        let wording = Wording::new(leaf, self.definitions);
        let gap = value::gap(leaf, self.definitions);
        let converted = self.converted(leaf);
        let recorded = leaf.recorded.as_ref();
        LeafWords {
            text: both(|language| wording.text(is_negated, language)),
            gap_text: stated(|language| wording.gap_text(gap.as_ref()?, is_negated, language)),
            origin_text: stated(|language| wording::origin_text(recorded, &converted, language)),
        }
    }

    /// Where there is no observed value, its absence gives the reason.
    fn converted(&self, leaf: &Leaf<'a>) -> Vec<Currency> {
        match leaf.observed {
            Ok(_) => self.converted_from(&leaf.test.term),
            Err(_) => Vec::new(),
        }
    }
}

/// The texts of a leaf, negated or not.
struct LeafWords {
    text: LocalizedText,
    gap_text: Option<LocalizedText>,
    origin_text: Option<LocalizedText>,
}

/// A text in both languages, where there is one.
fn stated(text: impl Fn(wording::Language) -> Option<String>) -> Option<LocalizedText> {
    text(wording::Language::En)?;
    Some(both(|language| text(language).unwrap_or_default()))
}

/// Every leaf of a condition has a test of its own, so that its address tells it from an equal one.
fn is_about(reason: &Reason<'_>, test: &condition::Test) -> bool {
    matches!(reason.about, About::Leaf { leaf, .. } if std::ptr::eq(leaf.test, test))
}
