//! Repeat orders that a model expects of customers from their first order on, by the day of that order.
//!
//! `sum over customers of E[X(t - s)]`, `s` being the day of a customer's first order: the unconditional expectation of Fader, Hardie and
//! Lee (2005), Marketing Science 24(2), equation 9. Nothing that a customer did after the first order goes in.

use std::collections::BTreeMap;

use super::history::DAYS_PER_WEEK;
use super::outlook::Outlook;
use super::season::OrderTime;
use crate::domain::{calendar::Day, stop};

/// Customers whom one model describes, by the day of their first order.
#[derive(Debug, Clone)]
pub struct Cohorts<'a> {
    time: OrderTime<'a>,
    /// Day of the first order, the same as the model counts days, and customers; in the order of days.
    sizes: Vec<(Day, f64, f64)>,
    /// Repeat orders expected of one customer, by days of the model since the first order.
    by_age: Vec<f64>,
}

impl<'a> Cohorts<'a> {
    /// Customers by the day of their first order, none of them after `until`. `newcomer` is what the model expects on that day.
    #[must_use]
    pub fn new(
        newcomer: &Outlook,
        time: OrderTime<'a>,
        sizes: &BTreeMap<Day, f64>,
        until: Day,
    ) -> Self {
        let sizes = sizes.iter();
        let sizes: Vec<(Day, f64, f64)> = sizes
            .map(|(&first, &customers)| (first, time.reading(first), customers))
            .collect();
        let oldest = sizes.first();
        let oldest = oldest.map_or(0.0, |(_, first, _)| time.reading(until) - first);
        Self {
            time,
            by_age: if sizes.is_empty() {
                vec![]
            } else {
                expected_by_age(newcomer, oldest)
            },
            sizes,
        }
    }

    /// The first day of anybody.
    #[must_use]
    pub fn first_day(&self) -> Option<Day> {
        self.sizes.first().map(|(first, _, _)| *first)
    }

    /// Repeat orders expected of all from their first order to the end of `day`. By a seasonal clock an age is seldom of whole days; between
    /// them orders are taken to come evenly, which is right to a ten-thousandth.
    #[must_use]
    pub fn expected_until(&self, day: Day) -> f64 {
        let born = self.sizes.partition_point(|(first, _, _)| *first <= day);
        let now = self.time.reading(day);
        let expected = self.sizes[..born]
            .iter()
            .filter_map(|(_, first, customers)| Some(customers * self.expected_at(now - first)?));
        expected.sum()
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "days since a first order, which are not negative"
    )]
    fn expected_at(&self, age: f64) -> Option<f64> {
        let whole = age as usize;
        let expected = *self.by_age.get(whole)?;
        let fraction = age - age.floor();
        let next = self.by_age.get(whole + 1).unwrap_or(&expected);
        Some(expected + fraction * (next - expected))
    }
}

/// Expected repeat orders of a new customer by days since the first order, from 0 to the first whole number that is not below `oldest`.
#[expect(
    clippy::cast_possible_truncation,
    reason = "days of a few hundred years"
)]
fn expected_by_age(newcomer: &Outlook, oldest: f64) -> Vec<f64> {
    let ages = 0..=oldest.max(0.0).ceil() as i32;
    let expected = |days| {
        stop::check();
        newcomer.expected_orders(f64::from(days) / DAYS_PER_WEEK)
    };
    ages.map(expected).collect()
}
