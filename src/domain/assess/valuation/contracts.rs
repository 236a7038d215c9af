//! What the contracts of a customer are expected to bring within the horizon, and how long they keep somebody a customer.
//!
//! Counted are the renewals still to come: what was paid for the period under way is received already, on the day of the answer too.
//! Each renewal brings its price (on the other bases: less its cost) times the probability that the contract is still renewed then,
//! discounted from its own day. Renewals follow the calendar, so the horizon reaches as many months of the contract ahead: a yearly
//! contract renews exactly once in twelve months. It knows contracts, not purchases.

use super::margin::assumed_margin;
use crate::domain::{
    assess::tiers::Unrated,
    basis::{Basis, NoRate},
    calendar::Day,
    clv::lifetime::{DAYS_PER_MONTH, Horizon},
    customer::{facts::ContractTerms, profile::ProfileAt},
    definitions::ValueBasis,
};

/// What contracts are expected to bring within the horizon.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct ContractValue {
    /// Expected number of renewals.
    pub expected_renewals: f64,
    /// Their discounted value, in major units of the reporting currency, before any cost to serve.
    pub value: f64,
    /// Whether the model version has no model for one of them, so that the built-in one speaks for it.
    pub has_built_in_model: bool,
}

/// A running contract within the horizon.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct RunningContract {
    /// Calendar months from one renewal to the next.
    pub(super) period_months: u32,
    /// How often it was renewed so far.
    pub(super) renewals: u32,
    /// What each further period brings, in major units; 0 where none is due.
    margin: f64,
    /// The renewals to come, in their order.
    pub(super) due: Vec<UpcomingRenewal>,
    /// Days until a known end.
    ends_in: Option<i32>,
    /// Whether the built-in model speaks for the renewals to come.
    has_built_in_model: bool,
}

/// A renewal to come.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct UpcomingRenewal {
    /// Days ahead.
    days: i32,
    /// Probability that the contract is renewed then, and so all the times before.
    probability: f64,
    /// Discount of its day.
    discount: f64,
}

/// The running contracts of a customer; `None` when there never was a contract. Ended ones are worth nothing: nobody pays for them.
///
/// # Errors
/// No model version answers and a contract may be renewed, or its price cannot be converted: a sum without it would be wrong.
pub(super) fn running_contracts(
    view: ProfileAt<'_>,
    basis: &Basis,
    horizon: &Horizon,
) -> Result<Option<Vec<RunningContract>>, Unrated> {
    let as_of = view.as_of();
    let contracts = view.profile().history.contracts.iter();
    let begun = contracts
        .map(|fact| &fact.terms)
        .filter(|terms| terms.ever_runs() && terms.started_on <= as_of);
    let mut held = None;
    for terms in begun {
        let running: &mut Vec<RunningContract> = held.get_or_insert_default();
        if terms.runs_on(as_of) {
            running.push(contract(terms, as_of, basis, horizon)?);
        }
    }
    Ok(held)
}

fn contract(
    terms: &ContractTerms,
    as_of: Day,
    basis: &Basis,
    horizon: &Horizon,
) -> Result<RunningContract, Unrated> {
    let mut contract = RunningContract {
        period_months: terms.period_months,
        renewals: terms.renewals_until(as_of),
        margin: 0.0,
        due: vec![],
        ends_in: terms.ended_on.map(|end| end - as_of),
        has_built_in_model: false,
    };
    let mut due = terms.renewals_within(as_of, horizon.months()).peekable();
    if due.peek().is_none() {
        return Ok(contract);
    }
    let models = &basis.model.as_ref().ok_or(Unrated::NoModel)?.contracts;
    let model = models.of_period(terms.period_months);
    contract.has_built_in_model = models.place_of(terms.period_months).is_none();
    contract.margin = margin_of_period(terms, as_of, basis)?;
    let mut probability = 1.0;
    for (number, day) in due {
        probability *= model.retention(number - 1);
        let days = day - as_of;
        let months = f64::from(days) / DAYS_PER_MONTH;
        contract.due.push(UpcomingRenewal {
            days,
            probability,
            discount: (1.0 + horizon.monthly_discount_rate()).powf(-months),
        });
    }
    Ok(contract)
}

/// What contracts are expected to bring together.
pub(super) fn contract_value(running_contracts: &[RunningContract]) -> ContractValue {
    let mut total = ContractValue::default();
    for contract in running_contracts {
        total.has_built_in_model |= contract.has_built_in_model;
        for due in &contract.due {
            total.expected_renewals += due.probability;
            total.value += due.probability * contract.margin * due.discount;
        }
    }
    total
}

/// Probability that at least one of the contracts still runs so many days ahead.
pub(super) fn probability_running(running_contracts: &[RunningContract], days: f64) -> f64 {
    let none_runs = running_contracts
        .iter()
        .map(|contract| 1.0 - contract.runs_after(days));
    1.0 - none_runs.product::<f64>()
}

impl RunningContract {
    /// What each renewal to come brings if it happens, discounted, in major units.
    pub(super) fn amounts(&self) -> Vec<f64> {
        let each = self.due.iter().map(|due| self.margin * due.discount);
        each.collect()
    }

    /// Probability that it still runs so many days ahead, within the horizon.
    fn runs_after(&self, days: f64) -> f64 {
        if self.ends_in.is_some_and(|end| f64::from(end) <= days) {
            return 0.0;
        }
        let passed = self.due.iter().rev();
        let last = passed.into_iter().find(|due| f64::from(due.days) <= days);
        last.map_or(1.0, |due| due.probability)
    }
}

/// What of the price of a period counts on the basis of the definitions, in major units at the rate of the day.
///
/// # Errors
/// The price cannot be converted.
pub fn margin_of_period(terms: &ContractTerms, day: Day, basis: &Basis) -> Result<f64, NoRate> {
    let major = |amount_minor| basis.reporting_major(amount_minor, terms.price.currency, day);
    let price = major(terms.price.amount_minor)?;
    let settings = basis
        .value_settings()
        .filter(|settings| settings.basis != ValueBasis::Revenue);
    Ok(match (settings, terms.cost_minor) {
        (None, _) => price,
        (Some(_), Some(cost_minor)) => price - major(cost_minor)?,
        (Some(settings), None) => price * assumed_margin(settings, terms.category.as_ref()),
    })
}
