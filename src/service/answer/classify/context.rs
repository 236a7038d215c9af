//! On what an answer rests: the basis, the day, and what was asked for.

use std::sync::Arc;

use jiff::Timestamp;

use super::{Answer, CustomerAnswer, Found, Match};
use crate::{
    domain::{
        assess::{routing::ContactTerms, valuation::order_forecast::OrderForecastOptions},
        basis::Basis,
        calendar::Day,
        clv::lifetime::{Horizon, WEEKS_PER_MONTH},
    },
    store::breaker::Breaker,
};

/// On what a question is answered.
#[derive(Debug)]
pub struct AnswerContext {
    pub(super) basis: Arc<Basis>,
    pub(super) as_of: Day,
    /// The horizon, where it is not that of the definitions.
    pub(super) horizon: Option<Horizon>,
    pub(super) interval_level: Option<f64>,
    pub(super) challenger: Option<Basis>,
    pub(super) order_forecast: Option<OrderForecastOptions>,
    /// Since when what is in memory may be out of date.
    pub(super) stale_since: Option<Timestamp>,
    /// The day of anybody's last purchase, where the silence since then means that facts are missing.
    pub(super) no_purchase_since: Option<Day>,
    /// The contact that is to be routed.
    pub(super) contact: Option<Arc<ContactTerms>>,
}

impl AnswerContext {
    /// The context of a question without options.
    pub(super) fn plain(basis: Arc<Basis>, as_of: Day) -> Self {
        Self {
            basis,
            as_of,
            horizon: None,
            interval_level: None,
            challenger: None,
            order_forecast: None,
            stale_since: None,
            no_purchase_since: None,
            contact: None,
        }
    }

    /// Marks what is answered from here on as the outage requires, if there is one. Called after the data of an answer is read: an outage
    /// that began while it was read marks it too.
    pub(super) fn mark_stale(&mut self, breaker: &Breaker) {
        self.stale_since = breaker.stale_since();
    }

    /// The finished answer about those who were found.
    pub(super) fn answer<T: CustomerAnswer>(&self, found: Found) -> Answer<T> {
        Answer {
            found: Match::finish(found, self),
            as_of: self.as_of,
            basis: Arc::clone(&self.basis),
            stale_since: self.stale_since,
            contact: self.contact.clone(),
        }
    }

    /// The horizon of the answer, in months.
    pub(super) fn horizon_months(&self) -> u32 {
        let horizon = self.horizon.as_ref();
        horizon.unwrap_or(&self.basis.revision.horizon).months()
    }

    pub(in crate::service::answer) fn basis(&self) -> &Basis {
        &self.basis
    }

    pub(in crate::service::answer) fn as_of(&self) -> Day {
        self.as_of
    }

    pub(in crate::service::answer) fn stale_since(&self) -> Option<Timestamp> {
        self.stale_since
    }
}

/// `months` ahead, discounted as the definitions say; `None` when no horizon is that long.
pub(in crate::service) fn horizon_of(months: u32, basis: &Basis) -> Option<Horizon> {
    Horizon::new(
        months,
        basis.revision.horizon.monthly_discount_rate(),
        WEEKS_PER_MONTH,
    )
    .ok()
}
