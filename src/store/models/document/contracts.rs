//! Contract models within the document of a fit.

use serde::{Deserialize, Serialize};

use super::values;
use crate::{
    domain::{
        clv::{
            renewal::{Geometric, RenewalModel},
            shifted_beta_geometric::ShiftedBetaGeometric,
        },
        fitted::{contract_models::PeriodFit, report::StoredReport},
    },
    store::error::StoreError,
};

#[derive(Serialize, Deserialize)]
pub(super) struct PeriodDocument {
    /// Absent for all contracts together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    period_months: Option<u32>,
    contracts: u64,
    /// Parameters alpha and beta of a shifted-beta-geometric model, or theta of a geometric one.
    fit: Result<StoredReport, String>,
    /// Absent of a plain maximum, and in versions of earlier programs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    fallback: Option<String>,
}

impl From<&PeriodFit> for PeriodDocument {
    fn from(one: &PeriodFit) -> Self {
        let fit = one.fit.as_ref().map(|(_, report)| report.clone());
        Self {
            period_months: one.period_months,
            contracts: one.contracts,
            fit: fit.map_err(Clone::clone),
            fallback: one.fallback.clone(),
        }
    }
}

impl TryFrom<PeriodDocument> for PeriodFit {
    type Error = StoreError;

    fn try_from(document: PeriodDocument) -> Result<Self, StoreError> {
        let fit = match document.fit {
            Ok(report) => Ok((model(&report)?, report)),
            Err(reason) => Err(reason),
        };
        Ok(Self {
            period_months: document.period_months,
            contracts: document.contracts,
            fit,
            fallback: document.fallback,
        })
    }
}

fn model(report: &StoredReport) -> Result<RenewalModel, StoreError> {
    let model = if report.parameters.len() == 1 {
        let [theta] = values(report)?;
        Geometric::new(theta).map(RenewalModel::Alike)
    } else {
        let [alpha, beta] = values(report)?;
        ShiftedBetaGeometric::new(alpha, beta).map(RenewalModel::Differing)
    };
    model.map_err(|error| StoreError::corrupt("model version", error))
}
