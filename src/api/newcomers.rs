//! Scores of newcomers as messages.

use super::{answers::unrated_reason, customer_kind_message, money_message};
use crate::{domain::assess::valuation::newcomers::Newcomer, pb, service::models::Newcomers};

/// The answer of `ScoreNewcomers`.
pub(crate) fn newcomers_response(found: &Newcomers) -> pb::ScoreNewcomersResponse {
    pb::ScoreNewcomersResponse {
        newcomers: found.scores.iter().map(newcomer).collect(),
        horizon_months: i32::try_from(found.horizon.months()).unwrap_or(i32::MAX),
        monthly_discount_rate: found.horizon.monthly_discount_rate(),
        basis_id: found.basis_id.to_string(),
        as_of: found.as_of.to_string(),
    }
}

fn newcomer(one: &Newcomer) -> pb::NewcomerScore {
    pb::NewcomerScore {
        kind: one.kind.map_or(0, customer_kind_message),
        probability_alive: one.probability_alive,
        expected_orders: one.expected_orders,
        expected_spend_per_order: one.expected_spend_per_order,
        expected_margin_per_order: one.expected_margin_per_order,
        lifetime_value: one.lifetime_value.ok().map(money_message),
        unrated_reason: one.lifetime_value.err().map_or(0, unrated_reason),
    }
}
