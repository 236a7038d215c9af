//! Likelihood and exact gradient of the Gamma-Gamma model over collapsed rows, and its fit.

use std::ops::Range;

use super::FitError;
use super::limits::Limit;
use super::prior::LogNormalPrior;
use super::report::{Convergence, FitReport};
use super::rows::{SpendRow, collapse_spend};
use super::search::{Maximum, maximise, maximise_against};
use crate::domain::clv::special_functions::{digamma, ln_beta};
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

/// Customers with the same number of repeat orders.
struct Frequency {
    orders: u32,
    customers: f64,
    cells: Range<usize>,
}

/// Total spend, in units of the mean, of customers of one history.
struct Cell {
    total: f64,
    ln_total: f64,
    ln_mean: f64,
    customers: f64,
}

/// Rows with scaled money.
struct Prepared {
    frequencies: Vec<Frequency>,
    cells: Vec<Cell>,
    customers: f64,
}

impl Prepared {
    /// From rows sorted by frequency, as `collapse_spend` leaves them.
    #[expect(clippy::cast_precision_loss, reason = "counts far below 2^53")]
    fn new(rows: &[SpendRow], unit: f64) -> Self {
        let mut frequencies: Vec<Frequency> = Vec::new();
        let mut cells = Vec::with_capacity(rows.len());
        for row in rows {
            let customers = row.count() as f64;
            let frequency = row.history().frequency();
            let mean = row.history().mean_spend() / unit;
            let total = mean * f64::from(frequency);
            cells.push(Cell {
                total,
                ln_total: total.ln(),
                ln_mean: mean.ln(),
                customers,
            });
            match frequencies.last_mut() {
                Some(group) if group.orders == frequency => {
                    group.customers += customers;
                    group.cells.end = cells.len();
                }
                Some(_) | None => frequencies.push(Frequency {
                    orders: frequency,
                    customers,
                    cells: cells.len() - 1..cells.len(),
                }),
            }
        }
        let customers = frequencies.iter().map(|group| group.customers).sum();
        Self {
            frequencies,
            cells,
            customers,
        }
    }
}

/// Parameters `[p, q, v (major units)]` and the report.
#[expect(clippy::cast_precision_loss, reason = "counts far below 2^53")]
pub(super) fn fit(rows: &[SpendRow]) -> Result<([f64; 3], FitReport), FitError> {
    let rows = collapse_spend(rows.iter().copied());
    let customers: u64 = rows.iter().map(SpendRow::count).sum();
    if customers == 0 {
        return Err(FitError::NoRepeatSpend);
    }
    let spend =
        |row: &SpendRow| row.history().mean_spend() * (row.count() as f64 / customers as f64);
    let unit: f64 = rows.iter().map(spend).sum();
    let data = Prepared::new(&rows, unit);
    let sample = rows
        .iter()
        .copied()
        .step_by(rows.len().div_ceil(COARSE_ROWS));
    let sketch = Prepared::new(&sample.collect::<Vec<_>>(), unit);
    // Each customer of the sample stands for so many.
    let weight = data.customers / sketch.customers;
    let coarse = |parameters| {
        let (value, gradient) = log_likelihood(&sketch, parameters);
        (value * weight, gradient.map(|by: f64| by * weight))
    };
    let exact = |parameters| log_likelihood(&data, parameters);
    let into_report = |maximum: Maximum<3>, log_prior: f64| {
        let [p, q, v] = maximum.parameters;
        let estimates = [p, q, v * unit];
        // A density in money: per major unit it is smaller by the unit.
        let log_likelihood = maximum.log_likelihood - log_prior - data.customers * unit.ln();
        let report = maximum.into_report(["p", "q", "v"], estimates, log_likelihood, rows.len());
        (estimates, report)
    };
    let free = maximise_against(customers, &STARTS, coarse, exact, &LIMITS)
        .ok_or(FitError::NoFiniteLikelihood)?;
    let (estimates, report) = into_report(free, 0.0);
    let Convergence::Degenerate { simpler, .. } = report.convergence else {
        return Ok((estimates, report));
    };
    let prior = LogNormalPrior::new([HELD_MEDIAN; 2], [HELD_LOG_SPREAD; 2])
        .map_err(|_| FitError::NoFiniteLikelihood)?;
    let held = |likelihood: &dyn Fn([f64; 3]) -> (f64, [f64; 3]), parameters: [f64; 3]| {
        let (value, [by_p, by_q, by_v]) = likelihood(parameters);
        let [p, q, _] = parameters;
        let (log_density, [by_log_p, by_log_q]) = prior.log_density([p.ln(), q.ln()]);
        let gradient = [by_p + by_log_p / p, by_q + by_log_q / q, by_v];
        (value + log_density, gradient)
    };
    let held_coarse = |parameters| held(&coarse, parameters);
    let held_exact = |parameters| held(&exact, parameters);
    let found = maximise(customers, &STARTS, held_coarse, held_exact)
        .ok_or(FitError::NoFiniteLikelihood)?;
    let [p, q, _] = found.parameters;
    let (log_prior, _) = prior.log_density([p.ln(), q.ln()]);
    let (estimates, mut report) = into_report(found, log_prior);
    report.held = Some(format!(
        "the data cannot exclude {}: p and q have log-normal priors with median {HELD_MEDIAN} and log standard deviation {HELD_LOG_SPREAD}",
        simpler.unwrap_or("many other models")
    ));
    Ok((estimates, report))
}

/// Log-likelihood of all rows and its derivatives by `[p, q, v]` (Fader & Hardie 2013, note 025, eq. 1).
fn log_likelihood(data: &Prepared, parameters: [f64; 3]) -> (f64, [f64; 3]) {
    let [p, q, v] = parameters;
    let ln_v = v.ln();
    let mut value = 0.0;
    let mut gradient = [0.0; 3];
    for group in &data.frequencies {
        stop::check();
        let x = f64::from(group.orders);
        let px = p * x;
        let of_sum = digamma(px + q);
        value -= group.customers * ln_beta(px, q);
        gradient[0] += group.customers * x * (of_sum - digamma(px));
        gradient[1] += group.customers * (of_sum - digamma(q));
        for cell in &data.cells[group.cells.clone()] {
            let ln_end = (v + cell.total).ln();
            let beyond_v = ln_end - ln_v;
            let beyond_total = ln_end - cell.ln_total;
            value -= cell.customers * (q * beyond_v + px * beyond_total + cell.ln_mean);
            gradient[0] -= cell.customers * x * beyond_total;
            gradient[1] -= cell.customers * beyond_v;
            gradient[2] += cell.customers * (q * cell.total / v - px) / (v + cell.total);
        }
    }
    (value, gradient)
}
