//! The contract models of a fit: one for all contracts, and one for each length of the period that has enough of them.

use std::time::Instant;

use crate::domain::{
    clv::fit::contracts::{ContractRow, fit_contracts},
    fitted::{
        contract_models::{ContractRows, MIN_CONTRACTS, PeriodFit},
        report::StoredReport,
    },
};

/// Fits contract models; nothing without contracts. What cannot be fitted says why.
pub(super) fn fit(rows: &ContractRows) -> Vec<PeriodFit> {
    let all: Vec<ContractRow> = rows.values().flatten().copied().collect();
    if all.is_empty() {
        return vec![];
    }
    let mut fits = vec![fit_one(None, &all)];
    for (months, rows) in rows {
        let contracts = count(rows);
        fits.push(if contracts < MIN_CONTRACTS {
            PeriodFit {
                period_months: Some(*months),
                contracts,
                fit: Err(format!(
                    "only {contracts} contracts; at least {MIN_CONTRACTS} are needed"
                )),
                fallback: None,
            }
        } else {
            fit_one(Some(*months), rows)
        });
    }
    fits
}

fn fit_one(period_months: Option<u32>, rows: &[ContractRow]) -> PeriodFit {
    let start = Instant::now();
    let fitted = fit_contracts(rows);
    let fallback = fitted.as_ref().ok().and_then(|fitted| fitted.fallback);
    PeriodFit {
        period_months,
        contracts: count(rows),
        fit: fitted
            .map(|fitted| {
                (
                    fitted.model,
                    StoredReport::new(&fitted.report, start.elapsed()),
                )
            })
            .map_err(|error| error.to_string()),
        fallback: fallback.map(|fallback| fallback.to_string()),
    }
}

fn count(rows: &[ContractRow]) -> u64 {
    rows.iter().map(|row| row.count).sum()
}
