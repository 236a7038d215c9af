//! Checks of assumptions as messages, with their verdicts in words.

use super::count;
use crate::{
    domain::{
        clv::checks::{
            regularity::RegularityVerdict,
            spend_dependence::{DependenceVerdict, SpendDependence},
        },
        fitted::report::{StoredChecks, StoredDependence, StoredRegularity},
    },
    pb,
};

/// The message of the checks of a version.
pub(super) fn checks(checks: &StoredChecks) -> pb::AssumptionChecks {
    let dependence = checks.spend_dependence.as_ref();
    let regularity = checks.regularity.as_ref();
    pb::AssumptionChecks {
        spend_dependence: dependence.ok().map(spend_dependence),
        spend_dependence_absent_reason: dependence.err().cloned().unwrap_or_default(),
        regularity: regularity.ok().map(of_times),
        regularity_absent_reason: regularity.err().cloned().unwrap_or_default(),
    }
}

fn spend_dependence(found: &StoredDependence) -> pb::SpendDependence {
    let (verdict, explanation) = match SpendDependence::from(*found).verdict() {
        DependenceVerdict::Independent => (
            pb::SpendDependenceVerdict::Independent,
            "order frequency and order value are not meaningfully correlated: Gamma-Gamma is suitable",
        ),
        DependenceVerdict::TooUncertain => (
            pb::SpendDependenceVerdict::TooUncertain,
            "too few customers to measure the correlation of order frequency and order value",
        ),
        DependenceVerdict::FrequentSpendMore => (
            pb::SpendDependenceVerdict::FrequentSpendMore,
            "frequent customers spend more per order, contrary to Gamma-Gamma: the value of the best customers is understated",
        ),
        DependenceVerdict::FrequentSpendLess => (
            pb::SpendDependenceVerdict::FrequentSpendLess,
            "frequent customers spend less per order, contrary to Gamma-Gamma: the value of the best customers is overstated",
        ),
    };
    pb::SpendDependence {
        correlation: found.correlation,
        bias: found.bias,
        standard_error: found.standard_error,
        customers: count(found.customers),
        verdict: verdict.into(),
        explanation: explanation.to_owned(),
    }
}

fn of_times(found: &StoredRegularity) -> pb::Regularity {
    let (verdict, explanation) = match found.measured().verdict() {
        RegularityVerdict::Random => (
            pb::RegularityVerdict::Random,
            "orders come at random times, as the models assume",
        ),
        RegularityVerdict::TooUncertain => (
            pb::RegularityVerdict::TooUncertain,
            "too few customers to measure whether orders come at random times, as the models assume",
        ),
        RegularityVerdict::Regular => (
            pb::RegularityVerdict::Regular,
            "orders are more regular than random: MBG/CNBD-k (`mbg-cnbd-k`) fits better; in the other models the probability of being alive \
             reacts too slowly to a missed order",
        ),
        RegularityVerdict::Clustered => (
            pb::RegularityVerdict::Clustered,
            "orders come in bursts, contrary to the models: consider counting orders within a few days as one",
        ),
    };
    pb::Regularity {
        shape: found.shape,
        standard_error: found.standard_error,
        customers: found.customers.into(),
        customers_eligible: count(found.eligible),
        verdict: verdict.into(),
        explanation: explanation.to_owned(),
    }
}
