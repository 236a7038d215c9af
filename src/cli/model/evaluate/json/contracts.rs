//! Renewals of contracts, and value as a whole, as JSON.

use serde_json::{Value, json};

use super::{filled, levels, list, quantity, total_json};
use crate::pb;

/// Renewals.
pub(super) fn renewals(renewals: &pb::RenewalEvaluation) -> Value {
    json!({
        "groups": list(&renewals.groups, group),
        "contracts_signed_later": renewals.contracts_signed_later,
        "contracts_ending": renewals.contracts_ending,
        "contracts_not_due": renewals.contracts_not_due,
        "built_in_contracts": renewals.built_in_contracts,
        "baseline_renewal_rate": renewals.baseline_renewal_rate,
        "intervals_absent_reason": filled(&renewals.intervals_absent_reason),
    })
}

fn group(group: &pb::RenewalGroup) -> Value {
    json!({
        "period_months": Some(group.period_months).filter(|months| *months > 0),
        "contracts": group.contracts,
        "due": group.due,
        "renewed": group.renewed,
        "expected": group.expected,
        "baseline_expected": group.baseline_expected,
        "brier_score": group.brier_score,
        "baseline_brier_score": group.baseline_brier_score,
        "total": group.total.as_ref().map(total_json),
        "coverage": levels(&group.coverage),
        "ages": list(&group.ages, |age| json!({
            "renewals": age.renewals,
            "contracts": age.contracts,
            "due": age.due,
            "renewed": age.renewed,
            "expected": age.expected,
        })),
    })
}

/// Orders and contracts together.
pub(super) fn value(value: &pb::ValueEvaluation) -> Value {
    let part = |part: &Option<pb::ValuePart>| {
        let part = part.as_ref();
        part.map(|part| json!({"actual": part.actual, "expected": part.expected}))
    };
    json!({
        "customers": value.customers,
        "unconvertible_customers": value.unconvertible_customers,
        "orders": part(&value.orders),
        "contracts": part(&value.contracts),
        "quantity": value.quantity.as_ref().map(quantity),
        "intervals_absent_reason": filled(&value.intervals_absent_reason),
    })
}
