//! Models of renewal in a model version, as JSON.

use serde::Serialize;

use super::{ReportJson, filled};
use crate::pb;

/// How the fit of a contract model went.
#[derive(Debug, Serialize)]
pub(super) struct ContractJson {
    /// `None`: all contracts, whatever their period.
    period_months: Option<i32>,
    contracts: i64,
    #[serde(flatten)]
    report: Option<ReportJson>,
    absent_reason: Option<String>,
    /// Why it is not the plain maximum of the likelihood.
    fallback_reason: Option<String>,
}

impl From<&pb::ContractModel> for ContractJson {
    fn from(model: &pb::ContractModel) -> Self {
        Self {
            period_months: Some(model.period_months).filter(|months| *months > 0),
            contracts: model.contracts,
            report: model.report.as_ref().map(ReportJson::from),
            absent_reason: filled(&model.absent_reason),
            fallback_reason: filled(&model.fallback_reason),
        }
    }
}
