//! A continuous discount rate, with its unit in its name.

use super::lifetime::WEEKS_PER_MONTH;

/// Why a discount rate is refused.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[error("a discount rate of {given} is not positive and finite")]
pub struct DiscountError {
    /// What was given.
    pub given: f64,
}

/// A positive continuous discount rate: money `t` weeks ahead is worth `e^(-rate t)` of itself.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DiscountRate {
    per_week: f64,
}

impl DiscountRate {
    /// From a continuous rate per week, as in the papers (0.0027 is about 15 % a year).
    ///
    /// # Errors
    /// When it is not positive and finite.
    pub fn continuous_per_week(rate: f64) -> Result<Self, DiscountError> {
        if rate.is_normal() && rate > 0.0 {
            Ok(Self { per_week: rate })
        } else {
            Err(DiscountError { given: rate })
        }
    }

    /// From an effective rate per year, as a fraction: 0.15 is 15 % a year.
    ///
    /// # Errors
    /// When it is not positive and finite.
    pub fn effective_per_year(rate: f64) -> Result<Self, DiscountError> {
        Self::continuous_per_week(rate.ln_1p() / (12.0 * WEEKS_PER_MONTH))
            .map_err(|_| DiscountError { given: rate })
    }

    /// From an effective rate per month of [`WEEKS_PER_MONTH`], as a fraction: 0.01 is 1 % a month.
    ///
    /// # Errors
    /// When it is not positive and finite.
    pub fn effective_per_month(rate: f64) -> Result<Self, DiscountError> {
        Self::continuous_per_week(rate.ln_1p() / WEEKS_PER_MONTH)
            .map_err(|_| DiscountError { given: rate })
    }

    /// What it comes to in a year of twelve months, as a fraction.
    #[must_use]
    pub fn per_year(self) -> f64 {
        (self.per_week * 12.0 * WEEKS_PER_MONTH).exp_m1()
    }

    /// Continuous rate per week.
    #[must_use]
    pub const fn per_week(self) -> f64 {
        self.per_week
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fifteen_percent_a_year_is_the_rate_of_the_paper() {
        // Fader, Hardie & Lee (2005, JMR): 0.0027 a week.
        let rate = DiscountRate::effective_per_year(0.15).unwrap();
        assert!((rate.per_week() - 0.0027).abs() < 5e-5);
        assert!((rate.per_year() - 0.15).abs() < 1e-15);
        let monthly = DiscountRate::effective_per_month(0.01).unwrap();
        assert!((monthly.per_year() - (1.01_f64.powi(12) - 1.0)).abs() < 1e-14);
        for bad in [0.0, -0.1, f64::NAN, f64::INFINITY] {
            assert!(DiscountRate::effective_per_year(bad).is_err());
            assert!(DiscountRate::effective_per_month(bad).is_err());
            assert!(DiscountRate::continuous_per_week(bad).is_err());
        }
    }
}
