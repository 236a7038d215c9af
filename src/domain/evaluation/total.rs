//! Does what all customers did together lie where the model saw it?
//!
//! Intervals of single customers are wide: a customer who orders once or not at all lies within nearly every one of them, and a model
//! that is wrong by half still holds its levels. A sum of thousands is not: what is left of its doubt is that about the parameters. It
//! does not know of anything that befalls all customers at once, as a season or a campaign does; a sum beyond the interval says that the
//! model is wrong or that something of this sort happened.

use super::{
    coverage::UncertainModels,
    forecast::{Compared, Forecast},
    number,
    population::Population,
    sample::Chosen,
};
use crate::domain::{
    customer::CustomerKind,
    value::{interval::total::Total, random::Random},
};

/// What the interval promises.
const LEVEL: f64 = 0.9;
/// Seed of the customers' own chance.
const SEED: u64 = 21;

/// Where the sum over customers came to lie.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TotalInterval {
    /// What the interval promises, in `(0, 1)`.
    pub level: f64,
    /// What came of them.
    pub actual: f64,
    /// What the model expected of them, averaged over the doubt about its parameters.
    pub expected: f64,
    /// How far the sum scatters around that, both doubts together.
    pub standard_deviation: f64,
    /// The interval's lower end.
    pub low: f64,
    /// The interval's upper end.
    pub high: f64,
    /// Probability that the model gave to a sum of at most `actual`, `0..=1`.
    pub place: f64,
}

/// Sums of a kind of customers, or of all.
pub(super) struct GroupTotals {
    pub(super) kind: Option<CustomerKind>,
    pub(super) orders: TotalInterval,
    /// `None` where there is no spend, or none with a variance.
    pub(super) spend: Option<TotalInterval>,
}

/// The sums of all customers, then of each kind that there is.
pub(super) fn totals(
    population: &Population,
    models: &UncertainModels,
    forecasts: &[Forecast],
    chosen: &[Chosen],
) -> Vec<GroupTotals> {
    let kinds = [CustomerKind::Person, CustomerKind::Company];
    let kinds = kinds
        .into_iter()
        .filter_map(|kind| Sums::of_kind(population, models, forecasts, chosen, kind));
    let kinds: Vec<Sums> = kinds.collect();
    let is_one_model = models.person == models.company;
    let each = kinds.iter().cloned();
    let all = each.map(|sums| Sums { kind: None, ..sums });
    let all = all.reduce(|one, other| one.with(&other, is_one_model));
    all.iter().chain(&kinds).map(Sums::intervals).collect()
}

/// The sums of a group of customers.
#[derive(Clone)]
struct Sums {
    kind: Option<CustomerKind>,
    orders: Sum,
    spend: Option<Sum>,
}

impl Sums {
    /// Those of a kind; `None` without customers.
    fn of_kind(
        population: &Population,
        models: &UncertainModels,
        forecasts: &[Forecast],
        chosen: &[Chosen],
        kind: CustomerKind,
    ) -> Option<Self> {
        let subjects = population.subjects();
        let is_of_kind = |at: &usize| subjects[*at].kind == kind;
        let everybody: Vec<usize> = (0..subjects.len()).filter(is_of_kind).collect();
        let sampled = chosen.iter().map(|one| one.subject).filter(is_of_kind);
        let sampled: Vec<usize> = sampled.collect();
        let model = models.of(kind);
        let weeks = population.window().holdout_weeks();
        let mut random = Random::new(SEED);
        let mut totals = model.totals();
        for at in &sampled {
            let (subject, has_spend) = (&subjects[*at], forecasts[*at].spend.is_some());
            let spend = subject.spend_history();
            model.add(
                &mut totals,
                subject.history(),
                spend.as_ref(),
                weeks,
                has_spend,
                &mut random,
            );
        }
        let orders = |at: &usize| Some(forecasts[*at].orders);
        let spend = |at: &usize| forecasts[*at].spend;
        let of = |total, quantity: &dyn Fn(&usize) -> Option<Compared>| {
            let all = everybody.iter().filter_map(quantity);
            Sum::new(total, all, sampled.iter().filter_map(quantity))
        };
        (!everybody.is_empty()).then(|| Self {
            kind: Some(kind),
            orders: of(totals.orders, &orders),
            spend: totals.spend.map(|total| of(total, &spend)),
        })
    }

    /// With those of another kind.
    fn with(self, other: &Self, is_one_model: bool) -> Self {
        let spend = self.spend.zip(other.spend.as_ref());
        Self {
            kind: None,
            orders: self.orders.with(&other.orders, is_one_model),
            spend: spend.map(|(one, other)| one.with(other, is_one_model)),
        }
    }

    fn intervals(&self) -> GroupTotals {
        GroupTotals {
            kind: self.kind,
            orders: self.orders.interval(),
            spend: self.spend.as_ref().map(Sum::interval),
        }
    }
}

/// What came, and what the model gave a chance.
#[derive(Clone)]
struct Sum {
    actual: f64,
    foretold: Total,
}

impl Sum {
    /// `total` is of those sampled. Each draw of the parameters expects so many times more or less of all as of those, compared with
    /// the estimates; what is expected of all at the estimates is known.
    fn new(
        total: Total,
        all: impl Iterator<Item = Compared>,
        sampled: impl Iterator<Item = Compared>,
    ) -> Self {
        let (mut customers, mut expected, mut actual) = (0, 0.0, 0.0);
        for one in all {
            customers += 1;
            expected += one.expected;
            actual += one.actual;
        }
        let (mut known, mut of_known) = (0, 0.0);
        for one in sampled {
            known += 1;
            of_known += one.expected;
        }
        let times = |of_all: f64, of_sample: f64| {
            if of_sample > 0.0 {
                of_all / of_sample
            } else {
                1.0
            }
        };
        Self {
            actual,
            foretold: total.scaled(
                times(expected, of_known),
                times(number(customers), number(known)),
            ),
        }
    }

    fn with(self, other: &Self, is_one_model: bool) -> Self {
        Self {
            actual: self.actual + other.actual,
            foretold: if is_one_model {
                self.foretold.with(&other.foretold)
            } else {
                self.foretold.with_independent(&other.foretold)
            },
        }
    }

    fn interval(&self) -> TotalInterval {
        let (low, high) = self.foretold.interval(LEVEL);
        TotalInterval {
            level: LEVEL,
            actual: self.actual,
            expected: self.foretold.mean(),
            standard_deviation: self.foretold.standard_deviation(),
            low,
            high,
            place: self.foretold.probability_at_most(self.actual),
        }
    }
}
