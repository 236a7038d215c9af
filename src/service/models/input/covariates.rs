//! Customers put together by the values of their covariates.

use std::collections::BTreeMap;

use crate::{
    domain::{
        calendar::Day,
        clv::fit::{
            covariates::CovariateGroup,
            rows::{CollapsedRow, collapse},
        },
        customer::profile::History,
        fitted::parameters::{self, Covariate},
    },
    service::error::ServiceError,
};

/// What a fit with covariates takes.
pub(in crate::service) struct CovariateRows {
    /// Customers whose covariates are all known, by their values.
    pub(in crate::service) groups: Vec<CovariateGroup>,
    /// Customers with a purchase and an unknown covariate.
    pub(in crate::service) left_out: u64,
}

/// The histories of customers whose covariates are all known, by their values, and how many others there are.
#[derive(Default)]
pub(super) struct CovariateInput {
    /// Keyed by the bits of the values.
    groups: BTreeMap<Vec<u64>, Vec<CollapsedRow>>,
    left_out: u64,
}

impl CovariateInput {
    /// Adds a customer whose facts after the day are out; nobody without a purchase.
    pub(super) fn push(
        &mut self,
        covariates: &[Covariate],
        until: Day,
        history: &History,
    ) -> Result<(), ServiceError> {
        let Some(summary) = history.purchase_summary() else {
            return Ok(());
        };
        let Some(values) = parameters::values(covariates, history, until) else {
            self.left_out += 1;
            return Ok(());
        };
        let row = super::row(
            i32::try_from(summary.frequency).unwrap_or(i32::MAX),
            summary.last_day - summary.first_day,
            until - summary.first_day,
            1,
        )?
        .with_log_gaps(history.log_gaps());
        // Minus zero is zero.
        let key = values.iter().map(|value| (value + 0.0).to_bits());
        self.groups.entry(key.collect()).or_default().push(row);
        Ok(())
    }

    /// What a fit takes.
    pub(super) fn close(self) -> CovariateRows {
        let groups = self.groups.into_iter().map(|(bits, rows)| CovariateGroup {
            values: bits.into_iter().map(f64::from_bits).collect(),
            rows: collapse(rows),
        });
        CovariateRows {
            groups: groups.collect(),
            left_out: self.left_out,
        }
    }
}
