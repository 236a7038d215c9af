//! Which segments a customer is in: every condition is decided once, in an order in which each stands after those it depends on.

use crate::domain::{
    definitions::{Definitions, Mode, UnknownPolicy},
    rules::{
        condition::{SegmentId, Term},
        program::{Memo, Silent, Slot, Slots, Verdict},
    },
    slots::{self, Subject},
};

/// What is decided of one segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Membership {
    /// What the condition came to.
    pub verdict: Verdict,
    /// Whether the customer is in it: the verdict, what the segment makes of UNKNOWN, and, in an exclusive scheme, whether an earlier
    /// segment took the customer already.
    pub is_member: bool,
}

/// All segments decided for one customer, with the slots that decided them.
#[derive(Debug, Clone)]
pub struct Decided<'a> {
    /// The filled slots.
    pub slots: Slots<'a>,
    /// By segment.
    pub memberships: Vec<Membership>,
}

/// Decides all segments for a customer.
#[must_use]
pub fn decide<'a>(definitions: &'a Definitions, subject: Subject<'a>) -> Decided<'a> {
    let program = definitions.program();
    let mut slots = slots::fill(definitions, subject);
    let mut memo = program.memo();
    let undecided = Membership {
        verdict: Verdict::Unknown,
        is_member: false,
    };
    let mut memberships = vec![undecided; definitions.segments().len()];
    for &id in definitions.order() {
        let membership = decide_one(definitions, id, (&slots, &mut memo), &memberships);
        memberships[id.0 as usize] = membership;
        if let Some(slot) = program
            .terms()
            .iter()
            .position(|term| *term == Term::Segment(id))
        {
            slots.set(slot, Slot::Bool(membership.is_member));
        }
    }
    Decided { slots, memberships }
}

fn decide_one(
    definitions: &Definitions,
    id: SegmentId,
    (slots, memo): (&Slots<'_>, &mut Memo),
    memberships: &[Membership],
) -> Membership {
    let segment = &definitions.segments()[id.0 as usize];
    let verdict = definitions
        .program()
        .evaluate(definitions.root(id), slots, memo, &mut Silent);
    let matches = match verdict {
        Verdict::True => true,
        Verdict::False => false,
        Verdict::Unknown => segment.unknown == UnknownPolicy::Include,
    };
    let scheme = &definitions.schemes()[segment.scheme];
    let earlier = &memberships[scheme.segments.start..id.0 as usize];
    let taken = scheme.mode == Mode::Exclusive && earlier.iter().any(|one| one.is_member);
    Membership {
        verdict,
        is_member: matches && !taken,
    }
}
