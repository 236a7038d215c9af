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
use coverage::{Coverage, Sampled, UncertainModels, Within};
use forecast::{CandidateModels, Compared, Forecast, forecasts};
use population::{Population, Subject};
use ranking::{Decile, GainPoint, Ranking};
use total::{Part, TotalInterval};
use tracking::TrackedWeek;

use crate::domain::{
    calendar::Day,
    customer::CustomerKind,
    value::{history::DAYS_PER_WEEK, interval::total::Total},
};

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

    /// Days of the holdout after the last purchase of anybody: of them nobody knows whether nothing came or nothing was recorded yet. All
    /// of it when nobody bought, or nobody after the split.
    #[must_use]
    pub fn days_after(&self, last_purchase: Option<Day>) -> u32 {
        let last = last_purchase.map_or(self.split, |last| last.max(self.split));
        (self.until - last.min(self.until)).unsigned_abs()
    }

    /// Length of the holdout in weeks.
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

/// At most so many sets of parameters are independent of each other: those of persons and of companies.
const PARAMETER_SETS: usize = 2;

/// Compares what the models expected with what came. `uncertain` has the same models with their doubts; without them there are no
/// intervals.
#[must_use]
pub fn evaluate(
    population: &Population,
    models: &CandidateModels,
    uncertain: Option<&UncertainModels>,
) -> Evaluation {
    let forecasts = forecasts(population, models);
    let sampled = uncertain.map_or_else(Vec::new, |uncertain| {
        let chosen = sample::choose(population, sample::MOST_CUSTOMERS);
        coverage::draw(population, uncertain, &chosen)
    });
    let kinds = [CustomerKind::Person, CustomerKind::Company];
    let present = kinds.into_iter().filter(|kind| {
        let mut subjects = population.subjects().iter();
        subjects.any(|subject| subject.kind == *kind)
    });
    let groups = std::iter::once(None).chain(present.map(Some));
    Evaluation {
        groups: groups
            .map(|kind| group(population, models, &forecasts, &sampled, kind))
            .collect(),
        interval_customers: sampled.len(),
    }
}

fn group(
    population: &Population,
    models: &CandidateModels,
    forecasts: &[Forecast],
    sampled: &[Sampled],
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
    let (mut of_orders, mut of_spend) = (vec![], vec![]);
    for one in sampled {
        let (subject, forecast) = (&subjects[one.chosen.subject], forecasts[one.chosen.subject]);
        if is_in(subject) {
            let totals = &one.totals;
            of_orders.push(Drawn::new(
                one,
                one.orders,
                forecast.orders,
                Some(&totals.orders),
            ));
            if let (Some(within), Some(spend)) = (one.spend, forecast.spend) {
                of_spend.push(Drawn::new(one, within, spend, totals.spend.as_ref()));
            }
        }
    }
    GroupEvaluation {
        kind,
        customers: members.len(),
        orders: quantity(&orders, &of_orders),
        spend: (!spend.is_empty()).then(|| quantity(&spend, &of_spend)),
        buyers: buyers::buyers(&buyers.collect::<Vec<_>>()),
        tracking: tracking::track(population, models, kind),
    }
}

/// One quantity of a customer whose future was drawn.
struct Drawn<'a> {
    weight: f64,
    within: Within,
    parameters: usize,
    expected: f64,
    /// `None` where it has no variance.
    foretold: Option<&'a Total>,
}

impl<'a> Drawn<'a> {
    const fn new(
        of: &Sampled,
        within: Within,
        compared: Compared,
        foretold: Option<&'a Total>,
    ) -> Self {
        Self {
            weight: of.chosen.weight,
            within,
            parameters: of.parameters,
            expected: compared.expected,
            foretold,
        }
    }

    fn part(&self) -> Option<Part<'a>> {
        Some(Part {
            parameters: self.parameters,
            weight: self.weight,
            expected: self.expected,
            foretold: self.foretold?,
        })
    }
}

fn quantity(compared: &[(u32, Compared)], drawn: &[Drawn<'_>]) -> QuantityEvaluation {
    let outcomes: Vec<(f64, Within)> = drawn.iter().map(|one| (one.weight, one.within)).collect();
    // A sum of which a part has no variance has none.
    let parts: Option<Vec<Part<'_>>> = drawn.iter().map(Drawn::part).collect();
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
        coverage: coverage::coverage(&outcomes),
        total: parts.and_then(|parts| {
            total::total(compared.iter().map(|(_, one)| one), &parts, PARAMETER_SETS)
        }),
    }
}

/// A count as a number to divide by.
#[expect(clippy::cast_precision_loss, reason = "counts far below 2^53")]
pub(super) const fn number(count: usize) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests;
