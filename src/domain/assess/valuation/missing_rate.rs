//! Which rates are missing where amounts cannot be converted, so that somebody can record them.
//!
//! It knows which amounts of a customer a value rests on, not what they are worth. A caller that counts customers without a value for want of
//! a rate asks here, as answers do.

use std::collections::BTreeMap;

use super::{Valuation, cost_to_serve::contacts_count};
use crate::domain::{
    assess::tiers::Unrated,
    basis::Basis,
    calendar::Day,
    customer::{
        CustomerKind,
        profile::{ProfileAt, PurchaseDay},
    },
    definitions::ValueSettings,
    money::Currency,
    rates::UsedRate,
};

/// A rate that is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MissingRate {
    /// The currency of the amounts.
    pub from: Currency,
    /// The reporting currency; `None` when there is none, so that no rate helps and definitions have to name one.
    pub to: Option<Currency>,
    /// The day by whose rate the earliest of them is converted: a rate of that day is needed, or one that is not too old then.
    pub day: Day,
}

/// Every currency of which an amount cannot be converted, by code, among those that a value over so many months rests on; none when all
/// can.
#[must_use]
pub fn missing_rates(view: ProfileAt<'_>, basis: &Basis, months: u32) -> Vec<MissingRate> {
    let mut earliest: BTreeMap<Currency, Day> = BTreeMap::new();
    for (currency, day) in amounts(view, basis.value_settings(), months) {
        if basis.reporting_major(0, currency, day).is_err() {
            let known = earliest.entry(currency).or_insert(day);
            *known = day.min(*known);
        }
    }
    let missing = |(from, day)| MissingRate {
        from,
        to: basis.reporting_currency,
        day,
    };
    earliest.into_iter().map(missing).collect()
}

impl Valuation {
    /// Whether an amount could not be converted: a purchase, whatever else is missing, or any without which there is no value.
    #[must_use]
    pub fn is_unconverted(&self) -> bool {
        let inputs = self.inputs.as_ref();
        self.lifetime_value == Err(Unrated::NoRate)
            || inputs.is_some_and(|inputs| inputs.amounts.is_none())
    }

    /// The rates that are missing where this value over so many months lacks an amount, see [`missing_rates`]; empty where it does not.
    #[must_use]
    pub fn missing_rates(
        &self,
        view: ProfileAt<'_>,
        basis: &Basis,
        months: u32,
    ) -> Vec<MissingRate> {
        if self.is_unconverted() {
            missing_rates(view, basis, months)
        } else {
            vec![]
        }
    }

    /// The currencies, by code, out of which amounts were converted for this value over so many months; empty where one of them could
    /// not be.
    #[must_use]
    pub fn converted_from(&self, view: ProfileAt<'_>, basis: &Basis, months: u32) -> Vec<Currency> {
        match basis.reporting_currency {
            Some(reporting) if !self.is_unconverted() => {
                currencies_but(amounts(view, basis.value_settings(), months), reporting)
            }
            Some(_) | None => vec![],
        }
    }

    /// The oldest rate by which an amount was converted for this value over so many months; `None` where none was, or one could not be.
    #[must_use]
    pub fn oldest_rate(&self, view: ProfileAt<'_>, basis: &Basis, months: u32) -> Option<UsedRate> {
        let reporting = basis.reporting_currency?;
        let amounts = amounts(view, basis.value_settings(), months);
        let oldest = basis.rates.oldest_used(amounts, reporting);
        oldest.filter(|_| !self.is_unconverted())
    }
}

/// The currencies of amounts but one, by code.
#[must_use]
pub fn currencies_but(
    amounts: impl Iterator<Item = (Currency, Day)>,
    but: Currency,
) -> Vec<Currency> {
    let others = amounts.map(|(currency, _)| currency);
    let mut others: Vec<Currency> = others.filter(|&currency| currency != but).collect();
    others.sort();
    others.dedup();
    others
}

/// Currency of each amount that a value over so many months rests on, and the day by whose rate it is converted: of purchases, of the
/// contracts that may be renewed within them (by the day of the answer), and of contacts, where these count.
pub fn amounts<'a>(
    view: ProfileAt<'a>,
    settings: Option<&ValueSettings>,
    months: u32,
) -> impl Iterator<Item = (Currency, Day)> + use<'a> {
    let (history, as_of) = (&view.profile().history, view.as_of());
    let purchases = history.purchases.iter();
    let terms = history.contracts.iter().map(|fact| &fact.terms);
    let renewed = terms.filter(move |terms| {
        let mut due = terms.renewals_within(as_of, months);
        terms.runs_on(as_of) && due.next().is_some()
    });
    let counted = contacts_count(view, settings);
    let contacts = history.contacts.iter().filter(move |_| counted);
    let valued = view.profile().kind != CustomerKind::Employee;
    purchases
        .flat_map(PurchaseDay::currencies)
        .chain(renewed.map(move |terms| (terms.price.currency, as_of)))
        .chain(contacts.filter_map(|entry| Some((entry.currency?, entry.day))))
        .filter(move |_| valued)
}

#[cfg(test)]
mod tests;
