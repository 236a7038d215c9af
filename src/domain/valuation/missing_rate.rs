//! Which rate is missing where an amount cannot be converted, so that somebody can record it.
//!
//! It knows the amounts of a customer, not what they are worth.

use crate::domain::{basis::Basis, calendar::Day, money::Currency, profile::ProfileAt};

/// A rate that is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MissingRate {
    /// The currency of the amount.
    pub from: Currency,
    /// The reporting currency; `None` when there is none, so that no rate helps and definitions have to name one.
    pub to: Option<Currency>,
    /// The day of the earliest such amount: a rate of that day or before is needed.
    pub day: Day,
}

/// The first amount, of purchases, else of contacts, that cannot be converted; `None` when all can.
#[must_use]
pub fn missing_rate(view: ProfileAt<'_>, basis: &Basis) -> Option<MissingRate> {
    let history = &view.profile().history;
    let purchases = history.purchases.iter();
    let purchases = purchases.map(|entry| (entry.currency, entry.day));
    let contacts = history.contacts.iter();
    let contacts = contacts.filter_map(|entry| Some((entry.currency?, entry.day)));
    purchases
        .chain(contacts)
        .find(|&(currency, day)| basis.reporting_major(0, currency, day).is_err())
        .map(|(from, day)| MissingRate {
            from,
            to: basis.reporting_currency,
            day,
        })
}
