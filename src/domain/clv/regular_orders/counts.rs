//! Stages passed within a time, and the orders that they complete.
//!
//! Given the rate stages are a Poisson process; over the rates their number is negative binomial. What it means for orders is a sum of
//! positive terms. Where that sum is long, it is taken for each rate: exactly for few stages, smoothed for many.

use super::NEGLIGIBLE;
use crate::domain::clv::negative_binomial::NegativeBinomial;
use crate::domain::clv::special_functions::gamma_mean::gamma_mean;
use crate::domain::clv::special_functions::ln_gamma;
use crate::domain::clv::stages::Stages;

/// A sum over more stages than this takes longer than the quadrature over rates.
const MOST_TERMS: f64 = 16_384.0;
/// The sum begins so many standard deviations below the mean: below are `e^-50` of the customers.
const DEVIATIONS: f64 = 10.0;
/// Of so many stages and more the number of orders is smooth.
const SMOOTH_FROM: f64 = 300.0;
/// Terms below this share of the sum are left out.
const SMALLEST_TERM: f64 = 1e-17;
/// Nearer to `a = 1` than this the expected orders are the mean of those on both sides.
const SINGULARITY_MARGIN: f64 = 1e-5;

/// `Beta(a, b)` of the drop-out probability after an order.
#[derive(Debug, Clone, Copy)]
pub(super) struct Dropout {
    pub(super) a: f64,
    pub(super) b: f64,
}

/// Stages and orders within a time.
pub(super) struct Counts {
    /// Stages of an order.
    pub(super) stages: Stages,
    /// Stages passed before.
    pub(super) passed: u32,
    /// Shape of the rate.
    pub(super) shape: f64,
    /// The time over the rate parameter of the gamma distribution, positive.
    pub(super) odds: f64,
    pub(super) dropout: Dropout,
}

/// What a sum over numbers of stages comes to.
#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    /// Expected orders.
    orders: f64,
    /// Probability that all orders were survived.
    survival: f64,
    /// Probability that they were, and that the next stage completes an order.
    completing: f64,
}

/// Orders so far.
struct Orders {
    dropout: Dropout,
    /// How many.
    count: f64,
    /// Expected number, with drop-out.
    expected: f64,
    /// Probability that all were survived.
    survival: f64,
}

impl Orders {
    const fn none(dropout: Dropout) -> Self {
        Self {
            dropout,
            count: 0.0,
            expected: 0.0,
            survival: 1.0,
        }
    }

    fn add(&mut self) {
        let Dropout { a, b } = self.dropout;
        self.expected += self.survival;
        self.survival *= (b + self.count) / (a + b + self.count);
        self.count += 1.0;
    }
}

impl Counts {
    /// Expected orders.
    pub(super) fn expected_orders(&self) -> f64 {
        if self.is_short() {
            return self.sum().orders;
        }
        self.mean_over_rates(|stages| self.of_rate(stages).orders)
    }

    /// Probability that all orders are survived.
    pub(super) fn survival(&self) -> f64 {
        if self.is_short() {
            return self.sum().survival;
        }
        // Nothing is lost at small rates, where the quadrature does not look.
        1.0 - self.mean_over_rates(|stages| 1.0 - self.of_rate(stages).survival)
    }

    /// Probability that all orders are survived and the next stage completes one. For [short](Self::is_short) sums.
    pub(super) fn completing(&self) -> f64 {
        self.sum().completing
    }

    /// Whether the sum over the stages is short.
    pub(super) fn is_short(&self) -> bool {
        let mean = self.shape * self.odds;
        let deviation = (mean * (1.0 + self.odds)).sqrt();
        mean + DEVIATIONS * deviation + 2.0 * NEGLIGIBLE * (1.0 + self.odds) < MOST_TERMS
    }

    fn sum(&self) -> Sums {
        let Self { shape, odds, .. } = *self;
        let mean = shape * odds;
        let deviation = (mean * (1.0 + odds)).sqrt();
        let first = whole(mean - DEVIATIONS * deviation);
        let mass = NegativeBinomial { shape, odds }.ln_mass(first).exp();
        let share = odds / (1.0 + odds);
        self.sum_from(first, mass, |n| share * (shape + n) / (n + 1.0))
    }

    /// The same for a known rate that lets expect so many stages.
    fn of_rate(&self, stages: f64) -> Sums {
        if stages > SMOOTH_FROM {
            return self.smooth(stages);
        }
        self.sum_from(0, (-stages).exp(), |n| stages / (n + 1.0))
    }

    /// The sum over the numbers of stages from `first` on, whose probability is `mass`; `ratio` gives that of a further stage.
    fn sum_from(&self, first: u32, mut mass: f64, ratio: impl Fn(f64) -> f64) -> Sums {
        let k = self.stages.get();
        let mut orders = Orders::none(self.dropout);
        let passed = self.passed + first;
        for _ in 0..passed / k {
            orders.add();
        }
        let mut stage = passed % k;
        let mut n = f64::from(first);
        let mut sums = Sums::default();
        loop {
            sums.orders += mass * orders.expected;
            sums.survival += mass * orders.survival;
            stage += 1;
            if stage == k {
                sums.completing += mass * orders.survival;
                orders.add();
                stage = 0;
            }
            let factor = ratio(n);
            if factor < 1.0 {
                // Those left are at most a geometric series, over which orders grow by less than one a term.
                let left = mass * factor / (1.0 - factor);
                let is_small = |added: f64, sum: f64| left * added <= SMALLEST_TERM * sum;
                let growing = orders.expected + (1.0 - factor).recip();
                if is_small(growing, sums.orders)
                    && is_small(orders.survival, sums.survival)
                    && is_small(orders.survival, sums.completing)
                {
                    return sums;
                }
            }
            mass *= factor;
            n += 1.0;
        }
    }

    /// For so many stages that orders grow smoothly with them: by the value at the mean, and the curvature times half the variance.
    fn smooth(&self, stages: f64) -> Sums {
        let k = self.stages.as_f64();
        // Orders lag behind by half a cycle on average, and by any part of it.
        let orders = (stages + f64::from(self.passed) - 0.5 * (k - 1.0)) / k;
        let variance = stages / (k * k) + (1.0 - (k * k).recip()) / 12.0;
        let Dropout { a, b } = self.dropout;
        let survival = self.dropout.survival_of(orders);
        // Derivatives of the logarithm of the survival.
        let slope = -(a / (b + orders)).ln_1p();
        let bend = (b + orders).recip() - (a + b + orders).recip();
        Sums {
            orders: self.dropout.expected_of(orders) + 0.5 * variance * slope * survival,
            survival: (survival * (1.0 + 0.5 * variance * (slope * slope + bend))).min(1.0),
            completing: 0.0,
        }
    }

    fn mean_over_rates(&self, of_stages: impl Fn(f64) -> f64) -> f64 {
        let ln_least = -self.odds.ln() - NEGLIGIBLE;
        gamma_mean(self.shape, ln_least, |rate| {
            of_stages(rate.value * self.odds)
        })
    }
}

impl Dropout {
    /// Probability of surviving so many orders, also between whole numbers of them.
    fn survival_of(self, orders: f64) -> f64 {
        let Self { a, b } = self;
        let ln = ln_gamma(b + orders) - ln_gamma(b) - (ln_gamma(a + b + orders) - ln_gamma(a + b));
        ln.min(0.0).exp()
    }

    /// Expected number of `orders`, with drop-out.
    fn expected_of(self, orders: f64) -> f64 {
        let Self { a, b } = self;
        if (a - 1.0).abs() < SINGULARITY_MARGIN {
            let at = |a| Self { a, b }.expected_of(orders);
            let aside = 2.0 * SINGULARITY_MARGIN;
            return f64::midpoint(at(1.0 - aside), at(1.0 + aside));
        }
        let sum = a + b - 1.0;
        ((sum - self.survival_of(orders) * (sum + orders)) / (a - 1.0)).clamp(1.0, orders.max(1.0))
    }
}

/// A number of stages, from 0.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "between 0 and the most terms of a sum"
)]
fn whole(stages: f64) -> u32 {
    stages.clamp(0.0, MOST_TERMS) as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::clv::reference::assert_close;

    #[test]
    fn both_ways_to_sum_agree() {
        for (k, passed) in [(1, 0), (2, 0), (2, 1), (5, 3)] {
            for (shape, odds) in [(0.3, 100.0), (4.0, 60.0), (60.0, 30.0), (900.0, 2.0)] {
                for (a, b) in [(0.5, 2.0), (1.0, 3.0), (3.0, 40.0), (0.01, 0.5)] {
                    let counts = Counts {
                        stages: Stages::new(k).unwrap(),
                        passed,
                        shape,
                        odds,
                        dropout: Dropout { a, b },
                    };
                    assert!(counts.is_short());
                    let sums = counts.sum();
                    let orders = counts.mean_over_rates(|stages| counts.of_rate(stages).orders);
                    assert_close("orders", orders, sums.orders, 1e-5);
                    let lost =
                        counts.mean_over_rates(|stages| 1.0 - counts.of_rate(stages).survival);
                    assert!(
                        (1.0 - lost - sums.survival).abs() < 1e-5,
                        "{shape} {odds} {a} {b}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_long_sum_is_not_begun() {
        let counts = Counts {
            stages: Stages::TWO,
            passed: 1,
            shape: 1e5,
            odds: 1e4,
            dropout: Dropout { a: 1.0, b: 9.0 },
        };
        assert!(!counts.is_short());
        // With a = 1 the expected orders are a harmonic sum: 9 (ln 5e8 - ln 8.5) or so.
        let orders = counts.expected_orders();
        assert!((150.0..170.0).contains(&orders), "{orders}");
        assert!(counts.survival() < 1e-6);
    }
}
