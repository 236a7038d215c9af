//! Gamma-Gamma: how much a customer spends per order, shrunk towards what customers spend on average.
//!
//! Fader & Hardie (2013), "The Gamma-Gamma Model of Monetary Value", note 025; Colombo & Jiang (1999). Assumes
//! that spend and frequency are independent. It does not know currencies or margins: money is in major units of
//! one currency.

use super::parameters::{ParameterError, require_positive};
use super::special_functions::{ln_beta, ln_gamma};

/// The fitted population has no mean spend: `q <= 1`.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[error("the spend model has no mean: q is {q} and must exceed 1")]
pub struct NoMean {
    /// The shape parameter that is too small.
    pub q: f64,
}

/// Why numbers are not a spend history.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[error(
    "mean spend {mean_spend} over {frequency} orders: needs at least one and a positive, finite mean"
)]
pub struct SpendError {
    /// Paid orders.
    pub frequency: u32,
    /// Their mean, major units.
    pub mean_spend: f64,
}

/// What a customer paid: some orders with a positive total, and the share of all orders that were paid for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SpendHistory {
    orders: u32,
    total: f64,
    paid_share: f64,
}

impl SpendHistory {
    /// `frequency` orders of `mean_spend` major currency units each, on average.
    ///
    /// # Errors
    /// Without an order, or with a mean that is not positive and finite.
    pub fn new(frequency: u32, mean_spend: f64) -> Result<Self, SpendError> {
        let total = f64::from(frequency) * mean_spend;
        if frequency == 0 || !mean_spend.is_normal() || mean_spend < 0.0 || !total.is_finite() {
            return Err(SpendError {
                frequency,
                mean_spend,
            });
        }
        Ok(Self {
            orders: frequency,
            total,
            paid_share: 1.0,
        })
    }

    /// `orders` paid orders of `total` major currency units together.
    ///
    /// # Errors
    /// Without an order, or when the total is not positive and finite.
    pub fn from_orders(orders: u32, total: f64) -> Result<Self, SpendError> {
        let paid = Self::new(orders, total / f64::from(orders.max(1)))?;
        Ok(Self { total, ..paid })
    }

    /// No paid order to learn from.
    #[must_use]
    pub const fn unpaid() -> Self {
        Self {
            orders: 0,
            total: 0.0,
            paid_share: 1.0,
        }
    }

    /// The same with so many of the customer's orders paid for, and so many free.
    #[must_use]
    pub fn with_free_orders(self, paid: u32, free: u32) -> Self {
        let (paid, free) = (f64::from(paid), f64::from(free));
        Self {
            paid_share: if free > 0.0 {
                paid / (paid + free)
            } else {
                1.0
            },
            ..self
        }
    }

    /// Paid orders.
    #[must_use]
    pub const fn orders(&self) -> u32 {
        self.orders
    }

    /// Amount of the paid orders together, major units; 0 without one.
    #[must_use]
    pub const fn total(&self) -> f64 {
        self.total
    }

    /// Mean of the paid orders, major units; 0 without one.
    #[must_use]
    pub fn mean_spend(&self) -> f64 {
        self.total / f64::from(self.orders.max(1))
    }

    /// Share of the orders that were paid for, in `0..=1`: the share of the orders to come that is expected to be.
    #[must_use]
    pub const fn paid_share(&self) -> f64 {
        self.paid_share
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

    /// Natural logarithm of the density of the mean of the paid orders, of which there is at least one, all constants kept (note 025,
    /// eq. 1).
    #[must_use]
    pub fn log_likelihood(&self, history: &SpendHistory) -> f64 {
        let Self { p, q, v } = *self;
        let x = f64::from(history.orders);
        let total = history.total;
        let px = p * x;
        // (v/(v+xm))^q (xm/(v+xm))^px / (m B(px, q)).
        -ln_beta(px, q)
            - q * (total / v).ln_1p()
            - px * (v / total).ln_1p()
            - history.mean_spend().ln()
    }

    /// The same of the single paid orders, whose logarithms sum to `log_sum`.
    ///
    /// With n orders `z_i ~ Gamma(p, nu)`, `nu ~ Gamma(q, v)` and `S` their sum, the density is
    /// `Gamma(pn+q) v^q prod(z_i)^(p-1) / (Gamma(q) Gamma(p)^n (v+S)^(pn+q))`: that of the sum, times that of how the sum is divided,
    /// which is a Dirichlet distribution and depends on p alone.
    #[must_use]
    pub fn log_likelihood_of_orders(&self, history: &SpendHistory, log_sum: f64) -> f64 {
        let n = f64::from(history.orders);
        let division = ln_gamma(self.p * n) - n * ln_gamma(self.p)
            + self.p * (log_sum - n * history.total.ln());
        self.log_likelihood(history) + history.mean_spend().ln() + division - log_sum
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

    /// Expected spend per order of one customer (note 025, eq. 5): a mean of the customer's own and the population's, weighted by how
    /// much is known, times the share of the customer's orders that are paid for. `None` as history gives the population mean. Relative
    /// error below 1e-14.
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
        let n = f64::from(history.orders);
        let paid = self.p * (self.v + history.total) / (self.p * n + self.q - 1.0);
        Ok(history.paid_share * paid)
    }
}
