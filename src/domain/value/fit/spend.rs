//! Likelihood and exact gradient of the Gamma-Gamma model over collapsed rows, and its fit.

use std::ops::Range;

use super::FitError;
use super::report::FitReport;
use super::rows::{SpendRow, collapse_spend};
use super::search::maximise;
use crate::domain::value::special_functions::{digamma, ln_beta};

/// Logarithms of (p, q, v in units of the mean spend).
const STARTS: [[f64; 3]; 3] = [[0.0, 1.0, 0.0], [1.5, 1.5, -0.5], [-0.5, 0.3, 0.5]];
/// Starts are tried on a sample of about so many rows, taken evenly.
const COARSE_ROWS: usize = 2_000;

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
        (value * weight, gradient.map(|by| by * weight))
    };
    let exact = |parameters| log_likelihood(&data, parameters);
    let maximum =
        maximise(customers, &STARTS, coarse, exact).ok_or(FitError::NoFiniteLikelihood)?;
    let [p, q, v] = maximum.parameters;
    let estimates = [p, q, v * unit];
    // A density in money: per major unit it is smaller by the unit.
    let log_likelihood = maximum.log_likelihood - data.customers * unit.ln();
    let report = maximum.into_report(["p", "q", "v"], estimates, log_likelihood, rows.len());
    Ok((estimates, report))
}

/// Log-likelihood of all rows and its derivatives by `[p, q, v]` (Fader & Hardie 2013, note 025, eq. 1).
fn log_likelihood(data: &Prepared, parameters: [f64; 3]) -> (f64, [f64; 3]) {
    let [p, q, v] = parameters;
    let ln_v = v.ln();
    let mut value = 0.0;
    let mut gradient = [0.0; 3];
    for group in &data.frequencies {
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
