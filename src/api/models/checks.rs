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
            "how often and how much customers buy do not hang together in a way that matters: Gamma-Gamma may be used",
        ),
        DependenceVerdict::TooUncertain => (
            pb::SpendDependenceVerdict::TooUncertain,
            "whether how often and how much customers buy hang together, as Gamma-Gamma assumes they do not, cannot be told from so few",
        ),
        DependenceVerdict::FrequentSpendMore => (
            pb::SpendDependenceVerdict::FrequentSpendMore,
            "frequent customers spend more per order, which Gamma-Gamma does not expect: the value of the best is understated",
        ),
        DependenceVerdict::FrequentSpendLess => (
            pb::SpendDependenceVerdict::FrequentSpendLess,
            "frequent customers spend less per order, which Gamma-Gamma does not expect: the value of the best is overstated",
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
            "whether orders come at random times, as the models assume, cannot be told from these customers",
        ),
        RegularityVerdict::Regular => (
            pb::RegularityVerdict::Regular,
            "orders come more regularly than the models assume: a model with Erlang times between orders (CNBD-k) would fit better, \
             and probabilities of being alive react too slowly to a missed order",
        ),
        RegularityVerdict::Clustered => (
            pb::RegularityVerdict::Clustered,
            "orders come in bursts, which the models do not expect: consider counting orders within some days as one",
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
