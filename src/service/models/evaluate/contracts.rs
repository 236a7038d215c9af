//! What contracts bring to an evaluation: what was known of them at the split, what came of them, and the models of their renewals.

use std::collections::HashMap;

use sqlx::PgConnection;

use crate::{
    domain::{
        assess::valuation::margin_of_period,
        basis::Basis,
        evaluation::{
            Window,
            contracts::{ContractAhead, ContractsLeftOut},
            renewals::renewal_rate,
        },
        fitted::contract_models::{ContractModels, PeriodFit},
        text::CustomerId,
    },
    service::{error::ServiceError, models::contracts},
    store,
};

/// The contracts of persons and companies.
pub(super) struct ContractsRead {
    /// Those that ran at the split, by customer.
    pub(super) ahead: HashMap<CustomerId, Vec<ContractAhead>>,
    pub(super) left_out: ContractsLeftOut,
    pub(super) renewals: RenewalModels,
}

/// What predicts renewals.
pub(super) struct RenewalModels {
    pub(super) models: ContractModels,
    /// Share of the renewals due until the split that came; `None` when none was due.
    pub(super) baseline_rate: Option<f64>,
}

/// Reads contracts. Their models are those of a version, or are fitted to what was known at the split.
pub(super) async fn read(
    connection: &mut PgConnection,
    window: Window,
    stored: Option<&[PeriodFit]>,
    basis: &Basis,
) -> Result<ContractsRead, ServiceError> {
    let mut ahead: HashMap<CustomerId, Vec<ContractAhead>> = HashMap::new();
    let mut left_out = ContractsLeftOut::default();
    store::contracts::list_begun(connection, window.until(), |id, facts| {
        let found = ContractAhead::of_facts(facts, window, &mut left_out, |terms, day| {
            margin_of_period(terms, day, basis).ok()
        });
        if let Some(found) = found {
            ahead.entry(id.clone()).or_default().push(found);
        }
    })
    .await?;
    let rows = store::contracts::count_outcomes(connection, window.split()).await?;
    let models = match stored {
        Some(fits) => ContractModels::of_fits(fits),
        None => ContractModels::of_fits(&contracts::fit(&rows)),
    };
    Ok(ContractsRead {
        ahead,
        left_out,
        renewals: RenewalModels {
            models,
            baseline_rate: renewal_rate(&rows),
        },
    })
}
