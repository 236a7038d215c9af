//! Seasons of the order rate: a clock that runs faster in the weeks of the year in which everybody orders more.
//!
//! With an order rate `λ s(t)`, `s` a function of the calendar that is common to all customers and has the mean 1 over a year, the time
//! `S(t) = ∫ s` turns orders back into those of a constant rate (operational time; Feller 1971, "An Introduction to Probability Theory and
//! Its Applications", volume 2, X.7). Under BG/NBD and MBG/NBD customers leave after orders, not with time, so that nothing else knows the
//! calendar: frequency, recency and age in operational time follow exactly the plain model, and so do all its formulae. A forecast over
//! `(now, now + h]` is the plain one over `S(now + h) - S(now)`.
//!
//! Not so under Pareto/NBD, whose customers leave by the calendar, nor under MBG/CNBD-k, whose sum of log gaps would have to be counted in
//! operational time: [`ModelFamily::knows_seasons`](super::model::ModelFamily::knows_seasons).
//!
//! [`clock`] is the time itself, [`estimate`] finds the index in the orders of two years, [`discounting`] discounts by the calendar
//! what happens in operational time.

pub mod clock;
pub mod discounting;
pub mod estimate;

#[cfg(test)]
pub(crate) mod tests;

use self::clock::SeasonClock;
use super::history::{DAYS_PER_WEEK, HistoryError, PurchaseHistory};
use crate::domain::calendar::Day;

/// How time passes for orders.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum OrderTime<'a> {
    /// Evenly, as the calendar has it: a model without seasons.
    Calendar,
    /// By a seasonal clock.
    Seasonal(&'a SeasonClock),
}

impl<'a> OrderTime<'a> {
    /// The time of a model with this clock, if it has one.
    #[must_use]
    pub fn new(clock: Option<&'a SeasonClock>) -> Self {
        clock.map_or(Self::Calendar, Self::Seasonal)
    }

    /// The end of a day in days as the model counts them. The difference of two of them is the time that passes in between.
    #[must_use]
    pub fn reading(self, day: Day) -> f64 {
        let days = f64::from(day.number());
        match self {
            Self::Calendar => days,
            Self::Seasonal(clock) => clock.at(days),
        }
    }

    /// The history of a customer as the model counts it: `frequency` repeat orders, the last `recency_days` after the first, which was
    /// `age_days` before `as_of`.
    ///
    /// # Errors
    /// As [`PurchaseHistory::from_days`].
    pub fn history(
        self,
        frequency: u32,
        recency_days: u32,
        age_days: u32,
        as_of: Day,
    ) -> Result<PurchaseHistory, HistoryError> {
        let plain = PurchaseHistory::from_days(frequency, recency_days, age_days)?;
        match self {
            Self::Calendar => Ok(plain),
            Self::Seasonal(clock) => {
                let [recency, age] = clock.days_since_first(recency_days, age_days, as_of);
                PurchaseHistory::from_weeks(frequency, recency / DAYS_PER_WEEK, age / DAYS_PER_WEEK)
            }
        }
    }

    /// The time that lies ahead of the end of a day.
    #[must_use]
    pub fn ahead_of(self, as_of: Day) -> TimeAhead<'a> {
        match self {
            Self::Calendar => TimeAhead::CALENDAR,
            Self::Seasonal(clock) => {
                let from = f64::from(as_of.number());
                TimeAhead {
                    seasonal: Some(Ahead {
                        clock,
                        from,
                        clock_at_from: clock.at(from),
                    }),
                }
            }
        }
    }
}

/// The time ahead of a day: from weeks of the calendar, in which horizons are given, to those in which the model counts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TimeAhead<'a> {
    seasonal: Option<Ahead<'a>>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Ahead<'a> {
    clock: &'a SeasonClock,
    /// The end of the day of the forecast, in days since 1970.
    from: f64,
    clock_at_from: f64,
}

impl TimeAhead<'_> {
    /// Time that passes evenly: weeks stay as they are, to the bit.
    pub const CALENDAR: Self = Self { seasonal: None };

    /// Weeks of the model that pass in the next `weeks >= 0` of the calendar.
    #[must_use]
    pub fn model_weeks(&self, weeks: f64) -> f64 {
        match &self.seasonal {
            None => weeks,
            Some(ahead) => {
                let until = ahead.clock.at(ahead.from + weeks * DAYS_PER_WEEK);
                (until - ahead.clock_at_from) / DAYS_PER_WEEK
            }
        }
    }

    /// Standard error of [`Self::model_weeks`], as a part of them, from that of an estimated index; 0 without seasons.
    #[must_use]
    pub fn relative_error(&self, weeks: f64) -> f64 {
        self.seasonal.as_ref().map_or(0.0, |ahead| {
            let until = ahead.from + weeks * DAYS_PER_WEEK;
            ahead.clock.relative_error(ahead.from, until)
        })
    }

    /// Whether time passes by season.
    #[must_use]
    pub const fn is_seasonal(&self) -> bool {
        self.seasonal.is_some()
    }

    /// When the season changes next after `weeks` of the calendar; never without seasons.
    #[must_use]
    pub fn next_change(&self, weeks: f64) -> f64 {
        self.seasonal.as_ref().map_or(f64::INFINITY, |ahead| {
            let days = ahead.from + weeks * DAYS_PER_WEEK;
            weeks + (ahead.clock.next_change(days) - days) / DAYS_PER_WEEK
        })
    }

    /// How many times as many orders the next `weeks > 0` bring to a customer who stays as weeks of an even year; `None` without seasons.
    #[must_use]
    pub fn season_factor(&self, weeks: f64) -> Option<f64> {
        self.seasonal?;
        (weeks > 0.0).then(|| self.model_weeks(weeks) / weeks)
    }
}
