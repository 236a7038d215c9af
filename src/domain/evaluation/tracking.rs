//! Does the model follow the weekly orders, and beyond the split? The track of repeat orders, actual and expected.
//!
//! Expected are the unconditional expectations of the daily [`Cohorts`], as in Fader, Hardie and Lee (2005), Marketing Science 24(2),
//! figures 3 and 4. Nothing that a customer did after the first order goes in, but what was known of them at the split does, with covariates.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::{forecast::CandidateModel, population::Population, strata::Stratum};
use crate::domain::{
    calendar::Day,
    clv::{cohorts::Cohorts, model::OrderModel},
    customer::CustomerKind,
    stop,
};

/// An expectation takes a hypergeometric function for each day of the longest history: of more distinct parameters than these, as
/// numeric covariates make them, near ones are put together.
const MOST_MODELS: usize = 100;
/// So near at first, in logarithms of parameters: 5 %, so that their mean is right to a thousandth.
const FIRST_GRID: f64 = 0.05;

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

/// What is expected of customers by the day of their first order, for the tracks of all groups.
pub(super) struct Tracks<'a> {
    cohorts: Vec<(CustomerKind, Cohorts<'a>)>,
}

impl<'a> Tracks<'a> {
    pub(super) fn new(population: &Population, model: &'a CandidateModel) -> Self {
        let mut customers: HashMap<*const Stratum, f64> = HashMap::new();
        for subject in population.subjects() {
            *customers.entry(Arc::as_ptr(subject.stratum())).or_default() += 1.0;
        }
        let described = population.strata().map(|stratum| Described {
            stratum,
            customers: customers.get(&Arc::as_ptr(stratum)).copied().unwrap_or(0.0),
            orders: model.select(stratum).orders,
        });
        let together = put_together(&described.collect::<Vec<_>>(), MOST_MODELS);
        let mut sizes: Vec<BTreeMap<Day, f64>> = vec![BTreeMap::new(); together.len()];
        let places: HashMap<*const Stratum, usize> = together
            .iter()
            .enumerate()
            .flat_map(|(at, one)| one.strata.iter().map(move |stratum| (*stratum, at)))
            .collect();
        for subject in population.subjects() {
            if let Some(&at) = places.get(&Arc::as_ptr(subject.stratum())) {
                *sizes[at].entry(subject.first_day).or_default() += 1.0;
            }
        }
        let until = population.window().until();
        let cohorts = together.iter().zip(sizes);
        let expected = |(one, sizes): (&Together, BTreeMap<Day, f64>)| {
            let newcomer = one.orders.newcomer();
            let cohorts = Cohorts::new(&newcomer, model.time(), &sizes, until);
            (one.kind, cohorts)
        };
        Self {
            cohorts: cohorts.map(expected).collect(),
        }
    }

    /// The track of customers of a kind, or of all.
    pub(super) fn track(
        &self,
        population: &Population,
        kind: Option<CustomerKind>,
    ) -> Vec<TrackedWeek> {
        let cohorts = self.cohorts.iter();
        let cohorts: Vec<&Cohorts<'_>> = cohorts
            .filter(|(of, _)| kind.is_none_or(|kind| kind == *of))
            .map(|(_, cohorts)| cohorts)
            .collect();
        let firsts = cohorts.iter().filter_map(|cohorts| cohorts.first_day());
        let Some(first_day) = firsts.min() else {
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
            stop::check();
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
}

/// A stratum, how many customers are of it, and what describes them.
struct Described<'a> {
    stratum: &'a Arc<Stratum>,
    customers: f64,
    orders: OrderModel,
}

/// Strata of one kind whose customers are described by one model.
struct Together {
    kind: CustomerKind,
    strata: Vec<*const Stratum>,
    orders: OrderModel,
}

/// At most `most` models (if a grid of a few powers of ten gives so few) that describe all strata; exact ones if they are no more.
fn put_together(all: &[Described<'_>], most: usize) -> Vec<Together> {
    let mut grid = None;
    loop {
        let mut cells: BTreeMap<(u8, [i64; 4]), Vec<&Described<'_>>> = BTreeMap::new();
        for one in all {
            let place = one
                .orders
                .parameters()
                .map(|parameter| cell(parameter, grid));
            let key = (one.stratum.kind as u8, place);
            cells.entry(key).or_default().push(one);
        }
        let next = grid.map_or(FIRST_GRID, |grid: f64| 2.0 * grid);
        if cells.len() <= most || next > 10.0 {
            return cells.into_values().filter_map(|it| join(&it)).collect();
        }
        grid = Some(next);
    }
}

/// The place of a parameter on a grid of its logarithm; without one, each number has its own.
#[expect(
    clippy::cast_possible_truncation,
    reason = "a logarithm has a few hundred"
)]
fn cell(parameter: f64, grid: Option<f64>) -> i64 {
    match grid {
        Some(grid) => (parameter.ln() / grid).floor() as i64,
        None => parameter.to_bits().cast_signed(),
    }
}

/// The model of several: that of the first if they are equal, else the geometric mean by customers.
fn join(cell: &[&Described<'_>]) -> Option<Together> {
    let first = cell.first()?;
    let customers: f64 = cell.iter().map(|one| one.customers).sum();
    let orders = if cell.iter().all(|one| one.orders == first.orders) {
        first.orders
    } else {
        let mean = |at: usize| {
            let logs = cell
                .iter()
                .map(|one| one.customers * one.orders.parameters()[at].ln());
            (logs.sum::<f64>() / customers).exp()
        };
        let mean = OrderModel::new(first.orders.kind(), std::array::from_fn(mean));
        mean.unwrap_or(first.orders)
    };
    Some(Together {
        kind: first.stratum.kind,
        strata: cell.iter().map(|one| Arc::as_ptr(one.stratum)).collect(),
        orders,
    })
}
