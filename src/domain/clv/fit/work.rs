//! How much a fit may compute: every search ends, whatever the data.
//!
//! Counted is what evaluations do, not time, so that the same rows give the same result on any machine: rows of a likelihood, and steps of
//! the continued fraction of Pareto/NBD, of which a row takes some ten near the data and a hundred thousand where a search goes astray.

use std::cell::Cell;

/// What a search may compute.
#[derive(Debug, Clone, Copy)]
pub(super) struct WorkLimit {
    /// For each distinct history.
    pub(super) units_per_row: usize,
    /// For few histories.
    pub(super) min_units: usize,
}

impl WorkLimit {
    /// That of every fit. A search takes some hundred evaluations, a row of one with Pareto/NBD up to some hundred steps; few histories have
    /// a second or so of one core.
    pub(super) const STANDARD: Self = Self {
        units_per_row: 50_000,
        min_units: 20_000_000,
    };

    /// For a search over so many distinct histories.
    pub(super) fn for_rows(self, rows: usize) -> Work {
        let units = rows.saturating_mul(self.units_per_row);
        Work {
            left: Cell::new(units.max(self.min_units)),
        }
    }
}

/// What is left of it while the search goes on.
#[derive(Debug)]
pub(super) struct Work {
    left: Cell<usize>,
}

impl Work {
    /// Counts so many units more.
    pub(super) fn add(&self, units: usize) {
        self.left.set(self.left.get().saturating_sub(units));
    }

    /// Whether nothing is left.
    pub(super) fn is_over(&self) -> bool {
        self.left.get() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_is_over_once_its_units_are_spent_and_grows_with_the_rows() {
        let limit = WorkLimit::STANDARD;
        let few = limit.for_rows(3);
        few.add(limit.min_units - 1);
        assert!(!few.is_over());
        few.add(7);
        assert!(few.is_over());
        let many = limit.for_rows(1_000_000);
        many.add(limit.min_units);
        assert!(!many.is_over());
    }
}
