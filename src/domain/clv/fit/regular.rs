//! Likelihood and exact gradient of MBG/CNBD-k over collapsed rows.
//!
//! The single gaps between orders are not in it: what they contribute depends on the number of stages, and not on the parameters.
//! As for MBG/NBD, all that depends only on a frequency or only on a time is computed once per distinct value and evaluation.

use super::prepared::{Frequency, Prepared};
use crate::domain::clv::special_functions::{digamma_rise, ln_rising};
use crate::domain::clv::stages::Stages;
use crate::domain::stop;

/// As many coefficients as there are stages at most.
const MOST: usize = Stages::MAX.get() as usize;

/// Log-likelihood of all rows and its derivatives by `[r, alpha, a, b]`, in the scaled unit of time.
///
/// Reutterer, Platzer & Schröder (2021), eq. 3, with drop-out after the first order too: written as the likelihood of a live customer
/// with no stage passed since the last order, plus the logarithm of the sum over the stages that may have been, and the odds of drop-out.
pub(super) fn log_likelihood(
    data: &Prepared,
    stages: Stages,
    parameters: [f64; 4],
) -> (f64, [f64; 4]) {
    let [r, alpha, a, b] = parameters;
    let k = stages.as_f64();
    let mut value = 0.0;
    let mut gradient = [0.0; 4];
    // Terms of age alone; time, logarithm and reciprocal of alpha + t for every distinct time.
    let mut ends = Vec::with_capacity(data.times.len());
    for group in &data.times {
        let end = alpha + group.scaled;
        let silence = (group.scaled / alpha).ln_1p();
        let passed = k * group.orders;
        value -= group.customers * r * silence + passed * end.ln();
        gradient[0] -= group.customers * silence;
        gradient[1] += group.customers * r * group.scaled / (alpha * end) - passed / end;
        ends.push(End {
            time: group.scaled,
            ln: end.ln(),
            reciprocal: end.recip(),
        });
    }
    for group in &data.frequencies {
        stop::check();
        let passed = group.orders.saturating_mul(stages.get());
        let chances = group.orders.saturating_add(1);
        let of_sum = digamma_rise(a + b, chances);
        value += group.customers
            * (ln_rising(r, passed) + ln_rising(b, chances) - ln_rising(a + b, chances));
        gradient[0] += group.customers * digamma_rise(r, passed);
        gradient[2] -= group.customers * of_sum;
        gradient[3] += group.customers * (digamma_rise(b, chances) - of_sum);
        let waiting = Waiting::new(stages, r + f64::from(passed));
        let survived = b + f64::from(group.orders);
        let (of_end, by_parameter) = ending(data, group, &ends, &waiting, (a, survived));
        value += of_end;
        gradient
            .iter_mut()
            .zip(by_parameter)
            .for_each(|(sum, by)| *sum += by);
    }
    (value, gradient)
}

/// `alpha + t` of a distinct time `t`.
struct End {
    time: f64,
    ln: f64,
    reciprocal: f64,
}

/// The polynomial `Σ_(j<k) (R)_j / j! z^j` in the share `z` of a silence, and what its derivatives take.
struct Waiting {
    shape: f64,
    count: usize,
    /// Of the polynomial.
    coefficients: [f64; MOST],
    /// Of its derivative by `R`.
    by_shape: [f64; MOST],
}

impl Waiting {
    fn new(stages: Stages, shape: f64) -> Self {
        let count = stages.get() as usize;
        let mut waiting = Self {
            shape,
            count,
            coefficients: [0.0; MOST],
            by_shape: [0.0; MOST],
        };
        let (mut coefficient, mut rise, mut passed) = (1.0, 0.0, 0.0);
        let slots = waiting
            .coefficients
            .iter_mut()
            .zip(&mut waiting.by_shape)
            .take(count);
        for (slot, by_shape) in slots {
            (*slot, *by_shape) = (coefficient, coefficient * rise);
            rise += (shape + passed).recip();
            coefficient *= (shape + passed) / (passed + 1.0);
            passed += 1.0;
        }
        waiting
    }

    /// Value, derivative by the shape, and `z` times the derivative by `z`.
    fn at(&self, z: f64) -> (f64, f64, f64) {
        let (mut value, mut by_shape, mut by_z) = (0.0, 0.0, 0.0);
        for j in (0..self.count).rev() {
            // Horner, with the derivative of what was summed so far.
            by_z = by_z * z + value;
            value = value * z + self.coefficients[j];
            by_shape = by_shape * z + self.by_shape[j];
        }
        (value, by_shape, z * by_z)
    }
}

/// The sum of `ln (waiting + odds of drop-out)` over the rows of one frequency, and its derivatives.
fn ending(
    data: &Prepared,
    group: &Frequency,
    ends: &[End],
    waiting: &Waiting,
    (a, survived): (f64, f64),
) -> (f64, [f64; 4]) {
    let ln_odds = (a / survived).ln();
    let shape = waiting.shape;
    let mut value = 0.0;
    let mut gradient = [0.0; 4];
    let mut gone = 0.0;
    for cell in &data.cells[group.cells.clone()] {
        let (end, last) = (&ends[cell.age], &ends[cell.recency]);
        let silence = end.ln - last.ln;
        let (of_waiting, by_shape, along) = waiting.at((end.time - last.time) * end.reciprocal);
        let ln_waiting = of_waiting.ln();
        let log_odds = ln_odds + shape * silence - ln_waiting;
        let small = (-log_odds.abs()).exp();
        let probability = if log_odds < 0.0 { small } else { 1.0 } / (1.0 + small);
        // Its last digit is below that of the sum it enters: no need for the slower ln_1p.
        value += cell.customers * (ln_waiting + log_odds.max(0.0) + (1.0 + small).ln());
        let weight = cell.customers * probability;
        // Alive, per unit of the waiting.
        let alive = (cell.customers - weight) / of_waiting;
        gone += weight;
        gradient[0] += weight * silence + alive * by_shape;
        gradient[1] +=
            weight * shape * (end.reciprocal - last.reciprocal) - alive * along * end.reciprocal;
    }
    gradient[2] = gone / a;
    gradient[3] = -gone / survived;
    (value, gradient)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::clv::fit::beta_geometric::{self, InitialChances};
    use crate::domain::clv::fit::rows::{CollapsedRow, collapse};
    use crate::domain::clv::model::{ModelKind, OrderModel};
    use crate::domain::clv::reference::assert_close;

    const POINTS: [[f64; 4]; 3] = [
        [0.7, 0.4, 0.6, 2.0],
        [0.05, 3.0, 4.0, 0.3],
        [12.0, 0.02, 1.0, 90.0],
    ];
    const UNIT_WEEKS: f64 = 40.0;

    fn rows() -> Vec<CollapsedRow> {
        let row = |x, recency, age, n| CollapsedRow::new(x, recency, age, n).unwrap();
        collapse([
            row(0, 0, 280, 30),
            row(0, 0, 200, 9),
            row(1, 40, 280, 11),
            row(2, 190, 190, 4),
            row(7, 150, 250, 3),
            row(40, 210, 280, 2),
        ])
    }

    #[test]
    fn it_is_the_likelihood_of_the_model_in_another_unit() {
        for stages in Stages::all() {
            for point in POINTS {
                let data = Prepared::new(&rows(), UNIT_WEEKS);
                let (value, _) = log_likelihood(&data, stages, point);
                let [r, alpha, a, b] = point;
                let kind = ModelKind::MbgCnbd(stages);
                let model = OrderModel::new(kind, [r, alpha * UNIT_WEEKS, a, b]).unwrap();
                let totals = crate::domain::clv::fit::prepared::totals(&rows()).unwrap();
                assert_close("unit", totals.unit_weeks, UNIT_WEEKS, 1e-15);
                let in_weeks: f64 = rows().iter().map(|row| row.log_likelihood(&model)).sum();
                assert_close("sum", value + totals.constant(stages), in_weeks, 1e-12);
            }
        }
    }

    #[test]
    fn the_gradient_is_that_of_the_value() {
        let data = Prepared::new(&rows(), UNIT_WEEKS);
        for stages in Stages::all() {
            for point in POINTS {
                let (_, gradient) = log_likelihood(&data, stages, point);
                for (at, exact) in gradient.into_iter().enumerate() {
                    let value = |factor: f64| {
                        let mut point = point;
                        point[at] *= factor;
                        log_likelihood(&data, stages, point).0
                    };
                    // Richardson's extrapolation of central differences.
                    let slope = |step: f64| (value(1.0 + step) - value(1.0 - step)) / (2.0 * step);
                    let numerical = (4.0 * slope(1e-3) - slope(2e-3)) / 3.0 / point[at];
                    let off = (exact - numerical).abs();
                    assert!(
                        off < 1e-7 * exact.abs().max(100.0),
                        "k = {}, {point:?}, {at}: {exact} {numerical}",
                        stages.get()
                    );
                }
            }
        }
    }

    #[test]
    fn one_stage_is_mbg_nbd() {
        let data = Prepared::new(&rows(), UNIT_WEEKS);
        for point in POINTS {
            let (value, gradient) = log_likelihood(&data, Stages::ONE, point);
            let (other, other_gradient) =
                beta_geometric::log_likelihood(&data, InitialChances::One, point);
            assert_close("value", value, other, 1e-13);
            for (one, other) in gradient.into_iter().zip(other_gradient) {
                assert_close("derivative", one, other, 1e-12);
            }
        }
    }
}
