//! The spend per order that is to be expected, from what a customer paid so far.
//!
//! It knows amounts and the spend model, not orders to come.

use crate::domain::{
    assess::tiers::Unrated,
    basis::{Basis, NoRate},
    clv::gamma_gamma::{GammaGamma, SpendHistory},
    customer::profile::PurchaseSummary,
    fitted::parameters::SpendParameters,
    money::Currency,
};

use super::ValueInputs;

/// Expected amount per order, in major units of the reporting currency, which stands beside it.
pub(super) fn expected_spend(
    inputs: &ValueInputs,
    spend: Option<&SpendParameters>,
    reporting: Option<Currency>,
) -> Result<(f64, Currency), Unrated> {
    let currency = reporting.ok_or(Unrated::NoRate)?;
    let monetary_value = inputs.monetary_value.ok_or(Unrated::NoRate)?;
    let spend = spend
        .filter(|spend| spend.currency == currency)
        .ok_or(Unrated::NoModel)?;
    let mean = posterior_mean(&spend.model, inputs.frequency, monetary_value)?;
    Ok((mean, currency))
}

fn posterior_mean(spend: &GammaGamma, frequency: u32, monetary_value: f64) -> Result<f64, Unrated> {
    // The density of a mean of 0 is not defined, the posterior mean is: its limit as the mean goes to 0.
    let own = SpendHistory::new(frequency, monetary_value.max(f64::MIN_POSITIVE)).ok();
    spend
        .expected_spend(own.as_ref())
        .map_err(|_| Unrated::NoMean)
}

/// Mean amount per repeat purchase day, in major units of the reporting currency; an amount of the first day, which is not in it, must
/// be convertible too. 0 without a repeat purchase day.
///
/// # Errors
/// When an amount cannot be converted.
pub fn mean_repeat_amount(summary: &PurchaseSummary<'_>, basis: &Basis) -> Result<f64, NoRate> {
    for entry in summary.first {
        basis.reporting_major(entry.amount_minor, entry.currency, entry.day)?;
    }
    let mut total = 0.0;
    for day in summary.repeats {
        total += basis.reporting_major(day.amount_minor, day.currency, day.day)?;
    }
    if summary.frequency == 0 {
        return Ok(0.0);
    }
    Ok(total / f64::from(summary.frequency))
}
