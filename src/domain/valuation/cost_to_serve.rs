//! What serving a customer is expected to cost.
//!
//! It knows contacts, channels and the horizon, not what a customer buys and nothing of tiers.
//!
//! **How many contacts.** On each channel, the customer's own in all the time since the first fact or contract, shrunk to what is usual among
//! customers of the kind ([`crate::domain::contact_model`]); without a model of contacts the own rate as it is.
//!
//! **What each costs.** The customer's own recorded mean, shrunk to that of kind and channel; where none is recorded, what the channel
//! costs by the definitions; else nothing.
//!
//! **Until when.** Somebody who has left does not call any more. The rate is that of a customer who still is one (then all the time
//! since the first fact was time to call in), so that each month counts by the probability of still being one in its middle. Who
//! has a contract that runs, or never bought, is not said to leave by the order model, and counts in full.

use crate::domain::{
    basis::Basis,
    calendar::Day,
    contact_model::UsualContacts,
    definitions::ValueBasis,
    money::Money,
    profile::{ContactDay, ProfileAt},
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
    let contribution = basis
        .value_settings()
        .is_some_and(|settings| settings.basis == ValueBasis::Contribution);
    if !contribution {
        return Ok(None);
    }
    let monthly = weekly_cost(view, basis)? * WEEKS_PER_MONTH;
    Ok(Some(monthly * discounted_months(horizon, outlook)))
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
    /// Those of known cost.
    costed: f64,
    /// What these cost together, in major units.
    cost: f64,
}

/// Expected cost of the contacts of a week, in major units, while the customer is one.
fn weekly_cost(view: ProfileAt<'_>, basis: &Basis) -> Result<f64, Unrated> {
    let history = &view.profile().history;
    let days = first_day(view).map_or(0, |first| view.as_of() - first);
    let weeks = f64::from(days.max(0)) / DAYS_PER_WEEK;
    let least_weeks = f64::from(LEAST_DAYS) / DAYS_PER_WEEK;
    let own = own_contacts(&history.contacts, basis)?;
    let usual: Vec<&UsualContacts> = basis.model.as_ref().map_or_else(Vec::new, |model| {
        model.contacts.of_kind(view.profile().kind).collect()
    });
    let mut total = 0.0;
    for one in &own {
        let known = usual.iter().find(|usual| *usual.channel == *one.channel);
        let per_week = match known {
            Some(usual) => usual.rate.expected_per_week(one.contacts, weeks),
            None => one.contacts / weeks.max(least_weeks),
        };
        total += per_week * cost_per_contact(one, known.copied(), basis);
    }
    for usual in usual {
        if own.iter().all(|one| *one.channel != *usual.channel) {
            let none = Own {
                channel: &usual.channel,
                contacts: 0.0,
                costed: 0.0,
                cost: 0.0,
            };
            total += usual.rate.expected_per_week(0.0, weeks)
                * cost_per_contact(&none, Some(usual), basis);
        }
    }
    Ok(total)
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
            all.push(Own {
                channel: &day.channel,
                contacts: 0.0,
                costed: 0.0,
                cost: 0.0,
            });
            all.len() - 1
        });
        let own = &mut all[at];
        own.contacts += f64::from(day.count);
        if let Some(currency) = day.currency {
            own.costed += f64::from(day.count);
            own.cost += basis.reporting_major(day.cost_minor, currency, day.day)?;
        }
    }
    Ok(all)
}

fn cost_per_contact(own: &Own<'_>, usual: Option<&UsualContacts>, basis: &Basis) -> f64 {
    let usual = usual.and_then(|usual| usual.cost.as_ref());
    let usual = usual.filter(|(_, currency)| Some(*currency) == basis.reporting_currency);
    match usual {
        Some((cost, _)) => cost.expected(own.cost, own.costed),
        None if own.costed > 0.0 => own.cost / own.costed,
        None => channel_cost(own.channel, basis),
    }
}

/// What a contact on a channel costs by the definitions; nothing if they do not say.
fn channel_cost(channel: &str, basis: &Basis) -> f64 {
    let definitions = basis.revision.definitions.as_ref();
    let known = definitions.and_then(|definitions| {
        let mut channels = definitions.channels().iter();
        channels.find(|known| *known.name == *channel)
    });
    known
        .and_then(|channel| channel.cost)
        .map_or(0.0, Money::major)
}

#[cfg(test)]
mod tests;
