//! NBD: orders at a gamma-distributed rate for ever. The benchmark that a model with drop-out must beat.
//!
//! Ehrenberg (1959); as the likelihood of the times of the orders, so that it compares with the other models (Fader, Hardie & Lee
//! 2005, table 2).

use super::history::PurchaseHistory;
use super::parameters::{ParameterError, require_positive};
use super::special_functions::ln_rising;

/// Fitted parameters, both positive and finite.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Nbd {
    r: f64,
    alpha: f64,
}

impl Nbd {
    /// `r`, `alpha` (weeks): shape and rate of the order rate per week.
    ///
    /// # Errors
    /// Names a parameter that is not positive and finite.
    pub fn new(r: f64, alpha: f64) -> Result<Self, ParameterError> {
        require_positive([("r", r), ("alpha", alpha)])?;
        Ok(Self { r, alpha })
    }

    /// `[r, alpha]`.
    #[must_use]
    pub const fn parameters(&self) -> [f64; 2] {
        [self.r, self.alpha]
    }

    /// Natural logarithm of the likelihood of one history, all constants kept.
    #[must_use]
    pub fn log_likelihood(&self, history: &PurchaseHistory) -> f64 {
        let (x, age) = (history.frequency(), history.age_weeks());
        ln_rising(self.r, x)
            - self.r * (age / self.alpha).ln_1p()
            - f64::from(x) * (self.alpha + age).ln()
    }

    /// Expected orders within `weeks` of a customer with this history.
    #[must_use]
    pub fn expected_orders(&self, history: &PurchaseHistory, weeks: f64) -> f64 {
        (self.r + f64::from(history.frequency())) / (self.alpha + history.age_weeks())
            * weeks.max(0.0)
    }
}
