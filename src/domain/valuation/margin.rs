//! What of an order's amount counts: all of it on the revenue basis, else its margin.
//!
//! It knows purchases and the value settings, not what is expected of a customer.

use crate::domain::{basis::Basis, definitions::ValueBasis, profile::ProfileAt, tiers::Unrated};

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
        let share = entry.category.as_ref().and_then(|category| {
            let mut known = settings.margin_of_category.iter();
            known
                .find(|(name, _)| name == category)
                .map(|(_, share)| *share)
        });
        amount += costed + uncosted;
        margin += costed - major(entry.cost_minor)? + uncosted * share.unwrap_or(settings.margin);
    }
    Ok(if amount > 0.0 {
        margin / amount
    } else {
        settings.margin
    })
}
