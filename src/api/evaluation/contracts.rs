//! Renewals of contracts, and value as a whole, as messages.

use super::{count, coverage, int32, quantity, total};
use crate::{
    domain::evaluation::{
        renewals::{RenewalAge, RenewalEvaluation, RenewalGroup},
        value::{Contribution, ValueEvaluation},
    },
    pb,
};

/// The message of renewals.
pub(super) fn renewals(found: &RenewalEvaluation) -> pb::RenewalEvaluation {
    pb::RenewalEvaluation {
        groups: found.groups.iter().map(group).collect(),
        contracts_signed_later: count(found.left_out.signed_later),
        contracts_ending: count(found.left_out.ending),
        contracts_not_due: count(found.left_out.not_due),
        built_in_contracts: count(found.built_in_contracts),
        baseline_renewal_rate: found.baseline_rate,
        intervals_absent_reason: found.intervals_absent_reason.clone().unwrap_or_default(),
    }
}

fn group(group: &RenewalGroup) -> pb::RenewalGroup {
    pb::RenewalGroup {
        period_months: group.period_months.map_or(0, int32),
        contracts: count(group.contracts),
        due: renewal_count(group.due),
        renewed: renewal_count(group.renewed),
        expected: group.expected,
        baseline_expected: group.baseline_expected,
        brier_score: group.brier_score,
        baseline_brier_score: group.baseline_brier_score,
        total: group.total.as_ref().map(total),
        coverage: group.coverage.iter().map(coverage).collect(),
        ages: group.ages.iter().map(age).collect(),
    }
}

fn age(age: &RenewalAge) -> pb::RenewalAge {
    pb::RenewalAge {
        renewals: int32(age.renewals),
        contracts: count(age.contracts),
        due: renewal_count(age.due),
        renewed: renewal_count(age.renewed),
        expected: age.expected,
    }
}

fn renewal_count(renewals: u64) -> i64 {
    i64::try_from(renewals).unwrap_or(i64::MAX)
}

/// The message of values.
pub(super) fn value(found: &ValueEvaluation) -> pb::ValueEvaluation {
    pb::ValueEvaluation {
        customers: count(found.customers),
        unconvertible_customers: count(found.unconvertible),
        orders: found.orders.as_ref().map(part),
        contracts: Some(part(&found.contracts)),
        quantity: Some(quantity(&found.quantity)),
        intervals_absent_reason: found.intervals_absent_reason.clone().unwrap_or_default(),
    }
}

const fn part(part: &Contribution) -> pb::ValuePart {
    pb::ValuePart {
        actual: part.actual,
        expected: part.expected,
    }
}
