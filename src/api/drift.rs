//! Drift checks as messages.

use super::evaluation::{accuracy, int32, kind_or_all, total};
use crate::{
    api::models,
    domain::evaluation::drift::{SetComparison, Verdict},
    pb,
    service::models::evaluate::DriftReport,
};

/// The message of a drift check.
pub(crate) fn drift_report(report: &DriftReport) -> pb::DriftReport {
    let evidence = &report.evidence;
    let verdict = match report.judgement.verdict {
        Verdict::NoDrift => pb::DriftVerdict::NoDrift,
        Verdict::Drift => pb::DriftVerdict::Drift,
        Verdict::NotDecidable => pb::DriftVerdict::NotDecidable,
    };
    let significance = report.significance;
    let outlook = (!evidence.sets.is_empty()).then_some(evidence.outlook);
    let [of_orders, of_spend] = evidence.totals.each_ref().map(|it| it.as_ref().map(total));
    pb::DriftReport {
        verdict: verdict.into(),
        reason: report.judgement.reason.clone(),
        version: report.version,
        version_until: evidence.active_until.to_string(),
        kind: models::kind_message(report.kind.family()),
        split_on: evidence.split.to_string(),
        until: evidence.until.to_string(),
        holdout_days: int32(report.days),
        likelihood_ratio: significance.map(|found| found.likelihood_ratio),
        degrees_of_freedom: significance.map(|found| int32(found.degrees_of_freedom)),
        likelihood_ratio_scale: significance.and_then(|found| found.scale),
        likelihood_ratio_p: significance.and_then(|found| found.p),
        active_expected_orders: outlook.map(|(active, _)| active),
        refit_expected_orders: outlook.map(|(_, refit)| refit),
        parameter_sets: evidence.sets.iter().map(set).collect(),
        active_accuracy: evidence
            .holdout
            .as_ref()
            .map(|(active, _)| accuracy(active)),
        refit_accuracy: evidence.holdout.as_ref().map(|(_, refit)| accuracy(refit)),
        orders_total: of_orders,
        spend_total: of_spend,
        pooled_customers: i64::try_from(evidence.pooled_customers).unwrap_or(i64::MAX),
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts far below 2^53")]
fn set(set: &SetComparison) -> pb::ParameterSetDrift {
    let customers = set.customers.max(1) as f64;
    let parameters = set.parameters.iter().map(|shift| pb::ParameterShift {
        name: shift.name.clone(),
        active: shift.active,
        refit: shift.refit,
        z: shift.z,
    });
    pb::ParameterSetDrift {
        customer_kind: kind_or_all(set.kind),
        customers: i64::try_from(set.customers).unwrap_or(i64::MAX),
        active_log_likelihood_per_customer: set.active_log_likelihood / customers,
        refit_log_likelihood_per_customer: set.refit_log_likelihood / customers,
        parameters: parameters.collect(),
        covariates: set.covariates.clone(),
    }
}
