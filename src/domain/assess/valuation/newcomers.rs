//! What a customer is worth on the day of the first order, before anything else is known.
//!
//! It knows a basis, a day and a horizon, no profile. Contracts and the cost to serve are not in it: neither is known of anybody yet.

use crate::domain::{
    assess::tiers::Unrated,
    basis::Basis,
    calendar::Day,
    clv::{
        lifetime::{Horizon, newcomer_value},
        season::TimeAhead,
    },
    customer::CustomerKind,
    definitions::ValueBasis,
    fitted::parameters::{ParameterSet, Refined},
    money::{Money, major_to_money},
};

use super::{margin::assumed_margin, spend::mean_spend};

/// What a customer is worth on the day of the first order.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Newcomer {
    /// The kind whose own parameters these are; `None` for a customer whose kind is unknown, too.
    pub kind: Option<CustomerKind>,
    /// Probability of still being a customer after that order.
    pub probability_alive: f64,
    /// Expected further orders within the horizon.
    pub expected_orders: f64,
    /// Expected amount per order, in major units of the reporting currency.
    pub expected_spend_per_order: Option<f64>,
    /// What of it counts on the basis of the definitions.
    pub expected_margin_per_order: Option<f64>,
    /// The first order, undiscounted, and the discounted further ones.
    pub lifetime_value: Result<Money, Unrated>,
}

/// Newcomers of a day by the model of the basis: of any kind first, then of each kind that has parameters of its own. None without a model
/// of orders.
#[must_use]
pub fn newcomers(basis: &Basis, as_of: Day, horizon: &Horizon) -> Vec<Newcomer> {
    let parameters = basis.model.as_ref().map(|model| &model.parameters);
    let Some(Some(parameters)) = parameters else {
        return vec![];
    };
    let mut sets = vec![(None, &parameters.pooled)];
    if let Refined::ByKind(kinds) = &parameters.refined {
        sets.extend(kinds.iter().map(|(kind, set)| (Some(*kind), set)));
    }
    let ahead = parameters.time().ahead_of(as_of);
    sets.into_iter()
        .map(|(kind, set)| Newcomer {
            kind,
            ..newcomer(set, &parameters.pooled, basis, horizon, &ahead)
        })
        .collect()
}

fn newcomer(
    set: &ParameterSet,
    pooled: &ParameterSet,
    basis: &Basis,
    horizon: &Horizon,
    ahead: &TimeAhead<'_>,
) -> Newcomer {
    let outlook = set.orders.newcomer();
    let spend = set.spend.as_ref().or(pooled.spend.as_ref());
    let spend = mean_spend(spend, basis.reporting_currency);
    let share = basis
        .value_settings()
        .filter(|settings| settings.basis != ValueBasis::Revenue)
        .map_or(1.0, |settings| assumed_margin(settings, None));
    let margin = spend.map(|spend| (spend.amount * share, spend.currency));
    Newcomer {
        kind: None,
        probability_alive: outlook.probability_alive(),
        expected_orders: outlook.expected_orders(ahead.model_weeks(horizon.weeks())),
        expected_spend_per_order: spend.ok().map(|spend| spend.amount),
        expected_margin_per_order: margin.ok().map(|(margin, _)| margin),
        lifetime_value: margin.and_then(|(margin, currency)| {
            let value = newcomer_value(&set.orders, margin, margin, horizon, ahead);
            major_to_money(value, currency).ok_or(Unrated::TooLarge)
        }),
    }
}
