//! What is kept of how fits went: numbers to judge a model version by, as they are stored.
//!
//! Every field that was added after the first versions were stored has a default that says "not known".

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::domain::clv::{
    checks::{regularity::Regularity, spend_dependence::SpendDependence},
    fit::{
        benchmark::{LikelihoodRatio, NbdFit, likelihood_ratio},
        prior::{LogNormalPrior, PriorError},
        report::{Convergence, FitReport},
        stages::StageChoice,
    },
    model::{ModelFamily, ModelKind},
};

/// How a fit went, as far as it is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StoredReport {
    /// Parameters in the order of the literature.
    pub parameters: Vec<StoredParameter>,
    /// Covariance of the estimates in natural units; `None` when the fit did not converge.
    #[serde(default)]
    pub covariance: Option<Vec<Vec<f64>>>,
    /// Covariance of the logarithms of the parameters (of effects of covariates: of themselves); `None` when the fit did not
    /// converge.
    pub log_covariance: Option<Vec<Vec<f64>>>,
    /// Natural logarithm of the likelihood.
    pub log_likelihood: f64,
    /// Customers behind the fit.
    pub customers: u64,
    /// Distinct histories among them.
    pub distinct_rows: u64,
    /// Steps of the search.
    pub iterations: u32,
    /// Evaluations of likelihood and gradient on all rows; 0 when not known.
    #[serde(default)]
    pub evaluations: u32,
    /// Why the optimum is not a proper one; `None` when it is.
    pub not_converged_reason: Option<String>,
    /// Which parameters priors of the program hold, and why; `None` for maximum likelihood and for a prior of the request.
    #[serde(default)]
    pub held_reason: Option<String>,
    /// Largest absolute derivative per customer by a log-parameter at the end.
    pub gradient_norm: f64,
    /// Condition of the Hessian; `None` where it is not positive definite.
    pub condition_number: Option<f64>,
    /// Time that the search took.
    pub duration: Duration,
    /// Of a model of regular buyers its stages; `None` of others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stages: Option<StoredStages>,
    /// Parameters that the seasonal index counts for, rounded up; `None` without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub season_parameters: Option<u32>,
}

/// How regular buyers are, and how it was found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StoredStages {
    /// Erlang stages of the times between orders: `k`.
    pub stages: u32,
    /// Numbers of stages that were tried on these customers, ascending, with the log-likelihood of each; empty where the number was given.
    pub log_likelihoods: Vec<(u32, f64)>,
}

impl StoredStages {
    /// What is kept of a choice.
    #[must_use]
    pub fn new(choice: &StageChoice) -> Self {
        let tried = choice.log_likelihoods.iter();
        Self {
            stages: choice.stages.get(),
            log_likelihoods: tried
                .map(|(stages, value)| (stages.get(), *value))
                .collect(),
        }
    }

    /// Of a model whose number was given; `None` of one without stages.
    #[must_use]
    pub fn given(kind: ModelKind) -> Option<Self> {
        (kind.family() == ModelFamily::MbgCnbd).then(|| Self {
            stages: kind.stages().get(),
            log_likelihoods: vec![],
        })
    }
}

/// One parameter of a fit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StoredParameter {
    /// Symbol of the literature; of an effect `orders:NAME` or `dropout:NAME`.
    pub name: String,
    /// Estimate.
    pub value: f64,
    /// Standard error; `None` when the fit did not converge.
    pub standard_error: Option<f64>,
}

/// A likelihood ratio test of a model against one nested in it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct StoredTest {
    /// Twice the gain in log-likelihood.
    pub statistic: f64,
    /// Parameters that the larger model has more.
    pub degrees_of_freedom: u32,
    /// Probability of at least this statistic if the smaller model is true.
    pub p_value: f64,
}

/// NBD fitted to the same customers as an order model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StoredBenchmark {
    /// r and alpha.
    pub parameters: Vec<StoredParameter>,
    /// Its log-likelihood.
    pub log_likelihood: f64,
    /// Why its optimum is not a proper one; `None` when it is, and in versions of earlier programs.
    #[serde(default)]
    pub not_converged_reason: Option<String>,
    /// NBD against the order model; `None` where there is nothing to compare.
    pub test: Option<StoredTest>,
    /// Why there is no test; `None` when there is one, and in versions of earlier programs.
    #[serde(default)]
    pub test_absent_reason: Option<String>,
}

/// Whether assumptions of the models hold; or why that could not be measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StoredChecks {
    /// Frequency and spend.
    pub spend_dependence: Result<StoredDependence, String>,
    /// Times between orders.
    pub regularity: Result<StoredRegularity, String>,
}

/// A [`SpendDependence`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields of `SpendDependence`")]
pub struct StoredDependence {
    pub correlation: f64,
    pub bias: f64,
    pub standard_error: f64,
    pub customers: u64,
}

/// A [`Regularity`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct StoredRegularity {
    /// Shape of the Erlang distribution of the times between orders.
    pub shape: f64,
    /// Its standard error.
    pub standard_error: f64,
    /// Customers measured: those whose last two times have four days or more together.
    pub customers: u32,
    /// Customers who could have been: with three purchase days.
    pub eligible: u64,
}

/// The prior that a fit was given.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct StoredPrior {
    /// Median of each parameter.
    pub medians: [f64; 4],
    /// Standard deviation of the logarithm of each.
    pub log_spreads: [f64; 4],
}

impl StoredReport {
    /// What is kept of a report.
    #[must_use]
    pub fn new(report: &FitReport, duration: Duration) -> Self {
        Self {
            parameters: parameters(report),
            covariance: report.covariance.as_deref().and_then(finite),
            log_covariance: report.log_covariance.as_deref().and_then(finite),
            log_likelihood: report.log_likelihood,
            customers: report.customers,
            distinct_rows: report.distinct_rows as u64,
            iterations: report.iterations,
            evaluations: report.evaluations,
            not_converged_reason: not_converged_reason(&report.convergence),
            held_reason: report.held.clone(),
            gradient_norm: report.gradient_norm,
            condition_number: Some(report.condition_number)
                .filter(|condition| condition.is_finite()),
            duration,
            stages: None,
            season_parameters: None,
        }
    }

    /// The same of a model of regular buyers.
    #[must_use]
    pub fn with_stages(self, stages: Option<StoredStages>) -> Self {
        Self { stages, ..self }
    }

    /// Whether the optimum is a proper one.
    #[must_use]
    pub const fn converged(&self) -> bool {
        self.not_converged_reason.is_none()
    }

    /// Akaike's information criterion: smaller is better, between models of the same customers.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a handful of parameters")]
    pub fn aic(&self) -> f64 {
        2.0 * self.parameter_count() as f64 - 2.0 * self.log_likelihood
    }

    /// Bayesian information criterion: smaller is better, between models of the same customers.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "counts far below 2^53")]
    pub fn bic(&self) -> f64 {
        self.parameter_count() as f64 * (self.customers as f64).ln() - 2.0 * self.log_likelihood
    }

    /// The same of a model that counts time by a seasonal clock: its log-likelihood in the time of the calendar is `log_density` higher, and
    /// the index counts for so many parameters.
    pub fn count_season(&mut self, log_density: f64, parameters: u32) {
        self.log_likelihood += log_density;
        self.season_parameters = Some(parameters);
    }

    /// A number of stages is a parameter too, and so is a seasonal index.
    #[must_use]
    pub fn parameter_count(&self) -> usize {
        let of_season = self.season_parameters.unwrap_or(0);
        self.parameters.len() + usize::from(self.stages.is_some()) + of_season as usize
    }
}

impl StoredBenchmark {
    /// What is kept of a benchmark of an order model; `has_prior` when one keeps that model from its maximum.
    #[must_use]
    pub fn new(fit: &NbdFit, orders: &StoredReport, has_prior: bool) -> Self {
        let benchmark = StoredReport::new(&fit.report, Duration::ZERO);
        let stages = orders.stages.as_ref().map_or(1, |it| it.stages);
        let test = if has_prior {
            Err(PRIOR_GIVEN.to_owned())
        } else if stages > 1 {
            Err(format!(
                "NBD has random times between orders and is not nested in a model with k = {stages}"
            ))
        } else {
            StoredTest::new(&benchmark, &[orders])
        };
        Self {
            parameters: benchmark.parameters,
            log_likelihood: benchmark.log_likelihood,
            not_converged_reason: benchmark.not_converged_reason,
            test_absent_reason: test.as_ref().err().cloned(),
            test: test.ok(),
        }
    }
}

/// Why a fit with a prior is not compared with others.
pub const PRIOR_GIVEN: &str = "not available with a prior: the likelihoods are not at their maxima";

impl StoredTest {
    /// The likelihood ratio of one fit against several that share its customers among them, each the same model or a larger one.
    ///
    /// # Errors
    /// When one of them is not at a proper maximum of its likelihood, and when the larger ones are below the smaller: why, in words.
    pub fn new(smaller: &StoredReport, larger: &[&StoredReport]) -> Result<Self, String> {
        for report in larger.iter().chain([&smaller]) {
            let reasons = [&report.not_converged_reason, &report.held_reason];
            if let Some(reason) = reasons.into_iter().flatten().next() {
                return Err(format!("there is no proper maximum to compare: {reason}"));
            }
        }
        let size =
            |report: &StoredReport| u32::try_from(report.parameters.len()).unwrap_or(u32::MAX);
        likelihood_ratio(
            smaller.log_likelihood,
            size(smaller),
            larger.iter().map(|report| report.log_likelihood).sum(),
            larger.iter().map(|report| size(report)).sum(),
        )
        .map(Self::from)
        .map_err(|error| error.to_string())
    }
}

impl From<LikelihoodRatio> for StoredTest {
    fn from(test: LikelihoodRatio) -> Self {
        Self {
            statistic: test.statistic,
            degrees_of_freedom: test.degrees_of_freedom,
            p_value: test.p_value,
        }
    }
}

impl From<SpendDependence> for StoredDependence {
    fn from(found: SpendDependence) -> Self {
        Self {
            correlation: found.correlation,
            bias: found.bias,
            standard_error: found.standard_error,
            customers: found.customers,
        }
    }
}

impl From<StoredDependence> for SpendDependence {
    fn from(stored: StoredDependence) -> Self {
        Self {
            correlation: stored.correlation,
            bias: stored.bias,
            standard_error: stored.standard_error,
            customers: stored.customers,
        }
    }
}

impl StoredRegularity {
    /// As it was measured, for its verdict.
    #[must_use]
    pub const fn measured(&self) -> Regularity {
        Regularity {
            shape: self.shape,
            standard_error: self.standard_error,
            customers: self.customers,
        }
    }
}

impl StoredPrior {
    /// The prior as fits take it.
    ///
    /// # Errors
    /// When a median or spread is not positive and finite.
    pub fn prior(&self) -> Result<LogNormalPrior, PriorError> {
        LogNormalPrior::new(self.medians, self.log_spreads)
    }
}

fn parameters(report: &FitReport) -> Vec<StoredParameter> {
    let errors = report.standard_errors();
    let named = report.parameter_names.iter().zip(&report.estimates);
    named
        .enumerate()
        .map(|(at, (name, &value))| StoredParameter {
            name: name.clone(),
            value,
            standard_error: errors
                .as_ref()
                .map(|errors| errors[at])
                .filter(|error| error.is_finite()),
        })
        .collect()
}

/// A covariance of finite numbers: no other can be stored, or means anything.
fn finite(covariance: &[Vec<f64>]) -> Option<Vec<Vec<f64>>> {
    let all_finite = covariance.iter().flatten().all(|cell| cell.is_finite());
    all_finite.then(|| covariance.to_vec())
}

fn not_converged_reason(convergence: &Convergence) -> Option<String> {
    match convergence {
        Convergence::Converged => None,
        Convergence::Degenerate {
            parameters,
            simpler,
        } => {
            let why = simpler.map_or_else(
                || "the likelihood is flat there".to_owned(),
                |customers| format!("a simpler model fits equally well: {customers}"),
            );
            let names = parameters.join(" and ");
            Some(format!(
                "the optimum is degenerate: the data do not determine {names} together, {why}"
            ))
        }
        Convergence::TooFewRows { distinct_rows } => Some(format!(
            "{distinct_rows} distinct histories are too few: many parameters fit them equally well"
        )),
        Convergence::NotConverged { gradient_norm } => Some(format!(
            "the search ended with a gradient of {gradient_norm:e} per customer"
        )),
        Convergence::WorkLimit { evaluations } => Some(format!(
            "the search reached its work limit after {evaluations} evaluations"
        )),
    }
}
