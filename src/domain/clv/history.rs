//! The sufficient statistics of one customer's ordering: how often, until when, out of how long; and, for the choice between models of
//! more and less regular buyers, how long the gaps were.
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

/// The sum of the natural logarithms of the days between successive orders, of one customer or of many.
///
/// Kept in whole billionths, so that a sum is the same in any order; each logarithm is off by half of one at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct LogGaps {
    billionths: u64,
}

impl LogGaps {
    /// Of the gaps between different days of an ascending list; 0 with fewer than two.
    pub fn from_days(days: impl IntoIterator<Item = i32>) -> Self {
        let mut days = days.into_iter();
        let mut sum = Self::default();
        let Some(mut last) = days.next() else {
            return sum;
        };
        for day in days {
            sum = sum.plus(Self::of_gap(day.abs_diff(last)));
            last = day;
        }
        sum
    }

    /// As it is stored.
    #[must_use]
    pub const fn from_billionths(billionths: u64) -> Self {
        Self { billionths }
    }

    /// To store it.
    #[must_use]
    pub const fn billionths(self) -> u64 {
        self.billionths
    }

    /// Of both together.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self {
            billionths: self.billionths.saturating_add(other.billionths),
        }
    }

    /// The sum of the logarithms of the gaps in days.
    #[must_use]
    #[expect(
        clippy::cast_precision_loss,
        reason = "a billionth is below what counts"
    )]
    pub const fn in_days(self) -> f64 {
        self.billionths as f64 * 1e-9
    }

    /// The sum of the logarithms of so many `gaps` in weeks.
    #[must_use]
    pub fn in_weeks(self, gaps: f64) -> f64 {
        self.in_days() - gaps * DAYS_PER_WEEK.ln()
    }

    /// Of one gap; two orders of one day are one order, and leave none.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a logarithm of 0 to 23"
    )]
    fn of_gap(days: u32) -> Self {
        Self {
            billionths: (f64::from(days.max(1)).ln() * 1e9).round() as u64,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_between_different_days_add_up_in_logarithms() {
        let of = |days: &[i32]| LogGaps::from_days(days.iter().copied());
        assert_eq!(of(&[]), LogGaps::default());
        assert_eq!(of(&[5]), LogGaps::default());
        // Gaps of 3, 1 and 20 days.
        let sum = of(&[-3, 0, 0, 1, 21]);
        assert!((sum.in_days() - 60.0_f64.ln()).abs() < 2e-9);
        let in_weeks = (3.0 / 7.0_f64).ln() + (1.0 / 7.0_f64).ln() + (20.0 / 7.0_f64).ln();
        assert!((sum.in_weeks(3.0) - in_weeks).abs() < 2e-9);
        assert_eq!(sum, of(&[0, 20]).plus(of(&[1, 4])));
        assert_eq!(LogGaps::from_billionths(sum.billionths()), sum);
    }

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
