//! Likelihood and exact gradient of BG/NBD and MBG/NBD over collapsed rows.
//!
//! All that depends only on a frequency or only on a time is computed once per distinct value and evaluation; what is
//! left for a row is one exponential and one logarithm.

use super::prepared::{Frequency, Prepared};
use crate::domain::clv::special_functions::{digamma_rise, ln_rising};
use crate::domain::stop;

/// Chances to drop out before any repeat order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum InitialChances {
    /// BG/NBD.
    None,
    /// MBG/NBD: after the first order.
    One,
}

/// Log-likelihood of all rows and its derivatives by `[r, alpha, a, b]`, in the scaled unit of time.
///
/// Fader, Hardie & Lee (2005), eq. 6, written as the likelihood of a live customer plus `ln(1 + odds of drop-out)`.
pub(super) fn log_likelihood(
    data: &Prepared,
    chances: InitialChances,
    parameters: [f64; 4],
) -> (f64, [f64; 4]) {
    let [r, alpha, a, b] = parameters;
    let mut value = 0.0;
    let mut gradient = [0.0; 4];
    // Terms of age alone, and the logarithm and reciprocal of alpha + t for every distinct time.
    let mut ends = Vec::with_capacity(data.times.len());
    for group in &data.times {
        let end = alpha + group.scaled;
        let silence = (group.scaled / alpha).ln_1p();
        value -= group.customers * r * silence + group.orders * end.ln();
        gradient[0] -= group.customers * silence;
        gradient[1] += group.customers * r * group.scaled / (alpha * end) - group.orders / end;
        ends.push((end.ln(), end.recip()));
    }
    for group in &data.frequencies {
        stop::check();
        let n = group.customers;
        let chances_taken = match chances {
            InitialChances::None => group.orders,
            InitialChances::One => group.orders.saturating_add(1),
        };
        let of_sum = digamma_rise(a + b, chances_taken);
        value += n
            * (ln_rising(r, group.orders) + ln_rising(b, chances_taken)
                - ln_rising(a + b, chances_taken));
        gradient[0] += n * digamma_rise(r, group.orders);
        gradient[2] -= n * of_sum;
        gradient[3] += n * (digamma_rise(b, chances_taken) - of_sum);
        if chances_taken == 0 {
            continue;
        }
        let (of_dropout, by_parameter) = dropout(data, group, &ends, (r, a, b, chances_taken));
        value += of_dropout;
        gradient
            .iter_mut()
            .zip(by_parameter)
            .for_each(|(sum, by)| *sum += by);
    }
    (value, gradient)
}

/// The sum of `ln(1 + odds of drop-out)` over the rows of one frequency, and its derivatives.
fn dropout(
    data: &Prepared,
    group: &Frequency,
    ends: &[(f64, f64)],
    (r, a, b, chances_taken): (f64, f64, f64, u32),
) -> (f64, [f64; 4]) {
    // Odds a / (b + x - 1), or a / (b + x) with the initial chance, times the odds of silence.
    let survived = b + f64::from(chances_taken) - 1.0;
    let ln_odds = (a / survived).ln();
    let shape = r + f64::from(group.orders);
    let mut value = 0.0;
    let mut gradient = [0.0; 4];
    let mut gone = 0.0;
    for cell in &data.cells[group.cells.clone()] {
        let (ln_end, per_end) = ends[cell.age];
        let (ln_last, per_last) = ends[cell.recency];
        let silence = ln_end - ln_last;
        let log_odds = ln_odds + shape * silence;
        let small = (-log_odds.abs()).exp();
        let probability = if log_odds < 0.0 { small } else { 1.0 } / (1.0 + small);
        // Its last digit is below that of the sum it enters: no need for the slower ln_1p.
        value += cell.customers * (log_odds.max(0.0) + (1.0 + small).ln());
        let weight = cell.customers * probability;
        gone += weight;
        gradient[0] += weight * silence;
        gradient[1] += weight * shape * (per_end - per_last);
    }
    gradient[2] = gone / a;
    gradient[3] = -gone / survived;
    (value, gradient)
}
