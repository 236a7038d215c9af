//! What serving a customer is expected to cost.
//!
//! It knows contacts, channels and the horizon, not what a customer buys and nothing of tiers.
//!
//! **How many contacts.** On each channel, the customer's own in all the time since the first fact or contract, shrunk to what is usual among
//! customers of the kind ([`crate::domain::contact_model`]); without a model of contacts the own rate as it is.
//!
//! **What each costs.** The mean of the customer's own, each as it was recorded or as the definitions state for the channel
//! ([`crate::domain::contact_cost`]), shrunk to that of kind and channel. Of contacts on a channel of which neither says anything nobody
//! knows what they cost: they are not in the sum, and [`unpriced_channels`] names them.
//!
//! **Until when.** Somebody who has left does not call any more. The rate is that of a customer who still is one (then all the time
//! since the first fact was time to call in), so that each month counts by the probability of still being one in its middle. Who
//! has a contract that runs, or never bought, is not said to leave by the order model, and counts in full.

use crate::domain::{
    basis::Basis,
    calendar::Day,
    contact_cost::{cost_of_contacts, stated_cost},
    contact_model::UsualContacts,
    definitions::{Definitions, ValueBasis},
    money::Money,
    profile::{ContactDay, ProfileAt},
    text::Label,
    tiers::Unrated,
    value::{
        history::DAYS_PER_WEEK,
        lifetime::{Horizon, WEEKS_PER_MONTH},
        outlook::Outlook,
    },
};

/// Without anything usual to shrink to, a customer known for less is taken to be known so long: one call on the first day is not thirty
/// a month.
const LEAST_DAYS: i32 = 30;

/// Discounted cost of the contacts expected within the horizon, in major units of the reporting currency; `None` but on the
/// contribution basis. `outlook` is what the order model says of the customer; without it nobody leaves.
pub(super) fn cost_to_serve(
    view: ProfileAt<'_>,
    basis: &Basis,
    horizon: &Horizon,
    outlook: Option<&Outlook>,
) -> Result<Option<f64>, Unrated> {
    if !counts_contacts(basis) {
        return Ok(None);
    }
    let weekly = expected(view, basis)?
        .iter()
        .filter_map(|one| Some(one.per_week * one.cost?))
        .sum::<f64>();
    Ok(Some(
        weekly * WEEKS_PER_MONTH * discounted_months(horizon, outlook),
    ))
}

/// The channels, by name, on which contacts are expected of the customer that the cost to serve leaves out, since nothing says what they
/// cost: none was recorded and the definitions state none. Empty but on the contribution basis, and where costs cannot be converted.
#[must_use]
pub fn unpriced_channels(view: ProfileAt<'_>, basis: &Basis) -> Vec<Label> {
    if !counts_contacts(basis) {
        return Vec::new();
    }
    let mut channels: Vec<Label> = expected(view, basis)
        .unwrap_or_default()
        .iter()
        .filter(|one| one.cost.is_none() && one.per_week > 0.0)
        .map(|one| one.channel.into())
        .collect();
    channels.sort();
    channels
}

fn counts_contacts(basis: &Basis) -> bool {
    basis
        .value_settings()
        .is_some_and(|settings| settings.basis == ValueBasis::Contribution)
}

/// Months of the horizon, each discounted at its end and counted by the probability of being a customer in its middle.
fn discounted_months(horizon: &Horizon, outlook: Option<&Outlook>) -> f64 {
    let factor = 1.0 / (1.0 + horizon.monthly_discount_rate());
    let weeks_per_month = horizon.weeks() / f64::from(horizon.months());
    let mut discount = 1.0;
    let mut months = 0.0;
    for month in 0..horizon.months() {
        discount *= factor;
        let middle = (f64::from(month) + 0.5) * weeks_per_month;
        let alive = outlook.map_or(1.0, |outlook| outlook.probability_alive_after(middle));
        months += alive * discount;
    }
    // A month of the horizon may have another length than the one in which costs are told.
    months * weeks_per_month / WEEKS_PER_MONTH
}

/// Contacts of one customer on one channel.
struct Own<'a> {
    channel: &'a str,
    contacts: f64,
    /// Those of which something says what they cost.
    priced: f64,
    /// What these cost together, in major units.
    cost: f64,
}

impl<'a> Own<'a> {
    const fn none(channel: &'a str) -> Self {
        Self {
            channel,
            contacts: 0.0,
            priced: 0.0,
            cost: 0.0,
        }
    }
}

/// Contacts to come on one channel, while the customer is one.
struct Expected<'a> {
    channel: &'a str,
    per_week: f64,
    /// Of each, in major units; `None` where nothing says it.
    cost: Option<f64>,
}

/// The contacts to come, by channel.
fn expected<'a>(view: ProfileAt<'a>, basis: &'a Basis) -> Result<Vec<Expected<'a>>, Unrated> {
    let history = &view.profile().history;
    let days = first_day(view).map_or(0, |first| view.as_of() - first);
    let weeks = f64::from(days.max(0)) / DAYS_PER_WEEK;
    let least_weeks = f64::from(LEAST_DAYS) / DAYS_PER_WEEK;
    let mut own = own_contacts(&history.contacts, basis)?;
    let usual: Vec<&UsualContacts> = basis.model.as_ref().map_or_else(Vec::new, |model| {
        model.contacts.of_kind(view.profile().kind).collect()
    });
    for usual in &usual {
        if own.iter().all(|one| *one.channel != *usual.channel) {
            own.push(Own::none(&usual.channel));
        }
    }
    let expected = own.iter().map(|one| {
        let known = usual.iter().find(|usual| *usual.channel == *one.channel);
        let per_week = match known {
            Some(usual) => usual.rate.expected_per_week(one.contacts, weeks),
            None => one.contacts / weeks.max(least_weeks),
        };
        Expected {
            channel: one.channel,
            per_week,
            cost: cost_per_contact(one, known.copied(), basis),
        }
    });
    Ok(expected.collect())
}

/// The day since when the customer had cause to call: of the first fact, or on which the first contract began.
fn first_day(view: ProfileAt<'_>) -> Option<Day> {
    let history = &view.profile().history;
    let begun = history
        .contracts
        .iter()
        .filter(|fact| fact.terms.ever_runs())
        .map(|fact| fact.terms.started_on)
        .filter(|day| *day <= view.as_of());
    begun.chain(history.first_day()).min()
}

/// The contacts by channel, in the order in which the channels were first used.
fn own_contacts<'a>(days: &'a [ContactDay], basis: &Basis) -> Result<Vec<Own<'a>>, Unrated> {
    let mut all: Vec<Own<'a>> = Vec::new();
    for day in days {
        let at = all.iter().position(|own| *own.channel == *day.channel);
        let at = at.unwrap_or_else(|| {
            all.push(Own::none(&day.channel));
            all.len() - 1
        });
        let own = &mut all[at];
        own.contacts += f64::from(day.count);
        if let Some(cost) = cost_of_contacts(day, definitions(basis)) {
            own.priced += f64::from(day.count);
            own.cost += basis.reporting_major(cost.amount_minor, cost.currency, day.day)?;
        }
    }
    Ok(all)
}

fn cost_per_contact(own: &Own<'_>, usual: Option<&UsualContacts>, basis: &Basis) -> Option<f64> {
    // Definitions state amounts in the currency that they report in.
    let stated = stated_cost(own.channel, definitions(basis)).map(Money::major);
    let usual = usual.zip(basis.reporting_currency);
    match usual.and_then(|(usual, currency)| usual.cost_with(stated, currency)) {
        Some(usual) => Some(usual.expected(own.cost, own.priced)),
        None if own.priced > 0.0 => Some(own.cost / own.priced),
        None => stated,
    }
}

fn definitions(basis: &Basis) -> Option<&Definitions> {
    basis.revision.definitions.as_deref()
}

#[cfg(test)]
mod tests;
