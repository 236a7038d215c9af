//! The spend per order that is to be expected, from what a customer paid so far.
//!
//! It knows amounts and the spend model, not orders to come.

use crate::domain::{
    assess::tiers::Unrated,
    basis::{Basis, NoRate},
    clv::{gamma_gamma::SpendHistory, spend_orders::AmountsPaid},
    customer::profile::{PurchaseDay, PurchaseSummary},
    fitted::parameters::SpendParameters,
    money::Currency,
};

/// What is expected of an order.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct ExpectedSpend {
    /// Expected amount per order, major units of `currency`.
    pub(super) amount: f64,
    /// The reporting currency.
    pub(super) currency: Currency,
    /// The customer's own orders behind it; `None`: the mean of all customers.
    pub(super) own: Option<SpendHistory>,
}

/// What is expected of an order of a customer who paid `amounts`; `None` for them where one cannot be converted.
pub(super) fn expected_spend(
    amounts: Option<&AmountsPaid>,
    spend: Option<&SpendParameters>,
    reporting: Option<Currency>,
) -> Result<ExpectedSpend, Unrated> {
    let currency = reporting.ok_or(Unrated::NoRate)?;
    let amounts = amounts.ok_or(Unrated::NoRate)?;
    let spend = in_currency(spend, currency)?;
    let own = amounts.history(spend.orders);
    expected(spend, currency, own)
}

/// The same of a customer before anything is known of them.
pub(super) fn mean_spend(
    spend: Option<&SpendParameters>,
    reporting: Option<Currency>,
) -> Result<ExpectedSpend, Unrated> {
    let currency = reporting.ok_or(Unrated::NoRate)?;
    expected(in_currency(spend, currency)?, currency, None)
}

fn in_currency(
    spend: Option<&SpendParameters>,
    currency: Currency,
) -> Result<&SpendParameters, Unrated> {
    spend
        .filter(|spend| spend.currency == currency)
        .ok_or(Unrated::NoModel)
}

fn expected(
    spend: &SpendParameters,
    currency: Currency,
    own: Option<SpendHistory>,
) -> Result<ExpectedSpend, Unrated> {
    let amount = spend.model.expected_spend(own.as_ref());
    Ok(ExpectedSpend {
        amount: amount.map_err(|_| Unrated::NoMean)?,
        currency,
        own,
    })
}

/// What a customer paid on each purchase day, in major units of the reporting currency, each amount by the rate of its day.
///
/// # Errors
/// When an amount cannot be converted.
pub fn amounts_paid(summary: &PurchaseSummary<'_>, basis: &Basis) -> Result<AmountsPaid, NoRate> {
    let on_day = |entries: &[PurchaseDay]| -> Result<f64, NoRate> {
        let each = entries.iter();
        each.map(|one| basis.reporting_purchases(one)).sum()
    };
    let mut paid = AmountsPaid::first(on_day(summary.first)?);
    for entries in summary.repeat_days() {
        paid.push(on_day(entries)?);
    }
    Ok(paid)
}

#[cfg(test)]
mod tests;
