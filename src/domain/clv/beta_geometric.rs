//! The buying process that BG/NBD and MBG/NBD share, seen from a customer who is alive now.
//!
//! Orders come at rate `λ`, after each the customer drops out with probability `p`; `λ ~ Gamma(shape, rate)`,
//! `p ~ Beta(a, b)`. Both models have this one process ahead of a live customer, with updated parameters: new
//! customers start it at the fitted ones, others at the posterior given their history. It does not know which
//! model, or which history, brought it here.

use super::negative_binomial::NegativeBinomial;
use super::special_functions::beta_mean::{Probability, beta_mean};
use super::special_functions::exponential_integral::scaled_exponential_integral;
use super::special_functions::hypergeometric::gauss_series;
use super::special_functions::ln_rising;

/// The alternating series is used while its terms shrink at least so fast: then no digit cancels.
const ALTERNATING_RATIO: f64 = 0.7;
/// Nearer to `a = 1` than this the closed form divides rounding errors by too small a number.
const SINGULARITY_MARGIN: f64 = 1e-3;
/// Below this, times the root of the number of terms, the closed form's difference from 1 has lost too many digits: the rounding of the
/// series grows like a random walk, by about 2e-16 a step (measured). Then five digits or more are left of 1e-10.
const SMALLEST_BRACKET: f64 = 5e-6;
/// A hazard below this is as good as none: `1 - (1 + h)^-R` is `R h`.
const SMALLEST_HAZARD: f64 = 1e-17;

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
    /// and `a + b < 1`; relative error below 1e-10 for parameters over nine decades and `b` to 1e6 (property test against quadrature),
    /// 2e-13 on the golden and the stress values.
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

    /// Expected orders in `(from, to]`, weeks from now, `0 <= from < to`; relative error below 1e-11.
    ///
    /// The mean over the drop-out probability of `(1 + p u)^-R [1 - (1 + p v)^-R] / p`, with `u = from/rate` and
    /// `v = (to - from)/(rate + p from)`: positive throughout, so nothing cancels. By quadrature.
    #[must_use]
    pub fn expected_orders_between(&self, from: f64, to: f64) -> f64 {
        if from <= 0.0 {
            return self.expected_orders(to);
        }
        let (u, w) = (from / self.rate, (to - from) / self.rate);
        beta_mean(self.a, self.b, |p: Probability| {
            let survived = (p.ln + u.ln()).exp();
            let hazard = (p.ln + w.ln()).exp() / (1.0 + survived);
            let until_then = (-self.shape * survived.ln_1p()).exp();
            let from_then = if hazard < SMALLEST_HAZARD {
                self.shape * w / (1.0 + survived)
            } else {
                -(-self.shape * hazard.ln_1p()).exp_m1() / p.value
            };
            until_then * from_then
        })
    }

    /// Probability of still being alive `weeks >= 0` from now; relative error below 1e-10.
    ///
    /// Every order so far was survived: the mean of `e^(-λ p t)`, which is `2F1(R, a; a+b; -t/rate)`.
    #[must_use]
    pub fn probability_alive_after(&self, weeks: f64) -> f64 {
        let w = weeks / self.rate;
        if w <= 0.0 {
            return 1.0;
        }
        let survived_all = |p: Probability| (-self.shape * (p.ln + w.ln()).exp().ln_1p()).exp();
        self.survivor(self.a, w)
            .map_or_else(
                || beta_mean(self.a, self.b, survived_all),
                |(survivor, _)| survivor,
            )
            .min(1.0)
    }

    /// Probability of exactly `orders` within `weeks >= 0` from now; relative error below 1e-11.
    ///
    /// Fader, Hardie & Lee (2005), eq. 8: all survived, or the last of them was the last.
    #[must_use]
    pub fn probability_of_orders(&self, orders: u32, weeks: f64) -> f64 {
        let Self { shape, rate, a, b } = *self;
        let counts = NegativeBinomial {
            shape,
            odds: weeks.max(0.0) / rate,
        };
        let n = f64::from(orders);
        let ln_survived = ln_rising(b, orders) - ln_rising(a + b, orders);
        let all_survived = (ln_survived + counts.ln_mass(orders)).exp();
        if orders == 0 {
            return all_survived;
        }
        let last_was_last =
            (ln_survived + (a / (b + n - 1.0)).ln()).exp() * counts.at_least(orders);
        all_survived + last_was_last
    }

    /// Expected orders from now on for ever, each discounted by `e^(-discount · weeks)`, `discount > 0` per week (the DERT
    /// of a live customer); relative error below 1e-10.
    ///
    /// For a given drop-out probability the rate of orders decays like `(1 + p t/rate)^-(R+1)`, whose Laplace transform is a
    /// generalised exponential integral; the mean over the probability is taken by quadrature.
    #[must_use]
    pub fn discounted_residual_orders(&self, discount: f64) -> f64 {
        let scale = discount * self.rate;
        beta_mean(self.a, self.b, |p: Probability| {
            let y = (scale.ln() - p.ln).exp();
            if y > 1e15 {
                return self.shape / scale;
            }
            self.shape / p.value * scaled_exponential_integral(self.shape + 1.0, y)
        })
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

    /// `(c/(a-1)) [1 - (1-z)^R 2F1(R, b; c; z)]` with `c = a+b-1`, `z = t/(rate+t)`.
    fn closed_form(&self, w: f64) -> Option<f64> {
        let Self { a, b, .. } = *self;
        let c = a + b - 1.0;
        if (a - 1.0).abs() < SINGULARITY_MARGIN || c <= 0.0 {
            return None;
        }
        let (survivor, terms) = self.survivor(a - 1.0, w)?;
        let bracket = 1.0 - survivor;
        let is_exact =
            bracket.abs() > SMALLEST_BRACKET * f64::from(terms).sqrt() * survivor.abs().max(1.0);
        is_exact.then(|| c / (a - 1.0) * bracket)
    }

    /// `(1-z)^R 2F1(R, b; a+b; z)` or its Euler transform: for `a > 0` the mean of `(1 + p w)^-R`. With the terms it took.
    fn survivor(&self, a: f64, w: f64) -> Option<(f64, u32)> {
        let Self { shape, b, .. } = *self;
        let c = a + b;
        let z = w / (1.0 + w);
        let ln_complement = -w.ln_1p();
        // The Euler transform is short for most customers, but its terms alternate once c - R is far below zero.
        let is_transform_better = c - shape > -1.0 && (c - shape).abs() * a.abs() <= shape * b;
        let (power, first, second) = if is_transform_better {
            (a, c - shape, a)
        } else {
            (shape, shape, b)
        };
        let front = (power * ln_complement).exp();
        if !front.is_normal() {
            // Far out of range, the series would have to make up for it.
            return None;
        }
        let (sum, terms) = gauss_series(first, second, c, z)?;
        let value = front * sum;
        value.is_finite().then_some((value, terms))
    }

    /// `E_p [(1 - (1 + p w)^-R) / p]`: without singularity, by quadrature.
    fn mean_over_dropout(&self, w: f64) -> f64 {
        beta_mean(self.a, self.b, |p: Probability| {
            let hazard = (p.ln + w.ln()).exp();
            if hazard < SMALLEST_HAZARD {
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
    use crate::domain::clv::reference::{assert_close, relative_difference};

    /// The mean over the drop-out probability in 34-digit arithmetic (mpmath), where the closed form loses digits.
    #[test]
    fn a_small_difference_from_one_after_many_terms_is_left_to_quadrature() {
        for (shape, a, b, w, truth) in [
            (7.11, 1.00343, 7.87e5, 693.0, 4_909.670_124_597_588),
            (4.56, 1.00125, 1.8e5, 489.0, 2_213.175_967_594_882),
            (0.00151, 9.3e-6, 5.6e4, 553.0, 0.835_029_961_847_902_4),
        ] {
            let process = BetaGeometric {
                shape,
                rate: 1.0,
                a,
                b,
            };
            assert_close("orders", process.expected_orders(w), truth, 1e-12);
        }
    }

    proptest! {
        #[test]
        fn the_three_ways_to_the_expectation_agree(
            ln_shape in -7.0..6.5_f64,
            ln_a in -12.0..4.0_f64,
            ln_b in -4.0..14.0_f64,
            ln_w in -9.0..7.0_f64,
            is_near_one in proptest::bool::ANY,
        ) {
            let [shape, a, b, w] = [ln_shape, ln_a, ln_b, ln_w].map(f64::exp);
            // Where the closed form divides by a - 1.
            let a = if is_near_one { 1.0 + 0.1 * a / (1.0 + a) } else { a };
            let process = BetaGeometric { shape, rate: 1.0, a, b };
            let slow = process.mean_over_dropout(w);
            let fast = process.expected_orders(w);
            prop_assert!(relative_difference(fast, slow) < 1e-10, "{process:?} {w}: {fast} or {slow}");
            let (early, late) = (process.expected_orders_between(0.0, w), process.expected_orders_between(w, 2.0 * w));
            let both = process.expected_orders(2.0 * w);
            prop_assert!(relative_difference(early + late, both) < 2e-10, "{process:?} {w}: {early} and {late}, not {both}");
            let alive = process.probability_alive_after(w);
            let slow = beta_mean(a, b, |p| (-shape * (p.value * w).ln_1p()).exp());
            prop_assert!(relative_difference(alive, slow) < 1e-10, "{process:?} {w}: alive {alive} or {slow}");
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
