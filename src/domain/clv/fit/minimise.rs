//! Minimisation of a smooth function of a few variables with an exact gradient: BFGS, then Newton.
//!
//! It knows nothing of likelihoods. A function may return infinity (or NaN) outside its domain; the search stays inside.

use super::matrix::{SquareMatrix, dot};

/// Sufficient decrease of the weak Wolfe conditions (Nocedal & Wright 2006, 3.1).
const DECREASE: f64 = 1e-4;
/// Curvature of the weak Wolfe conditions.
const CURVATURE: f64 = 0.9;
/// No coordinate moves further in one step: coordinates are logarithms, so this is a factor of 7.
const LONGEST_STEP: f64 = 2.0;
/// Steps before BFGS gives up; well-behaved likelihoods take 20 to 40.
const MAX_ITERATIONS: u32 = 300;
/// Halvings or doublings within one line search.
const MAX_TRIALS: u32 = 50;
/// Difference step for the Hessian: truncation error about the square, rounding error eps over this.
const HESSIAN_STEP: f64 = 1e-4;
/// A derivative so small is rounding.
const EXACT: f64 = 1e-12;
/// Newton steps at most; each at least halves the gradient or is the last.
const MAX_NEWTON_STEPS: u32 = 12;

/// A value and its gradient.
pub(super) type Evaluation = (f64, Vec<f64>);

/// Where a search ended.
#[derive(Debug, Clone)]
pub(super) struct Minimum {
    pub(super) point: Vec<f64>,
    pub(super) value: f64,
    pub(super) gradient: Vec<f64>,
    pub(super) iterations: u32,
    pub(super) evaluations: u32,
}

impl Minimum {
    /// Largest absolute derivative.
    pub(super) fn gradient_norm(&self) -> f64 {
        max_norm(&self.gradient)
    }
}

/// A step of a line search and what was found at its end.
struct Step {
    change: Vec<f64>,
    value: f64,
    gradient: Vec<f64>,
}

/// BFGS from `start` until no derivative exceeds `tolerance` or nothing improves; `inverse_hessian` is the first guess.
/// `None` when the function is not finite at the start.
pub(super) fn bfgs(
    objective: &impl Fn(&[f64]) -> Evaluation,
    start: &[f64],
    inverse_hessian: Option<SquareMatrix>,
    tolerance: f64,
) -> Option<Minimum> {
    let first = objective(start);
    if !is_finite(&first) {
        return None;
    }
    let (value, gradient) = first;
    let mut at = Minimum {
        point: start.to_vec(),
        value,
        gradient,
        iterations: 0,
        evaluations: 1,
    };
    let mut inverse = inverse_hessian;
    while at.iterations < MAX_ITERATIONS && at.gradient_norm() > tolerance {
        let downhill: Vec<f64> = at.gradient.iter().map(|x| -x).collect();
        let mut direction = inverse
            .as_ref()
            .map_or_else(|| downhill.clone(), |inverse| inverse.times(&downhill));
        if dot(&direction, &at.gradient) >= 0.0 {
            inverse = None;
            direction = downhill;
        }
        let Some(Step {
            change: step,
            value,
            gradient,
        }) = line_search(objective, &mut at, &direction)
        else {
            break;
        };
        let change: Vec<f64> = gradient
            .iter()
            .zip(&at.gradient)
            .map(|(new, old)| new - old)
            .collect();
        inverse = Some(updated(inverse, &step, &change));
        at.point.iter_mut().zip(&step).for_each(|(x, s)| *x += s);
        at.value = value;
        at.gradient = gradient;
        at.iterations += 1;
    }
    Some(at)
}

/// A step along `direction` that satisfies the weak Wolfe conditions; the last decrease seen where rounding hides
/// them; `None` without any decrease.
fn line_search(
    objective: &impl Fn(&[f64]) -> Evaluation,
    at: &mut Minimum,
    direction: &[f64],
) -> Option<Step> {
    let slope = dot(direction, &at.gradient);
    let reach = max_norm(direction);
    let (mut low, mut high) = (0.0, f64::INFINITY);
    let mut length = (LONGEST_STEP / reach).min(1.0);
    let mut best = None;
    for _ in 0..MAX_TRIALS {
        let step: Vec<f64> = direction.iter().map(|d| d * length).collect();
        let point: Vec<f64> = at.point.iter().zip(&step).map(|(x, s)| x + s).collect();
        let trial = objective(&point);
        at.evaluations += 1;
        if is_finite(&trial) && trial.0 <= at.value + DECREASE * length * slope {
            let (value, gradient) = trial;
            let is_flat_enough = dot(direction, &gradient) >= CURVATURE * slope;
            best = Some(Step {
                change: step,
                value,
                gradient,
            });
            if is_flat_enough || reach * length >= LONGEST_STEP {
                break;
            }
            low = length;
        } else {
            high = length;
        }
        length = if high.is_finite() {
            f64::midpoint(low, high)
        } else {
            2.0 * low
        };
        if length * reach < 1e-14 {
            break;
        }
    }
    best
}

/// The BFGS update of the inverse Hessian (Nocedal & Wright 2006, eq. 6.17, first guess eq. 6.20), skipped where the
/// curvature is lost to rounding.
fn updated(inverse: Option<SquareMatrix>, step: &[f64], change: &[f64]) -> SquareMatrix {
    let curvature = dot(step, change);
    let size = step.len();
    if curvature <= 1e-12 * (dot(step, step) * dot(change, change)).sqrt() {
        return inverse.unwrap_or_else(|| SquareMatrix::identity(size));
    }
    let inverse = inverse.unwrap_or_else(|| {
        let scale = curvature / dot(change, change);
        SquareMatrix::identity(size).map(|_, _, cell| cell * scale)
    });
    let moved = inverse.times(change);
    let factor = (1.0 + dot(change, &moved) / curvature) / curvature;
    inverse.map(|i, j, cell| {
        cell + factor * step[i] * step[j] - (moved[i] * step[j] + step[i] * moved[j]) / curvature
    })
}

/// The Hessian by central differences of the exact gradient; relative error about 1e-8.
pub(super) fn hessian(objective: &impl Fn(&[f64]) -> Evaluation, point: &[f64]) -> SquareMatrix {
    let gradient_at = |j: usize, offset: f64| {
        let mut moved = point.to_vec();
        moved[j] += offset;
        objective(&moved).1
    };
    let columns: Vec<Vec<f64>> = (0..point.len())
        .map(|j| {
            let above = gradient_at(j, HESSIAN_STEP);
            let below = gradient_at(j, -HESSIAN_STEP);
            above
                .iter()
                .zip(&below)
                .map(|(x, y)| (x - y) / (2.0 * HESSIAN_STEP))
                .collect()
        })
        .collect();
    SquareMatrix::from_fn(point.len(), |i, j| {
        f64::midpoint(columns[i][j], columns[j][i])
    })
}

/// Newton steps with one Hessian, taken at the start, while they at least halve the gradient; returns it too.
pub(super) fn polish(
    objective: &impl Fn(&[f64]) -> Evaluation,
    mut at: Minimum,
) -> (Minimum, SquareMatrix) {
    let hessian = hessian(objective, &at.point);
    at.evaluations += at.point.iter().map(|_| 2).sum::<u32>();
    let Some(inverse) = hessian.inverse() else {
        return (at, hessian);
    };
    for _ in 0..MAX_NEWTON_STEPS {
        if at.gradient_norm() <= EXACT {
            break;
        }
        let step = inverse.times(&at.gradient);
        let point: Vec<f64> = at.point.iter().zip(&step).map(|(x, s)| x - s).collect();
        let trial = objective(&point);
        at.evaluations += 1;
        if !is_finite(&trial) || max_norm(&trial.1) > 0.5 * at.gradient_norm() {
            break;
        }
        at.point = point;
        (at.value, at.gradient) = trial;
        at.iterations += 1;
    }
    (at, hessian)
}

fn max_norm(vector: &[f64]) -> f64 {
    vector.iter().fold(0.0, |largest, x| x.abs().max(largest))
}

fn is_finite((value, gradient): &Evaluation) -> bool {
    value.is_finite() && gradient.iter().all(|x| x.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rosenbrock's valley: minimum 0 at (1, 1).
    fn rosenbrock(p: &[f64]) -> Evaluation {
        let (x, y) = (p[0], p[1]);
        let valley = y - x * x;
        let value = (1.0 - x).powi(2) + 100.0 * valley * valley;
        (
            value,
            vec![-2.0 * (1.0 - x) - 400.0 * x * valley, 200.0 * valley],
        )
    }

    #[test]
    fn rosenbrocks_valley_is_followed_to_its_end() {
        let found = bfgs(&rosenbrock, &[-1.2, 1.0], None, 1e-9).unwrap();
        let (found, hessian) = polish(&rosenbrock, found);
        assert!((found.point[0] - 1.0).abs() < 1e-12 && (found.point[1] - 1.0).abs() < 1e-12);
        assert!(found.iterations < 60, "{} iterations", found.iterations);
        assert!((hessian.get(0, 0) - 802.0).abs() < 1e-4);
    }

    #[test]
    fn a_function_with_a_forbidden_region_is_minimised_inside_its_domain() {
        let objective = |p: &[f64]| {
            if p[0] <= 0.0 {
                (f64::NAN, vec![f64::NAN])
            } else {
                (p[0] - p[0].ln(), vec![1.0 - p[0].recip()])
            }
        };
        let found = bfgs(&objective, &[30.0], None, 1e-10).unwrap();
        assert!((found.point[0] - 1.0).abs() < 1e-9);
        assert!(bfgs(&objective, &[-1.0], None, 1e-10).is_none());
    }
}
