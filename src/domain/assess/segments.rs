//! Which segments a customer is in. The stage after the tier: conditions see facts, value and tier, and segments decided before.

pub mod slots;

use crate::domain::{
    definitions::{Definitions, Mode},
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
