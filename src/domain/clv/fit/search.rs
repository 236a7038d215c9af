//! The strategy of every fit here: several starts on coarse data, the best optima exact on all of it, Newton at the end.
//!
//! Coordinates are logarithms of parameters in units of the data (time or money scaled to about 1), so one set of starts and
//! one box serve all data. Objectives are means per customer.

use super::limits::{self, Limit};
use super::matrix::SquareMatrix;
use super::minimise::{Evaluation, Minimum, bfgs, hessian, polish};
use super::report::{FitReport, Outcome};

/// No parameter leaves e^±20 (about 5e8) times the unit of the data: beyond, a likelihood is flat for ever.
const BOX: f64 = 20.0;
/// A mean derivative of this size is left to Newton, whose steps each gain some four digits, and is so near the optimum that the Hessian
/// is the same there in the flattest direction too.
const BFGS_TOLERANCE: f64 = 1e-6;
/// The coarse data only give a start.
const COARSE_TOLERANCE: f64 = 1e-4;
/// Coarse optima that differ by less in every coordinate are one: the search from each would end at the same place.
const SAME_POINT: f64 = 0.1;
/// A coarse optimum worse than the best by more than this per customer is not the best of all rows: rounding times changes the
/// differences between optima by far less.
const CLEARLY_WORSE: f64 = 0.01;
/// At most so many are refined on all rows.
const FINALISTS: usize = 3;

/// The best optimum over all starts, polished, with its Hessian; `None` if no start gave a finite value.
///
/// `coarse` is the objective on few rows resembling those of `exact`; the starts are tried there, and each optimum that may be the
/// best is refined. `known`, if there is one, is a point that the result is no worse than, as the optimum of a model nested in this one.
pub(super) fn search(
    coarse: &impl Fn(&[f64]) -> Evaluation,
    exact: &impl Fn(&[f64]) -> Evaluation,
    starts: &[Vec<f64>],
    known: Option<&[f64]>,
) -> Option<(Minimum, SquareMatrix)> {
    let coarse = within_box(coarse);
    let exact = within_box(exact);
    let explored: Vec<Minimum> = starts
        .iter()
        .map(Vec::as_slice)
        .chain(known)
        .filter_map(|start| bfgs(&coarse, start, None, COARSE_TOLERANCE))
        .collect();
    let mut effort = Effort {
        iterations: explored.iter().map(|minimum| minimum.iterations).sum(),
        evaluations: 0,
    };
    let mut best: Option<Minimum> = None;
    for candidate in finalists(explored) {
        let guess = hessian(&coarse, &candidate.point).inverse();
        effort.refine(
            bfgs(&exact, &candidate.point, guess, BFGS_TOLERANCE),
            &mut best,
        );
    }
    if let Some(known) = known {
        let is_better = best.as_ref().is_none_or(|best| exact(known).0 < best.value);
        if is_better {
            effort.refine(bfgs(&exact, known, None, BFGS_TOLERANCE), &mut best);
        }
    }
    let (mut found, curvature) = polish(&exact, best?);
    found.iterations += effort.iterations;
    found.evaluations += effort.evaluations;
    Some((found, curvature))
}

/// Work on what was not chosen in the end.
struct Effort {
    iterations: u32,
    evaluations: u32,
}

impl Effort {
    /// Keeps the better of the two, and counts the work on the other.
    fn refine(&mut self, refined: Option<Minimum>, best: &mut Option<Minimum>) {
        let Some(refined) = refined else {
            return;
        };
        let is_better = best
            .as_ref()
            .is_none_or(|best| refined.value.total_cmp(&best.value).is_lt());
        let other = if is_better {
            best.replace(refined)
        } else {
            Some(refined)
        };
        if let Some(other) = other {
            self.iterations += other.iterations;
            self.evaluations += other.evaluations;
        }
    }
}

/// The coarse optima to refine, the best first: different ones, and none that is clearly worse.
fn finalists(mut explored: Vec<Minimum>) -> Vec<Minimum> {
    explored.sort_by(|a, b| a.value.total_cmp(&b.value));
    let mut kept: Vec<Minimum> = Vec::new();
    for minimum in explored {
        let is_clearly_worse = kept
            .first()
            .is_some_and(|best| minimum.value > best.value + CLEARLY_WORSE);
        let is_known = kept.iter().any(|other| is_same_point(other, &minimum));
        if !is_clearly_worse && !is_known && kept.len() < FINALISTS {
            kept.push(minimum);
        }
    }
    kept
}

fn is_same_point(one: &Minimum, other: &Minimum) -> bool {
    let mut pairs = one.point.iter().zip(&other.point);
    pairs.all(|(x, y)| (x - y).abs() < SAME_POINT)
}

/// The objective, infinite outside the box.
pub(super) fn within_box(
    objective: &impl Fn(&[f64]) -> Evaluation,
) -> impl Fn(&[f64]) -> Evaluation {
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
    /// A simpler model that the data do not tell the maximum from.
    pub(super) limit: Option<&'static Limit>,
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
            limit: self.limit,
            has_prior: false,
            is_cut_short: false,
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
pub(super) fn maximise<const N: usize>(
    customers: u64,
    starts: &[[f64; N]],
    coarse: impl Fn([f64; N]) -> (f64, [f64; N]),
    exact: impl Fn([f64; N]) -> (f64, [f64; N]),
) -> Option<Maximum<N>> {
    maximise_against(customers, starts, coarse, exact, &[])
}

/// The same, and whether the data tell the maximum from these simpler models.
#[expect(clippy::cast_precision_loss, reason = "counts far below 2^53")]
pub(super) fn maximise_against<const N: usize>(
    customers: u64,
    starts: &[[f64; N]],
    coarse: impl Fn([f64; N]) -> (f64, [f64; N]),
    exact: impl Fn([f64; N]) -> (f64, [f64; N]),
    limits: &'static [Limit],
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
    let (minimum, hessian) = search(&coarse_mean, &exact_mean, &starts, None)?;
    Some(Maximum {
        parameters: parameters(&minimum.point),
        log_likelihood: -minimum.value * count,
        customers,
        limit: limits::reached(&exact_mean, (&minimum, &hessian), count, limits),
        minimum,
        hessian,
    })
}
