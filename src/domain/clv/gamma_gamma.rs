//! Gamma-Gamma: how much a customer spends per order, shrunk towards what customers spend on average.
//!
//! Fader & Hardie (2013), "The Gamma-Gamma Model of Monetary Value", note 025; Colombo & Jiang (1999). Assumes
//! that spend and frequency are independent. It does not know currencies or margins: money is in major units of
//! one currency.

use super::parameters::{ParameterError, require_positive};
use super::special_functions::ln_beta;

/// The fitted population has no mean spend: `q <= 1`.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[error("the spend model has no mean: q is {q} and must exceed 1")]
pub struct NoMean {
    /// The shape parameter that is too small.
    pub q: f64,
}

/// Why two numbers are not a spend history.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[error(
    "mean spend {mean_spend} over {frequency} repeat orders: needs at least one and a positive, finite mean"
)]
pub struct SpendError {
    /// Repeat orders.
    pub frequency: u32,
    /// Mean of the repeat orders, major units.
    pub mean_spend: f64,
}

/// What a customer spent on repeat orders: `x >= 1` of them, with a positive mean.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SpendHistory {
    frequency: u32,
    mean_spend: f64,
}

impl SpendHistory {
    /// `frequency` repeat orders of `mean_spend` major currency units each, on average.
    ///
    /// # Errors
    /// Without a repeat order, or with a mean that is not positive and finite.
    pub fn new(frequency: u32, mean_spend: f64) -> Result<Self, SpendError> {
        if frequency == 0 || !mean_spend.is_normal() || mean_spend < 0.0 {
            return Err(SpendError {
                frequency,
                mean_spend,
            });
        }
        Ok(Self {
            frequency,
            mean_spend,
        })
    }

    /// Repeat orders `x`, at least 1.
    #[must_use]
    pub const fn frequency(&self) -> u32 {
        self.frequency
    }

    /// Mean of the repeat orders, major units.
    #[must_use]
    pub const fn mean_spend(&self) -> f64 {
        self.mean_spend
    }
}

/// Fitted parameters, all positive and finite.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GammaGamma {
    p: f64,
    q: f64,
    v: f64,
}

impl GammaGamma {
    /// `p`: shape of one customer's spend per order; `q`, `v` (major units): shape and rate of the gamma distribution
    /// of its rate across customers.
    ///
    /// # Errors
    /// Names a parameter that is not positive and finite.
    pub fn new(p: f64, q: f64, v: f64) -> Result<Self, ParameterError> {
        require_positive([("p", p), ("q", q), ("v", v)])?;
        Ok(Self { p, q, v })
    }

    /// `[p, q, v]`.
    #[must_use]
    pub const fn parameters(&self) -> [f64; 3] {
        [self.p, self.q, self.v]
    }

    /// Natural logarithm of the density of the customer's mean spend, all constants kept (note 025, eq. 1).
    #[must_use]
    pub fn log_likelihood(&self, history: &SpendHistory) -> f64 {
        let Self { p, q, v } = *self;
        let x = f64::from(history.frequency);
        let m = history.mean_spend;
        let px = p * x;
        // (v/(v+xm))^q (xm/(v+xm))^px / (m B(px, q)).
        let total = x * m;
        -ln_beta(px, q) - q * (total / v).ln_1p() - px * (v / total).ln_1p() - m.ln()
    }

    /// Mean spend per order over all customers: `p v / (q - 1)`.
    ///
    /// # Errors
    /// When `q <= 1`: the distribution has no mean.
    pub fn population_mean(&self) -> Result<f64, NoMean> {
        if self.q <= 1.0 {
            return Err(NoMean { q: self.q });
        }
        Ok(self.p * self.v / (self.q - 1.0))
    }

    /// Expected spend per order of one customer (note 025, eq. 5): a mean of the customer's own and the
    /// population's, weighted by how much is known. `None` as history gives the population mean. Relative error below 1e-14.
    ///
    /// ```
    /// use patron::domain::clv::gamma_gamma::{GammaGamma, SpendHistory};
    ///
    /// // Fader & Hardie (2013), note 025, spreadsheet (rounded parameters).
    /// let model = GammaGamma::new(6.25, 3.74, 15.44)?;
    /// let spend = model.expected_spend(Some(&SpendHistory::new(2, 22.35)?))?;
    /// assert!((spend - 24.65).abs() < 0.02);
    /// assert!((model.expected_spend(None)? - 35.17).abs() < 0.06);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// When `q <= 1`: the population has no mean to shrink to.
    pub fn expected_spend(&self, history: Option<&SpendHistory>) -> Result<f64, NoMean> {
        let population_mean = self.population_mean()?;
        let Some(history) = history else {
            return Ok(population_mean);
        };
        let x = f64::from(history.frequency);
        Ok(self.p * (self.v + x * history.mean_spend) / (self.p * x + self.q - 1.0))
    }
}
