//! What a contact costs: as it was recorded, else as the definitions state for its channel, else nobody knows.
//!
//! The one answer for conditions and for values, so that a segment and a value never price the same contact differently.

use crate::domain::{customer::profile::ContactDay, definitions::Definitions, money::Money};

/// What the contacts of a day on one channel cost together; `None` where neither they nor the definitions say.
#[must_use]
pub fn cost_of_contacts(day: &ContactDay, definitions: Option<&Definitions>) -> Option<Money> {
    if let Some(currency) = day.currency {
        return Some(Money {
            amount_minor: day.cost_minor,
            currency,
        });
    }
    let one = stated_cost(&day.channel, definitions)?;
    Some(Money {
        amount_minor: one.amount_minor.saturating_mul(day.count.into()),
        ..one
    })
}

/// What a contact on a channel costs where none was recorded, by the definitions; `None` where they do not say.
#[must_use]
pub fn stated_cost(channel: &str, definitions: Option<&Definitions>) -> Option<Money> {
    let mut channels = definitions?.channels().iter();
    channels.find(|known| *known.name == *channel)?.cost
}
