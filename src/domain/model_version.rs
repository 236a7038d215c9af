//! A fitted model version: what a fit found, numbered and kept for good.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::domain::{
    basis::ActiveModel,
    calendar::Day,
    money::Currency,
    value::{gamma_gamma::GammaGamma, model::OrderModel},
};

/// A stored model version.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelVersion {
    /// Number of the version, from 1.
    pub version: i64,
    /// Whether it answers.
    pub active: bool,
    /// When it was stored.
    pub created_at: Timestamp,
    /// The fit.
    pub fit: ModelFit,
}

/// What a fit found.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelFit {
    /// The model of orders.
    pub orders: OrderModel,
    /// How its fit went.
    pub orders_report: StoredReport,
    /// The model of spend, the currency of its amounts and how its fit went; or why there is none.
    pub spend: Result<(GammaGamma, Currency, StoredReport), String>,
    /// Buyers left out of the spend model because an amount of theirs could not be converted to its currency.
    pub unconvertible_customers: u64,
    /// Last day whose facts were used.
    pub until: Day,
}

/// How a fit went, as far as it is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StoredReport {
    /// Parameters in the order of the literature.
    pub parameters: Vec<StoredParameter>,
    /// Covariance of the logarithms of the parameters; `None` where it could not be had.
    pub log_covariance: Option<Vec<Vec<f64>>>,
    /// Natural logarithm of the likelihood.
    pub log_likelihood: f64,
    /// Customers behind the fit.
    pub customers: u64,
    /// Distinct histories among them.
    pub distinct_rows: u64,
    /// Steps of the search.
    pub iterations: u32,
    /// Why the optimum is not a proper one; `None` when it is.
    pub not_converged_reason: Option<String>,
    /// Largest absolute derivative per customer by a log-parameter at the end.
    pub gradient_norm: f64,
    /// Condition of the Hessian; `None` where it is not positive definite.
    pub condition_number: Option<f64>,
    /// Time that the search took.
    pub duration: Duration,
}

/// One parameter of a fit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StoredParameter {
    /// Symbol of the literature.
    pub name: String,
    /// Estimate.
    pub value: f64,
    /// Standard error, where it could be had.
    pub standard_error: Option<f64>,
}

impl ModelVersion {
    /// What assessments need of it.
    #[must_use]
    pub fn as_active(&self) -> ActiveModel {
        let spend = self.fit.spend.as_ref().ok();
        ActiveModel {
            version: self.version,
            orders: self.fit.orders,
            spend: spend.map(|(model, currency, _)| (*model, *currency)),
        }
    }
}

impl ModelFit {
    /// Whether every part of it converged.
    #[must_use]
    pub fn converged(&self) -> bool {
        let spend = self.spend.as_ref().ok().map(|(_, _, report)| report);
        spend
            .into_iter()
            .chain([&self.orders_report])
            .all(|report| report.not_converged_reason.is_none())
    }
}
