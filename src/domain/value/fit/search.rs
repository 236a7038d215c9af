//! The strategy of every fit here: several starts on coarse data, the best of them exact on all of it, Newton at the end.
//!
//! Coordinates are logarithms of parameters in units of the data (time or money scaled to about 1), so one set of starts and
//! one box serve all data. Objectives are means per customer.

use super::matrix::SquareMatrix;
use super::minimise::{Evaluation, Minimum, bfgs, hessian, polish};

/// No parameter leaves e^±20 (about 5e8) times the unit of the data: beyond, a likelihood is flat for ever.
const BOX: f64 = 20.0;
/// A mean derivative of this size is left to Newton.
const BFGS_TOLERANCE: f64 = 1e-7;
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
