//! Lists of sums by day: what was folded, to which facts are added and from which they are taken off again.
//!
//! It knows no facts, only what they come to.

use super::NeedsHistory;

/// The sum of the facts of one day that have the rest of the key in common.
pub(super) trait Entry: Clone {
    /// What sets entries apart, in the order of the list.
    type Key<'a>: Ord
    where
        Self: 'a;
    fn key(&self) -> Self::Key<'_>;
    /// Number of facts; an entry of none is left out.
    fn count(&self) -> u32;
    fn add(&mut self, other: &Self);
    /// `None` when that much was never added, or when a sum stands at its greatest number, so that what was added is not known.
    fn subtract(&mut self, other: &Self) -> Option<()>;
}

/// Entries in any order as a list in order, those of one key as one.
pub(super) fn sum_up<E: Entry>(mut entries: Vec<E>) -> Vec<E> {
    entries.sort_by(|one, other| one.key().cmp(&other.key()));
    entries.dedup_by(|next, sum| {
        let same = next.key() == sum.key();
        if same {
            sum.add(next);
        }
        same
    });
    // Profiles are held in memory by the hundred thousand.
    entries.shrink_to_fit();
    entries
}

/// `days` with what some facts came to before replaced by what they come to now. All three are in order.
pub(super) fn replace<E: Entry>(
    mut days: Vec<E>,
    before: &[E],
    now: Vec<E>,
) -> Result<Vec<E>, NeedsHistory> {
    if days.is_empty() && before.is_empty() {
        return Ok(now);
    }
    for entry in before {
        let at = place(&days, entry).map_err(|_| NeedsHistory)?;
        days[at].subtract(entry).ok_or(NeedsHistory)?;
    }
    for entry in now {
        match place(&days, &entry) {
            Ok(at) => days[at].add(&entry),
            Err(at) => days.insert(at, entry),
        }
    }
    if !before.is_empty() {
        days.retain(|entry| entry.count() > 0);
    }
    Ok(days)
}

/// Where the entry is, or where it belongs. New facts mostly belong to the end.
fn place<E: Entry>(days: &[E], entry: &E) -> Result<usize, usize> {
    days.binary_search_by(|held| held.key().cmp(&entry.key()))
}

/// Adds to a sum of amounts, none of them negative. A sum beyond all bounds stays at the greatest number, whatever the order: nobody
/// earned so much, and no source may stop the facts of its customers from being taken.
pub(super) fn add(sum: &mut i64, amount_minor: i64) {
    *sum = sum.saturating_add(amount_minor);
}

/// Takes off what [`add`] added; `None` where the sum may have stayed at the greatest number, or does not hold that much.
pub(super) fn subtract(sum: &mut i64, amount_minor: i64) -> Option<()> {
    if *sum == i64::MAX || *sum < amount_minor {
        return None;
    }
    *sum -= amount_minor;
    Some(())
}
