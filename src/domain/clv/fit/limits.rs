//! Simpler models at the edges of a family, and whether the data tell the optimum from them.
//!
//! Where customers do not differ in something, the likelihood is flat along a ridge that ends in a simpler model at infinity (or at
//! zero). How far an optimum lies along such a ridge is chance, and its standard error shrinks with the number of customers although
//! nothing is learned; so the optimum is compared with the simpler model itself.

use super::matrix::SquareMatrix;
use super::minimise::{Evaluation, Minimum, bfgs};

/// Log-likelihood that an optimum must gain over a simpler model: with less, the limit is nine tenths as likely, and there is no maximum to
/// speak of, however many customers there are. Where customers are alike in truth, two fits of three gain less; the third has a maximum
/// whose standard errors tell how little it says. To ask more (Akaike's criterion asks for 1) would leave shops of some hundred customers
/// without any answer, though along the ridge all parameters predict much the same.
const MIN_GAIN: f64 = 0.1;
/// A parameter whose logarithm is known better than this is 2.8 standard errors from zero and infinity, a gain of about 4: the
/// simpler model need not be fitted.
const SHARP_LOG_STANDARD_ERROR: f64 = 0.35;
/// Mean derivative at which a limit is near enough: its log-likelihood is then right to far less than [`MIN_GAIN`].
const TOLERANCE: f64 = 1e-5;
/// A simpler model at the edge of a family: a coordinate held far out, the others as they are best there.
#[derive(Debug, PartialEq)]
pub(super) struct Limit {
    /// Which coordinate (the logarithm of a parameter) is held.
    pub(super) held: usize,
    /// Where.
    pub(super) at: f64,
    /// Coordinates that go along with it from the optimum, and with which sign.
    pub(super) along: &'static [(usize, f64)],
    /// The parameters that mean nothing at the limit.
    pub(super) parameters: &'static [&'static str],
    /// What customers are like at the limit.
    pub(super) customers: &'static str,
}

/// The first of these limits that the data do not tell the optimum from. `objective` is the mean negative log-likelihood that was
/// minimised, `hessian` its second derivatives at the optimum.
pub(super) fn reached(
    objective: &impl Fn(&[f64]) -> Evaluation,
    (found, hessian): (&Minimum, &SquareMatrix),
    customers: f64,
    limits: &'static [Limit],
) -> Option<&'static Limit> {
    let covariance = hessian.inverse();
    let is_sharp = |limit: &Limit| {
        covariance.as_ref().is_some_and(|inverse| {
            let variance = inverse.get(limit.held, limit.held) / customers;
            variance < SHARP_LOG_STANDARD_ERROR.powi(2)
        })
    };
    limits
        .iter()
        .filter(|limit| !is_sharp(limit))
        .find(|limit| gain(objective, found, limit) * customers < MIN_GAIN)
}

/// Mean gain in log-likelihood of the optimum over the limit.
fn gain(objective: &impl Fn(&[f64]) -> Evaluation, found: &Minimum, limit: &Limit) -> f64 {
    let here = found.point[limit.held];
    let at = limit.at;
    if at > 0.0 && here >= at {
        // So far out is the limit itself; further out, sums of logarithms have no digits left to compare.
        return 0.0;
    }
    let mut start = found.point.clone();
    for &(coordinate, sign) in limit.along {
        start[coordinate] += sign * (at - here);
    }
    start.remove(limit.held);
    let held = |free: &[f64]| {
        let mut point = free.to_vec();
        point.insert(limit.held, at);
        let (value, mut gradient) = objective(&point);
        gradient.remove(limit.held);
        (value, gradient)
    };
    bfgs(&held, &start, None, TOLERANCE).map_or(f64::INFINITY, |limit| limit.value - found.value)
}
