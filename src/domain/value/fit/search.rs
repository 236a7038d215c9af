//! The strategy of every fit here: several starts on coarse data, the best of them exact on all of it, Newton at the end.
//!
//! Coordinates are logarithms of parameters in units of the data (time or money scaled to about 1), so one set of starts and
//! one box serve all data. Objectives are means per customer.

use super::matrix::SquareMatrix;
use super::minimise::{Evaluation, Minimum, bfgs, hessian, polish};
use super::report::{FitReport, Outcome};

/// No parameter leaves e^±20 (about 5e8) times the unit of the data: beyond, a likelihood is flat for ever.
const BOX: f64 = 20.0;
/// A mean derivative of this size is left to Newton, whose steps each gain some four digits.
const BFGS_TOLERANCE: f64 = 1e-5;
/// The coarse data only give a start.
const COARSE_TOLERANCE: f64 = 1e-4;

/// The best optimum over all starts, polished, with its Hessian; `None` if no start gave a finite value.
///
/// `coarse` is the objective on few rows resembling those of `exact`; the starts are tried there.
pub(super) fn search(
    coarse: &impl Fn(&[f64]) -> Evaluation,
    exact: &impl Fn(&[f64]) -> Evaluation,
    starts: &[Vec<f64>],
) -> Option<(Minimum, SquareMatrix)> {
    let coarse = within_box(coarse);
    let exact = within_box(exact);
    let explored: Vec<Minimum> = starts
        .iter()
        .filter_map(|start| bfgs(&coarse, start, None, COARSE_TOLERANCE))
        .collect();
    let exploration: u32 = explored.iter().map(|minimum| minimum.iterations).sum();
    let best = explored
        .into_iter()
        .min_by(|a, b| a.value.total_cmp(&b.value))?;
    let guess = hessian(&coarse, &best.point).inverse();
    let found = bfgs(&exact, &best.point, guess, BFGS_TOLERANCE)?;
    let (mut found, curvature) = polish(&exact, found);
    found.iterations += exploration;
    Some((found, curvature))
}

/// The objective, infinite outside the box.
fn within_box(objective: &impl Fn(&[f64]) -> Evaluation) -> impl Fn(&[f64]) -> Evaluation {
    move |point| {
        if point.iter().all(|x| x.abs() <= BOX) {
            objective(point)
        } else {
            (f64::INFINITY, vec![f64::NAN; point.len()])
        }
    }
}

/// The maximum of a likelihood of `N` positive parameters.
pub(super) struct Maximum<const N: usize> {
    /// In the units of the likelihood.
    pub(super) parameters: [f64; N],
    /// Of all customers.
    pub(super) log_likelihood: f64,
    customers: u64,
    minimum: Minimum,
    hessian: SquareMatrix,
}

impl<const N: usize> Maximum<N> {
    /// The report, with estimates and log-likelihood in natural units.
    pub(super) fn into_report(
        self,
        names: [&str; N],
        estimates: [f64; N],
        log_likelihood: f64,
        distinct_rows: usize,
    ) -> FitReport {
        Outcome {
            parameter_names: names.map(str::to_owned).to_vec(),
            estimates: estimates.to_vec(),
            scales: estimates.to_vec(),
            log_scales: vec![1.0; N],
            hessian: self.hessian,
            log_likelihood,
            gradient_norm: self.minimum.gradient_norm(),
            iterations: self.minimum.iterations,
            evaluations: self.minimum.evaluations,
            customers: self.customers,
            distinct_rows,
        }
        .into_report()
    }
}

/// Maximises a log-likelihood given with its derivatives by the parameters themselves; `coarse` is the same on fewer rows.
/// `None` if no start (logarithms of parameters) gave a finite value.
#[expect(clippy::cast_precision_loss, reason = "counts far below 2^53")]
pub(super) fn maximise<const N: usize>(
    customers: u64,
    starts: &[[f64; N]],
    coarse: impl Fn([f64; N]) -> (f64, [f64; N]),
    exact: impl Fn([f64; N]) -> (f64, [f64; N]),
) -> Option<Maximum<N>> {
    let count = customers as f64;
    let parameters = |point: &[f64]| std::array::from_fn(|i| point[i].exp());
    let mean = |likelihood: &dyn Fn([f64; N]) -> (f64, [f64; N]), point: &[f64]| {
        let parameters: [f64; N] = parameters(point);
        let (value, gradient) = likelihood(parameters);
        let by_log = gradient
            .iter()
            .zip(parameters)
            .map(|(by, parameter)| -by * parameter / count);
        (-value / count, by_log.collect())
    };
    let starts: Vec<Vec<f64>> = starts.iter().map(|start| start.to_vec()).collect();
    let coarse_mean = |point: &[f64]| mean(&coarse, point);
    let exact_mean = |point: &[f64]| mean(&exact, point);
    let (minimum, hessian) = search(&coarse_mean, &exact_mean, &starts)?;
    Some(Maximum {
        parameters: parameters(&minimum.point),
        log_likelihood: -minimum.value * count,
        customers,
        minimum,
        hessian,
    })
}
