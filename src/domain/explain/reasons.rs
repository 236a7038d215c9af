//! At most four reasons for a verdict: leaves that together force it, however the others had come out.
//!
//! For a clause of which all parts decide, all are reasons; where one part is enough, the one with the fewest leaves is. That is the
//! smallest set when no leaf occurs twice (A. Darwiche and A. Hirth, 2020, "On the reasons behind decisions").

use super::{Clause, Leaf};
use crate::domain::rules::{
    condition::{Predicate, SegmentId, Term},
    program::{Absence, Verdict},
    trace::Joint,
};

/// Most reasons given: more are "not likely to be helpful" (commentary on Regulation B, 12 CFR 1002.9(b)(2)).
pub const MAX_REASONS: usize = 4;

/// A reason.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reason<'a> {
    /// Its kind; stable.
    pub code: ReasonCode,
    /// What it is about.
    pub about: About<'a>,
}

/// What a reason is about.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum About<'a> {
    /// A leaf; `is_negated` when an odd number of `!` stands before it, so that the contrary was asked for.
    Leaf {
        /// What was compared.
        leaf: Leaf<'a>,
        /// Whether the contrary was asked for.
        is_negated: bool,
    },
    /// Another segment of the scheme.
    Segment(SegmentId),
    /// Nothing: everybody is meant.
    Everyone,
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $text:literal),+ $(,)?) => {
        /// Kind of a reason.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum ReasonCode { $($(#[$doc])* $name),+ }

        impl ReasonCode {
            /// All codes.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// The name as clients see it.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text),+ }
            }
        }
    };
}

codes! {
    /// The lifetime value decides.
    LifetimeValue = "LIFETIME_VALUE",
    /// The tier decides.
    Tier = "TIER",
    /// The probability of being alive decides.
    ProbabilityAlive = "PROBABILITY_ALIVE",
    /// The number of orders decides.
    Orders = "ORDERS",
    /// The spend decides.
    Spend = "SPEND",
    /// The number of contacts decides.
    Contacts = "CONTACTS",
    /// The cost of contacts decides.
    CostToServe = "COST_TO_SERVE",
    /// The number of running contracts decides.
    Contracts = "CONTRACTS",
    /// The time since the last order decides.
    LastOrder = "LAST_ORDER",
    /// The length of the relationship decides.
    Tenure = "TENURE",
    /// The kind of customer decides.
    Kind = "KIND",
    /// Another segment decides.
    OtherSegment = "OTHER_SEGMENT",
    /// An attribute decides.
    Attribute = "ATTRIBUTE",
    /// An input was never given.
    InputMissing = "INPUT_MISSING",
    /// An input is too old.
    InputStale = "INPUT_STALE",
    /// An input cannot be used: it was observed later or has another type.
    InputUnusable = "INPUT_UNUSABLE",
    /// The customer cannot be valued.
    Unrated = "UNRATED",
    /// An amount cannot be converted.
    NoRate = "NO_RATE",
    /// An earlier segment of the scheme has the customer.
    EarlierSegment = "EARLIER_SEGMENT",
    /// Everybody is meant.
    Everyone = "EVERYONE",
}

/// The reasons for what `tree` came to, in the order of its text.
pub(super) fn reasons<'a>(tree: &Clause<'a>, preempted_by: Option<SegmentId>) -> Vec<Reason<'a>> {
    if let Some(segment) = preempted_by {
        return vec![Reason {
            code: ReasonCode::EarlierSegment,
            about: About::Segment(segment),
        }];
    }
    let mut out = reasons_of(tree);
    out.truncate(MAX_REASONS);
    out
}

/// All leaves that together suffice.
pub(super) fn reasons_of<'a>(tree: &Clause<'a>) -> Vec<Reason<'a>> {
    let mut out = Vec::new();
    sufficient(tree, false, &mut out);
    out
}

/// Appends leaves that suffice for the verdict of `clause`.
fn sufficient<'a>(clause: &Clause<'a>, is_negated: bool, out: &mut Vec<Reason<'a>>) {
    if let Some(leaf) = clause.leaf {
        let code = code(&leaf, clause.verdict);
        let about = About::Leaf { leaf, is_negated };
        return out.push(Reason { code, about });
    }
    let parts = || {
        clause
            .parts
            .iter()
            .filter(|part| part.verdict == clause.verdict)
    };
    let one_is_enough = match clause.joint {
        Joint::All => clause.verdict == Verdict::False,
        Joint::Any => clause.verdict == Verdict::True,
        Joint::Not => return sufficient(&clause.parts[0], !is_negated, out),
        Joint::Everyone | Joint::Test { .. } => {
            return out.push(Reason {
                code: ReasonCode::Everyone,
                about: About::Everyone,
            });
        }
    };
    if one_is_enough {
        if let Some(part) = parts().min_by_key(|part| size(part)) {
            sufficient(part, is_negated, out);
        }
    } else {
        for part in parts() {
            sufficient(part, is_negated, out);
        }
    }
}

/// How many leaves suffice for the verdict of `clause`.
fn size(clause: &Clause<'_>) -> usize {
    let sizes = clause
        .parts
        .iter()
        .filter(|part| part.verdict == clause.verdict)
        .map(size);
    match (clause.joint, clause.verdict) {
        (Joint::All, Verdict::False) | (Joint::Any, Verdict::True) => sizes.min().unwrap_or(0),
        (Joint::All | Joint::Any, _) => sizes.sum(),
        (Joint::Not, _) => clause.parts.iter().map(size).sum(),
        (Joint::Everyone | Joint::Test { .. }, _) => 1,
    }
}

fn code(leaf: &Leaf<'_>, verdict: Verdict) -> ReasonCode {
    let asks_presence = leaf.test.predicate == Predicate::Known;
    if let (Err(absence), true) = (leaf.observed, verdict == Verdict::Unknown || asks_presence) {
        return match absence {
            Absence::Missing => ReasonCode::InputMissing,
            Absence::Stale => ReasonCode::InputStale,
            Absence::Future | Absence::WrongType => ReasonCode::InputUnusable,
            Absence::Unrated => ReasonCode::Unrated,
            Absence::NoRate => ReasonCode::NoRate,
        };
    }
    match leaf.test.term {
        Term::Attribute(_) => ReasonCode::Attribute,
        Term::Clv => ReasonCode::LifetimeValue,
        Term::Tier => ReasonCode::Tier,
        Term::ProbabilityAlive => ReasonCode::ProbabilityAlive,
        Term::Orders(_) => ReasonCode::Orders,
        Term::Spend(_) => ReasonCode::Spend,
        Term::Contacts(..) => ReasonCode::Contacts,
        Term::CostToServe(_) => ReasonCode::CostToServe,
        Term::DaysSinceLastOrder => ReasonCode::LastOrder,
        Term::TenureDays => ReasonCode::Tenure,
        Term::RunningContracts => ReasonCode::Contracts,
        Term::Kind => ReasonCode::Kind,
        // Of contacts no segment asks.
        Term::Segment(_) | Term::Contact(_) => ReasonCode::OtherSegment,
    }
}
