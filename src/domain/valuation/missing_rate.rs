//! Which rate is missing where an amount cannot be converted, so that somebody can record it.
//!
//! It knows the amounts of a customer, not what they are worth.

use crate::domain::{
    basis::Basis, calendar::Day, facts::ContractTerms, money::Currency, profile::ProfileAt,
};

/// A rate that is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MissingRate {
    /// The currency of the amount.
    pub from: Currency,
    /// The reporting currency; `None` when there is none, so that no rate helps and definitions have to name one.
    pub to: Option<Currency>,
    /// The day by whose rate the amount is converted: a rate of that day or before is needed.
    pub day: Day,
}

/// The first amount, of purchases, else of contacts, else of contracts that may be renewed, that cannot be converted; `None` when all can.
#[must_use]
pub fn missing_rate(view: ProfileAt<'_>, basis: &Basis) -> Option<MissingRate> {
    let history = &view.profile().history;
    let purchases = history.purchases.iter();
    let purchases = purchases.map(|entry| (entry.currency, entry.day));
    let contacts = history.contacts.iter();
    let contacts = contacts.filter_map(|entry| Some((entry.currency?, entry.day)));
    // The price of a renewal to come is converted by the rate of the day of the answer.
    let contracts = history.contracts.iter().map(|fact| &fact.terms);
    let contracts = contracts.filter(|terms| may_be_renewed(terms, view.as_of()));
    let contracts = contracts.map(|terms| (terms.price.currency, view.as_of()));
    purchases
        .chain(contacts)
        .chain(contracts)
        .find(|&(currency, day)| basis.reporting_major(0, currency, day).is_err())
        .map(|(from, day)| MissingRate {
            from,
            to: basis.reporting_currency,
            day,
        })
}

fn may_be_renewed(terms: &ContractTerms, as_of: Day) -> bool {
    let next = terms.renewal_day(terms.renewals_until(as_of).saturating_add(1));
    let ends_before = next
        .zip(terms.ended_on)
        .is_some_and(|(next, end)| end <= next);
    terms.runs_on(as_of) && !ends_before
}
