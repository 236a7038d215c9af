//! Does the model follow the weekly orders, and beyond the split? The track of repeat orders, actual and expected.
//!
//! Expected are `sum over customers of E[X(t - s)]`, `s` being the day of a customer's first order: the unconditional expectation that
//! Fader, Hardie and Lee (2005), Marketing Science 24(2), equation 9 and figures 3 and 4, weight by the sizes of the daily cohorts.
//! Nothing that a customer did after the first order goes in.

use std::collections::BTreeMap;

use super::{forecast::CandidateModels, population::Population};
use crate::domain::{
    calendar::Day,
    customer::CustomerKind,
    value::{history::DAYS_PER_WEEK, outlook::Outlook},
};

/// Days of a week.
const WEEK_DAYS: i32 = 7;

/// One week of customers known at the split. Weeks end on the day of the split and every seven days before and after it; the last one
/// ends with the holdout and may be shorter.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TrackedWeek {
    /// From 1, the week of the first order of anybody.
    pub week: u32,
    /// Its last day.
    pub last_day: Day,
    /// Its days: 7, or fewer in the last one.
    pub days: u32,
    /// Whether it lies in the holdout.
    pub in_holdout: bool,
    /// Repeat orders in it.
    pub actual: u64,
    /// Repeat orders that the model expects in it.
    pub expected: f64,
    /// Repeat orders from the start to its end.
    pub actual_cumulative: u64,
    /// The same as the model expects.
    pub expected_cumulative: f64,
}

/// The track of customers of a kind, or of all.
pub(super) fn track(
    population: &Population,
    models: &CandidateModels,
    kind: Option<CustomerKind>,
) -> Vec<TrackedWeek> {
    let kinds = [CustomerKind::Person, CustomerKind::Company];
    let cohorts: Vec<Cohorts> = kinds
        .into_iter()
        .filter(|of| kind.is_none_or(|kind| kind == *of))
        .map(|kind| Cohorts::new(population, models, kind))
        .collect();
    let firsts = cohorts.iter().filter_map(|cohorts| cohorts.sizes.first());
    let Some(first_day) = firsts.map(|(day, _)| *day).min() else {
        return vec![];
    };
    let actual: BTreeMap<Day, u64> =
        population
            .repeat_days(kind)
            .fold(BTreeMap::new(), |mut days, (day, orders)| {
                *days.entry(day).or_default() += orders;
                days
            });
    let (split, until) = (population.window().split(), population.window().until());
    let mut weeks = Vec::new();
    let mut start = split.plus_days(-((split - first_day) / WEEK_DAYS + 1) * WEEK_DAYS);
    let (mut actual_cumulative, mut expected_cumulative) = (0, 0.0);
    while start < until {
        let last_day = start.plus_days(WEEK_DAYS).min(until);
        let in_week = actual.range(start.plus_days(1)..=last_day);
        let came: u64 = in_week.map(|(_, orders)| orders).sum();
        let expected: f64 = cohorts.iter().map(|it| it.expected_until(last_day)).sum();
        actual_cumulative += came;
        weeks.push(TrackedWeek {
            week: u32::try_from(weeks.len() + 1).unwrap_or(u32::MAX),
            last_day,
            days: (last_day - start).unsigned_abs(),
            in_holdout: last_day > split,
            actual: came,
            expected: expected - expected_cumulative,
            actual_cumulative,
            expected_cumulative: expected,
        });
        expected_cumulative = expected;
        start = last_day;
    }
    weeks
}

/// Customers who are described by one model.
struct Cohorts {
    /// Customers by the day of their first order.
    sizes: Vec<(Day, f64)>,
    /// Repeat orders expected of one of them, by days since then.
    by_age: Vec<f64>,
}

impl Cohorts {
    fn new(population: &Population, models: &CandidateModels, kind: CustomerKind) -> Self {
        let mut sizes: BTreeMap<Day, f64> = BTreeMap::new();
        let subjects = population.subjects().iter();
        for subject in subjects.filter(|subject| subject.kind == kind) {
            *sizes.entry(subject.first_day).or_default() += 1.0;
        }
        let newcomer = models.of(kind).orders.newcomer();
        let by_age = match sizes.keys().next() {
            Some(first) => expected_by_age(&newcomer, population.window().until() - *first),
            None => vec![],
        };
        Self {
            sizes: sizes.into_iter().collect(),
            by_age,
        }
    }

    /// Repeat orders expected of all from their first order to the end of `day`.
    fn expected_until(&self, day: Day) -> f64 {
        let born = self.sizes.partition_point(|(first, _)| *first <= day);
        let expected = self.sizes[..born].iter().filter_map(|(first, customers)| {
            let age = usize::try_from(day - *first).ok()?;
            Some(customers * self.by_age.get(age)?)
        });
        expected.sum()
    }
}

/// Expected repeat orders of a new customer by days since the first order, from 0 to `oldest`.
fn expected_by_age(newcomer: &Outlook, oldest: i32) -> Vec<f64> {
    let ages = 0..=oldest.max(0);
    ages.map(|days| newcomer.expected_orders(f64::from(days) / DAYS_PER_WEEK))
        .collect()
}
