//! Repeat orders by day, which a seasonal index is estimated from.

use super::KINDS;
use crate::domain::{
    calendar::Day,
    clv::season::{
        clock::SeasonClock,
        estimate::{OrdersByDay, log_density_of_clock},
    },
    customer::{CustomerKind, profile::History},
};

/// Repeat orders of each of the [`KINDS`] by day.
#[derive(Default, Clone)]
pub(in crate::service) struct DaysByKind([OrdersByDay; 2]);

impl DaysByKind {
    /// Of kinds in the order of [`KINDS`].
    pub(in crate::service) const fn new(kinds: [OrdersByDay; 2]) -> Self {
        Self(kinds)
    }

    /// Adds the days of a customer whose facts after the day of the fit are out.
    pub(super) fn push(&mut self, kind: CustomerKind, history: &History) {
        let Some(at) = KINDS.iter().position(|&one| one == kind) else {
            return;
        };
        let mut last: Option<Day> = None;
        for day in history.purchases.iter().map(|entry| entry.day) {
            // The first day is no repeat, and another currency no other day.
            if last.is_some_and(|last| last != day) {
                *self.0[at].entry(day).or_default() += 1;
            }
            last = Some(day);
        }
    }

    /// Of all kinds.
    pub(in crate::service) fn all(&self) -> OrdersByDay {
        let mut all = OrdersByDay::new();
        for (&day, &orders) in self.0.iter().flatten() {
            *all.entry(day).or_default() += orders;
        }
        all
    }

    /// [`log_density_of_clock`] of the orders of a kind, or of all.
    pub(in crate::service) fn log_density(
        &self,
        clock: &SeasonClock,
        kind: Option<CustomerKind>,
    ) -> f64 {
        let kinds = KINDS.iter().zip(&self.0);
        kinds
            .filter(|(of, _)| kind.is_none_or(|kind| kind == **of))
            .map(|(_, orders)| log_density_of_clock(clock, orders))
            .sum()
    }
}
