//! Likelihood and exact gradient of the Gamma-Gamma model over collapsed rows, and its fit.

use std::ops::Range;

use super::FitError;
use super::limits::Limit;
use super::prior::LogNormalPrior;
use super::report::{Convergence, FitReport};
use super::rows::{SpendRow, collapse_spend};
use super::search::{Maximum, maximise, maximise_against};
use crate::domain::clv::special_functions::{digamma, ln_beta, ln_gamma};
use crate::domain::stop;

/// Logarithms of (p, q, v in units of the mean spend).
const STARTS: [[f64; 3]; 3] = [[0.0, 1.0, 0.0], [1.5, 1.5, -0.5], [-0.5, 0.3, 0.5]];
/// Starts are tried on a sample of about so many rows, taken evenly.
const COARSE_ROWS: usize = 2_000;

/// What the model becomes at its edges.
static LIMITS: [Limit; 2] = [
    Limit {
        held: 1,
        at: 14.0,
        along: &[(2, 1.0)],
        parameters: &["q", "v"],
        customers: "customers who all spend the same on average",
    },
    Limit {
        held: 0,
        at: 14.0,
        along: &[(2, -1.0)],
        parameters: &["p", "v"],
        customers: "customers who always spend the same",
    },
];
/// The prior that holds p and q where likelihood does not: orders of a customer vary by about a third around the customer's mean, and
/// the means by about a third around that of all; but a tenth or a hundred of it may be as well, so that it decides nothing that is seen
/// in the data. Given the two, the mean of all determines v.
const HELD_MEDIAN: f64 = 10.0;
/// Standard deviation of the logarithms: a factor of 7 either way.
const HELD_LOG_SPREAD: f64 = 2.0;
/// Where that is not enough: a factor of 3 either way, of which v, which depends on both, is known to a factor of 4.
const LAST_LOG_SPREAD: f64 = 1.0;
/// And amounts are then taken to be known to one percent: the square of that. Without it, the shape of a shop with one price has no bound
/// that a prior could hold against many customers.
const RELATIVE_ERROR_SQUARED: f64 = 1e-4;

/// Customers with as many orders.
struct Group {
    orders: u32,
    customers: f64,
    cells: Range<usize>,
    /// Customers whose single orders are known.
    divided: f64,
    /// Of these, the sum of the logarithms of their orders as shares of their total.
    log_shares: f64,
    /// What no parameter changes in the logarithm of the density.
    constant: f64,
}

/// Total spend, in units of the mean, of customers of one history.
struct Cell {
    total: f64,
    ln_total: f64,
    customers: f64,
}

/// Rows with scaled money.
struct Prepared {
    groups: Vec<Group>,
    cells: Vec<Cell>,
    customers: f64,
    /// Amounts whose density is taken: of each order, or of each mean.
    amounts: f64,
}

impl Prepared {
    /// From rows sorted by orders, as `collapse_spend` leaves them.
    #[expect(clippy::cast_precision_loss, reason = "counts far below 2^53")]
    fn new(rows: &[SpendRow], unit: f64) -> Self {
        let mut groups: Vec<Group> = Vec::new();
        let mut cells = Vec::with_capacity(rows.len());
        let mut amounts = 0.0;
        for row in rows {
            let customers = row.count() as f64;
            let orders = f64::from(row.orders());
            let total = row.total() / unit;
            let ln_total = total.ln();
            cells.push(Cell {
                total,
                ln_total,
                customers,
            });
            let at = cells.len() - 1;
            let is_known = groups
                .last()
                .is_some_and(|group| group.orders == row.orders());
            if !is_known {
                groups.push(Group {
                    orders: row.orders(),
                    customers: 0.0,
                    cells: at..at,
                    divided: 0.0,
                    log_shares: 0.0,
                    constant: 0.0,
                });
            }
            let Some(group) = groups.last_mut() else {
                continue;
            };
            group.customers += customers;
            group.cells.end = cells.len();
            if let Some(log_sum) = row.log_sum() {
                let log_sum = log_sum - orders * customers * unit.ln();
                group.divided += customers;
                group.log_shares += log_sum - orders * customers * ln_total;
                group.constant -= log_sum;
                amounts += orders * customers;
            } else {
                group.constant -= customers * (ln_total - orders.ln());
                amounts += customers;
            }
        }
        let customers = groups.iter().map(|group| group.customers).sum();
        Self {
            groups,
            cells,
            customers,
            amounts,
        }
    }
}

/// A log-likelihood and its derivatives by `[p, q, v]`.
type Likelihood = (f64, [f64; 3]);

/// Parameters `[p, q, v (major units)]` and the report.
pub(super) fn fit(rows: &[SpendRow]) -> Result<Fitted, FitError> {
    let data = Data::new(rows).ok_or(FitError::NoSpend)?;
    let (estimates, report) = data.free().ok_or(FitError::NoFiniteLikelihood)?;
    let simpler = match &report.convergence {
        Convergence::Converged => return Ok((estimates, report)),
        Convergence::Degenerate { simpler, .. } => *simpler,
        Convergence::TooFewRows { .. }
        | Convergence::NotConverged { .. }
        | Convergence::WorkLimit { .. } => None,
    };
    let simpler = simpler.unwrap_or("many other models");
    let prior = |log_spread| {
        LogNormalPrior::new([HELD_MEDIAN; 2], [log_spread; 2])
            .map_err(|_| FitError::NoFiniteLikelihood)
    };
    if let Some((estimates, mut report)) = data.held(&prior(HELD_LOG_SPREAD)?)
        && report.convergence.is_converged()
    {
        report.held = Some(format!(
            "the data cannot exclude {simpler}: p and q have log-normal priors with median {HELD_MEDIAN} and log standard deviation {HELD_LOG_SPREAD}"
        ));
        return Ok((estimates, report));
    }
    let found = data.blurred(&prior(LAST_LOG_SPREAD)?);
    let (estimates, mut report) = found.ok_or(FitError::NoFiniteLikelihood)?;
    report.held = Some(format!(
        "the data say little of how amounts vary: amounts count as known to 1 %, p and q have log-normal priors with median {HELD_MEDIAN} and log standard deviation {LAST_LOG_SPREAD}"
    ));
    Ok((estimates, report))
}

/// Parameters in natural units, and how they were found.
type Fitted = ([f64; 3], FitReport);

/// All rows and a sample of them.
struct Data {
    rows: usize,
    customers: u64,
    /// Major units in which amounts are about 1.
    unit: f64,
    exact: Prepared,
    sample: Prepared,
}

impl Data {
    /// `None` without a customer.
    #[expect(clippy::cast_precision_loss, reason = "counts far below 2^53")]
    fn new(rows: &[SpendRow]) -> Option<Self> {
        let rows = collapse_spend(rows.iter().copied());
        let customers: u64 = rows.iter().map(SpendRow::count).sum();
        if customers == 0 {
            return None;
        }
        let spend =
            |row: &SpendRow| row.history().mean_spend() * (row.count() as f64 / customers as f64);
        let unit: f64 = rows.iter().map(spend).sum();
        let sample = rows
            .iter()
            .copied()
            .step_by(rows.len().div_ceil(COARSE_ROWS));
        Some(Self {
            rows: rows.len(),
            customers,
            unit,
            exact: Prepared::new(&rows, unit),
            sample: Prepared::new(&sample.collect::<Vec<_>>(), unit),
        })
    }

    fn exact(&self, parameters: [f64; 3]) -> Likelihood {
        log_likelihood(&self.exact, parameters)
    }

    /// Of the sample, each customer of which stands for several.
    fn coarse(&self, parameters: [f64; 3]) -> Likelihood {
        times(log_likelihood(&self.sample, parameters), self.weight())
    }

    fn weight(&self) -> f64 {
        self.exact.customers / self.sample.customers
    }

    /// The maximum of the likelihood alone.
    fn free(&self) -> Option<Fitted> {
        let coarse = |parameters| self.coarse(parameters);
        let exact = |parameters| self.exact(parameters);
        let found = maximise_against(self.customers, &STARTS, coarse, exact, &LIMITS)?;
        Some(self.report(found, self.rows))
    }

    /// The most probable parameters given the prior too.
    fn held(&self, prior: &LogNormalPrior<2>) -> Option<Fitted> {
        let coarse = |parameters| held(self.coarse(parameters), prior, parameters);
        let exact = |parameters| held(self.exact(parameters), prior, parameters);
        let found = maximise(self.customers, &STARTS, coarse, exact)?;
        // The prior determines p and q, and the mean v, however few the rows.
        Some(self.report(found, self.rows.max(3)))
    }

    /// The same with amounts that are not known exactly.
    fn blurred(&self, prior: &LogNormalPrior<2>) -> Option<Fitted> {
        let coarse = |parameters| {
            let blur = times(blur(&self.sample, parameters), self.weight());
            held(minus(self.coarse(parameters), blur), prior, parameters)
        };
        let exact = |parameters| {
            let blur = blur(&self.exact, parameters);
            held(minus(self.exact(parameters), blur), prior, parameters)
        };
        let found = maximise(self.customers, &STARTS, coarse, exact)?;
        Some(self.report(found, self.rows.max(3)))
    }

    /// In natural units. A log-likelihood is that of the amounts alone, whatever was maximised.
    fn report(&self, maximum: Maximum<3>, distinct_rows: usize) -> Fitted {
        let [p, q, v] = maximum.parameters;
        let estimates = [p, q, v * self.unit];
        let (value, _) = self.exact(maximum.parameters);
        // A density in money: per major unit it is smaller by the unit.
        let log_likelihood = value - self.exact.amounts * self.unit.ln();
        let mut report =
            maximum.into_report(["p", "q", "v"], estimates, log_likelihood, distinct_rows);
        report.distinct_rows = self.rows;
        (estimates, report)
    }
}

/// With the logarithm of the density of a prior of p and q.
fn held(
    (value, [by_p, by_q, by_v]): Likelihood,
    prior: &LogNormalPrior<2>,
    [p, q, _]: [f64; 3],
) -> Likelihood {
    let (log_density, [by_log_p, by_log_q]) = prior.log_density([p.ln(), q.ln()]);
    let gradient = [by_p + by_log_p / p, by_q + by_log_q / q, by_v];
    (value + log_density, gradient)
}

fn times((value, gradient): Likelihood, weight: f64) -> Likelihood {
    (value * weight, gradient.map(|by| by * weight))
}

fn minus((value, [by_p, by_q, by_v]): Likelihood, (less, by): Likelihood) -> Likelihood {
    (value - less, [by_p - by[0], by_q - by[1], by_v - by[2]])
}

/// Log-likelihood of all rows and its derivatives by `[p, q, v]`: of means, Fader & Hardie (2013), note 025, eq. 1; of single orders, see
/// [`GammaGamma::log_likelihood_of_orders`](crate::domain::clv::gamma_gamma::GammaGamma::log_likelihood_of_orders).
fn log_likelihood(data: &Prepared, parameters: [f64; 3]) -> Likelihood {
    let [p, q, v] = parameters;
    let ln_v = v.ln();
    let (ln_gamma_p, digamma_p) = (ln_gamma(p), digamma(p));
    let mut value = 0.0;
    let mut gradient = [0.0; 3];
    for group in &data.groups {
        stop::check();
        let n = f64::from(group.orders);
        let pn = p * n;
        let of_sum = digamma(pn + q);
        let digamma_pn = digamma(pn);
        value += group.constant - group.customers * ln_beta(pn, q);
        gradient[0] += group.customers * n * (of_sum - digamma_pn);
        gradient[1] += group.customers * (of_sum - digamma(q));
        // One order has the whole total.
        if group.divided > 0.0 && group.orders > 1 {
            value += group.divided * (ln_gamma(pn) - n * ln_gamma_p) + p * group.log_shares;
            gradient[0] += group.divided * n * (digamma_pn - digamma_p) + group.log_shares;
        }
        for cell in &data.cells[group.cells.clone()] {
            let ln_end = (v + cell.total).ln();
            let beyond_v = ln_end - ln_v;
            let beyond_total = ln_end - cell.ln_total;
            value -= cell.customers * (q * beyond_v + pn * beyond_total);
            gradient[0] -= cell.customers * n * beyond_total;
            gradient[1] -= cell.customers * beyond_v;
            gradient[2] += cell.customers * (q * cell.total / v - pn) / (v + cell.total);
        }
    }
    (value, gradient)
}

/// What the log-likelihood is lower by, on average to the second order, when each amount is off by an independent small error of
/// [`RELATIVE_ERROR_SQUARED`]; orders of a customer are taken to be equal. With `u = S / (v + S)` it is `e/2 (pn + q) (u - u^2/n)` for
/// each customer.
fn blur(data: &Prepared, [p, q, v]: [f64; 3]) -> Likelihood {
    let half = 0.5 * RELATIVE_ERROR_SQUARED;
    let mut value = 0.0;
    let mut gradient = [0.0; 3];
    for group in &data.groups {
        let n = f64::from(group.orders);
        let strength = half * (p * n + q);
        for cell in &data.cells[group.cells.clone()] {
            let share = cell.total / (v + cell.total);
            let spread = share - share * share / n;
            value += cell.customers * strength * spread;
            gradient[0] += cell.customers * half * n * spread;
            gradient[1] += cell.customers * half * spread;
            let by_share = strength * (1.0 - 2.0 * share / n);
            gradient[2] -= cell.customers * by_share * share / (v + cell.total);
        }
    }
    (value, gradient)
}
