//! How many stages: the one parameter of MBG/CNBD-k that is a whole number, and so is found by trying.
//!
//! The likelihood of each number of stages is maximised over the other parameters. On a sample of the rows numbers are tried in ascending
//! order; on all rows only the best of these, its neighbours, and one stage, with which every other is compared.

use super::FitError;
use super::minimise::{Evaluation, bfgs, hessian};
use super::prepared::{Prepared, Totals, totals};
use super::prior::LogNormalPrior;
use super::regular;
use super::rows::{CollapsedRow, collapse};
use super::search::within_box;
use super::{family, matrix::SquareMatrix};
use crate::domain::clv::model::ModelKind;
use crate::domain::clv::stages::Stages;

/// Mean derivative at which a maximum is near enough: its log-likelihood is then right to far less than the difference that a stage makes.
const TOLERANCE: f64 = 1e-5;
/// On the sample, where only a start is sought.
const COARSE_TOLERANCE: f64 = 1e-4;
/// Rows of the sample. They must be exact: with rounded times and exact gaps, fewer stages would seem better.
const SAMPLE_ROWS: usize = 2_000;
/// So many numbers in a row that are worse than the best end the search on the sample.
const WORSE_IN_A_ROW: usize = 2;

/// The best number of stages, and how likely others are.
#[derive(Debug, Clone, PartialEq)]
pub struct StageChoice {
    /// The number with the greatest likelihood.
    pub stages: Stages,
    /// Maximised log-likelihoods of the numbers that were tried on all rows, in ascending order: one stage, the best, and its neighbours;
    /// natural logarithms in weeks, all constants kept, without that of a prior.
    pub log_likelihoods: Vec<(Stages, f64)>,
}

impl StageChoice {
    /// What the best number gains over one stage, in log-likelihood; 0 where one is the best.
    #[must_use]
    pub fn gain(&self) -> f64 {
        let of = |stages: Stages| {
            let mut all = self.log_likelihoods.iter();
            all.find(|(one, _)| *one == stages).map(|(_, value)| *value)
        };
        of(self.stages)
            .zip(of(Stages::ONE))
            .map_or(0.0, |(best, one)| best - one)
    }
}

/// Chooses the number of stages by likelihood; a prior is one of orders, and the same for all numbers. Rows need the
/// [logarithms of their gaps](CollapsedRow::with_log_gaps).
///
/// # Errors
/// Without customers or without any repeat order.
pub fn choose_stages(
    rows: &[CollapsedRow],
    prior: Option<&LogNormalPrior>,
) -> Result<StageChoice, FitError> {
    let rows = collapse(rows.iter().copied());
    let unit_weeks = totals(&rows)?.unit_weeks;
    let step = rows.len().div_ceil(SAMPLE_ROWS);
    let sample: Vec<CollapsedRow> = rows.iter().step_by(step).copied().collect();
    let all = Data::new(&rows, unit_weeks)?;
    let trial = Trial {
        // Of very few who ordered again, a sample may have none.
        sample: Data::new(&sample, unit_weeks).or_else(|_| Data::new(&rows, unit_weeks))?,
        all,
        prior,
    };
    let starts = trial.starts();
    let best_start = starts
        .iter()
        .max_by(|one, other| one.objective.total_cmp(&other.objective));
    let mut best = best_start.ok_or(FitError::NoFiniteLikelihood)?.stages;
    let mut tried: Vec<(Stages, Maximum)> = vec![];
    loop {
        let near = [Some(Stages::ONE), Some(best), below(best), above(best)];
        for stages in near.into_iter().flatten() {
            if tried.iter().all(|(one, _)| *one != stages) {
                let maximum = trial.maximum(stages, &starts);
                tried.extend(maximum.map(|maximum| (stages, maximum)));
            }
        }
        let better = tried
            .iter()
            .max_by(|(_, one), (_, other)| one.objective.total_cmp(&other.objective))
            .ok_or(FitError::NoFiniteLikelihood)?;
        if better.0 == best {
            break;
        }
        best = better.0;
    }
    tried.sort_by_key(|(stages, _)| *stages);
    Ok(StageChoice {
        stages: best,
        log_likelihoods: tried
            .into_iter()
            .map(|(stages, maximum)| (stages, maximum.log_likelihood))
            .collect(),
    })
}

fn below(stages: Stages) -> Option<Stages> {
    Stages::new(stages.get() - 1)
}

fn above(stages: Stages) -> Option<Stages> {
    Stages::new(stages.get() + 1)
}

/// Rows and what does not depend on parameters.
struct Data {
    rows: Prepared,
    totals: Totals,
}

impl Data {
    fn new(rows: &[CollapsedRow], unit_weeks: f64) -> Result<Self, FitError> {
        Ok(Self {
            rows: Prepared::new(rows, unit_weeks),
            totals: Totals {
                unit_weeks,
                ..totals(rows)?
            },
        })
    }

    /// Log-likelihood, and log-density of the prior, of a minimum of the mean of both.
    fn sum(&self, mean: f64, stages: Stages) -> f64 {
        -mean * self.rows.customers + self.totals.constant(stages)
    }
}

/// The best parameters of the sample.
struct Start {
    stages: Stages,
    /// Log-likelihood, and log-density of the prior.
    objective: f64,
    point: Vec<f64>,
    inverse_hessian: Option<SquareMatrix>,
}

impl Start {
    /// The same orders in another number of stages.
    fn point_for(&self, stages: Stages) -> Vec<f64> {
        let mut point = self.point.clone();
        point[1] += (self.stages.as_f64() / stages.as_f64()).ln();
        point
    }
}

/// The best of all rows.
struct Maximum {
    /// Log-likelihood, and log-density of the prior.
    objective: f64,
    log_likelihood: f64,
}

/// Everything that stays the same for all numbers of stages.
struct Trial<'a> {
    sample: Data,
    all: Data,
    prior: Option<&'a LogNormalPrior>,
}

impl Trial<'_> {
    /// Mean negative log-likelihood and prior at these logarithms of parameters.
    fn objective(&self, data: &Data, stages: Stages, point: &[f64]) -> Evaluation {
        let parameters: [f64; 4] = std::array::from_fn(|i| point[i].exp());
        let (value, gradient) = regular::log_likelihood(&data.rows, stages, parameters);
        let (of_prior, by_log) = self.prior(stages, point);
        let mean = |sum: f64| -sum / data.rows.customers;
        let by_parameter = gradient.into_iter().zip(parameters);
        let gradient = by_parameter
            .zip(by_log)
            .map(|((by, parameter), of_prior)| mean(by * parameter + of_prior));
        (mean(value + of_prior), gradient.collect())
    }

    fn prior(&self, stages: Stages, point: &[f64]) -> (f64, [f64; 4]) {
        self.prior.map_or((0.0, [0.0; 4]), |prior| {
            let mut logs = std::array::from_fn(|i| point[i]);
            logs[1] += (self.all.totals.unit_weeks * stages.as_f64()).ln();
            prior.log_density(logs)
        })
    }

    /// The maxima of numbers of stages on the sample, in ascending order until they only become worse; each search starts where the one
    /// before ended.
    fn starts(&self) -> Vec<Start> {
        let mut starts: Vec<Start> = vec![];
        for stages in Stages::all() {
            let objective = |point: &[f64]| self.objective(&self.sample, stages, point);
            let objective = within_box(&objective);
            let from = starts.last().map_or_else(
                || {
                    family::starts(ModelKind::MbgCnbd(stages))
                        .map(|it| it.to_vec())
                        .to_vec()
                },
                |before| vec![before.point_for(stages)],
            );
            let found = from
                .iter()
                .filter_map(|start| bfgs(&objective, start, None, COARSE_TOLERANCE))
                .min_by(|one, other| one.value.total_cmp(&other.value));
            starts.extend(found.map(|found| Start {
                stages,
                objective: self.sample.sum(found.value, stages),
                inverse_hessian: hessian(&objective, &found.point).inverse(),
                point: found.point,
            }));
            let best = starts
                .iter()
                .rposition(|one| starts.iter().all(|it| it.objective <= one.objective));
            if best.is_some_and(|best| starts.len() > best + WORSE_IN_A_ROW) {
                break;
            }
        }
        starts
    }

    /// The maximum on all rows, from the nearest start.
    fn maximum(&self, stages: Stages, starts: &[Start]) -> Option<Maximum> {
        let start = starts
            .iter()
            .min_by_key(|start| start.stages.get().abs_diff(stages.get()))?;
        let objective = |point: &[f64]| self.objective(&self.all, stages, point);
        let objective = within_box(&objective);
        let guess = start.inverse_hessian.clone();
        let found = bfgs(&objective, &start.point_for(stages), guess, TOLERANCE)?;
        let objective = self.all.sum(found.value, stages);
        Some(Maximum {
            objective,
            log_likelihood: objective - self.prior(stages, &found.point).0,
        })
    }
}
