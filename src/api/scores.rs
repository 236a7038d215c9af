//! Scores of customers as messages.

use super::{
    answers::{
        candidate_count, extrapolated_covariates, mark_stale, provenance, tier, unrated_reason,
    },
    money_message, rates,
};
use crate::{
    domain::{
        assess::valuation::{
            ValueInputs,
            order_forecast::OrderForecast,
            uncertainty::{UncertaintyUnavailable, ValueUncertainty},
        },
        basis::Basis,
        calendar::Day,
        clv::{discount::DiscountRate, gamma_gamma::SpendHistory, rates::Dropout},
        fitted::parameters::{Estimation, Selection},
    },
    pb,
    service::answer::classify::{Answer, Challenger, Match, Scored},
};

/// The message of a score.
pub(crate) fn score_response(answer: &Answer<Scored>) -> pb::ScoreLifetimeValueResponse {
    let (basis, as_of) = (&*answer.basis, answer.as_of);
    let score = |one: &Scored| score(one, as_of, basis);
    let mut response = match &answer.found {
        Match::Unknown => pb::ScoreLifetimeValueResponse {
            r#match: pb::Match::Unknown.into(),
            provenance: Some(provenance(None, as_of, basis)),
            ..Default::default()
        },
        Match::One(one) => pb::ScoreLifetimeValueResponse {
            r#match: pb::Match::One.into(),
            score: Some(score(one)),
            provenance: Some(provenance(Some(one.profile.profile()), as_of, basis)),
            ..Default::default()
        },
        Match::Ambiguous(several) => pb::ScoreLifetimeValueResponse {
            r#match: pb::Match::Ambiguous.into(),
            score: None,
            candidates: several.listed.iter().map(score).collect(),
            candidate_count: candidate_count(several),
            provenance: Some(provenance(None, as_of, basis)),
            violations: vec![],
        },
    };
    mark_stale(&mut response.provenance, answer.stale_since);
    response
}

fn score(one: &Scored, as_of: Day, basis: &Basis) -> pb::LifetimeValueScore {
    let (profile, valuation) = (one.profile.profile(), &one.valuation);
    let orders = valuation.orders.as_ref();
    pb::LifetimeValueScore {
        customer_id: profile.customer_id.to_string(),
        inputs: valuation.inputs.map(|inputs| value_inputs(&inputs, basis)),
        probability_alive: orders.map(|orders| orders.probability_alive),
        probability_alive_not_identified: orders
            .is_some_and(|orders| !orders.probability_alive_identified),
        expected_orders: orders.map(|orders| orders.expected_orders),
        season_factor: orders.and_then(|orders| orders.season_factor),
        expected_spend_per_order: valuation.expected_spend_per_order,
        lifetime_value: valuation.lifetime_value.ok().map(money_message),
        unrated_reason: valuation.lifetime_value.err().map_or(0, unrated_reason),
        horizon_months: i32::try_from(one.horizon_months).unwrap_or(i32::MAX),
        monthly_discount_rate: basis.revision.horizon.monthly_discount_rate(),
        tier: Some(tier(one.tier, basis)),
        provenance: Some(provenance(Some(profile), as_of, basis)),
        expected_margin_per_order: valuation.expected_margin_per_order,
        expected_cost_to_serve: valuation.expected_cost_to_serve,
        unpriced_channels: one
            .unpriced_channels
            .iter()
            .map(ToString::to_string)
            .collect(),
        missing_rates: rates::missing_rates(&one.missing_rates),
        converted_from: rates::codes(&one.converted_from),
        oldest_rate_day: one
            .oldest_rate
            .map(|used| used.day.to_string())
            .unwrap_or_default(),
        oldest_rate: one.oldest_rate.map(rates::used_rate),
        transaction_value: valuation.transaction_value,
        contract_value: valuation.contracts.map(|contracts| contracts.value),
        running_contracts: i32::try_from(one.profile.view().running_contracts())
            .unwrap_or(i32::MAX),
        expected_renewals: valuation
            .contracts
            .map(|contracts| contracts.expected_renewals),
        parameter_selection: orders.map_or(0, |orders| selection(orders.parameters)),
        parameter_estimation: orders.map_or(0, |orders| estimation(orders.estimation)),
        built_in_contract_model: valuation
            .contracts
            .is_some_and(|contracts| contracts.has_built_in_model),
        challenger: one
            .challenger
            .as_ref()
            .map(|challenger| challenger_score(challenger, basis)),
        order_forecast: one.order_forecast.as_ref().map(order_forecast),
        no_purchase_since: one
            .no_purchase_since
            .map_or_else(String::new, |day| day.to_string()),
        spend_inputs: valuation.spend_history.as_ref().map(spend_inputs),
        extrapolated_covariates: extrapolated_covariates(&valuation.extrapolated_covariates),
        ..uncertain(one.uncertainty.as_ref(), basis)
    }
}

fn order_forecast(ahead: &OrderForecast) -> pb::OrderForecast {
    use pb::order_forecast::Dropout as Message;
    pb::OrderForecast {
        probability_alive_at_end: ahead.probability_alive_at_end,
        expected_orders_between: ahead.expected_orders_between,
        order_count_probabilities: ahead.order_count_probabilities.clone(),
        orders_per_week: ahead.rates.orders_per_week,
        dropout: Some(match ahead.rates.dropout {
            Dropout::PerOrder(probability) => Message::DropoutProbabilityPerOrder(probability),
            Dropout::PerWeek(rate) => Message::DropoutRatePerWeek(rate),
        }),
        yearly_discount_rate: ahead.discount.map_or(0.0, DiscountRate::per_year),
        discounted_orders: ahead.discounted.orders,
        discounted_value: ahead.discounted.value,
        discounted_residual_orders: ahead.residual.map(|worth| worth.orders),
        residual_lifetime_value: ahead.residual.and_then(|worth| worth.value),
    }
}

fn selection(selection: Selection) -> i32 {
    match selection {
        Selection::Pooled => pb::ParameterSelection::Pooled,
        Selection::OwnKind(_) => pb::ParameterSelection::OwnKind,
        Selection::PooledForKind(_) => pb::ParameterSelection::PooledForKind,
        Selection::Covariates => pb::ParameterSelection::Covariates,
        Selection::PooledForUnknownCovariate => pb::ParameterSelection::PooledForUnknownCovariate,
    }
    .into()
}

fn estimation(estimation: Estimation) -> i32 {
    match estimation {
        Estimation::MaximumLikelihood => pb::ParameterEstimation::MaximumLikelihood,
        Estimation::WeakPriors => pb::ParameterEstimation::WeakPriors,
        Estimation::GivenPrior => pb::ParameterEstimation::GivenPrior,
        Estimation::NotConverged => pb::ParameterEstimation::NotConverged,
    }
    .into()
}

/// A score with intervals and nothing else.
fn uncertain(
    uncertainty: Option<&Result<ValueUncertainty, UncertaintyUnavailable>>,
    basis: &Basis,
) -> pb::LifetimeValueScore {
    let uncertainty = match uncertainty {
        None => return pb::LifetimeValueScore::default(),
        Some(Err(reason)) => {
            return pb::LifetimeValueScore {
                interval_absent_reason: reason.to_string(),
                ..Default::default()
            };
        }
        Some(Ok(uncertainty)) => uncertainty,
    };
    let interval = |(low, high)| {
        Some(pb::Interval {
            low,
            high,
            level: uncertainty.level,
        })
    };
    let tiers = basis
        .revision
        .tiers
        .all()
        .zip(&uncertainty.tier_probabilities);
    pb::LifetimeValueScore {
        orders_interval: uncertainty.orders.and_then(interval),
        spend_interval: uncertainty.spend.and_then(interval),
        renewals_interval: uncertainty.renewals.and_then(interval),
        lifetime_value_interval: interval(uncertainty.lifetime_value),
        tier_probabilities: tiers
            .map(|((index, tier), &probability)| pb::TierProbability {
                tier: tier.name.to_string(),
                rank: i32::try_from(index.rank()).unwrap_or(i32::MAX),
                probability,
            })
            .collect(),
        ..Default::default()
    }
}

fn challenger_score(challenger: &Challenger, basis: &Basis) -> pb::ChallengerScore {
    let valuation = &challenger.valuation;
    let orders = valuation.orders.as_ref();
    pb::ChallengerScore {
        model_version: challenger.version,
        probability_alive: orders.map(|orders| orders.probability_alive),
        expected_orders: orders.map(|orders| orders.expected_orders),
        expected_spend_per_order: valuation.expected_spend_per_order,
        lifetime_value: valuation.lifetime_value.ok().map(money_message),
        tier: Some(tier(challenger.tier, basis)),
        unrated_reason: valuation.lifetime_value.err().map_or(0, unrated_reason),
    }
}

fn spend_inputs(own: &SpendHistory) -> pb::SpendInputs {
    pb::SpendInputs {
        orders: i32::try_from(own.orders()).unwrap_or(i32::MAX),
        mean_amount: own.mean_spend(),
        paid_share: own.paid_share(),
    }
}

fn value_inputs(inputs: &ValueInputs, basis: &Basis) -> pb::ValueInputs {
    pb::ValueInputs {
        frequency: i32::try_from(inputs.frequency).unwrap_or(i32::MAX),
        recency_weeks: inputs.recency_weeks(),
        age_weeks: inputs.age_weeks(),
        monetary_value: inputs.monetary_value(),
        currency: basis
            .reporting_currency
            .map(|currency| currency.to_string())
            .unwrap_or_default(),
    }
}
