//! The recorder that remembers every verdict, and the clause tree that [`super::program::Program::clause_tree`] reads from it.

use super::{
    diagnostic::Span,
    program::{Recorder, Verdict},
};

/// One decided clause.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Record {
    /// Node of the program.
    pub node: u32,
    /// What it came to.
    pub verdict: Verdict,
    /// Value less limit, in the unit of the term: negative means below the limit. NaN where there is no distance.
    pub gap: f64,
}

/// Remembers all clauses of one evaluation, in the order in which they were decided: parts before the whole. The buffer can be reused.
#[derive(Debug, Clone, Default)]
pub struct Trace {
    records: Vec<Record>,
}

impl Trace {
    /// Forgets everything, keeping the buffer.
    pub fn clear(&mut self) {
        self.records.clear();
    }

    /// What was recorded.
    #[must_use]
    pub fn records(&self) -> &[Record] {
        &self.records
    }
}

impl Recorder for Trace {
    const SHORT: bool = false;

    #[inline]
    fn leaf(&mut self, node: u32, verdict: Verdict, gap: impl FnOnce() -> f64) {
        self.records.push(Record {
            node,
            verdict,
            gap: gap(),
        });
    }

    #[inline]
    fn clause(&mut self, node: u32, verdict: Verdict) {
        self.records.push(Record {
            node,
            verdict,
            gap: f64::NAN,
        });
    }
}

/// How a clause joins its parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Joint {
    /// A leaf; the slot of its term is beside it.
    Test {
        /// Index of the slot.
        slot: usize,
    },
    /// `true`.
    Everyone,
    /// All of the parts.
    All,
    /// One of the parts.
    Any,
    /// Not the one part.
    Not,
}

/// A clause with its verdict; the tree mirrors the text of the condition.
#[derive(Debug, Clone, PartialEq)]
pub struct TracedClause {
    /// How it joins its parts.
    pub joint: Joint,
    /// Where it stands in the text of the condition.
    pub span: Span,
    /// What it came to.
    pub verdict: Verdict,
    /// Distance of the value from the limit, where there is one, see [`Record::gap`].
    pub gap: Option<f64>,
    /// Its parts.
    pub parts: Vec<TracedClause>,
}
