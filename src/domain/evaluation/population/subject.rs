//! One customer of an evaluation.

use std::sync::Arc;

use super::{
    super::{
        contracts::{ValueFacts, compare_contracts},
        strata::{Stratum, compare_values},
    },
    YEAR_DAYS,
};
use crate::domain::{
    calendar::Day,
    clv::{
        fit::rows::CollapsedRow,
        gamma_gamma::SpendHistory,
        history::{LogGaps, PurchaseHistory},
        spend_orders::{AmountsPaid, SpendOrders},
    },
    customer::CustomerKind,
};

/// One customer: what was known at the split, and what came until the end of the holdout.
#[derive(Debug, Clone, PartialEq)]
pub struct Subject {
    pub(super) stratum: Arc<Stratum>,
    /// First day with a purchase.
    pub first_day: Day,
    pub(super) row: CollapsedRow,
    pub(super) history: PurchaseHistory,
    /// Amounts until the split; `None` when one cannot be converted to the reporting currency.
    pub known_spend: Option<KnownSpend>,
    /// Repeat orders in the year before the split: days with a purchase, but for the first of all, which nobody places again.
    pub last_year_repeats: u32,
    /// Days with a purchase in the holdout.
    pub holdout_orders: u32,
    /// Those of them that were paid for, as far as amounts are known.
    pub holdout_paid_orders: u32,
    /// Amount of those days, major units of the reporting currency; `None` when one cannot be converted.
    pub holdout_spend: Option<f64>,
    /// What counts to the value beside orders.
    pub value: ValueFacts,
}

/// What a customer spent until the split, major units of the reporting currency.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct KnownSpend {
    /// Of each purchase day.
    pub amounts: AmountsPaid,
    /// Of the repeat purchase days in the year before the split.
    pub last_year_repeats: f64,
}

impl Subject {
    /// What tells which parameters speak for the customer; one and the same for all who are alike.
    #[must_use]
    pub const fn stratum(&self) -> &Arc<Stratum> {
        &self.stratum
    }

    /// Person or company.
    #[must_use]
    pub fn kind(&self) -> CustomerKind {
        self.stratum.kind
    }

    /// Repeat orders until the split.
    #[must_use]
    pub const fn frequency(&self) -> u32 {
        self.history.frequency()
    }

    /// Frequency, recency and age at the split.
    #[must_use]
    pub const fn history(&self) -> &PurchaseHistory {
        &self.history
    }

    /// The same in whole days.
    #[must_use]
    pub const fn row(&self) -> &CollapsedRow {
        &self.row
    }

    /// Days of the year before the split in which a repeat order could come, `0..=365`: those after the first purchase.
    #[must_use]
    pub fn observed_days(&self) -> u32 {
        self.row.age_days().min(YEAR_DAYS.unsigned_abs())
    }

    /// Spend at the split, as a spend model fitted to these orders takes it; `None` without such an order.
    #[must_use]
    pub fn spend_history(&self, orders: SpendOrders) -> Option<SpendHistory> {
        self.known_spend?.amounts.history(orders)
    }

    /// Orders customers by what they did, so that a list of them is the same however it was read.
    pub(super) fn compare(&self, other: &Self) -> std::cmp::Ordering {
        let key = |one: &Self| {
            let known = one.known_spend.map(|known| {
                (
                    known.amounts.sort_key(),
                    known.last_year_repeats.max(0.0).to_bits(),
                )
            });
            (
                (
                    one.kind() as u8,
                    one.first_day,
                    one.row.with_log_gaps(LogGaps::default()),
                ),
                (one.last_year_repeats, one.holdout_orders),
                (
                    known,
                    one.holdout_spend.map(|spend| spend.max(0.0).to_bits()),
                ),
            )
        };
        let values = || {
            let (one, two) = (&self.stratum.values, &other.stratum.values);
            compare_values(one.as_deref(), two.as_deref())
        };
        // Gaps last: which customers a sample takes does not depend on them.
        let gaps = || self.row.log_gaps().cmp(&other.row.log_gaps());
        let contracts = || compare_contracts(&self.value.contracts, &other.value.contracts);
        key(self)
            .cmp(&key(other))
            .then_with(values)
            .then_with(gaps)
            .then_with(contracts)
    }
}
