//! The sufficient statistics of one customer's ordering: how often, until when, out of how long.
//!
//! It knows nothing of dates or money; days are whole days of the deployment's zone, counted by the caller.

/// Days in a week, the factor between the callers' days and the models' weeks.
pub const DAYS_PER_WEEK: f64 = 7.0;

/// Why three numbers are not a purchase history.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum HistoryError {
    /// The last order lies after the end of observation.
    #[error("recency {recency_weeks} weeks is longer than age {age_weeks} weeks")]
    RecencyBeyondAge {
        /// First to last order, weeks.
        recency_weeks: f64,
        /// First order to the end of observation, weeks.
        age_weeks: f64,
    },
    /// Without a repeat order the last order is the first, with one it is later.
    #[error(
        "frequency {frequency} and recency {recency_weeks} weeks contradict each other: recency is 0 exactly when frequency is 0"
    )]
    RecencyContradictsFrequency {
        /// Repeat orders.
        frequency: u32,
        /// First to last order, weeks.
        recency_weeks: f64,
    },
    /// A negative, infinite or undefined time.
    #[error("recency {recency_weeks} and age {age_weeks} weeks must be finite and not negative")]
    NotATime {
        /// First to last order, weeks.
        recency_weeks: f64,
        /// First order to the end of observation, weeks.
        age_weeks: f64,
    },
}

/// Repeat orders `x`, recency `t_x` and age `T` of one customer, as in Fader, Hardie & Lee (2005).
///
/// Holds `0 <= t_x <= T < inf`, and `t_x = 0` exactly when `x = 0`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PurchaseHistory {
    frequency: u32,
    recency_weeks: f64,
    age_weeks: f64,
}

impl PurchaseHistory {
    /// A history counted in whole days since the first order.
    ///
    /// # Errors
    /// When `recency_days` exceeds `age_days`, or is zero while `frequency` is not (or the reverse).
    pub fn from_days(
        frequency: u32,
        recency_days: u32,
        age_days: u32,
    ) -> Result<Self, HistoryError> {
        Self::from_weeks(
            frequency,
            f64::from(recency_days) / DAYS_PER_WEEK,
            f64::from(age_days) / DAYS_PER_WEEK,
        )
    }

    /// A history in weeks, for published data that are not in whole days.
    ///
    /// # Errors
    /// As [`PurchaseHistory::from_days`], and for times that are negative or not finite.
    pub fn from_weeks(
        frequency: u32,
        recency_weeks: f64,
        age_weeks: f64,
    ) -> Result<Self, HistoryError> {
        let is_time = |t: f64| t.is_finite() && t >= 0.0;
        if !is_time(recency_weeks) || !is_time(age_weeks) {
            return Err(HistoryError::NotATime {
                recency_weeks,
                age_weeks,
            });
        }
        if recency_weeks > age_weeks {
            return Err(HistoryError::RecencyBeyondAge {
                recency_weeks,
                age_weeks,
            });
        }
        if (frequency == 0) != (recency_weeks == 0.0) {
            return Err(HistoryError::RecencyContradictsFrequency {
                frequency,
                recency_weeks,
            });
        }
        Ok(Self {
            frequency,
            recency_weeks,
            age_weeks,
        })
    }

    /// Repeat orders `x`: purchase days after the first.
    #[must_use]
    pub const fn frequency(&self) -> u32 {
        self.frequency
    }

    /// Recency `t_x`: weeks from the first to the last order.
    #[must_use]
    pub const fn recency_weeks(&self) -> f64 {
        self.recency_weeks
    }

    /// Age `T`: weeks from the first order to the end of observation.
    #[must_use]
    pub const fn age_weeks(&self) -> f64 {
        self.age_weeks
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_become_weeks() {
        let history = PurchaseHistory::from_days(2, 213, 272).unwrap();
        assert_eq!(history.frequency(), 2);
        assert!((history.recency_weeks() - 30.428_571_428_571_427).abs() < 1e-15);
        assert!((history.age_weeks() - 38.857_142_857_142_854).abs() < 1e-15);
    }

    #[test]
    fn impossible_histories_are_refused() {
        assert!(PurchaseHistory::from_days(0, 0, 0).is_ok());
        assert!(matches!(
            PurchaseHistory::from_days(1, 8, 7),
            Err(HistoryError::RecencyBeyondAge { .. })
        ));
        assert!(matches!(
            PurchaseHistory::from_days(0, 1, 7),
            Err(HistoryError::RecencyContradictsFrequency { .. })
        ));
        assert!(matches!(
            PurchaseHistory::from_days(1, 0, 7),
            Err(HistoryError::RecencyContradictsFrequency { .. })
        ));
        for (recency, age) in [(f64::NAN, 1.0), (0.0, f64::INFINITY), (0.0, -1.0)] {
            assert!(matches!(
                PurchaseHistory::from_weeks(0, recency, age),
                Err(HistoryError::NotATime { .. })
            ));
        }
    }
}
