//! Refunds in another currency than the purchase that they name, and what they leave of it.
//!
//! The fold knows no rates. So it keeps such refunds with their purchase, and a caller that needs an amount asks for it in a currency: each
//! refund counts by the rate of its own day.

use super::PurchaseDay;
use crate::domain::{calendar::Day, money::Currency, rates::RateTable};

/// What was paid back in other currencies of each of some equal purchases.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ForeignRefunds {
    /// Amount of each of the purchases, net of refunds in its own currency, in minor units; more than 0.
    pub amount_minor: i64,
    /// Its cost, in minor units, where known.
    pub cost_minor: Option<i64>,
    /// The refunds of each, in order.
    pub refunds: Box<[ForeignRefund]>,
}

/// A refund in another currency than its purchase.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ForeignRefund {
    /// Its day, by whose rate it is converted.
    pub day: Day,
    /// Its currency.
    pub currency: Currency,
    /// What was paid back, in minor units.
    pub amount_minor: i64,
    /// Cost of the goods that came back, in minor units, if stated.
    pub cost_minor: Option<i64>,
}

/// What purchases come to in one currency, in major units.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ConvertedPurchases {
    /// Amount.
    pub amount: f64,
    /// The part of it of which the cost is known.
    pub costed_amount: f64,
    /// The cost of that part.
    pub cost: f64,
}

impl PurchaseDay {
    /// What the purchases came to in major units of `to`, each amount by the rate of its day; `None` when there is no rate.
    #[must_use]
    pub fn converted_amount(&self, rates: &RateTable, to: Currency) -> Option<f64> {
        match &self.foreign_refunds {
            None => rates.convert_major(self.amount_minor, self.currency, to, self.day),
            Some(refunds) => Some(self.left_by(refunds, rates, to)?.amount),
        }
    }

    /// The same with the known costs.
    #[must_use]
    pub fn converted(&self, rates: &RateTable, to: Currency) -> Option<ConvertedPurchases> {
        if let Some(refunds) = &self.foreign_refunds {
            return self.left_by(refunds, rates, to);
        }
        let convert = |minor| rates.convert_major(minor, self.currency, to, self.day);
        Some(ConvertedPurchases {
            amount: convert(self.amount_minor)?,
            costed_amount: convert(self.costed_amount_minor)?,
            cost: convert(self.cost_minor)?,
        })
    }

    /// The currencies of the amounts, refunds in other currencies included, each with the day by whose rate it is converted.
    pub fn currencies(&self) -> impl Iterator<Item = (Currency, Day)> + use<'_> {
        let refunds = self.foreign_refunds.iter();
        let refunds = refunds.flat_map(|foreign| &foreign.refunds);
        let refunds = refunds.map(|refund| (refund.currency, refund.day));
        std::iter::once((self.currency, self.day)).chain(refunds)
    }

    /// What refunds in other currencies leave of the purchases: of each at least nothing.
    fn left_by(
        &self,
        foreign: &ForeignRefunds,
        rates: &RateTable,
        to: Currency,
    ) -> Option<ConvertedPurchases> {
        let booked = |minor| rates.convert_major(minor, self.currency, to, self.day);
        let mut amount = booked(foreign.amount_minor)?;
        let mut cost = match foreign.cost_minor {
            Some(cost_minor) => Some(booked(cost_minor)?),
            None => None,
        };
        for refund in &foreign.refunds {
            let paid_back = |minor| rates.convert_major(minor, refund.currency, to, refund.day);
            let wanted = paid_back(refund.amount_minor)?;
            let taken = wanted.min(amount);
            if let Some(cost) = &mut cost {
                let returned = match refund.cost_minor {
                    Some(stated) if wanted > 0.0 => paid_back(stated)? * taken / wanted,
                    Some(stated) => paid_back(stated)?,
                    // Nothing is known of the goods: as much of them came back as of the money.
                    None if amount > 0.0 => *cost * taken / amount,
                    None => 0.0,
                };
                *cost -= returned.min(*cost);
            }
            amount -= taken;
        }
        // Less than half a minor unit is nothing left; then the cost does not count either, as after a refund in the purchase's currency.
        let is_left = amount * to.minor_per_major() >= 0.5;
        let all = |of_each: f64| {
            if is_left {
                f64::from(self.count) * of_each
            } else {
                0.0
            }
        };
        Some(ConvertedPurchases {
            amount: all(amount),
            costed_amount: cost.map_or(0.0, |_| all(amount)),
            cost: cost.map_or(0.0, all),
        })
    }
}

#[cfg(test)]
mod tests;
