//! The fit of a model of ordering: likelihoods of groups of customers, effects of covariates, a prior, one search.
//!
//! Coordinates: logarithms of the four parameters (time in units of the longest age), then effects on the order rate, then
//! effects on drop-out, per covariate scaled to at most 1 in size.

use super::FitError;
use super::beta_geometric::{self, InitialChances};
use super::covariates::CovariateGroup;
use super::matrix::SquareMatrix;
use super::minimise::{Evaluation, Minimum};
use super::pareto::{self, Paired};
use super::prepared::{Prepared, Totals, totals};
use super::prior::LogNormalPrior;
use super::report::{FitReport, Outcome};
use super::rows::{CollapsedRow, coarsened, collapse};
use super::search::search;
use crate::domain::value::model::ModelKind;

/// So many coarse rows take a few milliseconds over all starts.
const COARSE_ROWS: usize = 2_000;

/// Logarithms of (r, alpha in units of the longest age, a, b).
const BETA_GEOMETRIC_STARTS: [[f64; 4]; 3] = [
    [0.0, -1.0, 0.0, 0.0],
    [-1.0, -2.0, -0.5, 1.0],
    [1.0, 0.5, -1.5, 1.5],
];
/// Logarithms of (r, alpha, s, beta), times in units of the longest age.
const PARETO_STARTS: [[f64; 4]; 3] = [
    [0.0, -1.0, -0.5, -1.0],
    [-1.0, -2.0, -1.0, 0.5],
    [1.0, 0.5, 0.5, 0.0],
];

/// The likelihood of one group.
enum Likelihood {
    BetaGeometric(Prepared, InitialChances),
    Pareto(Paired),
}

impl Likelihood {
    fn new(kind: ModelKind, rows: &[CollapsedRow], unit_weeks: f64) -> Self {
        let data = Prepared::new(rows, unit_weeks);
        match kind {
            ModelKind::BgNbd => Self::BetaGeometric(data, InitialChances::None),
            ModelKind::MbgNbd => Self::BetaGeometric(data, InitialChances::One),
            ModelKind::ParetoNbd => Self::Pareto(Paired::new(data)),
        }
    }

    fn customers(&self) -> f64 {
        match self {
            Self::BetaGeometric(data, _) => data.customers,
            Self::Pareto(paired) => paired.data.customers,
        }
    }

    fn evaluate(&self, parameters: [f64; 4]) -> (f64, [f64; 4]) {
        match self {
            Self::BetaGeometric(data, chances) => {
                beta_geometric::log_likelihood(data, *chances, parameters)
            }
            Self::Pareto(paired) => pareto::log_likelihood(paired, parameters),
        }
    }
}

/// A group with its covariates, scaled.
struct Group {
    covariates: Vec<f64>,
    likelihood: Likelihood,
}

/// Everything that stays the same while the search moves.
struct Problem<'a> {
    kind: ModelKind,
    unit_weeks: f64,
    covariate_count: usize,
    prior: Option<&'a LogNormalPrior>,
}

impl Problem<'_> {
    /// Mean negative log-likelihood (and prior) of the groups with its gradient.
    fn evaluate(&self, groups: &[Group], point: &[f64]) -> Evaluation {
        let (order_effects, dropout_effects) = point[4..].split_at(self.covariate_count);
        let (dropout_index, dropout_sign) = dropout_parameter(self.kind);
        let mut value = 0.0;
        let mut customers = 0.0;
        let mut gradient = vec![0.0; point.len()];
        for group in groups {
            let effect = |effects: &[f64]| super::matrix::dot(effects, &group.covariates);
            let mut logs = [point[0], point[1], point[2], point[3]];
            logs[1] -= effect(order_effects);
            logs[dropout_index] += dropout_sign * effect(dropout_effects);
            let parameters = logs.map(f64::exp);
            let (group_value, by_parameter) = group.likelihood.evaluate(parameters);
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
        if let Some(prior) = self.prior {
            let (log_density, by_log) =
                prior.log_density(self.in_weeks([point[0], point[1], point[2], point[3]]));
            value += log_density;
            by_log
                .into_iter()
                .enumerate()
                .for_each(|(i, by)| gradient[i] += by);
        }
        (
            -value / customers,
            gradient.into_iter().map(|by| -by / customers).collect(),
        )
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

    /// What the search found, in natural units and judged.
    fn fitted(
        &self,
        covariate_names: &[String],
        covariate_scales: &[f64],
        totals: &Totals,
        distinct_rows: usize,
        found: &Minimum,
        hessian: SquareMatrix,
    ) -> Fitted {
        let logs = self.in_weeks([
            found.point[0],
            found.point[1],
            found.point[2],
            found.point[3],
        ]);
        let parameters = logs.map(f64::exp);
        let effect_scales: Vec<f64> = [covariate_scales, covariate_scales]
            .concat()
            .into_iter()
            .map(f64::recip)
            .collect();
        let effects: Vec<f64> = found.point[4..]
            .iter()
            .zip(&effect_scales)
            .map(|(x, scale)| x * scale)
            .collect();
        let log_prior = self.prior.map_or(0.0, |prior| prior.log_density(logs).0);
        let report = Outcome {
            parameter_names: names(self.kind, covariate_names),
            estimates: [parameters.as_slice(), &effects].concat(),
            scales: [parameters.as_slice(), &effect_scales].concat(),
            log_scales: [[1.0; 4].as_slice(), &effect_scales].concat(),
            hessian,
            // A density of x times per scaled unit: per week it is larger by unit^-x.
            log_likelihood: -found.value * totals.customers_as_f64()
                - log_prior
                - totals.orders * self.unit_weeks.ln(),
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
            order_effects: order_effects.to_vec(),
            dropout_effects: dropout_effects.to_vec(),
            report,
        }
    }

    fn groups(&self, groups: &[CovariateGroup], scales: &[f64]) -> Vec<Group> {
        groups
            .iter()
            .map(|group| Group {
                covariates: group
                    .values
                    .iter()
                    .zip(scales)
                    .map(|(z, scale)| z / scale)
                    .collect(),
                likelihood: Likelihood::new(self.kind, &group.rows, self.unit_weeks),
            })
            .collect()
    }
}

/// What a fit yields: parameters at covariates 0, effects on orders, effects on drop-out, and the report of all.
pub(super) struct Fitted {
    pub(super) parameters: [f64; 4],
    pub(super) order_effects: Vec<f64>,
    pub(super) dropout_effects: Vec<f64>,
    pub(super) report: FitReport,
}

/// The parameter that carries drop-out and the sign with which more of it means more drop-out: odds `a/b` of the beta
/// models, rate `1/beta` of Pareto/NBD.
pub(super) const fn dropout_parameter(kind: ModelKind) -> (usize, f64) {
    match kind {
        ModelKind::BgNbd | ModelKind::MbgNbd => (2, 1.0),
        ModelKind::ParetoNbd => (3, -1.0),
    }
}

/// Fits groups that share covariate values; a single group without any is the plain model.
pub(super) fn fit(
    kind: ModelKind,
    covariate_names: &[String],
    groups: &[CovariateGroup],
    prior: Option<&LogNormalPrior>,
) -> Result<Fitted, FitError> {
    let all: Vec<CollapsedRow> = groups
        .iter()
        .flat_map(|group| group.rows.iter().copied())
        .collect();
    let totals = totals(&all)?;
    let problem = Problem {
        kind,
        unit_weeks: totals.unit_weeks,
        covariate_count: covariate_names.len(),
        prior,
    };
    let scales = covariate_scales(covariate_names.len(), groups);
    let exact_groups = problem.groups(groups, &scales);
    let coarse_groups = problem.groups(&coarse(groups), &scales);
    let exact = |point: &[f64]| problem.evaluate(&exact_groups, point);
    let coarse = |point: &[f64]| problem.evaluate(&coarse_groups, point);
    let starts = match kind {
        ModelKind::BgNbd | ModelKind::MbgNbd => BETA_GEOMETRIC_STARTS,
        ModelKind::ParetoNbd => PARETO_STARTS,
    }
    .map(|start| [start.to_vec(), vec![0.0; 2 * covariate_names.len()]].concat());
    let (found, hessian) = search(&coarse, &exact, &starts).ok_or(FitError::NoFiniteLikelihood)?;
    Ok(problem.fitted(
        covariate_names,
        &scales,
        &totals,
        all.len(),
        &found,
        hessian,
    ))
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

/// The largest absolute value of each covariate; 1 for one that is always 0.
fn covariate_scales(count: usize, groups: &[CovariateGroup]) -> Vec<f64> {
    (0..count)
        .map(|i| {
            let largest = groups
                .iter()
                .fold(0.0, |most: f64, group| most.max(group.values[i].abs()));
            if largest > 0.0 { largest } else { 1.0 }
        })
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
