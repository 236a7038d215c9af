//! Collapsed rows in the form that likelihoods run over: scaled time, and indices into distinct values.

use std::ops::Range;

use super::FitError;
use super::rows::CollapsedRow;
use crate::domain::clv::history::{DAYS_PER_WEEK, LogGaps};
use crate::domain::clv::mbg_cnbd::ln_gap_density;
use crate::domain::clv::stages::Stages;

/// What a fit must know of its rows before it begins.
pub(super) struct Totals {
    /// Customers of all rows.
    pub(super) customers: u64,
    /// Repeat orders of all customers.
    pub(super) orders: f64,
    /// The longest age, weeks: the unit of time of the search.
    pub(super) unit_weeks: f64,
    /// Of all gaps between orders.
    pub(super) log_gaps: LogGaps,
}

impl Totals {
    /// Customers, to divide by.
    #[expect(clippy::cast_precision_loss, reason = "counts far below 2^53")]
    pub(super) const fn customers_as_f64(&self) -> f64 {
        self.customers as f64
    }

    /// What has to be added to the log-likelihood of the search so that it is one of times in weeks, all constants kept.
    pub(super) fn constant(&self, stages: Stages) -> f64 {
        // A density of x times per scaled unit: per week it is larger by unit^-x.
        let unit = self.unit_weeks.ln();
        let ln_gaps_scaled = self.log_gaps.in_weeks(self.orders) - self.orders * unit;
        ln_gap_density(stages, self.orders, ln_gaps_scaled) - self.orders * unit
    }
}

/// Counts customers and orders.
///
/// # Errors
/// When there are none of one or the other.
pub(super) fn totals(rows: &[CollapsedRow]) -> Result<Totals, FitError> {
    let totals = totals_of_observed(rows)?;
    if totals.orders == 0.0 {
        return Err(FitError::NoRepeatOrders {
            customers: totals.customers,
        });
    }
    Ok(totals)
}

/// The same where nobody need have ordered again.
///
/// # Errors
/// Without customers, and where nobody ordered again and nobody was observed for a day.
#[expect(clippy::cast_precision_loss, reason = "counts far below 2^53")]
pub(super) fn totals_of_observed(rows: &[CollapsedRow]) -> Result<Totals, FitError> {
    let customers = rows.iter().map(CollapsedRow::count).sum();
    if customers == 0 {
        return Err(FitError::NoCustomers);
    }
    let orders = rows
        .iter()
        .map(|row| f64::from(row.frequency()) * row.count() as f64)
        .sum();
    // A customer who ordered again is a day old at least.
    let longest = rows.iter().map(CollapsedRow::age).fold(0.0, f64::max);
    if longest == 0.0 {
        return Err(FitError::NoRepeatOrders { customers });
    }
    let log_gaps = rows.iter().map(CollapsedRow::log_gaps);
    Ok(Totals {
        customers,
        orders,
        log_gaps: log_gaps.fold(LogGaps::default(), LogGaps::plus),
        unit_weeks: longest / DAYS_PER_WEEK,
    })
}

/// Time since their first orders of all customers together.
#[expect(clippy::cast_precision_loss, reason = "counts far below 2^53")]
pub(super) fn weeks_observed<'a>(rows: impl Iterator<Item = &'a CollapsedRow>) -> f64 {
    let weeks = rows.map(|row| row.count() as f64 * row.age() / DAYS_PER_WEEK);
    weeks.sum()
}

/// Customers with the same number of repeat orders.
pub(super) struct Frequency {
    /// Repeat orders of each.
    pub(super) orders: u32,
    pub(super) customers: f64,
    /// Their cells.
    pub(super) cells: Range<usize>,
}

/// A distinct time, as an age or a recency, and the customers of that age.
pub(super) struct Time {
    /// In units of the longest age.
    pub(super) scaled: f64,
    pub(super) customers: f64,
    /// Repeat orders of the customers of that age.
    pub(super) orders: f64,
}

/// One distinct history.
pub(super) struct Cell {
    /// Index of `t_x` among the times.
    pub(super) recency: usize,
    /// Index of `T` among the times.
    pub(super) age: usize,
    pub(super) customers: f64,
}

/// Rows as tables of distinct values.
pub(super) struct Prepared {
    pub(super) frequencies: Vec<Frequency>,
    pub(super) times: Vec<Time>,
    pub(super) cells: Vec<Cell>,
    pub(super) customers: f64,
}

impl Prepared {
    /// From rows sorted by frequency, as `collapse` leaves them.
    #[expect(clippy::cast_precision_loss, reason = "counts far below 2^53")]
    pub(super) fn new(rows: &[CollapsedRow], unit_weeks: f64) -> Self {
        let mut days: Vec<f64> = rows
            .iter()
            .flat_map(|row| [row.recency(), row.age()])
            .collect();
        days.sort_unstable_by(f64::total_cmp);
        days.dedup();
        let unit_days = unit_weeks * DAYS_PER_WEEK;
        let scaled = |&day: &f64| Time {
            scaled: day / unit_days,
            customers: 0.0,
            orders: 0.0,
        };
        let mut times: Vec<Time> = days.iter().map(scaled).collect();
        let index = |day: f64| days.partition_point(|&other| other < day);
        let mut frequencies: Vec<Frequency> = Vec::new();
        let mut cells = Vec::with_capacity(rows.len());
        for row in rows {
            let customers = row.count() as f64;
            let age = index(row.age());
            times[age].customers += customers;
            times[age].orders += customers * f64::from(row.frequency());
            cells.push(Cell {
                recency: index(row.recency()),
                age,
                customers,
            });
            match frequencies.last_mut() {
                Some(group) if group.orders == row.frequency() => {
                    group.customers += customers;
                    group.cells.end = cells.len();
                }
                Some(_) | None => frequencies.push(Frequency {
                    orders: row.frequency(),
                    customers,
                    cells: cells.len() - 1..cells.len(),
                }),
            }
        }
        let customers = frequencies.iter().map(|group| group.customers).sum();
        Self {
            frequencies,
            times,
            cells,
            customers,
        }
    }
}
