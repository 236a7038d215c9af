//! Maximum likelihood: from distinct histories and their counts to parameters, and an honest report of how it went.
//!
//! Deterministic: the same rows give the same bits, from the same build on the same platform (the last digit of a logarithm is the
//! platform's). It reads no data and stores no version; it does not know how
//! rows were selected. Every fit ends: the work of a search is bounded. Where the likelihood alone determines too little, weak priors
//! answer and the report says so; a fit that did not converge even then is returned with its verdict, never dressed up.

pub mod benchmark;
pub mod contact_rates;
pub mod contracts;
pub mod covariates;
pub mod distance;
pub mod prior;
pub mod report;
pub mod rows;
pub mod stages;

mod beta_geometric;
mod family;
mod limits;
mod matrix;
mod minimise;
mod orders;
mod pareto;
mod prepared;
mod regular;
mod search;
mod spend;
mod standard;
mod weak_prior;
mod work;

#[cfg(test)]
mod tests;

use super::gamma_gamma::GammaGamma;
use super::model::{ModelKind, OrderModel};
use super::parameters::ParameterError;
use covariates::{CovariateError, CovariateGroup};
use prior::LogNormalPrior;
use report::FitReport;
use rows::{CollapsedRow, SpendRow, collapse};

/// Why there is nothing to fit, or nothing came out.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum FitError {
    /// No row at all, or only rows of zero customers.
    #[error("no customers to fit to")]
    NoCustomers,
    /// The likelihood has no maximum: a rate of zero would be best, and no time was observed that could say how small it is.
    #[error("none of the {customers} customers has ordered again")]
    NoRepeatOrders {
        /// Customers without a repeat order.
        customers: u64,
    },
    /// Nobody paid for an order of those that spend is fitted to.
    #[error("no customer with a positive spend to fit to")]
    NoSpend,
    /// No contract has come to a renewal.
    #[error("none of the {contracts} contracts has reached a renewal yet")]
    NoRenewalsDue {
        /// Contracts given.
        contracts: u64,
    },
    /// The search left the range of numbers; a defect of the data so extreme that no start gave a finite likelihood.
    #[error("the likelihood has no finite value at any start")]
    NoFiniteLikelihood,
    /// Covariates that cannot be used.
    #[error(transparent)]
    Covariates(#[from] CovariateError),
    /// The optimum is not a valid parameter set.
    #[error(transparent)]
    Parameter(#[from] ParameterError),
}

/// A fitted model of ordering.
#[derive(Debug, Clone, PartialEq)]
pub struct OrderFit {
    /// The model at the best parameters found.
    pub model: OrderModel,
    /// How it was found and how far to trust it.
    pub report: FitReport,
}

/// A fitted model of spend.
#[derive(Debug, Clone, PartialEq)]
pub struct SpendFit {
    /// The model at the best parameters found.
    pub model: GammaGamma,
    /// How it was found and how far to trust it.
    pub report: FitReport,
}

/// Fits a model of ordering to collapsed histories (time unit of the result: weeks).
///
/// Where the likelihood has no maximum that the data determine, weak priors hold the parameters ([`FitReport::held`]): a simpler model fits
/// as well, customers are few, or nobody has ordered again.
///
/// # Errors
/// Without customers, or when none was observed for a day. A search that fails otherwise is an `Ok` whose report says so.
pub fn fit_orders(kind: ModelKind, rows: &[CollapsedRow]) -> Result<OrderFit, FitError> {
    fit_everyone(kind, rows, None)
}

/// The same with a prior: the most probable parameters given both, for customer bases too small to determine them.
///
/// # Errors
/// Without customers or without any repeat order. A search that fails otherwise is an `Ok` whose report says so.
pub fn fit_orders_with_prior(
    kind: ModelKind,
    rows: &[CollapsedRow],
    prior: &LogNormalPrior,
) -> Result<OrderFit, FitError> {
    fit_everyone(kind, rows, Some(prior))
}

fn fit_everyone(
    kind: ModelKind,
    rows: &[CollapsedRow],
    prior: Option<&LogNormalPrior>,
) -> Result<OrderFit, FitError> {
    let everyone = CovariateGroup {
        values: Vec::new(),
        rows: collapse(rows.iter().copied()),
    };
    let fitted = orders::fit(kind, &[], &[everyone], prior)?;
    Ok(OrderFit {
        model: OrderModel::new(kind, fitted.parameters)?,
        report: fitted.report,
    })
}

/// Fits the Gamma-Gamma model to single orders or to means of them, as the rows have it, in major units of one currency.
///
/// Where the data tell neither customers nor orders of one customer apart by what is spent, weak priors hold p and q, and the report says
/// so ([`FitReport::held`]): what customers spend on average is as certain as ever, and without them two parameters would run off
/// together. Where all orders have one amount, that amount is known, and amounts count as known to one percent.
///
/// # Errors
/// Without a single row.
pub fn fit_spend(rows: &[SpendRow]) -> Result<SpendFit, FitError> {
    let ([p, q, v], report) = spend::fit(rows)?;
    Ok(SpendFit {
        model: GammaGamma::new(p, q, v)?,
        report,
    })
}
