//! What of an order's amount counts: all of it on the revenue basis, else its margin.
//!
//! The share that is margin is what the definitions assume, moved by the costs that are known of the customer's own purchases: as far as
//! those weigh (the credibility formula of Bühlmann 1967, by amount). It multiplies every order to come, so that one order sold below
//! cost, or given away, must not speak for all of them.
//!
//! It knows purchases and the value settings, not what is expected of a customer.

use crate::domain::{
    assess::tiers::Unrated,
    basis::Basis,
    customer::profile::ProfileAt,
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
    let (mut amount, mut assumed, mut excess) = (0.0, 0.0, 0.0);
    for entry in &view.profile().history.purchases {
        let major = |amount_minor| basis.reporting_major(amount_minor, entry.currency, entry.day);
        let share = assumed_margin(settings, entry.category.as_ref());
        let bought = major(entry.amount_minor)?;
        amount += bought;
        assumed += bought * share;
        excess += major(entry.costed_amount_minor)? * (1.0 - share) - major(entry.cost_minor)?;
    }
    let assumed = if amount > 0.0 {
        assumed / amount
    } else {
        settings.margin
    };
    let mean_order = spend.ok_or(Unrated::NoModel)?.model.population_mean();
    let weight = ASSUMED_ORDERS * mean_order.map_err(|_| Unrated::NoMean)?;
    Ok(assumed + excess / (amount + weight))
}

/// Share of an amount of unknown cost that is taken to be margin: that of its category, or the default.
pub(super) fn assumed_margin(settings: &ValueSettings, category: Option<&Label>) -> f64 {
    let mut known = settings.margin_of_category.iter();
    let of_category = known.find(|(name, _)| Some(name) == category);
    of_category.map_or(settings.margin, |(_, share)| *share)
}

#[cfg(test)]
mod tests;
