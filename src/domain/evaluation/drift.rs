//! Does the active version still describe the customers, or have they changed? It is compared with the same model fitted anew.
//!
//! Three questions, each with its own figures: whether a refit on all facts until today describes what customers did until today
//! better than by chance (likelihood ratio, Wald), whether it would change the answers (orders expected of all customers), and whether
//! the active version missed the last days by more than a fit would have that knew only what came before them (holdout). A drift is
//! what is both beyond chance and large enough to matter: with a million customers every difference is beyond chance.
//!
//! A version with sets by kind or effects of covariates is compared with a refit of the same kinds or covariates. Likelihoods are those
//! of the customers whom such a set describes: the pooled set, which speaks for the others, is no maximum of theirs alone, so nothing
//! follows from how likely it makes them. Orders to come and the holdout are those of all.

use super::{
    accuracy::{Accuracy, Forecaster, accuracy},
    forecast::{self, CandidateModel, forecasts},
    population::Population,
};
use crate::domain::{
    calendar::Day,
    customer::CustomerKind,
    value::{
        fit::{
            covariates::{CovariateGroup, CovariateModel},
            distance::{chi_squared_exceeds, squared_distance},
            rows::CollapsedRow,
        },
        history::{DAYS_PER_WEEK, PurchaseHistory},
        model::OrderModel,
    },
};

/// A difference that chance makes as large less often than this is beyond chance.
pub const SIGNIFICANCE: f64 = 0.01;
/// Expected orders of all customers that differ by more than this share change the answers; smaller differences are within what
/// forecasts of orders miss by anyway (12 to 16 % in CDNOW's holdout).
pub const MATERIAL_OUTLOOK: f64 = 0.10;
/// The same for what the active version misses of the holdout's orders beyond what the refit misses.
pub const MATERIAL_HOLDOUT: f64 = 0.10;
/// Of fewer customers nothing is said.
pub const FEWEST_CUSTOMERS: u64 = 100;
/// Of fewer orders in the holdout nothing is said: their number alone is uncertain by a fifth.
pub const FEWEST_ORDERS: f64 = 30.0;

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
    /// Difference of the logarithms (of effects: of themselves) in standard errors, both uncertainties taken together; `None` where one has none. The fits share
    /// customers, so the true value is further from 0: the figure errs on the side of no drift.
    pub z: Option<f64>,
}

/// One set of parameters of the active version against its refit, on what customers did until today.
#[derive(Debug, Clone, PartialEq)]
pub struct SetComparison {
    /// The kind that the set describes; `None` for both.
    pub kind: Option<CustomerKind>,
    /// Names of its covariates; it describes the customers of whom all are known. None without.
    pub covariates: Vec<String>,
    /// How many customers it describes.
    pub customers: u64,
    /// Log-likelihood under the active version.
    pub active_log_likelihood: f64,
    /// Log-likelihood under the refit.
    pub refit_log_likelihood: f64,
    /// Each parameter.
    pub parameters: Vec<ParameterShift>,
    /// The shift of all parameters together in standard errors, squared; `None` without a covariance.
    pub wald: Option<f64>,
}

/// Likelihood ratio and Wald statistic over all sets.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Significance {
    /// Twice the gain in log-likelihood.
    pub likelihood_ratio: f64,
    /// Parameters compared.
    pub degrees_of_freedom: u32,
    /// Probability of so large a ratio by chance, the active parameters taken as certain.
    pub likelihood_ratio_p: f64,
    /// The Wald statistic, which counts both uncertainties; `None` without a covariance.
    pub wald: Option<f64>,
    /// Probability of so large a shift by chance.
    pub wald_p: Option<f64>,
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
    /// How the active version and a refit on what was known at the split foretold the holdout.
    pub holdout: Option<(Accuracy, Accuracy)>,
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
    let logs = old.parameters().into_iter().zip(new.parameters());
    let logs = logs.map(|(old, new)| (old, new, (new / old).ln()));
    let effects = |of: &CovariateModel| [of.order_effects(), of.dropout_effects()].concat();
    let effects = effects(old).into_iter().zip(effects(new));
    let effects = effects.map(|(old, new)| (old, new, new - old));
    let moved: Vec<(f64, f64, f64)> = logs.chain(effects).collect();
    let covariance = sum(active.log_covariance, refit.log_covariance);
    let z = |at: usize| {
        let variance = *covariance.as_ref()?.get(at)?.get(at)?;
        (variance > 0.0).then(|| moved[at].2 / variance.sqrt())
    };
    let names = old.parameter_names().into_iter().zip(&moved).enumerate();
    let parameters = names.map(|(at, (name, (old, new, _)))| ParameterShift {
        name,
        active: *old,
        refit: *new,
        z: z(at),
    });
    let differences: Vec<f64> = moved.iter().map(|(_, _, difference)| *difference).collect();
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
        wald: covariance
            .as_deref()
            .and_then(|covariance| squared_distance(&differences, covariance)),
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts far below 2^53")]
fn log_likelihood(model: &OrderModel, rows: &[CollapsedRow]) -> f64 {
    let of_row = |row: &CollapsedRow| {
        let history = history(row);
        history.map_or(0.0, |history| {
            row.count() as f64 * model.log_likelihood(&history)
        })
    };
    rows.iter().map(of_row).sum()
}

/// Sum of two covariances.
fn sum(one: Option<&[Vec<f64>]>, other: Option<&[Vec<f64>]>) -> Option<Vec<Vec<f64>>> {
    let rows = one?.iter().zip(other?);
    let sum = rows.map(|(one, other)| one.iter().zip(other).map(|(a, b)| a + b).collect());
    Some(sum.collect())
}

fn history(row: &CollapsedRow) -> Option<PurchaseHistory> {
    PurchaseHistory::from_days(row.frequency(), row.recency_days(), row.age_days()).ok()
}

/// Orders that all customers are expected to place in the `days` after the split of the population.
#[must_use]
pub fn expected_orders(population: &Population, model: &CandidateModel, days: u32) -> f64 {
    forecast::expected_orders(population, model, f64::from(days) / DAYS_PER_WEEK)
}

/// How a model that knows nothing after the split foretells the orders of the holdout.
#[must_use]
pub fn holdout(population: &Population, model: &CandidateModel) -> Accuracy {
    let forecasts = forecasts(population, model);
    let pairs = forecasts
        .iter()
        .map(|one| (one.orders.expected, one.orders.actual));
    accuracy(Forecaster::Model, pairs)
}

/// Likelihood ratio and Wald statistic of all sets together.
#[must_use]
pub fn significance(sets: &[SetComparison]) -> Significance {
    let gains = sets
        .iter()
        .map(|set| set.refit_log_likelihood - set.active_log_likelihood);
    let likelihood_ratio = 2.0 * gains.sum::<f64>();
    let parameters: usize = sets.iter().map(|set| set.parameters.len()).sum();
    let degrees_of_freedom = u32::try_from(parameters).unwrap_or(u32::MAX);
    let wald: Option<f64> = sets.iter().map(|set| set.wald).sum();
    Significance {
        likelihood_ratio,
        degrees_of_freedom,
        likelihood_ratio_p: chi_squared_exceeds(likelihood_ratio, degrees_of_freedom),
        wald,
        wald_p: wald.map(|wald| chi_squared_exceeds(wald, degrees_of_freedom)),
    }
}

/// The verdict. Drift: likelihood ratio and Wald statistic are both beyond chance at [`SIGNIFICANCE`], and expected orders differ by
/// more than [`MATERIAL_OUTLOOK`] or the active version misses more of the holdout than the refit by [`MATERIAL_HOLDOUT`].
#[must_use]
pub fn judge(evidence: &Evidence) -> Judgement {
    let not_decidable = |reason| Judgement {
        verdict: Verdict::NotDecidable,
        reason,
    };
    if let Some(reason) = undecidable(evidence) {
        return not_decidable(reason);
    }
    let found = significance(&evidence.sets);
    let Some(wald_p) = found.wald_p else {
        return not_decidable(
            "the active version or its refit does not know how uncertain its parameters are"
                .to_owned(),
        );
    };
    let (active, refit) = evidence.outlook;
    let outlook = share(refit - active, active);
    let excess = evidence.holdout.map_or(0.0, |(active, refit)| {
        missed(&active).abs() - missed(&refit).abs()
    });
    let likelihood = format!(
        "a refit gains {:.1} in log-likelihood (chance does so with p = {:.2}, its parameters shift so with p = {wald_p:.2})",
        0.5 * found.likelihood_ratio,
        found.likelihood_ratio_p
    );
    let effect = format!(
        "it expects {:+.1} % orders, and the active version misses {:+.1} percentage points more of the holdout than a refit",
        100.0 * outlook,
        100.0 * excess
    );
    let significant = found.likelihood_ratio_p.max(wald_p) < SIGNIFICANCE;
    let material = outlook.abs() > MATERIAL_OUTLOOK || excess > MATERIAL_HOLDOUT;
    let (verdict, why) = match (significant, material) {
        (true, true) => (Verdict::Drift, "that is beyond chance, and matters"),
        (true, false) => (
            Verdict::NoDrift,
            "that is beyond chance, but too small to matter",
        ),
        (false, _) => (Verdict::NoDrift, "chance alone does as much"),
    };
    Judgement {
        verdict,
        reason: format!("{likelihood}; {effect}: {why}"),
    }
}

/// Why nothing can be said.
fn undecidable(evidence: &Evidence) -> Option<String> {
    let Evidence {
        active_until,
        split,
        until,
        ..
    } = evidence;
    let customers: u64 = evidence.sets.iter().map(|set| set.customers).sum();
    let described = match evidence.pooled_customers {
        0 => "customers",
        _ => "customers with parameters of their own",
    };
    if let Some(problem) = &evidence.refit_problem {
        return Some(problem.clone());
    }
    if customers < FEWEST_CUSTOMERS {
        return Some(format!(
            "{customers} {described} are too few: it takes {FEWEST_CUSTOMERS}"
        ));
    }
    let Some((active, _)) = &evidence.holdout else {
        return Some(format!("nobody had ordered by {split}"));
    };
    if active.actual_total < FEWEST_ORDERS {
        return Some(format!(
            "{} orders from the day after {split} to {until} are too few: it takes {FEWEST_ORDERS}; are the latest facts there?",
            active.actual_total
        ));
    }
    (active_until > split).then(|| {
        format!(
            "the active version was fitted on facts until {active_until}: of the days after {split} that it should have foretold, it \
             knew some; ask again when more days have passed, or about fewer"
        )
    })
}

/// Share of the actual orders by which a forecast was off: above 0, too much was expected.
fn missed(accuracy: &Accuracy) -> f64 {
    share(
        accuracy.expected_total - accuracy.actual_total,
        accuracy.actual_total,
    )
}

fn share(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 0.0 }
}
