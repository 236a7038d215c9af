//! The fit of a model of ordering: likelihoods of groups of customers, effects of covariates, a prior, one search.
//!
//! Coordinates: logarithms of the four parameters of a customer at the means of the covariates (time in units of the longest age), then
//! effects on the order rate, then effects on drop-out, of one standard deviation of each covariate.

use super::FitError;
use super::covariates::CovariateGroup;
use super::family::{self, Likelihood, dropout_parameter};
use super::limits::{self, Limit};
use super::matrix::SquareMatrix;
use super::minimise::{Evaluation, Minimum};
use super::prepared::{Totals, totals, totals_of_observed, weeks_observed};
use super::prior::LogNormalPrior;
use super::report::{FitReport, Outcome};
use super::rows::{CollapsedRow, coarsened, collapse};
use super::search::search;
use super::standard::Standard;
use super::weak_prior::{self, WeakPrior};
use super::work::{Work, WorkLimit};
use crate::domain::clv::model::ModelKind;
use crate::domain::stop;

/// So many coarse rows take a few milliseconds over all starts.
pub(super) const COARSE_ROWS: usize = 2_000;

/// What is known of the parameters before the data.
#[derive(Debug, Clone, Copy)]
enum Prior<'a> {
    /// By the caller.
    Given(&'a LogNormalPrior),
    /// By the program, where the likelihood alone determines too little.
    Weak(&'a WeakPrior),
}

/// A group with its covariates, standardised.
struct Group {
    covariates: Vec<f64>,
    likelihood: Likelihood,
}

/// Everything that stays the same while the search moves.
struct Problem<'a> {
    kind: ModelKind,
    unit_weeks: f64,
    covariate_count: usize,
    prior: Option<Prior<'a>>,
    limit: WorkLimit,
}

impl Problem<'_> {
    /// Mean negative log-likelihood (and prior) of the groups with its gradient; infinite once the work is over its limit.
    fn evaluate(&self, groups: &[Group], point: &[f64], work: &Work) -> Evaluation {
        let (order_effects, dropout_effects) = point[4..].split_at(self.covariate_count);
        let (dropout_index, dropout_sign) = dropout_parameter(self.kind);
        let mut value = 0.0;
        let mut customers = 0.0;
        let mut gradient = vec![0.0; point.len()];
        for group in groups {
            stop::check();
            if work.is_over() {
                return (f64::INFINITY, vec![f64::NAN; point.len()]);
            }
            let effect = |effects: &[f64]| super::matrix::dot(effects, &group.covariates);
            let mut logs = [point[0], point[1], point[2], point[3]];
            logs[1] -= effect(order_effects);
            logs[dropout_index] += dropout_sign * effect(dropout_effects);
            let parameters = logs.map(f64::exp);
            let (group_value, by_parameter) = group.likelihood.evaluate(parameters, work);
            value += group_value;
            customers += group.likelihood.customers();
            for (i, (by, parameter)) in by_parameter.into_iter().zip(parameters).enumerate() {
                gradient[i] += by * parameter;
            }
            let by_orders = -by_parameter[1] * parameters[1];
            let by_dropout = dropout_sign * by_parameter[dropout_index] * parameters[dropout_index];
            for (i, covariate) in group.covariates.iter().enumerate() {
                gradient[4 + i] += by_orders * covariate;
                gradient[4 + self.covariate_count + i] += by_dropout * covariate;
            }
        }
        let (log_density, by_log) = self.log_prior(point);
        value += log_density;
        gradient
            .iter_mut()
            .zip(by_log)
            .for_each(|(sum, by)| *sum += by);
        (
            -value / customers,
            gradient.into_iter().map(|by| -by / customers).collect(),
        )
    }

    /// Log-density of the prior and its derivatives; nothing without one.
    fn log_prior(&self, point: &[f64]) -> (f64, Vec<f64>) {
        let (logs, effects) = point.split_at(4);
        let logs = self.of_orders([logs[0], logs[1], logs[2], logs[3]]);
        match self.prior {
            None => (0.0, vec![]),
            Some(Prior::Given(prior)) => {
                let (value, gradient) = prior.log_density(logs);
                (value, gradient.to_vec())
            }
            Some(Prior::Weak(prior)) => {
                let (value, gradient) = prior.log_density(logs);
                let (of_effects, by_effects) = WeakPrior::log_density_of_effects(effects);
                (
                    value + of_effects,
                    [gradient.as_slice(), &by_effects].concat(),
                )
            }
        }
    }

    /// Log-parameters with times in weeks.
    fn in_weeks(&self, mut logs: [f64; 4]) -> [f64; 4] {
        let unit = self.unit_weeks.ln();
        logs[1] += unit;
        if self.kind == ModelKind::ParetoNbd {
            logs[3] += unit;
        }
        logs
    }

    /// The same as a prior knows them: of orders, not of their stages, so that one prior is right for any number of stages.
    fn of_orders(&self, logs: [f64; 4]) -> [f64; 4] {
        let mut logs = self.in_weeks(logs);
        logs[1] += self.kind.stages().as_f64().ln();
        logs
    }

    /// The best parameters of these groups; no worse than `known`, where that is given.
    fn solve(
        &self,
        groups: &[CovariateGroup],
        standard: &Standard,
        known: Option<&[f64]>,
    ) -> Result<Optimum, FitError> {
        let exact_groups = self.groups(groups, standard);
        let coarse_rows = coarse(groups);
        let coarse_groups = self.groups(&coarse_rows, standard);
        let work = self.limit.for_rows(rows(groups));
        let exact = |point: &[f64]| self.evaluate(&exact_groups, point, &work);
        let of_coarse = self.limit.for_rows(rows(&coarse_rows));
        let coarse = |point: &[f64]| self.evaluate(&coarse_groups, point, &of_coarse);
        let no_effects = vec![0.0; 2 * self.covariate_count];
        let starts =
            family::starts(self.kind).map(|start| [start.as_slice(), &no_effects].concat());
        let (found, hessian) =
            search(&coarse, &exact, &starts, known).ok_or(FitError::NoFiniteLikelihood)?;
        let customers = exact_groups
            .iter()
            .map(|group| group.likelihood.customers())
            .sum();
        // What a prior determines needs no telling from anything.
        let limit = match self.prior {
            Some(_) => None,
            None => limits::reached(
                &exact,
                (&found, &hessian),
                customers,
                family::limits(self.kind),
            ),
        };
        Ok(Optimum {
            found,
            hessian,
            limit,
            is_cut_short: work.is_over(),
        })
    }

    /// The optimum of the model without effects, the same for all customers.
    fn without_covariates(&self, rows: Vec<CollapsedRow>) -> Result<Vec<f64>, FitError> {
        let everyone = CovariateGroup {
            values: Vec::new(),
            rows: collapse(rows),
        };
        let plain = Problem {
            covariate_count: 0,
            ..*self
        };
        let standard = Standard::from_groups(0, &[]);
        Ok(plain.solve(&[everyone], &standard, None)?.found.point)
    }

    /// What the search found, in natural units and judged.
    fn fitted(
        &self,
        covariate_names: &[String],
        standard: Standard,
        totals: &Totals,
        distinct_rows: usize,
        optimum: Optimum,
    ) -> Fitted {
        let Optimum {
            found,
            hessian,
            limit,
            is_cut_short,
        } = optimum;
        let coordinates = [
            found.point[0],
            found.point[1],
            found.point[2],
            found.point[3],
        ];
        let logs = self.in_weeks(coordinates);
        let parameters = logs.map(f64::exp);
        let effect_scales: Vec<f64> = [standard.deviations.as_slice(), &standard.deviations]
            .concat()
            .into_iter()
            .map(f64::recip)
            .collect();
        let effects: Vec<f64> = found.point[4..]
            .iter()
            .zip(&effect_scales)
            .map(|(x, scale)| x * scale)
            .collect();
        let (log_prior, _) = self.log_prior(&found.point);
        let report = Outcome {
            parameter_names: names(self.kind, covariate_names),
            estimates: [parameters.as_slice(), &effects].concat(),
            scales: [parameters.as_slice(), &effect_scales].concat(),
            log_scales: [[1.0; 4].as_slice(), &effect_scales].concat(),
            hessian,
            limit,
            has_prior: self.prior.is_some(),
            is_cut_short,
            log_likelihood: -found.value * totals.customers_as_f64() - log_prior
                + totals.constant(self.kind.stages()),
            gradient_norm: found.gradient_norm(),
            iterations: found.iterations,
            evaluations: found.evaluations,
            customers: totals.customers,
            distinct_rows,
        }
        .into_report();
        let (order_effects, dropout_effects) = effects.split_at(self.covariate_count);
        Fitted {
            parameters,
            means: standard.means,
            order_effects: order_effects.to_vec(),
            dropout_effects: dropout_effects.to_vec(),
            report,
        }
    }

    fn groups(&self, groups: &[CovariateGroup], standard: &Standard) -> Vec<Group> {
        groups
            .iter()
            .map(|group| Group {
                covariates: standard.standardised(&group.values),
                likelihood: Likelihood::new(self.kind, &group.rows, self.unit_weeks),
            })
            .collect()
    }
}

/// Where a search ended.
struct Optimum {
    found: Minimum,
    hessian: SquareMatrix,
    /// A simpler model that the data do not tell it from.
    limit: Option<&'static Limit>,
    /// Whether the search would have gone on but for its work limit.
    is_cut_short: bool,
}

/// What a fit yields: parameters at the means of the covariates, effects on orders, effects on drop-out, and the report of all.
pub(super) struct Fitted {
    pub(super) parameters: [f64; 4],
    pub(super) means: Vec<f64>,
    pub(super) order_effects: Vec<f64>,
    pub(super) dropout_effects: Vec<f64>,
    pub(super) report: FitReport,
}

/// Fits groups that share covariate values; a single group without any is the plain model. What the likelihood alone does not determine is
/// held by weak priors, unless the caller gave one, and the report says so.
pub(super) fn fit(
    kind: ModelKind,
    covariate_names: &[String],
    groups: &[CovariateGroup],
    prior: Option<&LogNormalPrior>,
) -> Result<Fitted, FitError> {
    fit_within(WorkLimit::STANDARD, kind, covariate_names, groups, prior)
}

/// The same, of which each search may compute so much.
pub(super) fn fit_within(
    limit: WorkLimit,
    kind: ModelKind,
    covariate_names: &[String],
    groups: &[CovariateGroup],
    prior: Option<&LogNormalPrior>,
) -> Result<Fitted, FitError> {
    let maximum = |prior| maximum(limit, kind, covariate_names, groups, prior);
    let fitted = maximum(prior.map(Prior::Given));
    if prior.is_some() {
        return fitted;
    }
    let nobody_ordered_again = matches!(fitted, Err(FitError::NoRepeatOrders { .. }));
    let weeks_without_orders =
        nobody_ordered_again.then(|| weeks_observed(groups.iter().flat_map(|group| &group.rows)));
    let why = match &fitted {
        Ok(fitted) => weak_prior::reason(&fitted.report.convergence),
        Err(FitError::NoRepeatOrders { customers }) => Some(format!(
            "none of the {customers} customers has ordered again"
        )),
        Err(FitError::NoFiniteLikelihood) => Some(FitError::NoFiniteLikelihood.to_string()),
        Err(_) => None,
    };
    let Some(why) = why else {
        return fitted;
    };
    let weak = WeakPrior::new(kind, weeks_without_orders);
    match maximum(Some(Prior::Weak(&weak))) {
        Ok(mut held) if held.report.convergence.is_converged() => {
            if let Ok(free) = fitted {
                held.report.iterations += free.report.iterations;
                held.report.evaluations += free.report.evaluations;
            }
            held.report.held = Some(weak.words(&why, !covariate_names.is_empty()));
            Ok(held)
        }
        Ok(_) | Err(_) => fitted,
    }
}

/// The best parameters of all groups, given what is known before.
fn maximum(
    limit: WorkLimit,
    kind: ModelKind,
    covariate_names: &[String],
    groups: &[CovariateGroup],
    prior: Option<Prior<'_>>,
) -> Result<Fitted, FitError> {
    let all: Vec<CollapsedRow> = groups
        .iter()
        .flat_map(|group| group.rows.iter().copied())
        .collect();
    let totals = match prior {
        Some(Prior::Weak(_)) => totals_of_observed(&all)?,
        Some(Prior::Given(_)) | None => totals(&all)?,
    };
    let problem = Problem {
        kind,
        unit_weeks: totals.unit_weeks,
        covariate_count: covariate_names.len(),
        prior,
        limit,
    };
    let standard = Standard::from_groups(covariate_names.len(), groups);
    let distinct_rows = all.len();
    // The model without effects is nested in the one with them: its optimum is a point to do better than.
    let known = if covariate_names.is_empty() {
        None
    } else {
        let plain = problem.without_covariates(all)?;
        Some([plain.as_slice(), &vec![0.0; 2 * covariate_names.len()]].concat())
    };
    let optimum = problem.solve(groups, &standard, known.as_deref())?;
    Ok(problem.fitted(covariate_names, standard, &totals, distinct_rows, optimum))
}

/// Distinct histories of all groups.
fn rows(groups: &[CovariateGroup]) -> usize {
    groups.iter().map(|group| group.rows.len()).sum()
}

/// Symbols of all coordinates, in order.
pub(super) fn names(kind: ModelKind, covariate_names: &[String]) -> Vec<String> {
    let effects = |on: &str| {
        let on = on.to_owned();
        covariate_names
            .iter()
            .map(move |name| format!("{on}:{name}"))
    };
    kind.parameter_names()
        .into_iter()
        .map(str::to_owned)
        .chain(effects("orders"))
        .chain(effects("dropout"))
        .collect()
}

/// Few rows that resemble these: every so many groups, each coarse in time.
fn coarse(groups: &[CovariateGroup]) -> Vec<CovariateGroup> {
    let kept = groups.len().min(COARSE_ROWS / 4);
    let rows_each = COARSE_ROWS / kept.max(1);
    groups
        .iter()
        .step_by(groups.len().div_ceil(kept.max(1)).max(1))
        .map(|group| CovariateGroup {
            values: group.values.clone(),
            rows: collapse(coarsened(&group.rows, rows_each)),
        })
        .collect()
}
