//! Estimates the seasonal index from the orders of a year and a half or more.
//!
//! For each part of the year: the orders of all customers over those that a model fitted to them expects. The ratios are smoothed over
//! neighbouring parts and shrunk towards 1 by how much of their scatter is chance: the scatter of one part from year to year measures chance
//! (as quasi-Poisson counts; `McCullagh` and Nelder 1989, "Generalized Linear Models", 4.5), and what parts differ by beyond it is the season
//! (empirical Bayes; Efron and Morris 1973, Journal of the American Statistical Association 68). The model is then fitted again by the clock of
//! that index, and so on, because a model without seasons takes a quiet summer for customers who left.

mod parts;

use std::{collections::BTreeMap, sync::Arc};

use self::parts::Parts;
use super::OrderTime;
use super::clock::{IndexError, SeasonClock};
use crate::domain::calendar::Day;
use crate::domain::clv::cohorts::Cohorts;
use crate::domain::clv::fit::{
    FitError,
    rows::{CollapsedRow, collapse},
};
use crate::domain::clv::model::OrderModel;

/// A year and a half: every part of the year was seen once, and half of them twice, so that chance can be measured.
pub const MIN_DAYS: i32 = 546;
/// Fewer repeat orders, about five for each part of the year, say nothing about seasons.
pub const MIN_ORDERS: u64 = 240;
/// Chance makes parts of the year differ as much less often than this.
const SIGNIFICANCE: f64 = 0.01;
/// Fits by an index that is not final yet. After three of simulated Christmas shops, three more moved the forecast of a quarter by less than
/// 0.001.
const ROUNDS: u32 = 3;

/// Repeat orders of all customers, by day.
pub type OrdersByDay = BTreeMap<Day, u64>;

/// A seasonal index, and what it is based on.
#[derive(Debug, Clone, PartialEq)]
pub struct SeasonalIndex {
    /// The index, as a clock.
    pub clock: Arc<SeasonClock>,
    /// Day of the first order of anybody.
    pub first_day: Day,
    /// Repeat orders since then.
    pub orders: u64,
    /// Variance of the orders of a part of the year over their expectation, at least 1: that of chance is 1.
    pub scatter: f64,
    /// Parameters that the index counts for in AIC and BIC: the parts of the year, less the freedom that smoothing and shrinking take.
    /// Below 52.
    pub effective_parameters: f64,
}

/// Why there is no index.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum NoIndex {
    /// Too short a history.
    #[error(
        "a seasonal index needs a history of {MIN_DAYS} days, a year and a half: the first order is {days} days old"
    )]
    TooShort {
        /// Days since the first order of anybody.
        days: i32,
    },
    /// Too few orders.
    #[error("a seasonal index needs {MIN_ORDERS} repeat orders: there are {orders}")]
    TooFewOrders {
        /// Repeat orders.
        orders: u64,
    },
    /// Parts of the year differ no more than by chance.
    #[error("orders do not differ by season beyond chance (p = {p:.2})")]
    NoSeason {
        /// Probability of such differences by chance.
        p: f64,
    },
    /// There is no model to compare orders with.
    #[error(transparent)]
    Fit(#[from] FitError),
    /// Orders that come in some weeks only.
    #[error(transparent)]
    Levels(#[from] IndexError),
}

/// The seasonal index of customers with these histories until a day, who placed these repeat orders by then. `fit` fits a model that knows
/// seasons to such histories.
///
/// # Errors
/// Too short a history, too few orders, no season beyond chance, or nothing to fit.
pub fn estimate(
    rows: &[CollapsedRow],
    until: Day,
    orders: &OrdersByDay,
    fit: impl Fn(&[CollapsedRow]) -> Result<OrderModel, FitError>,
) -> Result<SeasonalIndex, NoIndex> {
    let sizes = by_first_day(rows, until);
    let first_day = sizes.keys().next().copied().unwrap_or(until);
    let (days, total) = (until - first_day, orders.values().sum());
    if days < MIN_DAYS {
        return Err(NoIndex::TooShort { days });
    }
    if total < MIN_ORDERS {
        return Err(NoIndex::TooFewOrders { orders: total });
    }
    let mut index = SeasonalIndex {
        clock: Arc::new(SeasonClock::even()),
        first_day,
        orders: total,
        scatter: 1.0,
        effective_parameters: 0.0,
    };
    for round in 0..ROUNDS {
        let clock = &index.clock;
        let rows = collapse(rows.iter().map(|row| row.by_clock(clock, until)));
        let newcomer = fit(&rows)?.newcomer();
        let cohorts = Cohorts::new(&newcomer, OrderTime::Seasonal(clock), &sizes, until);
        let parts = Parts::new(&cohorts, clock, orders, until);
        if round == 0 {
            let p = parts.probability_by_chance();
            if p >= SIGNIFICANCE {
                return Err(NoIndex::NoSeason { p });
            }
        }
        let found = parts.estimate();
        index = SeasonalIndex {
            clock: Arc::new(SeasonClock::new(&found.levels)?.with_variances(&found.variances)?),
            scatter: parts.scatter(),
            effective_parameters: found.effective_parameters,
            ..index
        };
    }
    Ok(index)
}

/// Sum of the logarithms of the index over all orders: what the log-likelihood of a model with seasons has more than that of times on its
/// clock, so that it can be compared with a model without.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "counts far below 2^53")]
pub fn log_density_of_clock(clock: &SeasonClock, orders: &OrdersByDay) -> f64 {
    let days = orders.iter();
    days.map(|(&day, &count)| count as f64 * clock.within(day).ln())
        .sum()
}

/// Customers by the day of their first order.
#[expect(clippy::cast_precision_loss, reason = "counts far below 2^53")]
fn by_first_day(rows: &[CollapsedRow], until: Day) -> BTreeMap<Day, f64> {
    let mut sizes = BTreeMap::new();
    for row in rows {
        let age = i32::try_from(row.age_days()).unwrap_or(i32::MAX);
        *sizes.entry(until.plus_days(-age)).or_default() += row.count() as f64;
    }
    sizes
}
