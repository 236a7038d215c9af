//! Why a customer is in a segment, is not, or cannot be told: the clause tree with what was observed, the missing and stale inputs that
//! could change the answer, and at most four reasons.
//!
//! An explanation is read from the records of the same evaluation that gives the verdict. It is facts only: `wording` turns it into
//! sentences. Who may see protected values is for the caller to decide, see [`Leaf::is_protected`].

pub mod fixed_reasons;
pub mod inputs;
pub mod memberships;
pub mod reasons;
pub mod statement;
pub mod tier;
pub mod value;
pub mod wording;

#[cfg(test)]
mod tests;

use self::{
    inputs::{OpenInput, open_inputs},
    reasons::{Reason, reasons},
};
use crate::domain::{
    assess::{
        segments::{Decided, SegmentOutcome, slots},
        valuation::currencies_but,
    },
    calendar::Day,
    customer::{
        facts::{AttributeFact, AttributeValue},
        profile::ProfileAt,
    },
    definitions::{Definitions, Mode},
    money::Currency,
    rates::{RateTable, UsedRate},
    rules::{
        condition::{self, ClauseKind, Predicate, SegmentId, Test},
        diagnostic::Span,
        program::{Absence, Memo, Slot, Slots, Verdict},
        trace::{Joint, Trace, TracedClause},
        vocabulary::Sensitivity,
    },
    text::Label,
};

/// Why one segment has the customer or has not.
#[derive(Debug, Clone, PartialEq)]
pub struct Explanation<'a> {
    /// The segment.
    pub segment: SegmentId,
    /// What came of it.
    pub standing: SegmentOutcome,
    /// The earlier segment of an exclusive scheme that has the customer instead.
    pub preempted_by: Option<SegmentId>,
    /// The condition, clause by clause.
    pub tree: Clause<'a>,
    /// Missing and stale inputs that could decide or change the verdict.
    pub inputs: Vec<OpenInput<'a>>,
    /// At most [`reasons::MAX_REASONS`], those that suffice for the verdict.
    pub reasons: Vec<Reason<'a>>,
}

/// A clause of the condition, in the order and grouping of its text.
#[derive(Debug, Clone, PartialEq)]
pub struct Clause<'a> {
    /// Its text.
    pub text: &'a str,
    /// Where it stands in the text of the condition.
    pub span: Span,
    /// How it joins its parts.
    pub joint: Joint,
    /// What it came to.
    pub verdict: Verdict,
    /// What was compared, of a leaf.
    pub leaf: Option<Leaf<'a>>,
    /// Its parts.
    pub parts: Vec<Clause<'a>>,
}

/// What was compared with what.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Leaf<'a> {
    /// Term, predicate and limit.
    pub test: &'a Test,
    /// The value, or why there is none.
    pub observed: Result<Slot<'a>, Absence>,
    /// Value less limit, exact, in the unit of the term.
    pub gap: Option<Gap>,
    /// What is recorded of an attribute, fresh or not.
    pub recorded: Option<Recorded<'a>>,
    /// Whether the value may be shown only for a purpose.
    pub is_protected: bool,
}

/// The distance of a value from a limit: negative is below.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Gap {
    /// Whole units: days, minor units of money, places of tiers, counts.
    Int(i64),
    /// Of a number.
    Number(f64),
}

/// An observation of an attribute.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Recorded<'a> {
    /// The value; `None` when it was cleared.
    pub value: Option<&'a AttributeValue>,
    /// The day of the observation.
    pub observed_on: Day,
    /// Whole days from then to `as_of`.
    pub age_days: i32,
    /// Where it comes from.
    pub source: &'a Label,
}

/// A customer with all segments decided: explanations of several segments read the same slots.
#[derive(Debug)]
pub struct Explainer<'a> {
    definitions: &'a Definitions,
    rates: &'a RateTable,
    view: ProfileAt<'a>,
    slots: Slots<'a>,
    memo: Memo,
    standings: &'a [SegmentOutcome],
    trace: Trace,
}

impl<'a> Explainer<'a> {
    /// Explains what was `decided`, with these outcomes.
    #[must_use]
    pub fn new(decided: Decided<'a>, standings: &'a [SegmentOutcome]) -> Self {
        let Decided {
            definitions,
            rates,
            view,
            slots,
            memo,
        } = decided;
        Self {
            definitions,
            rates,
            view,
            slots,
            memo,
            standings,
            trace: Trace::default(),
        }
    }

    /// What came of every segment, in the order of the file.
    #[must_use]
    pub fn standings(&self) -> &[SegmentOutcome] {
        self.standings
    }

    /// The currencies, by code, out of which amounts were converted for what a term came to.
    #[must_use]
    pub fn converted_from(&self, term: &condition::Term) -> Vec<Currency> {
        let (amounts, to) = slots::amounts_of(self.definitions, self.view, term);
        currencies_but(amounts.into_iter(), to)
    }

    /// The oldest rate by which one of them was.
    #[must_use]
    pub fn oldest_rate(&self, term: &condition::Term) -> Option<UsedRate> {
        let (amounts, to) = slots::amounts_of(self.definitions, self.view, term);
        self.rates.oldest_used(amounts.into_iter(), to)
    }

    /// The reasons alone of one segment of the definitions: those of its explanation, without what would change the outcome.
    #[must_use]
    pub fn reasons(&mut self, segment: SegmentId) -> Vec<Reason<'a>> {
        reasons(&self.tree(segment), self.preempted_by(segment))
    }

    /// Explains one segment of the definitions.
    #[must_use]
    pub fn explain(&mut self, segment: SegmentId) -> Explanation<'a> {
        let tree = self.tree(segment);
        let preempted_by = self.preempted_by(segment);
        let standing = self.standings[segment.0 as usize];
        Explanation {
            segment,
            standing,
            preempted_by,
            inputs: open_inputs(self.definitions, segment, &self.slots, &tree),
            reasons: reasons(&tree, preempted_by),
            tree,
        }
    }

    /// The segment of an exclusive scheme that has the customer instead of this one. Nothing is taken from one that would not have had
    /// them anyway.
    fn preempted_by(&self, segment: SegmentId) -> Option<SegmentId> {
        let asked = self.definitions.segment(segment);
        let scheme = &self.definitions.schemes()[asked.scheme];
        let standing = self.standings[segment.0 as usize];
        if scheme.mode != Mode::Exclusive
            || standing.is_member
            || !asked.unknown.admits(standing.verdict)
        {
            return None;
        }
        let earlier = scheme.segments.start..segment.0 as usize;
        let taken = earlier
            .into_iter()
            .find(|&index| self.standings[index].is_member)?;
        u32::try_from(taken).ok().map(SegmentId)
    }

    fn tree(&mut self, segment: SegmentId) -> Clause<'a> {
        let program = self.definitions.program();
        let root = self.definitions.root(segment);
        self.trace.clear();
        let verdict = program.evaluate(root, &self.slots, &mut self.memo, &mut self.trace);
        let condition = &self.definitions.segment(segment).condition;
        let traced = program
            .clause_tree(root, &self.trace)
            .unwrap_or(TracedClause {
                joint: Joint::Everyone,
                span: condition.root().span,
                verdict,
                gap: None,
                parts: Vec::new(),
            });
        self.clause(condition.source(), condition.root(), &traced)
    }

    /// The trace has the shape of the condition, so that both are walked together.
    fn clause(
        &self,
        source: &'a str,
        clause: &'a condition::Clause,
        traced: &TracedClause,
    ) -> Clause<'a> {
        let parts: &'a [condition::Clause] = match &clause.kind {
            ClauseKind::All(parts) | ClauseKind::Any(parts) => parts,
            ClauseKind::Not(inner) => std::slice::from_ref(inner),
            ClauseKind::Everyone | ClauseKind::Test(_) => &[],
        };
        let leaf = match (&clause.kind, traced.joint) {
            (ClauseKind::Test(test), Joint::Test { slot }) => Some(self.leaf(test, slot)),
            _ => None,
        };
        Clause {
            text: clause.span.text_in(source),
            span: clause.span,
            joint: traced.joint,
            verdict: traced.verdict,
            leaf,
            parts: parts
                .iter()
                .zip(&traced.parts)
                .map(|(part, traced)| self.clause(source, part, traced))
                .collect(),
        }
    }

    fn leaf(&self, test: &'a Test, slot: usize) -> Leaf<'a> {
        let observed = self.slots.observed(slot);
        let vocabulary = self.definitions.vocabulary();
        let attribute = test.term.attribute().map(|id| vocabulary.attribute(id));
        let fact = attribute.and_then(|attribute| slots::observation(self.view, attribute));
        Leaf {
            test,
            observed,
            gap: observed.ok().and_then(|value| gap(&test.predicate, value)),
            recorded: fact.map(|fact| recorded(fact, self.view.as_of())),
            is_protected: attribute
                .is_some_and(|attribute| attribute.sensitivity == Sensitivity::Protected),
        }
    }
}

fn recorded(fact: &AttributeFact, as_of: Day) -> Recorded<'_> {
    Recorded {
        value: fact.value.as_ref(),
        observed_on: fact.observed_on,
        age_days: as_of - fact.observed_on,
        source: &fact.source,
    }
}

fn gap(predicate: &Predicate, value: Slot<'_>) -> Option<Gap> {
    match (predicate, value) {
        (Predicate::Int(_, limit), Slot::Int(value)) => {
            Some(Gap::Int(value.saturating_sub(*limit)))
        }
        (Predicate::Number(_, limit), Slot::Num(value)) => Some(Gap::Number(value - limit.get())),
        _ => None,
    }
}
