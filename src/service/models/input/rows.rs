//! What parameters are fitted to.

use super::{CovariateRows, DaysByKind, KINDS};
use crate::domain::{
    calendar::Day,
    clv::{
        fit::{
            covariates::CovariateGroup,
            rows::{CollapsedRow, SpendRow, collapse, collapse_spend},
        },
        season::clock::SeasonClock,
    },
    customer::CustomerKind,
};

/// What parameters are fitted to.
pub(in crate::service) struct FitRows {
    /// Of each of the [`KINDS`], as they were read.
    pub(in crate::service) kinds: [Rows; 2],
    /// Everybody's by values of covariates; `None` when there are none.
    pub(in crate::service) covariates: Option<CovariateRows>,
    /// Repeat orders by day; none unless a seasonal index is to be estimated.
    pub(in crate::service) days: DaysByKind,
}

impl FitRows {
    /// The rows of everybody, collapsed.
    pub(in crate::service) fn pooled(&self) -> Rows {
        Rows::collapsed(&self.kinds)
    }

    /// The same customers with the time of their orders as a seasonal clock has it until this day.
    pub(in crate::service) fn by_clock(&self, clock: &SeasonClock, until: Day) -> Self {
        let by_clock = |rows: &[CollapsedRow]| {
            let rows = rows.iter().map(|row| row.by_clock(clock, until));
            rows.collect::<Vec<_>>()
        };
        let group = |group: &CovariateGroup| CovariateGroup {
            values: group.values.clone(),
            rows: collapse(by_clock(&group.rows)),
        };
        Self {
            kinds: self.kinds.each_ref().map(|rows| Rows {
                orders: by_clock(&rows.orders),
                spend: rows.spend.clone(),
            }),
            covariates: self.covariates.as_ref().map(|rows| CovariateRows {
                groups: rows.groups.iter().map(group).collect(),
                left_out: rows.left_out,
            }),
            days: self.days.clone(),
        }
    }

    /// The same by kind, for kinds that have customers with a purchase.
    pub(in crate::service) fn by_kind(&self) -> Vec<(CustomerKind, Rows)> {
        let kinds = KINDS.into_iter().zip(&self.kinds);
        kinds
            .filter(|(_, rows)| !rows.orders.is_empty())
            .map(|(kind, rows)| (kind, Rows::collapsed(std::slice::from_ref(rows))))
            .collect()
    }
}

/// Rows of some customers.
#[derive(Default, Clone)]
pub(in crate::service) struct Rows {
    /// Distinct histories of orders.
    pub(in crate::service) orders: Vec<CollapsedRow>,
    /// Distinct spends, in major units of the reporting currency.
    pub(in crate::service) spend: Vec<SpendRow>,
}

impl Rows {
    /// Equal rows of all of these as one.
    pub(super) fn collapsed(all: &[Self]) -> Self {
        Self {
            orders: collapse(all.iter().flat_map(|rows| rows.orders.iter().copied())),
            spend: collapse_spend(all.iter().flat_map(|rows| rows.spend.iter().copied())),
        }
    }
}
