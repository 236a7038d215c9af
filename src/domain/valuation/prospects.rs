//! How far off a value may be: intervals of orders, spend and value, and how likely each tier is.
//!
//! Asked for only when somebody wants to know. Orders and spend are uncertain; what else a value holds, contracts and the cost to serve,
//! is expected and moves all outcomes alike. Of a customer who has contracts and never bought nothing varies: there is no interval.

use crate::domain::{
    basis::Basis,
    profile::ProfileAt,
    tiers::Unrated,
    uncertainty::NoUncertainty,
    value::{
        gamma_gamma::SpendHistory,
        history::PurchaseHistory,
        interval::{Distribution, Futures},
        lifetime::{Horizon, discounted_value},
    },
};

use super::Valuation;

/// What may become of a customer.
#[derive(Debug, Clone, PartialEq)]
pub struct Prospects {
    /// Probability with which each interval holds the outcome.
    pub level: f64,
    /// Orders within the horizon.
    pub orders: (f64, f64),
    /// Spend within the horizon, undiscounted, in major units of the reporting currency.
    pub spend: (f64, f64),
    /// Discounted value within the horizon, in major units of the reporting currency.
    pub lifetime_value: (f64, f64),
    /// Probability of each tier, from the best on; over the horizon of the definitions, which decides about tiers.
    pub tier_probabilities: Vec<f64>,
}

/// Why there are none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoProspects {
    /// There is no value that could be uncertain.
    #[error("the customer has no value")]
    Unrated(Unrated),
    /// Nothing was bought, so that there is a value but no orders that could vary.
    #[error(
        "nothing was bought: the value is that of contracts, which count with their expected value"
    )]
    OnlyContracts,
    /// It is not known how uncertain the model is.
    #[error(transparent)]
    Uncertainty(#[from] NoUncertainty),
}

/// A value and the horizon it is over.
#[derive(Debug, Clone, Copy)]
pub struct Valued<'a> {
    /// What [`super::value`] gave.
    pub valuation: &'a Valuation,
    /// For this horizon.
    pub horizon: &'a Horizon,
}

/// What may become of a customer over the horizon of `asked`; `tier` is the value over the horizon of the definitions.
///
/// # Errors
/// When the customer has no value, or the model version does not say how uncertain it is.
pub fn prospects(
    view: ProfileAt<'_>,
    basis: &Basis,
    asked: Valued<'_>,
    tier: Valued<'_>,
    level: f64,
) -> Result<Prospects, NoProspects> {
    let outcomes = outcomes(view, basis, asked)?;
    let of_tier = if asked.horizon == tier.horizon {
        None
    } else {
        Some(self::outcomes(view, basis, tier)?)
    };
    let tier_probabilities = of_tier.as_ref().unwrap_or(&outcomes).tiers(basis);
    let (low, high) = outcomes.futures.value.interval(level);
    Ok(Prospects {
        level,
        orders: outcomes.futures.orders.interval(level),
        spend: outcomes.futures.revenue.interval(level),
        lifetime_value: (low + outcomes.certain, high + outcomes.certain),
        tier_probabilities,
    })
}

/// Possible futures, and the part of the value that is the same in all of them.
struct Outcomes {
    futures: Futures,
    certain: f64,
    /// Half a minor unit: values are rounded before they are compared with the edge of a tier.
    half_minor: f64,
}

fn outcomes(
    view: ProfileAt<'_>,
    basis: &Basis,
    valued: Valued<'_>,
) -> Result<Outcomes, NoProspects> {
    let Valued { valuation, horizon } = valued;
    let value = valuation.lifetime_value.map_err(NoProspects::Unrated)?;
    let no_model = NoProspects::Unrated(Unrated::NoModel);
    let Some(inputs) = &valuation.inputs else {
        return Err(NoProspects::OnlyContracts);
    };
    let Some(model) = &basis.model else {
        return Err(no_model);
    };
    let history =
        PurchaseHistory::from_days(inputs.frequency, inputs.recency_days, inputs.age_days)
            .map_err(|_| no_model.clone())?;
    let (Some(spend), Some(margin)) = (
        valuation.expected_spend_per_order,
        valuation.expected_margin_per_order,
    ) else {
        return Err(no_model);
    };
    let selected = model.for_customer(view);
    let drawn = model.uncertainty.of(&selected, model.version)?;
    let own = inputs
        .monetary_value
        .and_then(|mean| SpendHistory::new(inputs.frequency, mean).ok());
    let share = if spend > 0.0 { margin / spend } else { 0.0 };
    Ok(Outcomes {
        futures: drawn.futures(&history, own.as_ref(), share, horizon),
        certain: value.major() - discounted_value(&selected.orders, &history, margin, horizon),
        half_minor: 0.5 / value.currency.minor_per_major(),
    })
}

impl Outcomes {
    /// From the best tier on; together 1.
    fn tiers(&self, basis: &Basis) -> Vec<f64> {
        let value: &Distribution = &self.futures.value;
        // The last tier takes everybody that is left: it has no edge.
        let mut edges: Vec<f64> = basis
            .revision
            .tiers
            .least_values()
            .filter(|least| least.is_finite())
            .map(|least| least - self.half_minor - self.certain)
            .collect();
        edges.reverse();
        let mut bands = value.band_probabilities(&edges);
        bands.reverse();
        bands
    }
}
