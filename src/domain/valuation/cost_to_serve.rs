//! What serving a customer is expected to cost.
//!
//! It knows contacts, channels and the horizon, not what a customer buys.

use crate::domain::{
    basis::Basis,
    definitions::ValueBasis,
    money::Money,
    profile::{ContactDay, ProfileAt},
    tiers::Unrated,
    value::lifetime::{DAYS_PER_MONTH, Horizon},
};

/// Contacts of so many days back are taken for those to come.
const YEAR_DAYS: i32 = 365;
/// A customer known for less is taken to be known so long: one call on the first day is not thirty a month.
const MONTH_DAYS: i32 = 30;

/// Discounted cost of the contacts expected within the horizon, in major units of the reporting currency, as many a month as in the last
/// year; `None` but on the contribution basis.
pub(super) fn cost_to_serve(
    view: ProfileAt<'_>,
    basis: &Basis,
    horizon: &Horizon,
) -> Result<Option<f64>, Unrated> {
    let contribution = basis
        .value_settings()
        .is_some_and(|settings| settings.basis == ValueBasis::Contribution);
    if !contribution {
        return Ok(None);
    }
    let as_of = view.as_of();
    let contacts = view.profile().history.contacts.iter();
    let mut total = 0.0;
    for entry in contacts.filter(|entry| as_of - entry.day < YEAR_DAYS) {
        total += contact_cost(entry, basis)?;
    }
    let known_days = view
        .purchases()
        .map_or(YEAR_DAYS, |summary| as_of - summary.first_day);
    let days = f64::from(known_days.clamp(MONTH_DAYS, YEAR_DAYS));
    let monthly = total / days * DAYS_PER_MONTH;
    let factor = 1.0 / (1.0 + horizon.monthly_discount_rate());
    let discounted_months: f64 = (1..=horizon.months())
        .map(|month| factor.powi(i32::try_from(month).unwrap_or(i32::MAX)))
        .sum();
    Ok(Some(monthly * discounted_months))
}

/// What the contacts of a day cost, in major units: as recorded, else what their channel costs by the definitions, else nothing.
fn contact_cost(entry: &ContactDay, basis: &Basis) -> Result<f64, Unrated> {
    if let Some(currency) = entry.currency {
        return Ok(basis.reporting_major(entry.cost_minor, currency, entry.day)?);
    }
    let definitions = basis.revision.definitions.as_ref();
    let channel = definitions.and_then(|definitions| {
        let mut channels = definitions.channels().iter();
        channels.find(|channel| channel.name == entry.channel)
    });
    let cost = channel
        .and_then(|channel| channel.cost)
        .map_or(0.0, Money::major);
    Ok(cost * f64::from(entry.count))
}
