//! What the contracts of a customer are expected to bring within the horizon.
//!
//! Counted are the renewals still to come: what was paid for the period under way is received already, on the day of the answer too.
//! Each renewal brings its price (on the other bases: less its cost) times the probability that the contract is still renewed then,
//! discounted from its own day. Renewals follow the calendar, so the horizon reaches as many calendar months ahead: a yearly contract
//! renews exactly once in twelve months. It knows contracts, not purchases.

use super::margin::assumed_margin;
use crate::domain::{
    basis::{Basis, NoRate},
    calendar::Day,
    definitions::ValueBasis,
    facts::ContractTerms,
    profile::ProfileAt,
    tiers::Unrated,
    value::lifetime::{DAYS_PER_MONTH, Horizon},
};

/// What contracts are expected to bring within the horizon.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct ContractValue {
    /// Expected number of renewals.
    pub expected_renewals: f64,
    /// Their discounted value, in major units of the reporting currency, before any cost to serve.
    pub value: f64,
}

/// The value of the contracts of a customer; `None` when there never was one. Ended ones are worth nothing: nobody pays for them.
///
/// # Errors
/// No model speaks for a contract that may be renewed, or its price cannot be converted: a sum without it would be wrong.
pub(super) fn contract_value(
    view: ProfileAt<'_>,
    basis: &Basis,
    horizon: &Horizon,
) -> Result<Option<ContractValue>, Unrated> {
    let mut held = None;
    for fact in &view.profile().history.contracts {
        if !fact.terms.ever_runs() || view.as_of() < fact.terms.started_on {
            continue;
        }
        let total = held.get_or_insert_with(ContractValue::default);
        let one = value_of_one(&fact.terms, view.as_of(), basis, horizon)?;
        total.expected_renewals += one.expected_renewals;
        total.value += one.value;
    }
    Ok(held)
}

fn value_of_one(
    terms: &ContractTerms,
    as_of: Day,
    basis: &Basis,
    horizon: &Horizon,
) -> Result<ContractValue, Unrated> {
    let mut total = ContractValue::default();
    let renewals = terms.renewals_until(as_of);
    let horizon_end = as_of.plus_months(horizon.months());
    let due = (renewals.saturating_add(1)..)
        .map_while(|number| terms.renewal_day(number))
        .take_while(|day| horizon_end.is_none_or(|end| *day <= end))
        .take_while(|day| terms.ended_on.is_none_or(|end| *day < end));
    let mut due = due.peekable();
    if due.peek().is_none() {
        return Ok(total);
    }
    let models = basis.model.as_ref().map(|model| &model.contracts);
    let model = models
        .and_then(|models| models.of_period(terms.period_months))
        .ok_or(Unrated::NoModel)?;
    let margin = margin_of_period(terms, as_of, basis)?;
    let mut probability = 1.0;
    for (number, day) in (renewals..).zip(due) {
        probability *= model.retention(number);
        let months = f64::from(day - as_of) / DAYS_PER_MONTH;
        let discount = (1.0 + horizon.monthly_discount_rate()).powf(-months);
        total.expected_renewals += probability;
        total.value += probability * margin * discount;
    }
    Ok(total)
}

/// What of the price of a period counts on the basis of the definitions, in major units at the rate of the day.
fn margin_of_period(terms: &ContractTerms, day: Day, basis: &Basis) -> Result<f64, NoRate> {
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
