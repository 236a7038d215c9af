//! How far off a value may be: intervals of orders, spend and value, and how likely each tier is.
//!
//! Asked for only when somebody wants to know. Orders, spend and the renewals of contracts are uncertain; what else a value holds, the
//! cost to serve, is expected and moves all outcomes alike.

use crate::domain::{
    assess::tiers::Unrated,
    basis::Basis,
    clv::{
        interval::{
            Distribution,
            renewals::{Renewable, RenewalFutures},
        },
        lifetime::Horizon,
    },
    customer::profile::ProfileAt,
    fitted::uncertainty::NoUncertainty,
};

use super::{
    Valuation,
    contracts::{RunningContract, running_contracts},
};

/// What may become of a customer.
#[derive(Debug, Clone, PartialEq)]
pub struct ValueUncertainty {
    /// Probability with which each interval holds the outcome.
    pub level: f64,
    /// Orders within the horizon; `None` without a purchase.
    pub orders: Option<(f64, f64)>,
    /// Spend within the horizon, undiscounted, in major units of the reporting currency; `None` without a purchase.
    pub spend: Option<(f64, f64)>,
    /// Renewals of all contracts together within the horizon; `None` without a contract.
    pub renewals: Option<(f64, f64)>,
    /// Discounted value within the horizon, in major units of the reporting currency.
    pub lifetime_value: (f64, f64),
    /// Probability of each tier, from the best on; over the horizon of the definitions, which decides about tiers.
    pub tier_probabilities: Vec<f64>,
}

/// Why there are none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UncertaintyUnavailable {
    /// There is no value that could be uncertain.
    #[error("the customer has no value")]
    Unrated(Unrated),
    /// It is not known how uncertain the model is.
    #[error(transparent)]
    Uncertainty(#[from] NoUncertainty),
}

/// A value and its horizon.
#[derive(Debug, Clone, Copy)]
pub struct HorizonValue<'a> {
    /// What [`super::value`] gave.
    pub valuation: &'a Valuation,
    /// The horizon of the value.
    pub horizon: &'a Horizon,
}

/// What may become of a customer over the horizon of `asked`; `tier` is the value over the horizon of the definitions.
///
/// # Errors
/// When the customer has no value, or the model version does not say how uncertain it is.
pub fn value_uncertainty(
    view: ProfileAt<'_>,
    basis: &Basis,
    asked: HorizonValue<'_>,
    tier: HorizonValue<'_>,
    level: f64,
) -> Result<ValueUncertainty, UncertaintyUnavailable> {
    let outcomes = outcomes(view, basis, asked)?;
    let of_tier = if asked.horizon == tier.horizon {
        None
    } else {
        Some(self::outcomes(view, basis, tier)?)
    };
    let tier_probabilities = of_tier.as_ref().unwrap_or(&outcomes).tiers(basis);
    let (low, high) = outcomes.value.interval(level);
    let interval = |varying: &Option<Distribution>| Some(varying.as_ref()?.interval(level));
    Ok(ValueUncertainty {
        level,
        orders: interval(&outcomes.orders),
        spend: interval(&outcomes.spend),
        renewals: interval(&outcomes.renewals),
        lifetime_value: (low + outcomes.certain, high + outcomes.certain),
        tier_probabilities,
    })
}

/// Possible futures, and the part of the value that is the same in all of them.
struct Outcomes {
    orders: Option<Distribution>,
    spend: Option<Distribution>,
    renewals: Option<Distribution>,
    value: Distribution,
    certain: f64,
    /// Half a minor unit: values are rounded before they are compared with the edge of a tier.
    half_minor: f64,
}

fn outcomes(
    view: ProfileAt<'_>,
    basis: &Basis,
    over: HorizonValue<'_>,
) -> Result<Outcomes, UncertaintyUnavailable> {
    let HorizonValue { valuation, horizon } = over;
    let value = valuation
        .lifetime_value
        .map_err(UncertaintyUnavailable::Unrated)?;
    let contracts = renewals(view, basis, horizon)?;
    let renewals = valuation.contracts.map(|_| contracts.renewals());
    // Not the rest of the value, which is rounded: half a cent less would make an interval of revenue begin below zero.
    let certain = -valuation.expected_cost_to_serve.unwrap_or(0.0);
    let half_minor = 0.5 / value.currency.minor_per_major();
    let Some(inputs) = &valuation.inputs else {
        return Ok(Outcomes {
            orders: None,
            spend: None,
            renewals,
            value: contracts.value(),
            certain,
            half_minor,
        });
    };
    let no_model = UncertaintyUnavailable::Unrated(Unrated::NoModel);
    let Some(model) = &basis.model else {
        return Err(no_model);
    };
    let (Some(spend), Some(margin)) = (
        valuation.expected_spend_per_order,
        valuation.expected_margin_per_order,
    ) else {
        return Err(no_model);
    };
    let selected = model.for_customer(view).ok_or(no_model.clone())?;
    let history = inputs.history(view, selected.time);
    let history = history.map_err(|_| no_model)?;
    let drawn = model.uncertainty.draws_for(&selected, model.version)?;
    let share = if spend > 0.0 { margin / spend } else { 0.0 };
    let futures = drawn.futures_with(
        &history,
        valuation.spend_history.as_ref(),
        share,
        horizon,
        &selected.time.ahead_of(view.as_of()),
        &contracts,
    );
    Ok(Outcomes {
        orders: Some(futures.orders),
        spend: Some(futures.revenue),
        renewals,
        value: futures.value,
        certain,
        half_minor,
    })
}

/// What may become of the contracts that may be renewed within the horizon.
fn renewals(
    view: ProfileAt<'_>,
    basis: &Basis,
    horizon: &Horizon,
) -> Result<RenewalFutures, UncertaintyUnavailable> {
    let held = running_contracts(view, basis, horizon).map_err(UncertaintyUnavailable::Unrated)?;
    let mut running_contracts = held.unwrap_or_default();
    running_contracts.retain(|contract| !contract.due.is_empty());
    let Some(model) = basis
        .model
        .as_ref()
        .filter(|_| !running_contracts.is_empty())
    else {
        return Ok(RenewalFutures::new(&[], 0));
    };
    let amounts: Vec<Vec<f64>> = running_contracts
        .iter()
        .map(RunningContract::amounts)
        .collect();
    let renewable = running_contracts
        .iter()
        .zip(&amounts)
        .map(|(contract, amounts)| {
            let place = model.contracts.place_of(contract.period_months);
            let drawn = &model.uncertainty;
            Ok(Renewable {
                model: drawn.of_renewals(&model.contracts, place, model.version)?,
                renewals: contract.renewals,
                amounts,
            })
        });
    let renewable: Vec<Renewable<'_>> = renewable.collect::<Result<_, UncertaintyUnavailable>>()?;
    Ok(RenewalFutures::new(
        &renewable,
        model.version.unsigned_abs(),
    ))
}

impl Outcomes {
    /// From the best tier on; together 1.
    fn tiers(&self, basis: &Basis) -> Vec<f64> {
        // The last tier takes everybody that is left: it has no edge.
        let mut edges: Vec<f64> = basis
            .revision
            .tiers
            .minimum_values()
            .filter(|least| least.is_finite())
            .map(|least| least - self.half_minor - self.certain)
            .collect();
        edges.reverse();
        let mut bands = self.value.band_probabilities(&edges);
        bands.reverse();
        bands
    }
}

#[cfg(test)]
mod tests;
