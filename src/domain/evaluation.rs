//! How well a model foretold what customers did: what was known at a split day, what the model made of it, and what came after.
//!
//! A [`Population`] holds what persons and companies did until the split and in the holdout after it; [`evaluate`] compares a model
//! that knows only the first part with the second, and with forecasts that need no model. It fits nothing and does not know
//! where histories come from. What is compared, and in which figures, follows Fader, Hardie and Lee (2005), "Counting Your Customers
//! the Easy Way", Marketing Science 24(2), section 5: totals, the track of weekly repeat orders (their figures 3 and 4), and
//! conditional expectations by frequency (figure 5).

pub mod accuracy;
mod baseline;
pub mod bins;
pub mod buyers;
pub mod coverage;
pub mod drift;
pub mod forecast;
pub mod population;
pub mod ranking;
mod sample;
pub mod total;
pub mod tracking;

use accuracy::Accuracy;
use bins::FrequencyBin;
use buyers::BuyerEvaluation;
use coverage::{Coverage, UncertainModels};
use forecast::{CandidateModels, Compared, Forecast, forecasts};
use population::{Population, Subject};
use ranking::{Decile, GainPoint, Ranking};
use total::{GroupTotals, TotalInterval};
use tracking::TrackedWeek;

use crate::domain::{calendar::Day, customer::CustomerKind, value::history::DAYS_PER_WEEK};

/// The days of an evaluation: everything until `split` is known, the days after it until `until` are to be foretold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    split: Day,
    until: Day,
}

impl Window {
    /// The window; `None` unless at least one day lies between.
    #[must_use]
    pub fn new(split: Day, until: Day) -> Option<Self> {
        (split < until).then_some(Self { split, until })
    }

    /// The last day that the model knows.
    #[must_use]
    pub const fn split(&self) -> Day {
        self.split
    }

    /// The last day of the holdout.
    #[must_use]
    pub const fn until(&self) -> Day {
        self.until
    }

    /// Days of the holdout, at least 1.
    #[must_use]
    pub fn holdout_days(&self) -> u32 {
        (self.until - self.split).unsigned_abs()
    }

    /// The same in weeks.
    #[must_use]
    pub fn holdout_weeks(&self) -> f64 {
        f64::from(self.holdout_days()) / DAYS_PER_WEEK
    }
}

/// How well a model foretold the holdout.
#[derive(Debug, Clone, PartialEq)]
pub struct Evaluation {
    /// All customers first, then each kind that there is.
    pub groups: Vec<GroupEvaluation>,
    /// Customers whose intervals were drawn: all, or a sample of each kind. 0 without intervals.
    pub interval_customers: usize,
}

/// The same of a group of customers.
#[derive(Debug, Clone, PartialEq)]
pub struct GroupEvaluation {
    /// The kind of its customers; `None` for all.
    pub kind: Option<CustomerKind>,
    /// How many there are.
    pub customers: usize,
    /// Orders in the holdout.
    pub orders: QuantityEvaluation,
    /// Spend in the holdout, major units, undiscounted; `None` where nothing can be said of anybody's.
    pub spend: Option<QuantityEvaluation>,
    /// Who buys again at all.
    pub buyers: BuyerEvaluation,
    /// Repeat orders of each week, from the first order of anybody to the end of the holdout.
    pub tracking: Vec<TrackedWeek>,
}

/// How well one quantity was foretold.
#[derive(Debug, Clone, PartialEq)]
pub struct QuantityEvaluation {
    /// Of the model and of each baseline.
    pub accuracy: Vec<Accuracy>,
    /// By repeat orders until the split; only bins with customers.
    pub bins: Vec<FrequencyBin>,
    /// By rank of the model's forecast, the best first.
    pub deciles: Vec<Decile>,
    /// What share of the whole the best so many percent of customers brought; empty when there was nothing to share.
    pub gain: Vec<GainPoint>,
    /// How well the model and each baseline rank the customers.
    pub rankings: Vec<Ranking>,
    /// The Gini coefficient of a forecast that knew everything; `None` when nothing came of anybody.
    pub best_gini: Option<f64>,
    /// How often the holdout of a customer lay within the model's intervals; empty without intervals.
    pub coverage: Vec<Coverage>,
    /// Where the sum over all customers came to lie; `None` without intervals, and of spend without a variance.
    pub total: Option<TotalInterval>,
}

/// Compares what the models expected with what came. `uncertain` has the same models with their doubts; without them there are no
/// intervals.
#[must_use]
pub fn evaluate(
    population: &Population,
    models: &CandidateModels,
    uncertain: Option<&UncertainModels>,
) -> Evaluation {
    let forecasts = forecasts(population, models);
    let drawn = uncertain.map_or_else(Drawn::default, |uncertain| {
        let chosen = sample::choose(population, sample::MOST_CUSTOMERS);
        Drawn {
            customers: coverage::draw(population, uncertain, &chosen),
            totals: total::totals(population, uncertain, &forecasts, &chosen),
        }
    });
    let kinds = [CustomerKind::Person, CustomerKind::Company];
    let present = kinds.into_iter().filter(|kind| {
        let mut subjects = population.subjects().iter();
        subjects.any(|subject| subject.kind == *kind)
    });
    let groups = std::iter::once(None).chain(present.map(Some));
    Evaluation {
        groups: groups
            .map(|kind| group(population, models, &forecasts, &drawn, kind))
            .collect(),
        interval_customers: drawn.customers.len(),
    }
}

/// What was drawn of the future.
#[derive(Default)]
struct Drawn {
    customers: Vec<coverage::Sampled>,
    totals: Vec<GroupTotals>,
}

fn group(
    population: &Population,
    models: &CandidateModels,
    forecasts: &[Forecast],
    drawn: &Drawn,
    kind: Option<CustomerKind>,
) -> GroupEvaluation {
    let is_in = |subject: &Subject| kind.is_none_or(|kind| subject.kind == kind);
    let subjects = population.subjects();
    let members: Vec<(&Subject, &Forecast)> = subjects
        .iter()
        .zip(forecasts)
        .filter(|(subject, _)| is_in(subject))
        .collect();
    let orders: Vec<(u32, Compared)> = members
        .iter()
        .map(|(subject, forecast)| (subject.frequency(), forecast.orders))
        .collect();
    let spend: Vec<(u32, Compared)> = members
        .iter()
        .filter_map(|(subject, forecast)| Some((subject.frequency(), forecast.spend?)))
        .collect();
    let buyers = members.iter().map(|(subject, forecast)| {
        let bought = f64::from(u8::from(subject.holdout_orders > 0));
        (forecast.buys_again, bought)
    });
    let drawn_here = drawn.customers.iter();
    let drawn_here = drawn_here.filter(|one| is_in(&subjects[one.chosen.subject]));
    let (mut of_orders, mut of_spend) = (vec![], vec![]);
    for one in drawn_here {
        let weight = one.chosen.weight;
        of_orders.push((weight, one.orders));
        of_spend.extend(one.spend.map(|spend| (weight, spend)));
    }
    let totals = drawn.totals.iter().find(|totals| totals.kind == kind);
    let quantity = |compared: &[(u32, Compared)], outcomes: &[_], total| {
        let coverage = coverage::coverage(outcomes);
        quantity(compared, coverage, total)
    };
    let total = totals.map(|totals| totals.orders);
    let total_spend = totals.and_then(|totals| totals.spend);
    GroupEvaluation {
        kind,
        customers: members.len(),
        orders: quantity(&orders, &of_orders, total),
        spend: (!spend.is_empty()).then(|| quantity(&spend, &of_spend, total_spend)),
        buyers: buyers::buyers(&buyers.collect::<Vec<_>>()),
        tracking: tracking::track(population, models, kind),
    }
}

fn quantity(
    compared: &[(u32, Compared)],
    coverage: Vec<Coverage>,
    total: Option<TotalInterval>,
) -> QuantityEvaluation {
    let pairs: Vec<(f64, f64)> = compared
        .iter()
        .map(|(_, one)| (one.expected, one.actual))
        .collect();
    QuantityEvaluation {
        accuracy: accuracy::accuracies(&compared.iter().map(|(_, one)| one)),
        bins: bins::bins(compared),
        deciles: ranking::deciles(&pairs),
        gain: ranking::gain(&pairs),
        rankings: ranking::rankings(&compared.iter().map(|(_, one)| one)),
        best_gini: ranking::best_gini(compared.iter().map(|(_, one)| one)),
        coverage,
        total,
    }
}

/// A count as a number to divide by.
#[expect(clippy::cast_precision_loss, reason = "counts far below 2^53")]
pub(super) const fn number(count: usize) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests;
