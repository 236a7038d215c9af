//! How a fit went: estimates with their uncertainty, and a verdict that does not flatter.
//!
//! It holds numbers and judges them; it does not know which model they belong to.

use super::limits::Limit;
use super::matrix::SquareMatrix;

/// A mean gradient (per customer, by log-parameter) up to this is an optimum.
const GRADIENT_TOLERANCE: f64 = 1e-8;
/// A log-parameter less certain than this (a factor of 50 either way with 95 %) is not determined by the data.
const LARGEST_LOG_STANDARD_ERROR: f64 = 2.0;
/// A Hessian worse conditioned than this leaves no digit in the flattest direction's standard error: its own relative error is 1e-8.
const LARGEST_CONDITION: f64 = 1e8;

/// The verdict on a fit.
#[derive(Debug, Clone, PartialEq)]
pub enum Convergence {
    /// A well-determined maximum of the likelihood.
    Converged,
    /// The likelihood is flat in some direction: these parameters, together, are not determined by the data and may run off
    /// to zero or infinity. Predictions near the data may still be good; the parameters mean nothing.
    Degenerate {
        /// The parameters that dominate the flattest direction.
        parameters: Vec<String>,
        /// What customers are like in a simpler model that describes them as well, where that is why.
        simpler: Option<&'static str>,
    },
    /// Fewer distinct histories than parameters: many parameter sets fit equally well.
    TooFewRows {
        /// Distinct histories given.
        distinct_rows: usize,
    },
    /// The search ended before it reached a maximum.
    NotConverged {
        /// Largest mean derivative by a log-parameter that was left.
        gradient_norm: f64,
    },
    /// The search was ended before it reached a maximum: it took more work than a fit of so many rows may.
    WorkLimit {
        /// Evaluations of likelihood and gradient until then.
        evaluations: u32,
    },
}

impl Convergence {
    /// Whether parameters and standard errors may be used as they are.
    #[must_use]
    pub const fn is_converged(&self) -> bool {
        matches!(self, Self::Converged)
    }
}

/// Estimates and everything needed to judge them.
#[derive(Debug, Clone, PartialEq)]
pub struct FitReport {
    /// The verdict.
    pub convergence: Convergence,
    /// Symbols, in the order of all lists here.
    pub parameter_names: Vec<String>,
    /// Estimates in natural units (weeks, major currency units).
    pub estimates: Vec<f64>,
    /// Full covariance of the estimates from the inverse Hessian by the delta method; `None` unless the fit converged: elsewhere the
    /// curvature does not say how far the truth may be.
    pub covariance: Option<Vec<Vec<f64>>>,
    /// The same for the logarithms of the parameters (effects of covariates as they are).
    pub log_covariance: Option<Vec<Vec<f64>>>,
    /// Maximised log-likelihood of all customers, natural logarithm, all constants kept.
    pub log_likelihood: f64,
    /// Largest absolute derivative of the mean log-likelihood by a log-parameter at the estimates.
    pub gradient_norm: f64,
    /// Largest over smallest eigenvalue of the Hessian; infinite where it is not positive definite.
    pub condition_number: f64,
    /// Steps of the search, all starts together.
    pub iterations: u32,
    /// Evaluations of likelihood and gradient on all rows.
    pub evaluations: u32,
    /// Customers.
    pub customers: u64,
    /// Distinct histories among them.
    pub distinct_rows: usize,
    /// Which parameters priors of this program hold, and why: likelihood alone did not determine them. `None` for maximum likelihood and
    /// for a prior that the caller gave.
    pub held: Option<String>,
}

impl FitReport {
    /// Standard errors of the estimates, in natural units.
    #[must_use]
    pub fn standard_errors(&self) -> Option<Vec<f64>> {
        let covariance = self.covariance.as_ref()?;
        Some(
            covariance
                .iter()
                .enumerate()
                .map(|(i, row)| row[i].sqrt())
                .collect(),
        )
    }

    /// Akaike's information criterion: smaller is better, between models of the same customers.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a handful of parameters")]
    pub fn aic(&self) -> f64 {
        2.0 * self.estimates.len() as f64 - 2.0 * self.log_likelihood
    }

    /// Bayesian information criterion: smaller is better, between models of the same customers.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "counts far below 2^53")]
    pub fn bic(&self) -> f64 {
        self.estimates.len() as f64 * (self.customers as f64).ln() - 2.0 * self.log_likelihood
    }
}

/// Lower triangular root of a covariance, square by construction, to draw with; `None` where it is not positive definite.
#[must_use]
pub fn covariance_root(covariance: &[Vec<f64>]) -> Option<Vec<Vec<f64>>> {
    let matrix = SquareMatrix::from_fn(covariance.len(), |i, j| covariance[i][j]);
    matrix.cholesky().map(|root| root.to_rows())
}

/// What the search found, before it is judged.
pub(super) struct Outcome {
    /// Symbols of the parameters.
    pub(super) parameter_names: Vec<String>,
    /// Estimates in natural units.
    pub(super) estimates: Vec<f64>,
    /// Derivatives of the estimates by the coordinates of the search (the estimate itself for a logarithm).
    pub(super) scales: Vec<f64>,
    /// Derivatives by the coordinates of the logarithms of parameters and of the effects themselves (1 for a logarithm).
    pub(super) log_scales: Vec<f64>,
    /// Hessian of the mean negative log-likelihood in the coordinates of the search.
    pub(super) hessian: SquareMatrix,
    /// A simpler model that the data do not tell the optimum from.
    pub(super) limit: Option<&'static Limit>,
    /// Whether a prior determines every parameter, so that few rows or a flat likelihood leave nothing open.
    pub(super) has_prior: bool,
    /// Whether the search ended at its work limit.
    pub(super) is_cut_short: bool,
    /// Log-likelihood of all customers.
    pub(super) log_likelihood: f64,
    /// Largest mean derivative.
    pub(super) gradient_norm: f64,
    /// Steps of the search.
    pub(super) iterations: u32,
    /// Evaluations on all rows.
    pub(super) evaluations: u32,
    /// Customers.
    pub(super) customers: u64,
    /// Distinct histories.
    pub(super) distinct_rows: usize,
}

impl Outcome {
    /// Judges the outcome.
    #[expect(clippy::cast_precision_loss, reason = "counts far below 2^53")]
    pub(super) fn into_report(self) -> FitReport {
        let customers = self.customers as f64;
        let condition_number = self.hessian.condition_number();
        let log_covariance = self
            .hessian
            .inverse()
            .map(|inverse| inverse.map(|_, _, cell| cell / customers));
        let convergence = self.verdict(condition_number, log_covariance.as_ref());
        let log_covariance = log_covariance.filter(|_| convergence.is_converged());
        let scaled = |scales: &[f64]| {
            log_covariance.as_ref().map(|covariance| {
                covariance
                    .map(|i, j, cell| cell * scales[i] * scales[j])
                    .to_rows()
            })
        };
        FitReport {
            convergence,
            covariance: scaled(&self.scales),
            log_covariance: scaled(&self.log_scales),
            parameter_names: self.parameter_names,
            estimates: self.estimates,
            log_likelihood: self.log_likelihood,
            gradient_norm: self.gradient_norm,
            condition_number,
            iterations: self.iterations,
            evaluations: self.evaluations,
            customers: self.customers,
            distinct_rows: self.distinct_rows,
            held: None,
        }
    }

    fn verdict(&self, condition_number: f64, log_covariance: Option<&SquareMatrix>) -> Convergence {
        if self.is_cut_short {
            return Convergence::WorkLimit {
                evaluations: self.evaluations,
            };
        }
        if self.has_prior {
            return if self.gradient_norm <= GRADIENT_TOLERANCE && log_covariance.is_some() {
                Convergence::Converged
            } else {
                self.not_converged()
            };
        }
        if self.distinct_rows < self.estimates.len() {
            return Convergence::TooFewRows {
                distinct_rows: self.distinct_rows,
            };
        }
        if let Some(limit) = self.limit {
            return Convergence::Degenerate {
                parameters: limit
                    .parameters
                    .iter()
                    .map(|&name| name.to_owned())
                    .collect(),
                simpler: Some(limit.customers),
            };
        }
        let is_uncertain = |covariance: &SquareMatrix| {
            (0..covariance.size())
                .any(|i| covariance.get(i, i) > LARGEST_LOG_STANDARD_ERROR.powi(2))
        };
        if condition_number > LARGEST_CONDITION || log_covariance.is_none_or(is_uncertain) {
            return Convergence::Degenerate {
                parameters: self.hessian.flattest(&self.parameter_names),
                simpler: None,
            };
        }
        if self.gradient_norm <= GRADIENT_TOLERANCE {
            Convergence::Converged
        } else {
            self.not_converged()
        }
    }

    const fn not_converged(&self) -> Convergence {
        Convergence::NotConverged {
            gradient_norm: self.gradient_norm,
        }
    }
}
