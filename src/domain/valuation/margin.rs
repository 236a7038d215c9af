//! What of an order's amount counts: all of it on the revenue basis, else its margin.
//!
//! It knows purchases and the value settings, not what is expected of a customer.

use crate::domain::{
    basis::Basis,
    definitions::{ValueBasis, ValueSettings},
    profile::ProfileAt,
    text::Label,
    tiers::Unrated,
};

/// Share of an order's amount that counts: 1 on the revenue basis, else the share that was margin in all purchases so far, by known
/// cost, by category, or by the default.
pub(super) fn margin_share(view: ProfileAt<'_>, basis: &Basis) -> Result<f64, Unrated> {
    let Some(settings) = basis
        .value_settings()
        .filter(|settings| settings.basis != ValueBasis::Revenue)
    else {
        return Ok(1.0);
    };
    let (mut amount, mut margin) = (0.0, 0.0);
    for entry in &view.profile().history.purchases {
        let major = |amount_minor| basis.reporting_major(amount_minor, entry.currency, entry.day);
        let costed = major(entry.costed_amount_minor)?;
        let uncosted = major(entry.amount_minor - entry.costed_amount_minor)?;
        let share = assumed_margin(settings, entry.category.as_ref());
        amount += costed + uncosted;
        margin += costed - major(entry.cost_minor)? + uncosted * share;
    }
    Ok(if amount > 0.0 {
        margin / amount
    } else {
        settings.margin
    })
}

/// Share of an amount of unknown cost that is taken to be margin: that of its category, or the default.
pub(super) fn assumed_margin(settings: &ValueSettings, category: Option<&Label>) -> f64 {
    let mut known = settings.margin_of_category.iter();
    let of_category = known.find(|(name, _)| Some(name) == category);
    of_category.map_or(settings.margin, |(_, share)| *share)
}
