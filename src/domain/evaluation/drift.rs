//! Does the active version still describe the customers, or have they changed? It is compared with the same model fitted anew.
//!
//! Three questions, each with its own figures. Did the last days come as the active version predicted them? What all customers ordered and
//! spent in the holdout is compared with the sum that it gave a chance ([`super::total`]), and its error with that of a fit that knew only
//! what came before. Did everything since the version was fitted come as it predicted then? A version that is given what customers did since
//! adapts to it, customer by customer, and then misses less of the holdout than of what it promised. And does a refit on all facts until
//! today differ, by more than chance (likelihood ratio), so that answers change (orders expected of all customers)? The first sees at once
//! what happens in the last days, the others what has been going on since the version was fitted. A drift is what is both beyond chance and large enough to matter ([`verdict`]): with a million customers
//! every difference is beyond chance.
//!
//! A version with sets by kind or effects of covariates is compared with a refit of the same kinds or covariates. Likelihoods are those
//! of the customers whom such a set describes: the pooled set, which speaks for the others, is no maximum of theirs alone, so nothing
//! follows from how likely it makes them. Future orders and the holdout are those of all.

pub mod verdict;

use super::{
    accuracy::{Accuracy, Forecaster, accuracy},
    forecast::{self, CandidateModel, forecasts},
    population::Population,
    total::TotalInterval,
};
use crate::domain::{
    calendar::Day,
    clv::{
        fit::{
            covariates::{CovariateGroup, CovariateModel},
            distance::{chi_squared_exceeds, excess_variance},
            rows::CollapsedRow,
        },
        history::DAYS_PER_WEEK,
        model::OrderModel,
    },
    customer::CustomerKind,
};

/// What came of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing that is both beyond chance and large enough to matter.
    NoDrift,
    /// Customers behave differently: fit again.
    Drift,
    /// The facts do not suffice to tell.
    NotDecidable,
}

/// A set of parameters and how uncertain they are.
#[derive(Debug, Clone, PartialEq)]
pub struct ParameterSet<'a> {
    /// The parameters, with effects of covariates if it has any.
    pub model: CovariateModel,
    /// Covariance of the logarithms of the parameters and of the effects, where there is one.
    pub log_covariance: Option<&'a [Vec<f64>]>,
}

/// How one parameter moved.
#[derive(Debug, Clone, PartialEq)]
pub struct ParameterShift {
    /// Symbol of the literature; of an effect `orders:NAME` or `dropout:NAME`.
    pub name: String,
    /// In the active version.
    pub active: f64,
    /// In the refit.
    pub refit: f64,
    /// Difference of the logarithms (of effects: of themselves) in standard errors of the shift, whose variance is that of the active version
    /// less that of the refit; `None` where one is unknown, or the difference less than [`MIN_SCALE`] of the refit's.
    pub z: Option<f64>,
}

/// One set of parameters of the active version against its refit, on what customers did until today.
#[derive(Debug, Clone, PartialEq)]
pub struct SetComparison {
    /// The kind that the set describes; `None` for both.
    pub kind: Option<CustomerKind>,
    /// Names of its covariates; it describes the customers whose covariates are all known. None without.
    pub covariates: Vec<String>,
    /// How many customers it describes.
    pub customers: u64,
    /// Log-likelihood under the active version.
    pub active_log_likelihood: f64,
    /// Log-likelihood under the refit.
    pub refit_log_likelihood: f64,
    /// Each parameter.
    pub parameters: Vec<ParameterShift>,
    /// What twice the gain in log-likelihood comes to by chance, for each parameter ([`excess_variance`]); `None` where a covariance is unknown.
    pub scale: Option<f64>,
}

/// A tenth more facts than the version knew. With fewer, what the refit gains by chance is so little that the error of its covariance would
/// decide. Chosen, not measured.
pub const MIN_SCALE: f64 = 0.1;

/// The likelihood ratio over all sets.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Significance {
    /// Twice the gain in log-likelihood.
    pub likelihood_ratio: f64,
    /// Parameters compared.
    pub degrees_of_freedom: u32,
    /// What the ratio comes to by chance, for each degree of freedom: the refit knows the facts of the active version and more, so that it is
    /// no chi-squared variate but about so many times one; at least [`MIN_SCALE`]. `None` where a covariance is unknown.
    pub scale: Option<f64>,
    /// Probability of so large a ratio by chance.
    pub p: Option<f64>,
}

/// Everything that a verdict rests on.
#[derive(Debug, Clone, PartialEq)]
pub struct Evidence {
    /// Last day that the active version knew.
    pub active_until: Day,
    /// Last day before the holdout.
    pub split: Day,
    /// The last day looked at.
    pub until: Day,
    /// Each set of parameters.
    pub sets: Vec<SetComparison>,
    /// Customers known today whom none of these sets describes: the pooled parameters of the version speak for them.
    pub pooled_customers: u64,
    /// Why a refit is not to be trusted, where it is not.
    pub refit_problem: Option<String>,
    /// Orders that all customers known today are expected to place in as many days as the holdout has: by the active version, and by
    /// the refit.
    pub outlook: (f64, f64),
    /// How the active version and a refit on what was known at the split predicted the holdout.
    pub holdout: Option<(Accuracy, Accuracy)>,
    /// Where the orders and the spend of all customers in the holdout came to lie among what the active version gave a chance; `None` where
    /// it does not know how uncertain it is, or of spend without a model.
    pub totals: [Option<TotalInterval>; 2],
    /// The same for the orders since the version was fitted, of customers known then, as it predicted them then; `None` also where the holdout
    /// begins on that day or before.
    pub since_fit: Option<TotalInterval>,
    /// Whether the version and its refits were held by a prior: then no likelihoods are at their maxima, and they tell nothing.
    pub has_prior: bool,
    /// The last purchase day of anybody, if it is so long before `until` that the latest facts are likely to be missing.
    pub facts_end: Option<Day>,
}

/// A verdict with its reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    /// The verdict.
    pub verdict: Verdict,
    /// Why, in a sentence or two.
    pub reason: String,
}

/// Compares two sets of parameters on the same customers. Both have the same covariates, and `groups` has values of these.
#[must_use]
pub fn compare(
    kind: Option<CustomerKind>,
    groups: &[CovariateGroup],
    active: &ParameterSet<'_>,
    refit: &ParameterSet<'_>,
) -> SetComparison {
    let (old, new) = (&active.model, &refit.model);
    // Both of the same customer, whatever the means of the refit are.
    let new_at_old = new.for_values(old.means());
    let new_at_old = new_at_old.map_or_else(|_| new.parameters(), |model| model.parameters());
    let logs = old.parameters().into_iter().zip(new_at_old);
    let logs = logs.map(|(old, new)| (old, new, (new / old).ln()));
    let effects = |of: &CovariateModel| [of.order_effects(), of.dropout_effects()].concat();
    let effects = effects(old).into_iter().zip(effects(new));
    let effects = effects.map(|(old, new)| (old, new, new - old));
    let moved: Vec<(f64, f64, f64)> = logs.chain(effects).collect();
    let of_refit = refit.log_covariance;
    let of_refit = of_refit.and_then(|full| new.full_log_covariance_for(old.means(), full));
    let z = |at: usize| {
        let (before, now) = (active.log_covariance?, of_refit.as_deref()?);
        let now = *now.get(at)?.get(at)?;
        let variance = before.get(at)?.get(at)? - now;
        (variance >= MIN_SCALE * now).then(|| moved[at].2 / variance.sqrt())
    };
    let names = old.parameter_names().into_iter().zip(&moved).enumerate();
    let parameters = names.map(|(at, (name, (old, new, _)))| ParameterShift {
        name,
        active: *old,
        refit: *new,
        z: z(at),
    });
    // Values so great that effects of them leave the range of numbers are as good as unknown, for answers too.
    let groups = groups.iter().filter_map(|group| {
        let of = |model: &CovariateModel| model.for_values(&group.values).ok();
        Some((&group.rows[..], [of(old)?, of(new)?]))
    });
    let groups: Vec<(&[CollapsedRow], [OrderModel; 2])> = groups.collect();
    let log_likelihood = |which: usize| -> f64 {
        let groups = groups.iter();
        groups
            .map(|(rows, models)| log_likelihood(&models[which], rows))
            .sum()
    };
    let rows = groups.iter().flat_map(|(rows, _)| *rows);
    SetComparison {
        kind,
        covariates: old.names().to_vec(),
        customers: rows.map(CollapsedRow::count).sum(),
        active_log_likelihood: log_likelihood(0),
        refit_log_likelihood: log_likelihood(1),
        parameters: parameters.collect(),
        scale: active
            .log_covariance
            .zip(of_refit.as_deref())
            .and_then(|(active, refit)| excess_variance(active, refit)),
    }
}

fn log_likelihood(model: &OrderModel, rows: &[CollapsedRow]) -> f64 {
    rows.iter().map(|row| row.log_likelihood(model)).sum()
}

/// Orders that all customers are expected to place in the `days` after the split of the population.
#[must_use]
pub fn expected_orders(population: &Population, model: &CandidateModel, days: u32) -> f64 {
    forecast::expected_orders(population, model, f64::from(days) / DAYS_PER_WEEK)
}

/// How a model that knows nothing after the split predicts the orders of the holdout.
#[must_use]
pub fn holdout(population: &Population, model: &CandidateModel) -> Accuracy {
    let forecasts = forecasts(population, model);
    let pairs = forecasts
        .iter()
        .map(|one| (one.orders.expected, one.orders.actual));
    accuracy(Forecaster::Model, pairs)
}

/// The likelihood ratio of all sets together.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "a few parameters")]
pub fn significance(sets: &[SetComparison]) -> Significance {
    let gains = sets
        .iter()
        .map(|set| set.refit_log_likelihood - set.active_log_likelihood);
    let likelihood_ratio = 2.0 * gains.sum::<f64>();
    let parameters: usize = sets.iter().map(|set| set.parameters.len()).sum();
    let degrees_of_freedom = u32::try_from(parameters).unwrap_or(u32::MAX);
    let scales = sets
        .iter()
        .map(|set| Some(set.scale? * set.parameters.len() as f64));
    let scales: Option<f64> = scales.sum();
    let scale = scales.map(|sum| (sum / parameters as f64).max(MIN_SCALE));
    Significance {
        likelihood_ratio,
        degrees_of_freedom,
        scale,
        p: scale.map(|scale| chi_squared_exceeds(likelihood_ratio / scale, degrees_of_freedom)),
    }
}
