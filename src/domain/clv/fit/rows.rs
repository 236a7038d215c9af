//! What a fit reads: distinct histories with the number of customers that share each.
//!
//! Times are whole days, so that equal histories are equal keys; a database can return these rows as they are. On a seasonal clock they are
//! days with a fraction, rounded to 1.3 seconds.

use crate::domain::calendar::Day;
use crate::domain::clv::gamma_gamma::{SpendError, SpendHistory};
use crate::domain::clv::history::{DAYS_PER_WEEK, HistoryError, LogGaps, PurchaseHistory};
use crate::domain::clv::mbg_cnbd::ln_gap_density;
use crate::domain::clv::model::OrderModel;
use crate::domain::clv::season::clock::SeasonClock;

/// Steps of the fraction of a day: they fit where a row has room.
const STEPS_PER_DAY: f64 = 65_536.0;

/// Customers that share one history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct CollapsedRow {
    frequency: u32,
    recency_days: u32,
    age_days: u32,
    /// What recency and age have beyond whole days, in steps: nothing by the calendar.
    beyond: [u16; 2],
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
            beyond: [0; 2],
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

    /// The same history, which ends with `as_of`, in the days of a seasonal clock.
    #[must_use]
    pub fn by_clock(&self, clock: &SeasonClock, as_of: Day) -> Self {
        let [recency, age] = clock.days_since_first(self.recency_days, self.age_days, as_of);
        let (age_days, beyond_age) = in_steps(age);
        let (recency_days, beyond_recency) = match self.frequency {
            0 => (0, 0),
            // A repeat order stays after the first.
            _ => in_steps(recency.max(STEPS_PER_DAY.recip())),
        };
        Self {
            recency_days,
            age_days,
            beyond: [beyond_recency, beyond_age],
            ..*self
        }
    }

    /// First to last order, days with their fraction.
    #[must_use]
    pub fn recency(&self) -> f64 {
        days(self.recency_days, self.beyond[0])
    }

    /// First order to the end of observation, days with their fraction.
    #[must_use]
    pub fn age(&self) -> f64 {
        days(self.age_days, self.beyond[1])
    }

    /// Repeat orders of each of these customers.
    #[must_use]
    pub const fn frequency(&self) -> u32 {
        self.frequency
    }

    /// First to last order, whole days.
    #[must_use]
    pub const fn recency_days(&self) -> u32 {
        self.recency_days
    }

    /// First order to the end of observation, whole days.
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
        let [recency, age] = [self.recency(), self.age()].map(|days| days / DAYS_PER_WEEK);
        let history = PurchaseHistory::from_weeks(self.frequency, recency, age);
        let customers = self.count as f64;
        let gaps = customers * f64::from(self.frequency);
        let of_gaps = ln_gap_density(model.kind().stages(), gaps, self.log_gaps.in_weeks(gaps));
        history.map_or(0.0, |history| {
            customers * model.log_likelihood(&history) + of_gaps
        })
    }

    const fn key(&self) -> (u32, u32, u32, [u16; 2]) {
        let Self {
            frequency,
            recency_days,
            age_days,
            beyond,
            ..
        } = *self;
        (frequency, recency_days, age_days, beyond)
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
            beyond: [0; 2],
            ..*self
        }
    }
}

/// A time in whole days and steps beyond them.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "days of a few hundred years, and a fraction of one"
)]
fn in_steps(days: f64) -> (u32, u16) {
    let steps = (days * STEPS_PER_DAY).round() as u64;
    let whole = u32::try_from(steps >> 16).unwrap_or(u32::MAX);
    (whole, (steps & 0xffff) as u16)
}

/// The days of a time; exact.
fn days(whole: u32, beyond: u16) -> f64 {
    f64::from(whole) + f64::from(beyond) / STEPS_PER_DAY
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

/// Customers who paid the same total for as many orders.
///
/// How each of them divided it comes in by one number, the sum of the logarithms of all their orders, so that customers who divided it
/// differently share a row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SpendRow {
    history: SpendHistory,
    /// In billionths, so that sums do not depend on how rows were merged before.
    log_sum_nano: Option<i64>,
    count: u64,
}

impl SpendRow {
    /// `count` customers with `frequency` orders of `mean_spend` major units on average, of which the single amounts are not looked at.
    ///
    /// # Errors
    /// As [`SpendHistory::new`]: without an order, or when the mean is not positive.
    pub fn new(frequency: u32, mean_spend: f64, count: u64) -> Result<Self, SpendError> {
        Ok(Self {
            history: SpendHistory::new(frequency, mean_spend)?,
            log_sum_nano: None,
            count,
        })
    }

    /// `count` customers with `orders` paid orders of `total` major units together. `log_sum_nano` is the sum of
    /// [`log_nano`](crate::domain::clv::spend_orders::log_nano) over the orders of all these customers.
    ///
    /// # Errors
    /// Without an order, or when the total is not positive.
    pub fn of_orders(
        orders: u32,
        total: f64,
        log_sum_nano: i64,
        count: u64,
    ) -> Result<Self, SpendError> {
        Ok(Self {
            history: SpendHistory::from_orders(orders, total)?,
            log_sum_nano: Some(log_sum_nano),
            count,
        })
    }

    /// The history they share.
    #[must_use]
    pub const fn history(&self) -> &SpendHistory {
        &self.history
    }

    /// Paid orders of each of these customers, at least 1.
    #[must_use]
    pub const fn orders(&self) -> u32 {
        self.history.orders()
    }

    /// What each of them paid, major units.
    #[must_use]
    pub const fn total(&self) -> f64 {
        self.history.total()
    }

    /// Sum of the natural logarithms of the orders of all of them; `None` where single orders are not looked at.
    #[must_use]
    #[expect(
        clippy::cast_precision_loss,
        reason = "billionths beyond 2^53 are noise"
    )]
    pub fn log_sum(&self) -> Option<f64> {
        self.log_sum_nano.map(|sum| sum as f64 / 1e9)
    }

    /// How many customers.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// Positive totals order like their bits.
    const fn key(&self) -> (u32, u64, bool) {
        let total = self.history.total().to_bits();
        (self.history.orders(), total, self.log_sum_nano.is_some())
    }
}

/// Merges rows of as many orders with the same total; sorted, free of empty rows, independent of the order of the input.
#[must_use]
pub fn collapse_spend(rows: impl IntoIterator<Item = SpendRow>) -> Vec<SpendRow> {
    let mut rows: Vec<_> = rows.into_iter().filter(|row| row.count > 0).collect();
    rows.sort_unstable_by_key(SpendRow::key);
    rows.dedup_by(|row, kept| {
        let same = row.key() == kept.key();
        if same {
            kept.count += row.count;
            let more = row.log_sum_nano.unwrap_or_default();
            kept.log_sum_nano = kept.log_sum_nano.map(|sum| sum.saturating_add(more));
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
    fn customers_who_divided_the_same_total_differently_share_a_row() {
        let row = |orders, total, log_sum| SpendRow::of_orders(orders, total, log_sum, 1).unwrap();
        let rows = [
            row(2, 30.0, 5_000),
            row(1, 30.0, 3_400),
            row(2, 30.0, 4_500),
            SpendRow::new(2, 15.0, 4).unwrap(),
            row(2, 31.0, 5_100),
        ];
        let expected = [
            row(1, 30.0, 3_400),
            SpendRow::new(2, 15.0, 4).unwrap(),
            SpendRow::of_orders(2, 30.0, 9_500, 2).unwrap(),
            row(2, 31.0, 5_100),
        ];
        assert_eq!(collapse_spend(rows), expected);
        assert_eq!(collapse_spend(rows.into_iter().rev()), expected);
        for bad in [f64::NAN, f64::INFINITY] {
            assert!(SpendRow::of_orders(1, bad, 5, 1).is_err());
        }
        assert!(SpendRow::of_orders(0, 0.0, 0, 1).is_err());
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
