//! How well a model predicted what customers did: what was known at a split day, what the model made of it, and what came after.
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
pub mod comparison;
pub mod contracts;
pub mod coverage;
mod drawn;
pub mod drift;
pub mod forecast;
pub mod headline;
pub mod order_counts;
pub mod population;
pub mod ranking;
pub mod renewals;
mod sample;
pub mod season;
pub mod spend_choice;
pub mod strata;
pub mod total;
pub mod tracking;
pub mod value;

use accuracy::{Accuracy, Improvement};
use bins::FrequencyBin;
use buyers::BuyerEvaluation;
use coverage::{Coverage, Sampled, Within};
use drawn::{Drawn, futures, total_of};
use forecast::{CandidateModel, Compared, Forecast, forecasts};
use order_counts::{OrderCount, OrderCounts};
use population::{Population, Subject};
use ranking::{Decile, GainPoint, Ranking};
use season::{Season, season};
use strata::compare_values;
use total::TotalInterval;
use tracking::{TrackedWeek, Tracks};

use crate::domain::{
    calendar::Day, clv::history::DAYS_PER_WEEK, customer::CustomerKind,
    fitted::parameters::Selection,
};

/// Of more distinct values of covariates, customers are not put into groups by them.
pub const MOST_GROUPS_OF_VALUES: usize = 10;

/// The days of an evaluation: everything until `split` is known, the days after it until `until` are to be predicted.
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

/// How well a model predicted the holdout.
#[derive(Debug, Clone, PartialEq)]
pub struct Evaluation {
    /// All customers first, then each kind that there is; then, by a model with covariates, those with the same values, unless there
    /// are more than [`MOST_GROUPS_OF_VALUES`] of these, and those with an unknown one.
    pub groups: Vec<GroupEvaluation>,
    /// How many customers were predicted by which parameters of the model, the most first; none with 0.
    pub selections: Vec<(Selection, usize)>,
    /// Whether the repeat orders of all customers have seasons beyond what the model knows of them.
    pub season: Season,
    /// Customers whose intervals were drawn: all, or a sample of each kind. 0 without intervals.
    pub interval_customers: usize,
    /// Why no intervals were drawn; `None` when they were.
    pub intervals_absent_reason: Option<String>,
}

/// Whom a group consists of.
#[derive(Debug, Clone, PartialEq)]
pub enum Group {
    /// All customers.
    All,
    /// Those of a kind.
    Kind(CustomerKind),
    /// Those with these values of the covariates, in their order.
    Values(Vec<f64>),
    /// Those with an unknown covariate.
    ValuesUnknown,
}

impl Group {
    fn has(&self, subject: &Subject) -> bool {
        let values = subject.stratum().values.as_deref();
        match self {
            Self::All => true,
            Self::Kind(kind) => subject.kind() == *kind,
            Self::Values(own) => compare_values(values, Some(own)).is_eq(),
            Self::ValuesUnknown => values.is_none(),
        }
    }
}

/// The same of a group of customers.
#[derive(Debug, Clone, PartialEq)]
pub struct GroupEvaluation {
    /// Whom it consists of.
    pub group: Group,
    /// How many there are.
    pub customers: usize,
    /// Orders in the holdout.
    pub orders: QuantityEvaluation,
    /// Spend in the holdout, major units, undiscounted; `None` where nothing can be said of anybody's.
    pub spend: Option<QuantityEvaluation>,
    /// Who buys again at all.
    pub buyers: BuyerEvaluation,
    /// Customers by repeat orders until the split, and how many the model expects of each number.
    pub order_counts: Vec<OrderCount>,
    /// Repeat orders of each week, from the first order of anybody to the end of the holdout; empty for groups by covariates.
    pub tracking: Vec<TrackedWeek>,
}

/// How well one quantity was predicted.
#[derive(Debug, Clone, PartialEq)]
pub struct QuantityEvaluation {
    /// Of the model, of its pooled parameters where it has others, and of each baseline.
    pub accuracy: Vec<Accuracy>,
    /// How much nearer the model came than its pooled parameters; `None` where it has no others.
    pub improvement: Option<Improvement>,
    /// By repeat orders until the split; only bins with customers.
    pub bins: Vec<FrequencyBin>,
    /// By rank of the model's forecast, the best first.
    pub deciles: Vec<Decile>,
    /// What share of the whole the best so many percent of customers brought; empty when there was nothing to share.
    pub gain: Vec<GainPoint>,
    /// How well the model and each baseline rank the customers.
    pub rankings: Vec<Ranking>,
    /// The Gini coefficient of a forecast that knew everything; `None` when nothing came of anybody.
    pub perfect_gini: Option<f64>,
    /// How often the holdout of a customer lay within the model's intervals; empty without intervals.
    pub coverage: Vec<Coverage>,
    /// Where the sum over all customers came to lie; `None` without intervals, and of spend without a variance.
    pub total: Option<TotalInterval>,
}

/// Compares what a model expected with what came. Its intervals are drawn from `seed`.
#[must_use]
pub fn evaluate(population: &Population, model: &CandidateModel, seed: u64) -> Evaluation {
    let forecasts = forecasts(population, model);
    let tracks = Tracks::new(population, model);
    let drawn = coverage::sample(population, model, seed);
    let (sampled, intervals_absent_reason) = match drawn {
        Ok(sampled) => (sampled, None),
        Err(reason) => (vec![], Some(reason)),
    };
    let mut counts = OrderCounts::new(model, population.window().split());
    Evaluation {
        groups: groups(population, model)
            .into_iter()
            .map(|group| GroupEvaluation {
                order_counts: counts.count(members(population, &group)),
                ..evaluate_group(population, &tracks, &forecasts, &sampled, group)
            })
            .collect(),
        season: season(&tracks.track(population, None)),
        selections: selections(&forecasts),
        interval_customers: sampled.len(),
        intervals_absent_reason,
    }
}

/// All groups, none of them empty but perhaps that of all.
fn groups(population: &Population, model: &CandidateModel) -> Vec<Group> {
    let strata = || population.strata();
    let kinds = [CustomerKind::Person, CustomerKind::Company].into_iter();
    let kinds = kinds.filter(|kind| strata().any(|it| it.kind == *kind));
    let mut groups = vec![Group::All];
    groups.extend(kinds.map(Group::Kind));
    if model.has_covariates() {
        let mut values: Vec<&[f64]> = strata().filter_map(|it| it.values.as_deref()).collect();
        values.sort_unstable_by(|one, other| compare_values(Some(one), Some(other)));
        values.dedup();
        if values.len() <= MOST_GROUPS_OF_VALUES {
            groups.extend(values.into_iter().map(|it| Group::Values(it.to_vec())));
        }
        let unknown = strata().any(|it| it.values.is_none());
        groups.extend(unknown.then_some(Group::ValuesUnknown));
    }
    groups
}

fn selections(forecasts: &[Forecast]) -> Vec<(Selection, usize)> {
    let mut counts: Vec<(Selection, usize)> = vec![];
    for forecast in forecasts {
        match counts.iter_mut().find(|(it, _)| *it == forecast.selection) {
            Some((_, count)) => *count += 1,
            None => counts.push((forecast.selection, 1)),
        }
    }
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    counts
}

fn members<'a>(population: &'a Population, group: &'a Group) -> impl Iterator<Item = &'a Subject> {
    let subjects = population.subjects().iter();
    subjects.filter(|subject| group.has(subject))
}

/// The figures of a group; without `order_counts`.
fn evaluate_group(
    population: &Population,
    tracks: &Tracks<'_>,
    forecasts: &[Forecast],
    sampled: &[Sampled],
    group: Group,
) -> GroupEvaluation {
    let subjects = population.subjects();
    let members: Vec<(&Subject, &Forecast)> = subjects
        .iter()
        .zip(forecasts)
        .filter(|(subject, _)| group.has(subject))
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
    let of_group = sampled.iter();
    let of_group = of_group.filter(|one| group.has(&subjects[one.chosen.subject]));
    let (of_orders, of_spend) = futures(of_group, forecasts);
    GroupEvaluation {
        customers: members.len(),
        orders: quantity(&orders, &of_orders),
        spend: (!spend.is_empty()).then(|| quantity(&spend, &of_spend)),
        buyers: buyers::buyers(&buyers.collect::<Vec<_>>()),
        order_counts: vec![],
        tracking: match group {
            Group::All => tracks.track(population, None),
            Group::Kind(kind) => tracks.track(population, Some(kind)),
            // What came of each week is kept by kind only.
            Group::Values(_) | Group::ValuesUnknown => vec![],
        },
        group,
    }
}

/// Where the sums of orders and of spend over all customers came to lie, without the rest of an evaluation; `None` as in
/// [`QuantityEvaluation::total`].
#[must_use]
pub fn totals(
    population: &Population,
    model: &CandidateModel,
    seed: u64,
) -> [Option<TotalInterval>; 2] {
    let forecasts = forecasts(population, model);
    let sampled = coverage::sample(population, model, seed).unwrap_or_default();
    let (of_orders, of_spend) = futures(sampled.iter(), &forecasts);
    let orders = forecasts.iter().map(|one| &one.orders);
    let spend = forecasts.iter().filter_map(|one| one.spend.as_ref());
    [total_of(orders, &of_orders), total_of(spend, &of_spend)]
}

fn quantity(compared: &[(u32, Compared)], drawn: &[Drawn<'_>]) -> QuantityEvaluation {
    let outcomes: Vec<(f64, Within)> = drawn.iter().map(|one| (one.weight, one.within)).collect();
    let pairs: Vec<(f64, f64)> = compared
        .iter()
        .map(|(_, one)| (one.expected, one.actual))
        .collect();
    let both = compared.iter().map(|(_, one)| one);
    QuantityEvaluation {
        accuracy: accuracy::accuracies(&both),
        improvement: accuracy::improvement(&both),
        bins: bins::bins(compared),
        deciles: ranking::deciles(&pairs),
        gain: ranking::gain(&pairs),
        rankings: ranking::rankings(&compared.iter().map(|(_, one)| one)),
        perfect_gini: ranking::perfect_gini(compared.iter().map(|(_, one)| one)),
        coverage: coverage::coverage(&outcomes),
        total: total_of(compared.iter().map(|(_, one)| one), drawn),
    }
}

/// A count as a number to divide by.
#[expect(clippy::cast_precision_loss, reason = "counts far below 2^53")]
pub(super) const fn number(count: usize) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests;
