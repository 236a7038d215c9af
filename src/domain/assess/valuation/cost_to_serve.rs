//! What serving a customer is expected to cost.
//!
//! It knows contacts, channels and the horizon, not what a customer buys and nothing of tiers.
//!
//! **How many contacts.** On each channel, the customer's own in all the time since the first fact or contract, shrunk to what is usual among
//! customers of the kind ([`crate::domain::fitted::contact_model`]); without a model of contacts the own rate as it is.
//!
//! **What each costs.** The mean of the customer's own, each as it was recorded or as the definitions state for the channel
//! ([`crate::domain::definitions::contact_cost`]), shrunk to that of kind and channel. Of contacts on a channel of which neither says anything nobody
//! knows what they cost: they are not in the sum, and [`unpriced_channels`] names them.
//!
//! **Until when.** Somebody who has left does not call any more. The rate is that of a customer who still is one (then all the time
//! since the first fact was time to call in), so that each month counts by the probability of still being one in its middle: of a buyer
//! who has not left by the order model, or of a contract that still runs by that of renewals, whichever is left. Who never bought and has
//! no contract that runs is served no more and costs nothing.

use super::contracts::{RunningContract, probability_running};
use crate::domain::{
    assess::tiers::Unrated,
    basis::Basis,
    clv::{
        history::DAYS_PER_WEEK,
        lifetime::{Horizon, WEEKS_PER_MONTH},
        outlook::Outlook,
        season::TimeAhead,
    },
    customer::profile::{ContactDay, ProfileAt},
    definitions::{
        Definitions, ValueBasis, ValueSettings,
        contact_cost::{cost_of_contacts, stated_cost},
    },
    fitted::contact_model::UsualContacts,
    money::Money,
    text::Label,
};

/// Without anything usual to shrink to, a customer known for less is taken to be known so long: one call on the first day is not thirty
/// a month.
const MIN_DAYS: i32 = 30;

/// What keeps somebody a customer from now on.
#[derive(Debug, Clone, Copy)]
pub(super) struct ActivePeriod<'a> {
    /// What the order model says of a buyer, and how it counts time from now on.
    pub(super) outlook: Option<(&'a Outlook, TimeAhead<'a>)>,
    /// The contracts that run.
    pub(super) contracts: &'a [RunningContract],
}

/// Whether contacts count in the value of a customer: on the contribution basis, of those who bought or have a contract that runs.
pub(super) fn contacts_count(view: ProfileAt<'_>, settings: Option<&ValueSettings>) -> bool {
    let is_served = !view.profile().history.purchases.is_empty() || view.running_contracts() > 0;
    is_contribution(settings) && is_served
}

fn is_contribution(settings: Option<&ValueSettings>) -> bool {
    settings.is_some_and(|settings| settings.basis == ValueBasis::Contribution)
}

/// Discounted cost of the contacts expected within the horizon, in major units of the reporting currency; `None` but on the
/// contribution basis.
pub(super) fn cost_to_serve(
    view: ProfileAt<'_>,
    basis: &Basis,
    horizon: &Horizon,
    active: ActivePeriod<'_>,
) -> Result<Option<f64>, Unrated> {
    if !is_contribution(basis.value_settings()) {
        return Ok(None);
    }
    if !contacts_count(view, basis.value_settings()) {
        return Ok(Some(0.0));
    }
    let weekly = expected(view, basis)?
        .iter()
        .filter_map(|one| Some(one.per_week * one.cost?))
        .sum::<f64>();
    Ok(Some(
        weekly * WEEKS_PER_MONTH * discounted_months(horizon, active),
    ))
}

/// The channels, by name, on which contacts are expected of the customer that the cost to serve leaves out, since nothing says what they
/// cost: none was recorded and the definitions state none. Empty where contacts do not count, and where costs cannot be converted.
#[must_use]
pub fn unpriced_channels(view: ProfileAt<'_>, basis: &Basis) -> Vec<Label> {
    if !contacts_count(view, basis.value_settings()) {
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

impl ActivePeriod<'_> {
    /// Probability of still being a customer so many weeks ahead: of one who buys and has contracts, as long as either lasts.
    fn last(&self, weeks: f64) -> f64 {
        let alive = self.outlook.map_or(0.0, |(outlook, ahead)| {
            outlook.probability_alive_after(ahead.model_weeks(weeks))
        });
        let running = probability_running(self.contracts, weeks * DAYS_PER_WEEK);
        alive + running - alive * running
    }
}

/// Months of the horizon, each discounted at its end and counted by the probability of being a customer in its middle.
fn discounted_months(horizon: &Horizon, active: ActivePeriod<'_>) -> f64 {
    let factor = 1.0 / (1.0 + horizon.monthly_discount_rate());
    let weeks_per_month = horizon.weeks() / f64::from(horizon.months());
    let mut discount = 1.0;
    let mut months = 0.0;
    for month in 0..horizon.months() {
        discount *= factor;
        let middle = (f64::from(month) + 0.5) * weeks_per_month;
        months += active.last(middle) * discount;
    }
    // A month of the horizon may have another length than the one in which costs are told.
    months * weeks_per_month / WEEKS_PER_MONTH
}

/// Contacts of one customer on one channel.
struct OwnContacts<'a> {
    channel: &'a str,
    contacts: f64,
    /// Those of which something says what they cost.
    priced: f64,
    /// What these cost together, in major units.
    cost: f64,
}

impl<'a> OwnContacts<'a> {
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
    let days = history.first_day().map_or(0, |first| view.as_of() - first);
    let weeks = f64::from(days.max(0)) / DAYS_PER_WEEK;
    let minimum_weeks = f64::from(MIN_DAYS) / DAYS_PER_WEEK;
    let mut own = own_contacts(&history.contacts, basis)?;
    let usual: Vec<&UsualContacts> = basis.model.as_ref().map_or_else(Vec::new, |model| {
        model.contacts.of_kind(view.profile().kind).collect()
    });
    for usual in &usual {
        if own.iter().all(|one| *one.channel != *usual.channel) {
            own.push(OwnContacts::none(&usual.channel));
        }
    }
    let expected = own.iter().map(|one| {
        let known = usual.iter().find(|usual| *usual.channel == *one.channel);
        let per_week = match known {
            Some(usual) => usual.rate.expected_per_week(one.contacts, weeks),
            None => one.contacts / weeks.max(minimum_weeks),
        };
        Expected {
            channel: one.channel,
            per_week,
            cost: cost_per_contact(one, known.copied(), basis),
        }
    });
    Ok(expected.collect())
}

/// The contacts by channel, in the order in which the channels were first used.
fn own_contacts<'a>(
    days: &'a [ContactDay],
    basis: &Basis,
) -> Result<Vec<OwnContacts<'a>>, Unrated> {
    let mut all: Vec<OwnContacts<'a>> = Vec::new();
    for day in days {
        let at = all.iter().position(|own| *own.channel == *day.channel);
        let at = at.unwrap_or_else(|| {
            all.push(OwnContacts::none(&day.channel));
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

fn cost_per_contact(
    own: &OwnContacts<'_>,
    usual: Option<&UsualContacts>,
    basis: &Basis,
) -> Option<f64> {
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
