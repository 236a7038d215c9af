//! Customers put together by the values of their covariates.

use std::collections::BTreeMap;

use crate::{
    domain::{
        calendar::Day,
        parameters::{self, Covariate},
        profile::History,
        value::fit::{
            covariates::CovariateGroup,
            rows::{CollapsedRow, collapse},
        },
    },
    service::error::ServiceError,
};

/// The histories of customers of whom every covariate is known, by its values, and how many others there are.
#[derive(Default)]
pub(in crate::service::models) struct CovariateInput {
    /// Keyed by the bits of the values.
    groups: BTreeMap<Vec<u64>, Vec<CollapsedRow>>,
    /// Customers with a purchase of whom a covariate is unknown.
    pub(in crate::service::models) left_out: u64,
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
        )?;
        // Minus zero is zero.
        let key = values.iter().map(|value| (value + 0.0).to_bits());
        self.groups.entry(key.collect()).or_default().push(row);
        Ok(())
    }

    /// The groups.
    pub(in crate::service::models) fn groups(&self) -> Vec<CovariateGroup> {
        let groups = self.groups.iter().map(|(bits, rows)| CovariateGroup {
            values: bits.iter().map(|&bits| f64::from_bits(bits)).collect(),
            rows: collapse(rows.iter().copied()),
        });
        groups.collect()
    }
}
