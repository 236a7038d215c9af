//! Why a customer is in a segment or holds a tier, or is not: read from the same evaluation that decides it, recorded.
//!
//! Nothing is decided here a second time. What is added is only what a person needs to read the record: the observed value beside the
//! limit, the distance between them, where a value comes from, and what is not known.

mod reasons;
mod words;

use crate::domain::{
    assess::Assessment,
    basis::Basis,
    calendar::Day,
    definitions::{Definitions, Mode, Words},
    money::{Currency, Money, major_to_money},
    profile::ProfileAt,
    rules::{
        condition::{Clause, ClauseKind, SegmentId, Term, Test},
        diagnostic::Span,
        program::{Absence, Slot, Slots, Verdict},
        trace::{Joint, Trace, TracedClause},
    },
    segments::{Decided, Membership, decide},
    slots::{self, Subject},
    text::Label,
    tiers::{TierIndex, Unrated},
};

pub use reasons::Reason;

/// The most reasons that are given: more are not likely to be helpful (commentary to 12 CFR 1002.9(b)(2)).
pub const MAX_REASONS: usize = 4;

/// Why a customer is in a segment, or is not.
#[derive(Debug, Clone, PartialEq)]
pub struct SegmentExplanation {
    /// The segment.
    pub id: SegmentId,
    /// What was decided.
    pub membership: Membership,
    /// The earlier segment of an exclusive scheme that took the customer, though this one matches.
    pub taken_by: Option<SegmentId>,
    /// The clauses of the condition.
    pub clause: ExplainedClause,
    /// Inputs that are not known and could change the verdict.
    pub open_inputs: Vec<OpenInput>,
    /// Why, in few words, the strongest first.
    pub reasons: Vec<Reason>,
}

/// A clause with what it came to.
#[derive(Debug, Clone, PartialEq)]
pub struct ExplainedClause {
    /// How it joins its parts.
    pub joint: Joint,
    /// Where it stands in the condition.
    pub span: Span,
    /// What it came to.
    pub verdict: Verdict,
    /// For a test: what was compared.
    pub test: Option<ExplainedTest>,
    /// Its parts.
    pub parts: Vec<ExplainedClause>,
}

/// A test with what was observed.
#[derive(Debug, Clone, PartialEq)]
pub struct ExplainedTest {
    /// What was asked of what.
    pub test: Test,
    /// What was asked, for people.
    pub subject: Words,
    /// What was observed, for people; `None` when it is not known.
    pub observed: Option<String>,
    /// What it was compared with, for people; `None` for tests without a limit.
    pub limit: Option<String>,
    /// Observed less limit, in the unit of the term, money in major units.
    pub gap: Option<f64>,
    /// Unit of the gap; empty for a plain number.
    pub unit: String,
    /// For an attribute: where its value comes from and when it was observed.
    pub observation: Option<(Label, Day)>,
    /// Why it is not known; `None` when it is.
    pub absence: Option<Absence>,
}

/// An input that is not known and could change the verdict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenInput {
    /// What.
    pub term: Term,
    /// What, as a condition writes it.
    pub name: String,
    /// Why it is not known.
    pub absence: Absence,
}

/// Why a customer holds a tier, or does not.
#[derive(Debug, Clone, PartialEq)]
pub struct TierExplanation {
    /// The tier that is explained; `None` for a customer without one when none was named.
    pub tier: Option<TierIndex>,
    /// The tier held.
    pub held: Result<TierIndex, Unrated>,
    /// The value that decides.
    pub lifetime_value: Option<Money>,
    /// The least value of the tier.
    pub least_value: Option<Money>,
    /// The next better tier than the one held, and the value missing to it.
    pub next_better: Option<(TierIndex, Money)>,
    /// The next lower tier than the one held, and the value that may be lost before.
    pub next_lower: Option<(TierIndex, Money)>,
    /// Why, in few words.
    pub reasons: Vec<Reason>,
}

/// Explains segments of a customer who was assessed.
#[must_use]
pub fn explain_segments(
    view: ProfileAt<'_>,
    assessment: &Assessment,
    definitions: &Definitions,
    ids: &[SegmentId],
) -> Vec<SegmentExplanation> {
    let subject = Subject {
        view,
        valuation: &assessment.valuation,
        tier: assessment.tier,
    };
    let decided = decide(definitions, subject);
    let explainer = Explainer {
        definitions,
        subject,
        decided: &decided,
    };
    ids.iter().filter_map(|&id| explainer.segment(id)).collect()
}

/// What every part of an explanation looks at.
struct Explainer<'a> {
    definitions: &'a Definitions,
    subject: Subject<'a>,
    decided: &'a Decided<'a>,
}

impl Explainer<'_> {
    fn segment(&self, id: SegmentId) -> Option<SegmentExplanation> {
        let program = self.definitions.program();
        let segment = &self.definitions.segments()[id.0 as usize];
        let membership = self.decided.memberships[id.0 as usize];
        let mut trace = Trace::default();
        let root = self.definitions.root(id);
        // The same program on the same slots as the decision, with a recorder.
        let _ = program.evaluate(root, &self.decided.slots, &mut program.memo(), &mut trace);
        let traced = program.clause_tree(root, &trace)?;
        let clause = self.clause(segment.condition.root(), &traced);
        let open_inputs = self.open_inputs(&clause);
        let reasons = reasons::of_clause(&clause);
        Some(SegmentExplanation {
            id,
            membership,
            taken_by: self.taken_by(id),
            clause,
            open_inputs,
            reasons,
        })
    }

    /// The earlier segment that took the customer, if this one would have.
    fn taken_by(&self, id: SegmentId) -> Option<SegmentId> {
        let membership = self.decided.memberships[id.0 as usize];
        let scheme = &self.definitions.schemes()[self.definitions.segments()[id.0 as usize].scheme];
        if scheme.mode != Mode::Exclusive
            || membership.is_member
            || membership.verdict == Verdict::False
        {
            return None;
        }
        let mut earlier =
            (scheme.segments.start..id.0 as usize).filter_map(|at| u32::try_from(at).ok());
        earlier
            .find(|&at| self.decided.memberships[at as usize].is_member)
            .map(SegmentId)
    }

    /// The tree of the condition and the tree of its record have one shape.
    fn clause(&self, clause: &Clause, traced: &TracedClause) -> ExplainedClause {
        let parts: Vec<&Clause> = match &clause.kind {
            ClauseKind::All(parts) | ClauseKind::Any(parts) => parts.iter().collect(),
            ClauseKind::Not(inner) => vec![inner],
            ClauseKind::Test(_) | ClauseKind::Everyone => vec![],
        };
        let test = match (&clause.kind, traced.joint) {
            (ClauseKind::Test(test), Joint::Test { slot }) => {
                Some(self.test(test, slot, traced.gap))
            }
            _ => None,
        };
        ExplainedClause {
            joint: traced.joint,
            span: traced.span,
            verdict: traced.verdict,
            test,
            parts: parts
                .into_iter()
                .zip(&traced.parts)
                .map(|(clause, traced)| self.clause(clause, traced))
                .collect(),
        }
    }

    fn test(&self, test: &Test, slot: usize, gap: Option<f64>) -> ExplainedTest {
        let slots: &Slots<'_> = &self.decided.slots;
        let value = slots.value(slot);
        let money = words::currency(&test.term, self.definitions);
        let observation = if let Term::Attribute(id) = &test.term {
            let name = &self.definitions.vocabulary().attribute(*id).name;
            let fact = slots::find(&self.subject.view.profile().history, name);
            fact.filter(|fact| fact.value.is_some())
                .map(|fact| (fact.source.clone(), fact.observed_on))
        } else {
            None
        };
        ExplainedTest {
            test: test.clone(),
            subject: words::subject(&test.term, self.definitions),
            observed: self.observed(&test.term, value),
            limit: words::limit(test, self.definitions),
            gap: gap.map(|gap| money.map_or(gap, |currency| gap / currency.minor_per_major())),
            unit: words::unit(&test.term, self.definitions),
            observation,
            absence: (value == Slot::Missing).then(|| slots.absence(slot)),
        }
    }

    fn observed(&self, term: &Term, value: Slot<'_>) -> Option<String> {
        let text = words::observed(term, value, self.definitions)?;
        let identified = self
            .subject
            .valuation
            .orders
            .as_ref()
            .is_none_or(|orders| orders.probability_alive_identified);
        let unsure = *term == Term::ProbabilityAlive && !identified;
        Some(if unsure {
            format!("{text} (has bought once: the model cannot tell)")
        } else {
            text
        })
    }

    /// The inputs that are not known and could change the verdict: those that keep an undecided clause undecided, and those whose
    /// absence itself decided.
    fn open_inputs(&self, root: &ExplainedClause) -> Vec<OpenInput> {
        let mut open: Vec<OpenInput> = vec![];
        let mut tests = vec![];
        collect_tests(root, root.verdict == Verdict::Unknown, &mut tests);
        for (test, keeps_undecided) in tests {
            let Some(absence) = test.absence else {
                continue;
            };
            let term = &test.test.term;
            let could_flip = || {
                [Verdict::True, Verdict::False]
                    .iter()
                    .any(|&to| with(root, term, to) != root.verdict)
            };
            if open.iter().all(|known| known.term != *term) && (keeps_undecided || could_flip()) {
                open.push(OpenInput {
                    term: term.clone(),
                    name: words::name(term, self.definitions),
                    absence,
                });
            }
        }
        open
    }
}

/// All tests of a clause, each with whether it keeps the whole undecided: it and everything above it is UNKNOWN.
fn collect_tests<'a>(
    clause: &'a ExplainedClause,
    above_unknown: bool,
    out: &mut Vec<(&'a ExplainedTest, bool)>,
) {
    let undecided = above_unknown && clause.verdict == Verdict::Unknown;
    out.extend(clause.test.as_ref().map(|test| (test, undecided)));
    for part in &clause.parts {
        collect_tests(part, undecided, out);
    }
}

/// What the clause would come to if every test of `term` came to `to`.
fn with(clause: &ExplainedClause, term: &Term, to: Verdict) -> Verdict {
    let mut parts = clause.parts.iter().map(|part| with(part, term, to));
    match clause.joint {
        Joint::Test { .. }
            if clause
                .test
                .as_ref()
                .is_some_and(|test| test.test.term == *term) =>
        {
            to
        }
        Joint::Test { .. } | Joint::Everyone => clause.verdict,
        Joint::All => parts.fold(Verdict::True, Ord::min),
        Joint::Any => parts.fold(Verdict::False, Ord::max),
        Joint::Not => parts.next().map_or(Verdict::Unknown, Verdict::negated),
    }
}

/// Explains a tier of a customer who was assessed: the one named, else the one held.
#[must_use]
pub fn explain_tier(
    assessment: &Assessment,
    basis: &Basis,
    named: Option<TierIndex>,
) -> TierExplanation {
    let held = assessment.tier;
    let lifetime_value = assessment.valuation.lifetime_value.ok();
    let tiers = &basis.revision.tiers;
    let tier = named.or(held.ok());
    let distance = |from: Money, to: Money| Money {
        amount_minor: from
            .amount_minor
            .abs_diff(to.amount_minor)
            .try_into()
            .unwrap_or(i64::MAX),
        currency: from.currency,
    };
    let least = |tier: TierIndex| least_value(basis, tier);
    let next_better = held
        .ok()
        .and_then(|held| tiers.better(held))
        .zip(lifetime_value);
    let next_lower = held
        .ok()
        .and_then(|held| Some((tiers.worse(held)?, least(held)?)))
        .zip(lifetime_value);
    TierExplanation {
        tier,
        held,
        lifetime_value,
        least_value: tier.and_then(least),
        next_better: next_better
            .and_then(|(tier, value)| Some((tier, distance(least(tier)?, value)))),
        next_lower: next_lower.map(|((tier, least), value)| (tier, distance(value, least))),
        reasons: reasons::of_tier(tier, held, lifetime_value, basis),
    }
}

/// The least value of a tier; `None` for the last one.
pub(super) fn least_value(basis: &Basis, tier: TierIndex) -> Option<Money> {
    let least = basis.revision.tiers.get(tier).least_value_major;
    let currency: Currency = basis.reporting_currency?;
    least
        .is_finite()
        .then(|| major_to_money(least, currency))
        .flatten()
}
