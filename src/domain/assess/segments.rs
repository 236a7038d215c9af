//! Which segments a customer is in. The stage after the tier: conditions see facts, value and tier, and segments decided before.

pub mod slots;

use crate::domain::{
    assess::valued::Valued,
    customer::profile::ProfileAt,
    definitions::{Definitions, Mode},
    rates::RateTable,
    rules::{
        condition::SegmentId,
        program::{Memo, Silent, Slot, Slots, Verdict},
    },
};

/// What came of one segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SegmentOutcome {
    /// What its condition came to.
    pub verdict: Verdict,
    /// Whether the customer is in it: UNKNOWN is decided by the policy of the segment, and in an exclusive scheme earlier segments go
    /// first.
    pub is_member: bool,
}

/// The slots of a customer after all segments were decided, and what the leaves came to.
#[derive(Debug)]
pub struct Decided<'a> {
    /// The definitions that decided.
    pub definitions: &'a Definitions,
    /// By which their amounts are converted.
    pub rates: &'a RateTable,
    /// The customer.
    pub view: ProfileAt<'a>,
    /// The slots, those of `segment(...)` included.
    pub slots: Slots<'a>,
    /// The leaves that were tested; the slots must not change any more.
    pub memo: Memo,
}

impl<'a> Decided<'a> {
    /// Decides all segments of a customer, whose amounts are converted by `rates`; the outcomes are in the order of
    /// [`Definitions::segments`].
    #[must_use]
    pub fn new(
        definitions: &'a Definitions,
        rates: &'a RateTable,
        view: ProfileAt<'a>,
        valued: &Valued,
    ) -> (Self, Vec<SegmentOutcome>) {
        let program = definitions.program();
        let (mut slots, mut memo) = (program.slots(), program.memo());
        slots::fill(definitions, rates, view, valued, &mut slots);
        let standings = standings(definitions, &mut slots, &mut memo);
        let decided = Self {
            definitions,
            rates,
            view,
            slots,
            memo,
        };
        (decided, standings)
    }
}

/// Decides all segments, in the order of [`Definitions::segments`]. `slots` are those of the customer, filled by [`slots::fill`]; the slots
/// of `segment(...)` are filled here, as their segments are decided.
#[must_use]
pub fn standings(
    definitions: &Definitions,
    slots: &mut Slots<'_>,
    memo: &mut Memo,
) -> Vec<SegmentOutcome> {
    let undecided = SegmentOutcome {
        verdict: Verdict::Unknown,
        is_member: false,
    };
    let mut standings = vec![undecided; definitions.segments().len()];
    let mut is_taken = vec![false; definitions.schemes().len()];
    for &id in definitions.order() {
        let segment = definitions.segment(id);
        let root = definitions.root(id);
        let verdict = definitions
            .program()
            .evaluate(root, slots, memo, &mut Silent);
        let matches = segment.unknown.admits(verdict);
        // The order decides segments of an exclusive scheme one after the other, as they stand in the file.
        let is_exclusive = definitions.schemes()[segment.scheme].mode == Mode::Exclusive;
        let is_member = matches && !(is_exclusive && is_taken[segment.scheme]);
        is_taken[segment.scheme] |= is_member;
        standings[id.0 as usize] = SegmentOutcome { verdict, is_member };
        if let Some(slot) = definitions.segment_slot(id) {
            slots.set(slot, Slot::Bool(is_member));
        }
    }
    standings
}

/// The segments that a customer is in, in the order of the file.
pub fn members(standings: &[SegmentOutcome]) -> impl Iterator<Item = SegmentId> {
    (0..)
        .zip(standings)
        .filter(|(_, standing)| standing.is_member)
        .map(|(id, _)| SegmentId(id))
}
