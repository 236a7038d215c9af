//! The figures by which models are compared with each other: those of all customers, without the rest of an evaluation.
//!
//! A comparison evaluates up to a dozen models. Tracks, rankings, gain and the groups of customers cost most of an evaluation, and none
//! of them is part of it.

use super::{
    accuracy::{Accuracy, model_accuracy},
    buyers::brier_score,
    coverage::{self, Coverage},
    drawn::{Drawn, futures, total_of},
    forecast::{CandidateModel, forecasts},
    population::Population,
    total::TotalInterval,
};

/// How well a model predicted all customers.
#[derive(Debug, Clone, PartialEq)]
pub struct Headline {
    /// The model's orders.
    pub orders: Accuracy,
    /// Where their sum came to lie; `None` without intervals.
    pub orders_total: Option<TotalInterval>,
    /// How often the orders of a customer lay within the model's intervals; empty without intervals.
    pub orders_coverage: Vec<Coverage>,
    /// The model's spend; `None` where no customer's is known.
    pub spend: Option<Accuracy>,
    /// As in [`BuyerEvaluation::brier_score`](super::buyers::BuyerEvaluation::brier_score).
    pub brier_score: f64,
    /// Of each customer, the squared difference of expected and actual orders, in the order of the population.
    pub squared_errors: Vec<f64>,
}

/// Compares what a model expected with what came. Its intervals are drawn from `seed`, as those of
/// [`evaluate`](super::evaluate): the figures are the same.
#[must_use]
pub fn headline(population: &Population, model: &CandidateModel, seed: u64) -> Headline {
    let forecasts = forecasts(population, model);
    let sampled = coverage::sample(population, model, seed).unwrap_or_default();
    let (of_orders, _) = futures(sampled.iter(), &forecasts);
    let outcome = |one: &Drawn<'_>| (one.weight, one.within);
    let outcomes: Vec<_> = of_orders.iter().map(outcome).collect();
    let orders = forecasts.iter().map(|one| &one.orders);
    let spend = forecasts.iter().filter_map(|one| one.spend.as_ref());
    let has_spend = spend.clone().next().is_some();
    let subjects = population.subjects().iter();
    let buyers = subjects.zip(&forecasts);
    let buyers = buyers.map(|(subject, forecast)| {
        let bought = f64::from(u8::from(subject.holdout_orders > 0));
        (forecast.buys_again, bought)
    });
    Headline {
        orders: model_accuracy(orders.clone()),
        orders_total: total_of(orders.clone(), &of_orders),
        orders_coverage: coverage::coverage(&outcomes),
        spend: has_spend.then(|| model_accuracy(spend)),
        brier_score: brier_score(buyers),
        squared_errors: orders
            .map(|one| (one.expected - one.actual).powi(2))
            .collect(),
    }
}
