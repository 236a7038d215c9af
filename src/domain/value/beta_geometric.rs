//! The buying process that BG/NBD and MBG/NBD share, seen from a customer who is alive now.
//!
//! Orders come at rate `λ`, after each the customer drops out with probability `p`; `λ ~ Gamma(shape, rate)`,
//! `p ~ Beta(a, b)`. Both models have this one process ahead of a live customer, with updated parameters: new
//! customers start it at the fitted ones, others at the posterior given their history. It does not know which
//! model, or which history, brought it here.

use super::special_functions::beta_mean::{Probability, beta_mean};
use super::special_functions::hypergeometric::gauss_series;

/// The alternating series is used while its terms shrink at least so fast: then no digit cancels.
const ALTERNATING_RATIO: f64 = 0.7;
/// Nearer to `a = 1` than this the closed form divides rounding errors by too small a number.
const SINGULARITY_MARGIN: f64 = 1e-3;
/// Below this the closed form's difference from 1 has lost too many digits.
const SMALLEST_BRACKET: f64 = 1e-5;

/// A live customer's orders to come: `Gamma(shape, rate)` order rate per week, `Beta(a, b)` drop-out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BetaGeometric {
    /// Shape of the order rate: `r + x`.
    pub shape: f64,
    /// Rate parameter of the order rate, weeks: `α + T`.
    pub rate: f64,
    /// Drop-outs in the prior of the drop-out probability.
    pub a: f64,
    /// Survived orders in that prior: `b + x` (BG/NBD) or `b + x + 1` (MBG/NBD).
    pub b: f64,
}

impl BetaGeometric {
    /// Expected orders within `weeks >= 0` from now.
    ///
    /// Fader, Hardie & Lee (2005, Marketing Science 24(2), eq. 9 and 10), for all parameters including `a = 1`
    /// and `a + b < 1`; relative error below 1e-11 (measured on the golden and the stress values).
    #[must_use]
    pub fn expected_orders(&self, weeks: f64) -> f64 {
        let w = weeks / self.rate;
        if w <= 0.0 {
            return 0.0;
        }
        self.alternating_series(w)
            .or_else(|| self.closed_form(w))
            .unwrap_or_else(|| self.mean_over_dropout(w))
    }

    /// `Σ (-1)^(k+1) (R)_k (a)_(k-1) w^k / ((a+b)_(k-1) k!)`: the closed form expanded in `w = t/rate`, whose
    /// singularities at `a = 1` and `a + b = 1` cancel term by term. For short horizons only.
    fn alternating_series(&self, w: f64) -> Option<f64> {
        let Self { shape, a, b, .. } = *self;
        let ratio_bound = w * ((shape + 1.0) / (a + b)).max(1.0) * (a / 2.0).max(1.0);
        if ratio_bound > ALTERNATING_RATIO {
            return None;
        }
        let mut term = shape * w;
        let mut sum = term;
        let mut k = 1.0;
        while term.abs() > 1e-17 * sum {
            term *= -w * (shape + k) * (a + k - 1.0) / ((a + b + k - 1.0) * (k + 1.0));
            sum += term;
            k += 1.0;
        }
        Some(sum)
    }

    /// `(c/(a-1)) [1 - (1-z)^R 2F1(R, b; c; z)]` with `c = a+b-1`, `z = t/(rate+t)`, or its Euler transform.
    fn closed_form(&self, w: f64) -> Option<f64> {
        let Self { shape, a, b, .. } = *self;
        let c = a + b - 1.0;
        if (a - 1.0).abs() < SINGULARITY_MARGIN || c <= 0.0 {
            return None;
        }
        let z = w / (1.0 + w);
        let ln_complement = -w.ln_1p();
        // The Euler transform is short for most customers, but its terms alternate once c - R is far below zero.
        let is_transform_better =
            c - shape > -1.0 && (c - shape).abs() * (a - 1.0).abs() <= shape * b;
        let survivor = if is_transform_better {
            ((a - 1.0) * ln_complement).exp() * gauss_series(c - shape, a - 1.0, c, z)?
        } else {
            (shape * ln_complement).exp() * gauss_series(shape, b, c, z)?
        };
        let bracket = 1.0 - survivor;
        (bracket.is_finite() && bracket.abs() > SMALLEST_BRACKET).then(|| c / (a - 1.0) * bracket)
    }

    /// `E_p [(1 - (1 + p w)^-R) / p]`: without singularity, by quadrature.
    fn mean_over_dropout(&self, w: f64) -> f64 {
        beta_mean(self.a, self.b, |p: Probability| {
            let hazard = (p.ln + w.ln()).exp();
            if hazard < 1e-12 {
                self.shape * w
            } else {
                -(-self.shape * hazard.ln_1p()).exp_m1() / p.value
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{prop_assert, proptest};

    use super::*;
    use crate::domain::value::reference::relative_difference;

    proptest! {
        #[test]
        fn the_three_ways_to_the_expectation_agree(
            ln_shape in -3.0..6.0_f64,
            ln_a in -4.0..4.0_f64,
            ln_b in -4.0..7.0_f64,
            ln_w in -9.0..4.0_f64,
        ) {
            let [shape, a, b, w] = [ln_shape, ln_a, ln_b, ln_w].map(f64::exp);
            let process = BetaGeometric { shape, rate: 1.0, a, b };
            let slow = process.mean_over_dropout(w);
            let fast = process.expected_orders(w);
            prop_assert!(relative_difference(fast, slow) < 1e-10, "{process:?} {w}: {fast} or {slow}");
        }

        #[test]
        fn expected_orders_grow_with_time_and_never_beyond_those_of_an_immortal_customer(
            ln_shape in -7.0..7.0_f64,
            ln_a in -14.0..14.0_f64,
            ln_b in -7.0..14.0_f64,
            ln_weeks in -14.0..9.0_f64,
        ) {
            let [shape, a, b, weeks] = [ln_shape, ln_a, ln_b, ln_weeks].map(f64::exp);
            let process = BetaGeometric { shape, rate: 7.0, a, b };
            let orders = process.expected_orders(weeks);
            let later = process.expected_orders(weeks * 1.5);
            prop_assert!(orders > 0.0 && orders <= shape / 7.0 * weeks * (1.0 + 1e-9), "{process:?} {weeks}: {orders}");
            prop_assert!(later >= orders * (1.0 - 1e-9), "{process:?} {weeks}: {orders} then {later}");
        }
    }
}
