//! What contacts cost together, and of which contacts that is not known.

use std::collections::BTreeMap;

use super::contacts::DeskContact;
use crate::domain::{
    basis::Basis,
    definitions::contact_cost::stated_cost,
    money::{Currency, Money, major_to_money, minor_to_major},
    text::Label,
};

/// Most channels with a missing cost that are kept apart; the others are counted together.
const MOST_MISSING: usize = 50;

/// Why the cost of a contact is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum CostGap {
    /// Neither the contact nor the definitions state one.
    NotKnown,
    /// No rate leads from this currency to the reporting currency.
    NoRate(Currency),
}

/// Contacts and what they cost.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CostSum {
    /// Number of contacts.
    pub contacts: u64,
    /// Those whose cost is in the sum.
    pub priced: u64,
    /// Their cost, in minor units of the reporting currency.
    pub cost_minor: i64,
    /// The others, by channel and reason. Without a channel: those of further channels.
    pub missing: BTreeMap<(Option<Label>, CostGap), u64>,
}

/// What a contact costs, in minor units of the reporting currency: as recorded, else as the definitions state for its channel.
///
/// # Errors
/// Why that is not known.
pub fn price(contact: &DeskContact, basis: &Basis) -> Result<i64, CostGap> {
    let definitions = basis.revision.definitions.as_deref();
    let cost = contact.cost;
    let cost = cost.or_else(|| stated_cost(&contact.channel, definitions));
    let cost = cost.ok_or(CostGap::NotKnown)?;
    let no_rate = CostGap::NoRate(cost.currency);
    let reporting = basis.reporting_currency.ok_or(no_rate)?;
    if cost.currency == reporting {
        return Ok(cost.amount_minor);
    }
    let major = basis.reporting_major(cost.amount_minor, cost.currency, contact.day);
    let money = major
        .ok()
        .and_then(|major| major_to_money(major, reporting));
    money.map(|money| money.amount_minor).ok_or(no_rate)
}

impl CostSum {
    /// Adds a contact on a channel at its price.
    pub fn add(&mut self, channel: &Label, price: Result<i64, CostGap>) {
        self.contacts += 1;
        match price {
            Ok(minor) => {
                self.priced += 1;
                self.cost_minor = self.cost_minor.saturating_add(minor);
            }
            Err(gap) => {
                let key = (Some(channel.clone()), gap);
                let is_full =
                    self.missing.len() >= MOST_MISSING && !self.missing.contains_key(&key);
                let key = if is_full {
                    (None, CostGap::NotKnown)
                } else {
                    key
                };
                *self.missing.entry(key).or_default() += 1;
            }
        }
    }

    /// Whether the cost of no contact is missing.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.missing.is_empty()
    }

    /// The cost.
    #[must_use]
    pub fn cost(&self, currency: Currency) -> Money {
        Money {
            amount_minor: self.cost_minor,
            currency,
        }
    }

    /// The cost in major units.
    #[must_use]
    pub fn major(&self, currency: Currency) -> f64 {
        minor_to_major(self.cost_minor, currency)
    }

    /// The cost of a contact on average, in major units; `None` where that of none is known.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a count of contacts")]
    pub fn mean_major(&self, currency: Currency) -> Option<f64> {
        (self.priced > 0).then(|| self.major(currency) / self.priced as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_is_counted_and_never_zero() {
        let mut sum = CostSum::default();
        let (phone, visit): (Label, Label) = ("phone".into(), "visit".into());
        sum.add(&phone, Ok(450));
        sum.add(&phone, Err(CostGap::NotKnown));
        sum.add(&visit, Err(CostGap::NoRate("USD".parse().unwrap())));
        sum.add(&phone, Ok(50));
        let euro = "EUR".parse().unwrap();
        assert_eq!((sum.contacts, sum.priced, sum.cost_minor), (4, 2, 500));
        assert_eq!(sum.mean_major(euro), Some(2.5));
        assert_eq!(sum.missing.values().sum::<u64>(), 2);
        assert!(!sum.is_complete());
        assert_eq!(CostSum::default().mean_major(euro), None);
    }

    #[test]
    fn further_channels_are_counted_together() {
        let mut sum = CostSum::default();
        for number in 0..60 {
            sum.add(&format!("c{number}").into(), Err(CostGap::NotKnown));
        }
        assert_eq!(sum.missing.len(), MOST_MISSING + 1);
        assert_eq!(sum.missing.get(&(None, CostGap::NotKnown)), Some(&10));
    }
}
