//! What a fit reads: distinct histories with the number of customers that share each.
//!
//! Times are whole days, so that equal histories are equal keys; a database can return these rows as they are.

use crate::domain::clv::gamma_gamma::{SpendError, SpendHistory};
use crate::domain::clv::history::{HistoryError, LogGaps, PurchaseHistory};
use crate::domain::clv::mbg_cnbd::ln_gap_density;
use crate::domain::clv::model::OrderModel;

/// Customers that share one history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct CollapsedRow {
    frequency: u32,
    recency_days: u32,
    age_days: u32,
    count: u64,
    log_gaps: LogGaps,
}

impl CollapsedRow {
    /// `count` customers with `frequency` repeat orders, the last `recency_days` after the first, which was `age_days`
    /// before the end of observation.
    ///
    /// # Errors
    /// As [`PurchaseHistory::from_days`].
    pub fn new(
        frequency: u32,
        recency_days: u32,
        age_days: u32,
        count: u64,
    ) -> Result<Self, HistoryError> {
        PurchaseHistory::from_days(frequency, recency_days, age_days)?;
        Ok(Self {
            frequency,
            recency_days,
            age_days,
            count,
            log_gaps: LogGaps::default(),
        })
    }

    /// The same with the sum over all gaps of these customers, which only tells how regular they are: only a model of regular buyers takes
    /// it. Without it, all gaps would be of one day.
    #[must_use]
    pub const fn with_log_gaps(self, log_gaps: LogGaps) -> Self {
        Self { log_gaps, ..self }
    }

    /// Repeat orders of each of these customers.
    #[must_use]
    pub const fn frequency(&self) -> u32 {
        self.frequency
    }

    /// First to last order, days.
    #[must_use]
    pub const fn recency_days(&self) -> u32 {
        self.recency_days
    }

    /// First order to the end of observation, days.
    #[must_use]
    pub const fn age_days(&self) -> u32 {
        self.age_days
    }

    /// How many customers.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// The sum of the logarithms of all gaps between orders of these customers.
    #[must_use]
    pub const fn log_gaps(&self) -> LogGaps {
        self.log_gaps
    }

    /// Natural logarithm of the likelihood of all these customers, all constants kept.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "counts far below 2^53")]
    pub fn log_likelihood(&self, model: &OrderModel) -> f64 {
        let history = PurchaseHistory::from_days(self.frequency, self.recency_days, self.age_days);
        let customers = self.count as f64;
        let gaps = customers * f64::from(self.frequency);
        let of_gaps = ln_gap_density(model.kind().stages(), gaps, self.log_gaps.in_weeks(gaps));
        history.map_or(0.0, |history| {
            customers * model.log_likelihood(&history) + of_gaps
        })
    }

    const fn key(&self) -> (u32, u32, u32) {
        (self.frequency, self.recency_days, self.age_days)
    }

    /// The same row on a grid of `days` days; a repeat order stays after the first.
    fn on_grid(&self, days: u32) -> Self {
        let round = |t: u32| t.saturating_add(days / 2) / days * days;
        let recency_days = if self.frequency == 0 {
            0
        } else {
            round(self.recency_days).max(days)
        };
        Self {
            recency_days,
            age_days: round(self.age_days).max(recency_days),
            ..*self
        }
    }
}

/// Merges equal histories; the result is sorted, free of empty rows, and independent of the order of the input.
#[must_use]
pub fn collapse(rows: impl IntoIterator<Item = CollapsedRow>) -> Vec<CollapsedRow> {
    let mut rows: Vec<_> = rows.into_iter().filter(|row| row.count > 0).collect();
    rows.sort_unstable();
    rows.dedup_by(|row, kept| {
        let same = row.key() == kept.key();
        if same {
            kept.count += row.count;
            kept.log_gaps = kept.log_gaps.plus(row.log_gaps);
        }
        same
    });
    rows
}

/// At most `limit` rows (if a grid of 512 days gives so few) that resemble these: times rounded ever more coarsely.
///
/// Good enough to find a starting point; never for a result.
pub(super) fn coarsened(rows: &[CollapsedRow], limit: usize) -> Vec<CollapsedRow> {
    let mut coarse = rows.to_vec();
    let mut days = 2;
    while coarse.len() > limit && days <= 512 {
        coarse = collapse(coarse.iter().map(|row| row.on_grid(days)));
        days *= 2;
    }
    coarse
}

/// Customers with the same number of repeat orders and the same mean spend.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SpendRow {
    history: SpendHistory,
    count: u64,
}

impl SpendRow {
    /// `count` customers with `frequency` repeat orders of `mean_spend` major units on average.
    ///
    /// # Errors
    /// As [`SpendHistory::new`]: without a repeat order, or when the mean is not positive.
    pub fn new(frequency: u32, mean_spend: f64, count: u64) -> Result<Self, SpendError> {
        Ok(Self {
            history: SpendHistory::new(frequency, mean_spend)?,
            count,
        })
    }

    /// The history they share.
    #[must_use]
    pub const fn history(&self) -> &SpendHistory {
        &self.history
    }

    /// How many customers.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.count
    }
}

/// Merges rows of equal frequency and mean; sorted, free of empty rows, independent of the order of the input.
#[must_use]
pub fn collapse_spend(rows: impl IntoIterator<Item = SpendRow>) -> Vec<SpendRow> {
    let mut rows: Vec<_> = rows.into_iter().filter(|row| row.count > 0).collect();
    // Positive means order like their bits.
    let key = |row: &SpendRow| (row.history.frequency(), row.history.mean_spend().to_bits());
    rows.sort_unstable_by_key(|row| (key(row), row.count));
    rows.dedup_by(|row, kept| {
        let same = key(row) == key(kept);
        if same {
            kept.count += row.count;
        }
        same
    });
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn collapsing_is_independent_of_order_and_drops_nothing() {
        let row = |x, t, age, n| CollapsedRow::new(x, t, age, n).unwrap();
        let rows = [
            row(1, 7, 70, 1),
            row(0, 0, 70, 3),
            row(1, 7, 70, 2),
            row(2, 9, 70, 0),
            row(1, 8, 70, 5),
        ];
        let expected = vec![row(0, 0, 70, 3), row(1, 7, 70, 3), row(1, 8, 70, 5)];
        assert_eq!(collapse(rows), expected);
        let gap = |days| LogGaps::from_days([0, days]);
        let gapped = |days| row(1, 7, 70, 1).with_log_gaps(gap(days));
        let both = row(1, 7, 70, 2).with_log_gaps(gap(2).plus(gap(3)));
        assert_eq!(collapse([gapped(2), gapped(3)]), [both]);
        assert_eq!(collapse([gapped(3), gapped(2)]), [both]);
        assert_eq!(collapse(rows.into_iter().rev()), expected);
    }

    #[test]
    fn coarse_rows_keep_customers_orders_and_possible_histories() {
        let rows = collapse((1..2_000).map(|i| {
            let x = i % 5;
            CollapsedRow::new(x, if x == 0 { 0 } else { i % 300 + 1 }, 301 + i % 90, 1).unwrap()
        }));
        let coarse = coarsened(&rows, 100);
        assert!(coarse.len() <= 100);
        let orders = |rows: &[CollapsedRow]| -> u64 {
            rows.iter()
                .map(|row| u64::from(row.frequency) * row.count)
                .sum()
        };
        assert_eq!(orders(&coarse), orders(&rows));
        for row in coarse {
            assert!(CollapsedRow::new(row.frequency, row.recency_days, row.age_days, 1).is_ok());
        }
    }
}
