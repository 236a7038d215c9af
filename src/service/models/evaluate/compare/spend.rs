//! The orders that spend is fitted to, side by side. One fit of spend each: the models of orders do not depend on the choice.

use crate::domain::{
    clv::{fit::fit_spend, spend_orders::SpendOrders},
    evaluation::{
        population::Population,
        spend_choice::{SpendPerOrder, prefer, spend_per_order},
    },
};

/// One choice of a comparison.
#[derive(Debug, Clone, PartialEq)]
pub struct ComparedSpend {
    /// The orders that spend was fitted to.
    pub orders: SpendOrders,
    /// How it did; or why there is nothing to compare.
    pub figures: Result<SpendPerOrder, String>,
}

/// All choices, the default first; and which of them to use, by its place, and why.
pub(super) type SpendChoices = (Vec<ComparedSpend>, Option<(usize, String)>);

/// Fits spend to each choice of orders and compares it with what customers paid in the holdout. `currency` is that of all amounts, or why
/// there is none.
pub(super) fn choices<T>(population: &Population, currency: &Result<T, String>) -> SpendChoices {
    let choices = SpendOrders::ALL.into_iter().map(|orders| ComparedSpend {
        orders,
        figures: match currency {
            Ok(_) => figures(population, orders),
            Err(reason) => Err(reason.clone()),
        },
    });
    let choices: Vec<ComparedSpend> = choices.collect();
    let figures: Vec<_> = choices
        .iter()
        .map(|one| one.figures.as_ref().ok())
        .collect();
    let preferred = prefer(&figures).map(|preferred| {
        let reason = match preferred.standard_errors {
            Some(gain) => format!(
                "closer to the amounts of the holdout than the default, by {gain:.1} standard errors"
            ),
            None => "no other choice is significantly closer to the amounts of the holdout".to_owned(),
        };
        (preferred.place, reason)
    });
    (choices, preferred)
}

fn figures(population: &Population, orders: SpendOrders) -> Result<SpendPerOrder, String> {
    let rows = population.spend_rows(None, orders);
    let fit = fit_spend(&rows).map_err(|error| error.to_string())?;
    fit.model
        .population_mean()
        .map_err(|error| error.to_string())?;
    spend_per_order(population, &fit.model, orders)
        .ok_or_else(|| "no customer paid for an order in the holdout".to_owned())
}
