//! An evaluation as JSON: every series whole, ready to plot.

mod contracts;

use serde_json::{Map, Value, json};

use crate::cli::model::answer::{model_name, spend_orders_name};
use crate::cli::model::season::SeasonalIndexJson;
use crate::cli::text;
use crate::pb;

/// An evaluation.
pub(in crate::cli::model) fn evaluation(evaluation: &pb::ModelEvaluation) -> Value {
    json!({
        "model": model_name(evaluation.kind()),
        "season": evaluation.season.as_ref().map(|season| json!({
            "verdict": season.verdict().as_str_name().trim_start_matches("SEASON_VERDICT_"),
            "explanation": season.explanation,
            "p_value": season.p_value,
            "months": list(&season.months, |month| json!({
                "month": month.month,
                "actual": month.actual,
                "expected": month.expected,
                "index": month.index,
            })),
        })),
        "seasonal_index": evaluation.seasonal_index.as_ref().map(SeasonalIndexJson::from),
        "seasonal_index_absent_reason": filled(&evaluation.seasonal_index_absent_reason),
        "covariates": evaluation.covariates,
        "spend_orders": spend_orders_name(evaluation.spend_orders()),
        "version": Some(evaluation.version).filter(|version| *version > 0),
        "split_on": evaluation.split_on,
        "until": evaluation.until,
        "first_day": evaluation.first_day,
        "holdout_days": evaluation.holdout_days,
        "last_purchase_on": filled(&evaluation.last_purchase_on),
        "empty_days": evaluation.empty_days,
        "currency": filled(&evaluation.currency),
        "spend_absent_reason": filled(&evaluation.spend_absent_reason),
        "interval_customers": evaluation.interval_customers,
        "intervals_absent_reason": filled(&evaluation.intervals_absent_reason),
        "seconds": evaluation.duration.as_ref().map(seconds),
        "parameters": list(&evaluation.parameters, parameters),
        "excluded_customers": list(&evaluation.excluded_customers, |excluded_customers| json!({
            "reason": reason_name(excluded_customers.reason()),
            "customers": excluded_customers.customers,
        })),
        "orders_absent_reason": filled(&evaluation.orders_absent_reason),
        "groups": list(&evaluation.groups, |one| group(one, &evaluation.covariates)),
        "renewals": evaluation.renewals.as_ref().map(contracts::renewals),
        "renewals_absent_reason": filled(&evaluation.renewals_absent_reason),
        "value": evaluation.value.as_ref().map(contracts::value),
        "value_absent_reason": filled(&evaluation.value_absent_reason),
    })
}

/// The accuracy of a forecaster, in evaluations and drift checks.
pub(in crate::cli::model) fn accuracy(accuracy: &pb::ForecastAccuracy) -> Value {
    json!({
        "forecaster": forecaster_name(accuracy.forecaster()),
        "customers": accuracy.customers,
        "actual_total": accuracy.actual_total,
        "expected_total": accuracy.expected_total,
        "mean_absolute_error": accuracy.mean_absolute_error,
        "root_mean_squared_error": accuracy.root_mean_squared_error,
        "bias": accuracy.bias,
        "correlation": accuracy.correlation,
    })
}

/// A kind of customers: "ALL" where none is stated.
pub(in crate::cli::model) fn group_name(kind: i32) -> &'static str {
    if kind == 0 {
        "ALL"
    } else {
        text::kind_name(kind)
    }
}

/// Each of a list.
pub(in crate::cli::model) fn list<T>(items: &[T], value: impl Fn(&T) -> Value) -> Value {
    items.iter().map(value).collect()
}

fn parameters(set: &pb::EvaluatedParameters) -> Value {
    let parameters = || set.parameters.iter();
    let values: Map<String, Value> = parameters()
        .map(|one| (one.name.clone(), json!(one.value)))
        .collect();
    let errors: Map<String, Value> = parameters()
        .map(|one| (one.name.clone(), json!(one.standard_error)))
        .collect();
    json!({
        "customers_of": group_name(set.customer_kind),
        "covariates": set.covariates,
        "customers": set.customers,
        "pooled_reason": filled(&set.pooled_reason),
        "values": values,
        "stages": (set.stages > 0).then_some(set.stages),
        "standard_errors": errors,
        "converged": set.converged,
        "not_converged_reason": filled(&set.not_converged_reason),
        "weak_prior_reason": filled(&set.weak_prior_reason),
    })
}

fn group(group: &pb::GroupEvaluation, covariates: &[String]) -> Value {
    let values = covariates.iter().zip(&group.covariate_values);
    let values: Map<String, Value> = values
        .map(|(name, value)| (name.clone(), json!(value)))
        .collect();
    json!({
        "group": group_name(group.customer_kind),
        "covariate_values": Some(values).filter(|values| !values.is_empty()),
        "covariates_unknown": group.covariates_unknown,
        "customers": group.customers,
        "orders": group.orders.as_ref().map(quantity),
        "spend": group.spend.as_ref().map(quantity),
        "buyers": group.buyers.as_ref().map(|buyers| json!({
            "actual_share": buyers.actual_share,
            "expected_share": buyers.expected_share,
            "brier_score": buyers.brier_score,
            "baseline_brier_score": buyers.baseline_brier_score,
            "deciles": list(&buyers.deciles, decile),
        })),
        "order_counts": list(&group.order_counts, |count| json!({
            "orders": count.orders,
            "customers": count.customers,
            "expected_customers": count.expected_customers,
        })),
        "tracking": list(&group.tracking, |week| json!({
            "week": week.week,
            "last_day": week.last_day,
            "days": week.days,
            "in_holdout": week.in_holdout,
            "actual": week.actual,
            "expected": week.expected,
            "actual_cumulative": week.actual_cumulative,
            "expected_cumulative": week.expected_cumulative,
        })),
    })
}

fn quantity(quantity: &pb::QuantityEvaluation) -> Value {
    json!({
        "accuracy": list(&quantity.accuracy, accuracy),
        "improvement": quantity.improvement.as_ref().map(|improvement| json!({
            "customers": improvement.customers,
            "squared_error_reduction": improvement.squared_error_reduction,
            "standard_error": improvement.standard_error,
        })),
        "bins": list(&quantity.bins, |bin| json!({
            "frequency": bin.frequency,
            "customers": bin.customers,
            "actual_mean": bin.actual_mean,
            "expected_mean": bin.expected_mean,
        })),
        "deciles": list(&quantity.deciles, decile),
        "gain": list(&quantity.gain, |point| json!({
            "customer_share": point.customer_share,
            "actual_share": point.actual_share,
            "perfect_share": point.perfect_share,
        })),
        "coverage": levels(&quantity.coverage),
        "total": quantity.total.as_ref().map(total_json),
        "rankings": list(&quantity.rankings, |ranking| json!({
            "forecaster": forecaster_name(ranking.forecaster()),
            "gini": ranking.gini,
            "rank_correlation": ranking.rank_correlation,
        })),
        "perfect_gini": quantity.perfect_gini,
    })
}

fn levels(coverage: &[pb::IntervalCoverage]) -> Value {
    list(coverage, |level| {
        json!({
            "level": level.level,
            "customers": level.customers,
            "within_share": level.within_share,
            "calibrated_share": level.calibrated_share,
        })
    })
}

fn decile(decile: &pb::EvaluatedDecile) -> Value {
    json!({
        "decile": decile.decile,
        "customers": decile.customers,
        "actual_mean": decile.actual_mean,
        "expected_mean": decile.expected_mean,
        "lift": decile.lift,
    })
}

/// The forecaster as the contract names it, without its prefix.
fn forecaster_name(forecaster: pb::Forecaster) -> &'static str {
    let name = forecaster.as_str_name();
    name.strip_prefix("FORECASTER_").unwrap_or(name)
}

/// The reason as the contract names it, without its prefix.
fn reason_name(reason: pb::ExclusionReason) -> &'static str {
    let name = reason.as_str_name();
    name.strip_prefix("EXCLUSION_REASON_").unwrap_or(name)
}

fn filled(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

fn seconds(duration: &prost_types::Duration) -> f64 {
    std::time::Duration::try_from(*duration).map_or(0.0, |duration| duration.as_secs_f64())
}

/// Where a sum over all customers came to lie.
pub(in crate::cli::model) fn total_json(total: &pb::TotalInterval) -> Value {
    json!({
        "level": total.level,
        "actual": total.actual,
        "expected": total.expected,
        "standard_deviation": total.standard_deviation,
        "low": total.low,
        "high": total.high,
        "actual_quantile": total.actual_quantile,
    })
}
