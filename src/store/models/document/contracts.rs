//! Contract models within the document of a fit.

use serde::{Deserialize, Serialize};

use super::values;
use crate::{
    domain::{
        contract_models::PeriodFit, model_report::StoredReport,
        value::shifted_beta_geometric::ShiftedBetaGeometric,
    },
    store::error::StoreError,
};

#[derive(Serialize, Deserialize)]
pub(super) struct PeriodDocument {
    /// Absent for all contracts together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    period_months: Option<u32>,
    contracts: u64,
    fit: Result<StoredReport, String>,
}

impl From<&PeriodFit> for PeriodDocument {
    fn from(one: &PeriodFit) -> Self {
        let fit = one.fit.as_ref().map(|(_, report)| report.clone());
        Self {
            period_months: one.period_months,
            contracts: one.contracts,
            fit: fit.map_err(Clone::clone),
        }
    }
}

impl TryFrom<PeriodDocument> for PeriodFit {
    type Error = StoreError;

    fn try_from(document: PeriodDocument) -> Result<Self, StoreError> {
        let fit = match document.fit {
            Ok(report) => {
                let [alpha, beta] = values(&report)?;
                let model = ShiftedBetaGeometric::new(alpha, beta)
                    .map_err(|error| StoreError::corrupt("model version", error))?;
                Ok((model, report))
            }
            Err(reason) => Err(reason),
        };
        Ok(Self {
            period_months: document.period_months,
            contracts: document.contracts,
            fit,
        })
    }
}
