//! How often a customer contacts the company on one channel, and what a contact costs: the customer's own history, shrunk to what
//! is usual among customers of the same kind.
//!
//! Contacts are Poisson at a rate of the customer's own, which is gamma-distributed among the customers of a kind (the NBD of
//! Ehrenberg 1959, as for orders without drop-out). Costs follow the credibility formula of Bühlmann and Straub (1970). It knows
//! neither kinds nor channels, and nothing of tiers or values: what somebody is worth must not decide what they are expected to cost.

use super::parameters::{ParameterError, require_positive};

/// How the rates of contacts are spread among customers: gamma with this shape and rate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ContactRate {
    shape: f64,
    rate_weeks: f64,
}

impl ContactRate {
    /// `shape` and `rate_weeks` of the gamma distribution of contacts a week.
    ///
    /// # Errors
    /// Names a parameter that is not positive and finite.
    pub fn new(shape: f64, rate_weeks: f64) -> Result<Self, ParameterError> {
        require_positive([("shape", shape), ("rate_weeks", rate_weeks)])?;
        Ok(Self { shape, rate_weeks })
    }

    /// Shape: the smaller, the more the customers differ.
    #[must_use]
    pub const fn shape(&self) -> f64 {
        self.shape
    }

    /// Rate parameter, weeks: as much as so many weeks of the customer's own history count for.
    #[must_use]
    pub const fn rate_weeks(&self) -> f64 {
        self.rate_weeks
    }

    /// Contacts a week of the mean customer.
    #[must_use]
    pub const fn mean_per_week(&self) -> f64 {
        self.shape / self.rate_weeks
    }

    /// Contacts a week expected of a customer with so many in so many weeks: the mean of the posterior.
    ///
    /// ```
    /// use patron::domain::clv::contact_rates::ContactRate;
    ///
    /// // Half a contact a week is usual, and that counts for 8 weeks: (4 + 1) / (8 + 12).
    /// let usual = ContactRate::new(4.0, 8.0)?;
    /// assert_eq!(usual.expected_per_week(1.0, 12.0), 0.25);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub const fn expected_per_week(&self, contacts: f64, weeks: f64) -> f64 {
        (self.shape + contacts) / (self.rate_weeks + weeks)
    }
}

/// What a contact usually costs, and how much that says of one customer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ContactCost {
    /// Mean of all contacts of known cost, in major units.
    pub mean: f64,
    /// So many contacts of the customer's own count for as much as this mean; not negative.
    pub weight_contacts: f64,
}

impl ContactCost {
    /// Cost of the next contact of a customer whose `contacts` of known cost were `total` together.
    #[must_use]
    pub fn expected(&self, total: f64, contacts: f64) -> f64 {
        if contacts <= 0.0 {
            return self.mean;
        }
        (self.weight_contacts * self.mean + total) / (self.weight_contacts + contacts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::clv::reference::assert_close;

    #[test]
    fn without_a_history_a_customer_is_the_mean_and_with_a_long_one_their_own() {
        let usual = ContactRate::new(0.5, 20.0).unwrap();
        assert_close("mean", usual.expected_per_week(0.0, 0.0), 0.025, 1e-15);
        assert_close("own", usual.expected_per_week(6e6, 1e7), 0.6, 1e-5);
        let cost = ContactCost {
            mean: 40.0,
            weight_contacts: 5.0,
        };
        assert_close("mean", cost.expected(0.0, 0.0), 40.0, 0.0);
        // Five of its own at 60 count for as much as the mean.
        assert_close("halfway", cost.expected(300.0, 5.0), 50.0, 1e-15);
    }

    #[test]
    fn customers_who_each_cost_their_own_are_not_shrunk() {
        let cost = ContactCost {
            mean: 40.0,
            weight_contacts: 0.0,
        };
        assert_close("mean", cost.expected(0.0, 0.0), 40.0, 0.0);
        assert_close("own", cost.expected(90.0, 2.0), 45.0, 0.0);
    }

    #[test]
    fn a_parameter_outside_its_range_is_named() {
        assert_eq!(ContactRate::new(0.0, 1.0).unwrap_err().name, "shape");
        let infinite = ContactRate::new(1.0, f64::INFINITY);
        assert_eq!(infinite.unwrap_err().name, "rate_weeks");
    }
}
