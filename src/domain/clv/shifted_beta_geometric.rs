//! Shifted-beta-geometric: contracts that are renewed or not at the end of each period.
//!
//! Fader & Hardie (2007), "How to Project Customer Retention", Journal of Interactive Marketing 21(1), 76-90; Fader & Hardie (2010),
//! "Customer-Base Valuation in a Contractual Setting: The Perils of Ignoring Heterogeneity", Marketing Science 29(1), 85-93. Each
//! contract has its own probability of ending, beta-distributed across contracts. It knows periods, not dates or prices.

use super::parameters::{ParameterError, require_positive};
use super::special_functions::hypergeometric::unit_numerator;
use super::special_functions::ln_rising;

/// Fitted parameters, both positive and finite.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ShiftedBetaGeometric {
    alpha: f64,
    beta: f64,
}

/// A discount rate per contract period must be positive and finite.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[error("a discount rate of {rate} a period is not positive and finite")]
pub struct PeriodDiscountError {
    /// What was given.
    pub rate: f64,
}

impl ShiftedBetaGeometric {
    /// What is assumed of contracts of which nothing was learned: Jeffreys' prior of a probability, half an end in one renewal due. The
    /// contract's own renewals move it: renewed first with probability 1/2, once renewed with 3/4, then with 5/6.
    pub const UNLEARNED: Self = Self {
        alpha: 0.5,
        beta: 0.5,
    };

    /// `alpha`, `beta`: beta parameters of the probability that a contract ends at a renewal.
    ///
    /// # Errors
    /// Names a parameter that is not positive and finite.
    pub fn new(alpha: f64, beta: f64) -> Result<Self, ParameterError> {
        require_positive([("alpha", alpha), ("beta", beta)])?;
        Ok(Self { alpha, beta })
    }

    /// `[alpha, beta]`.
    #[must_use]
    pub const fn parameters(&self) -> [f64; 2] {
        [self.alpha, self.beta]
    }

    /// Probability that a new contract is renewed at least `renewals` times (2007, eq. 6).
    ///
    /// ```
    /// use patron::domain::clv::shifted_beta_geometric::ShiftedBetaGeometric;
    ///
    /// // The "high end" segment of the paper: 86.9 % of 1,000 survive the first year in the data, 85.1 % in the model.
    /// let model = ShiftedBetaGeometric::new(0.668, 3.806)?;
    /// assert!((model.survival(1) - 0.851).abs() < 5e-4);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn survival(&self, renewals: u32) -> f64 {
        self.ln_survival(renewals).exp()
    }

    /// Probability that a new contract is renewed exactly `renewals` times and then ends (2007, eq. 5).
    #[must_use]
    pub fn ending(&self, renewals: u32) -> f64 {
        self.ln_ending(renewals).exp()
    }

    /// Probability that a contract renewed `renewals` times already is renewed again (2007, eq. 8).
    #[must_use]
    pub fn retention(&self, renewals: u32) -> f64 {
        let survived = self.beta + f64::from(renewals);
        survived / (self.alpha + survived)
    }

    /// Logarithm of [`Self::survival`].
    #[must_use]
    pub fn ln_survival(&self, renewals: u32) -> f64 {
        ln_rising(self.beta, renewals) - ln_rising(self.alpha + self.beta, renewals)
    }

    /// Logarithm of [`Self::ending`].
    #[must_use]
    pub fn ln_ending(&self, renewals: u32) -> f64 {
        let total = self.alpha + self.beta + f64::from(renewals);
        (self.alpha / total).ln() + self.ln_survival(renewals)
    }

    /// Expected periods still to be paid, for ever, just before a renewal of a contract renewed `renewals` times already; the
    /// next period counts in full, each later one is discounted by `1 + rate` (2010, eq. 6). Relative error below 1e-12.
    ///
    /// # Errors
    /// When the rate is not positive and finite: without a discount the sum may be infinite.
    pub fn discounted_residual_periods(
        &self,
        renewals: u32,
        rate: f64,
    ) -> Result<f64, PeriodDiscountError> {
        if !rate.is_normal() || rate < 0.0 {
            return Err(PeriodDiscountError { rate });
        }
        let survived = self.beta + f64::from(renewals) + 1.0;
        let gauss = unit_numerator(survived, self.alpha + survived, (1.0 + rate).recip());
        Ok(self.retention(renewals) * gauss)
    }

    /// The same for the next `periods` renewals only; any `rate > -1`, 0 for none.
    #[must_use]
    pub fn discounted_periods_within(&self, renewals: u32, periods: u32, rate: f64) -> f64 {
        let mut weight = 1.0;
        let mut total = 0.0;
        for period in 0..periods {
            weight *= self.retention(renewals.saturating_add(period));
            total += weight;
            weight /= 1.0 + rate;
        }
        total
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;
    use crate::domain::clv::reference::{assert_close, rows};

    #[derive(Deserialize)]
    struct Golden {
        segment: String,
        t: u32,
        p_churn_at_t: f64,
        survival: f64,
        retention: f64,
        #[serde(rename = "derl_d0.10_before_renewal_t")]
        residual: f64,
    }

    #[test]
    fn the_golden_segments_are_reproduced() {
        for row in rows::<Golden>(include_str!("../../../tests/reference/sbg_pred.csv")) {
            let model = match row.segment.as_str() {
                "highend" => {
                    ShiftedBetaGeometric::new(0.668_088_351_106_524_8, 3.806_094_964_058_886_4)
                }
                _ => ShiftedBetaGeometric::new(0.704_077_298_473_513_7, 1.182_043_026_209_471_2),
            }
            .unwrap();
            let before = row.t - 1;
            assert_close("ending", model.ending(before), row.p_churn_at_t, 1e-10);
            assert_close("survival", model.survival(row.t), row.survival, 1e-10);
            assert_close("retention", model.retention(before), row.retention, 1e-10);
            let residual = model.discounted_residual_periods(before, 0.1).unwrap();
            assert_close("residual periods", residual, row.residual, 1e-10);
            let long = model.discounted_periods_within(before, 500, 0.1);
            assert_close("residual periods within 500", long, row.residual, 1e-10);
        }
    }

    #[test]
    fn no_discount_means_no_answer_for_ever() {
        let model = ShiftedBetaGeometric::new(0.7, 1.2).unwrap();
        for rate in [0.0, -0.1, f64::NAN, f64::INFINITY] {
            assert!(model.discounted_residual_periods(3, rate).is_err());
        }
        assert_close(
            "two periods",
            model.discounted_periods_within(0, 2, 0.0),
            model.survival(1) + model.survival(2),
            1e-15,
        );
    }
}
