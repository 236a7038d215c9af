//! Pareto/NBD: orders at a gamma-distributed rate until an unobserved, exponential, gamma-mixed lifetime ends.
//!
//! Schmittlein, Morrison & Colombo (1987), "Counting Your Customers: Who Are They and What Will They Do Next?", Management
//! Science 33(1), 1-24; Fader & Hardie (2005), "A Note on Deriving the Pareto/NBD Model". It does not know how its
//! parameters were found.

use super::history::PurchaseHistory;
use super::outlook::{Outlook, Process};
use super::parameters::{ParameterError, require_positive};
use super::pareto_lifetime::ParetoLifetime;
use super::rates::{CustomerRates, Dropout};
use super::special_functions::hypergeometric::unit_numerator;
use super::special_functions::{ln_rising, softplus};

/// Fitted parameters, all positive and finite.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ParetoNbd {
    r: f64,
    alpha: f64,
    s: f64,
    beta: f64,
}

impl ParetoNbd {
    /// `r`, `alpha` (weeks): shape and rate of the order rate per week; `s`, `beta` (weeks): the same of the drop-out
    /// rate per week.
    ///
    /// # Errors
    /// Names a parameter that is not positive and finite.
    pub fn new(r: f64, alpha: f64, s: f64, beta: f64) -> Result<Self, ParameterError> {
        require_positive([("r", r), ("alpha", alpha), ("s", s), ("beta", beta)])?;
        Ok(Self { r, alpha, s, beta })
    }

    /// `[r, alpha, s, beta]`.
    #[must_use]
    pub const fn parameters(&self) -> [f64; 4] {
        [self.r, self.alpha, self.s, self.beta]
    }

    /// Natural logarithm of the likelihood of one history, all constants kept.
    ///
    /// Two positive terms in logarithms, so nothing cancels or overflows: relative error below 1e-12 for parameters over
    /// nine decades and frequencies to 1,000.
    ///
    /// ```
    /// use patron::domain::clv::{history::PurchaseHistory, pareto_nbd::ParetoNbd};
    ///
    /// // alpha = beta, x = 0: (alpha/(alpha+T))^(r+s) + s/(r+s) (1 - (alpha/(alpha+T))^(r+s)).
    /// let model = ParetoNbd::new(0.5, 10.0, 1.5, 10.0)?;
    /// let once = PurchaseHistory::from_weeks(0, 0.0, 10.0)?;
    /// assert!((model.log_likelihood(&once).exp() - (0.25 + 0.75 * 0.75)).abs() < 1e-15);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn log_likelihood(&self, history: &PurchaseHistory) -> f64 {
        let Self { r, alpha, s, beta } = *self;
        let x = history.frequency();
        let age = history.age_weeks();
        ln_rising(r, x)
            - r * (age / alpha).ln_1p()
            - f64::from(x) * (alpha + age).ln()
            - s * (age / beta).ln_1p()
            + self.ln_reciprocal_alive(history)
    }

    /// Probability that the customer is still a customer at the end of the history, in `(0, 1]`.
    /// Relative error below 1e-12.
    ///
    /// ```
    /// use patron::domain::clv::{history::PurchaseHistory, pareto_nbd::ParetoNbd};
    ///
    /// // BTYD walkthrough, page 9.
    /// let model = ParetoNbd::new(0.553_397_14, 10.580_198_54, 0.606_062_5, 11.656_223_67)?;
    /// let best = PurchaseHistory::from_days(26, 216, 217)?;
    /// assert!((model.probability_alive(&best) - 0.997_874).abs() < 1e-6);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn probability_alive(&self, history: &PurchaseHistory) -> f64 {
        (-self.ln_reciprocal_alive(history)).exp().min(1.0)
    }

    /// What lies ahead of a customer with this history.
    #[must_use]
    pub fn outlook(&self, history: &PurchaseHistory) -> Outlook {
        Outlook::new(
            self.probability_alive(history),
            Process::ParetoLifetime(ParetoLifetime {
                shape: self.r + f64::from(history.frequency()),
                rate: self.alpha + history.age_weeks(),
                lifetime_shape: self.s,
                lifetime_scale: self.beta + history.age_weeks(),
            }),
        )
    }

    /// What is known of the customer's own rates, alive or not: the mean over both possibilities.
    ///
    /// A moment of a rate is a ratio of likelihoods at a shape raised by one (Fader & Hardie 2005, as BTYD's posterior means).
    #[must_use]
    pub fn rates(&self, history: &PurchaseHistory) -> CustomerRates {
        let here = self.log_likelihood(history);
        let ratio = |raised: Self| (raised.log_likelihood(history) - here).exp();
        let more_orders = Self {
            r: self.r + 1.0,
            ..*self
        };
        let more_dropout = Self {
            s: self.s + 1.0,
            ..*self
        };
        CustomerRates {
            orders_per_week: self.r / self.alpha * ratio(more_orders),
            dropout: Dropout::PerWeek(self.s / self.beta * ratio(more_dropout)),
        }
    }

    /// What lies ahead of an unknown customer on the day of the first order.
    #[must_use]
    pub const fn newcomer(&self) -> Outlook {
        Outlook::new(
            1.0,
            Process::ParetoLifetime(ParetoLifetime {
                shape: self.r,
                rate: self.alpha,
                lifetime_shape: self.s,
                lifetime_scale: self.beta,
            }),
        )
    }

    /// `-ln P(alive)`: the logarithm of `1 - G(T) + G(t_x) W` with `W` the odds of silence since the last order.
    fn ln_reciprocal_alive(&self, history: &PurchaseHistory) -> f64 {
        let Self { alpha, s, beta, r } = *self;
        let (last, age) = (history.recency_weeks(), history.age_weeks());
        let shape = r + f64::from(history.frequency());
        let silence = shape * ((age - last) / (alpha + last)).ln_1p()
            + s * ((age - last) / (beta + last)).ln_1p();
        let gone = self.ln_dropout_share(shape, last) + silence;
        // The sum is at least 1, so a rounding error of the difference is no relative error.
        let kept = -self.ln_dropout_share(shape, age).exp_m1();
        if kept <= 0.0 {
            return gone.max(0.0);
        }
        kept.ln() + softplus(gone - kept.ln())
    }

    /// `ln G(u)`: the share of drop-out after `u` in `∫ (α+τ)^-R (β+τ)^-s` from `u` on, by parts; at most 0.
    ///
    /// `G = s ∫_u^∞ (α+τ)^-R (β+τ)^-(s+1) dτ · (α+u)^R (β+u)^s`, as a Gauss function with numerator 1 (Euler's transform
    /// of Fader & Hardie's `A_0`), whose continued fraction has positive terms only.
    fn ln_dropout_share(&self, shape: f64, u: f64) -> f64 {
        let Self { alpha, s, beta, .. } = *self;
        let n = shape + s;
        let (numerator, z, factor) = if alpha >= beta {
            (shape, (alpha - beta) / (alpha + u), 1.0)
        } else {
            (
                s + 1.0,
                (beta - alpha) / (beta + u),
                (alpha + u) / (beta + u),
            )
        };
        (s / n * factor * unit_numerator(numerator, n + 1.0, z))
            .ln()
            .min(0.0)
    }
}
