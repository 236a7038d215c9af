//! What of an order's amount counts: all of it on the revenue basis, else its margin.
//!
//! The share that is margin is what the definitions assume, moved by the costs that are known of the customer's own purchases: as far as
//! those weigh (the credibility formula of Bühlmann 1967, by amount). It multiplies every order to come, so that one order sold below
//! cost, or given away, must not speak for all of them.
//!
//! It knows purchases and the value settings, not what is expected of a customer.

use crate::domain::{
    assess::tiers::Unrated,
    basis::{Basis, NoRate},
    customer::profile::{ProfileAt, PurchaseDay},
    definitions::{ValueBasis, ValueSettings},
    fitted::parameters::SpendParameters,
    text::Label,
};

/// So many orders of the mean customer count for as much as the assumed share. That is the variance of the share within a customer over
/// the variance between customers where single orders scatter by some twenty points and customers by some nine; chosen, not fitted.
const ASSUMED_ORDERS: f64 = 5.0;

/// Share of an order's amount that counts: 1 on the revenue basis, else the share that is expected to be margin.
///
/// Each purchase is assumed to have the share of its category, or the default. What the known costs leave beyond that, of all
/// purchases together, is spread over their amount and [`ASSUMED_ORDERS`] orders of the mean customer: with amount `A`, assumed share
/// `m`, known excess `E` and weight `k` the share is `m + E / (A + k)`. The cost of free purchases is in `E`.
///
/// # Errors
/// An amount cannot be converted; there is no spend model, or none with a mean.
pub(super) fn margin_share(
    view: ProfileAt<'_>,
    basis: &Basis,
    spend: Option<&SpendParameters>,
) -> Result<f64, Unrated> {
    let Some(settings) = basis
        .value_settings()
        .filter(|settings| settings.basis != ValueBasis::Revenue)
    else {
        return Ok(1.0);
    };
    let margins = margins_of(&view.profile().history.purchases, basis, Some(settings))?;
    let mean_order = spend.ok_or(Unrated::NoModel)?.model.population_mean();
    Ok(margins.share(mean_order.map_err(|_| Unrated::NoMean)?))
}

/// What of some purchases counted on the basis of the definitions, in major units.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OrderMargins {
    amount: f64,
    /// What of it is margin by the assumed shares.
    assumed: f64,
    /// What the known costs leave beyond that.
    excess: f64,
    /// The share that is assumed of a purchase without a category.
    default_share: f64,
}

impl OrderMargins {
    /// Of these purchase days: all of their amounts on the revenue basis, else their margins.
    ///
    /// # Errors
    /// An amount cannot be converted.
    pub fn of<'a>(
        purchases: impl IntoIterator<Item = &'a PurchaseDay>,
        basis: &Basis,
    ) -> Result<Self, NoRate> {
        let settings = basis.value_settings();
        let settings = settings.filter(|settings| settings.basis != ValueBasis::Revenue);
        margins_of(purchases, basis, settings)
    }

    /// What counted of the purchases, in major units: amounts of unknown cost by their assumed shares.
    #[must_use]
    pub const fn realised(&self) -> f64 {
        self.assumed + self.excess
    }

    /// The share of a further order that is expected to count, where the mean customer spends `mean_order` on one.
    #[must_use]
    pub fn share(&self, mean_order: f64) -> f64 {
        let assumed = if self.amount > 0.0 {
            self.assumed / self.amount
        } else {
            self.default_share
        };
        assumed + self.excess / (self.amount + ASSUMED_ORDERS * mean_order)
    }
}

/// The same; without `settings`, all of an amount counts.
fn margins_of<'a>(
    purchases: impl IntoIterator<Item = &'a PurchaseDay>,
    basis: &Basis,
    settings: Option<&ValueSettings>,
) -> Result<OrderMargins, NoRate> {
    let mut margins = OrderMargins {
        amount: 0.0,
        assumed: 0.0,
        excess: 0.0,
        default_share: settings.map_or(1.0, |settings| settings.margin),
    };
    for entry in purchases {
        let Some(settings) = settings else {
            let bought = basis.reporting_purchases(entry)?;
            margins.amount += bought;
            margins.assumed += bought;
            continue;
        };
        let bought = basis.reporting_costed(entry)?;
        let share = assumed_margin(settings, entry.category.as_ref());
        margins.amount += bought.amount;
        margins.assumed += bought.amount * share;
        margins.excess += bought.costed_amount * (1.0 - share) - bought.cost;
    }
    Ok(margins)
}

/// Share of an amount of unknown cost that is taken to be margin: that of its category, or the default.
pub(super) fn assumed_margin(settings: &ValueSettings, category: Option<&Label>) -> f64 {
    let mut known = settings.margin_of_category.iter();
    let of_category = known.find(|(name, _)| Some(name) == category);
    of_category.map_or(settings.margin, |(_, share)| *share)
}

#[cfg(test)]
mod tests;
