//! Evaluations and drift checks as messages.

mod contracts;

use super::customer_kind_message;
use crate::{
    api::models,
    domain::{
        customer::CustomerKind,
        evaluation::{
            Group, GroupEvaluation, QuantityEvaluation,
            accuracy::{Accuracy, Forecaster, Improvement},
            buyers::BuyerEvaluation,
            coverage::Coverage,
            order_counts::OrderCount,
            population::LeftOut,
            ranking::{Decile, Ranking},
            season::{Season, SeasonVerdict},
            total::TotalInterval,
            tracking::TrackedWeek,
        },
        fitted::report::StoredReport,
    },
    pb,
    service::models::evaluate::{Described, Fits, Fitted, ModelEvaluation},
};

/// The message of an evaluation.
pub(crate) fn evaluation(found: &ModelEvaluation) -> pb::ModelEvaluation {
    let message = pb::ModelEvaluation {
        split_on: found.window.split().to_string(),
        until: found.window.until().to_string(),
        first_day: found.first_day.to_string(),
        holdout_days: int32(found.window.holdout_days()),
        last_purchase_on: found
            .last_purchase_day
            .map(|day| day.to_string())
            .unwrap_or_default(),
        empty_days: int32(found.window.days_after(found.last_purchase_day)),
        version: found.version.unwrap_or_default(),
        kind: models::kind_message(found.kind),
        currency: found
            .currency
            .map(|currency| currency.to_string())
            .unwrap_or_default(),
        excluded_customers: excluded_customers(found.left_out),
        duration: prost_types::Duration::try_from(found.duration).ok(),
        covariates: found.covariates.clone(),
        spend_orders: models::spend_orders_message(found.spend_orders),
        renewals: found.renewals.as_ref().ok().map(contracts::renewals),
        renewals_absent_reason: reason(&found.renewals),
        value: found.value.as_ref().ok().map(contracts::value),
        value_absent_reason: reason(&found.value),
        orders_absent_reason: reason(&found.orders),
        seasonal_index: models::seasonal_index(found.season.as_ref()),
        seasonal_index_absent_reason: models::no_index_reason(found.season.as_ref()),
        ..Default::default()
    };
    let Ok(orders) = &found.orders else {
        return message;
    };
    let figures = &orders.evaluation;
    pb::ModelEvaluation {
        parameters: orders.sets.iter().map(parameters).collect(),
        spend_absent_reason: orders.spend_absent_reason.clone().unwrap_or_default(),
        interval_customers: count(figures.interval_customers),
        intervals_absent_reason: figures.intervals_absent_reason.clone().unwrap_or_default(),
        groups: figures.groups.iter().map(group).collect(),
        season: Some(season(&figures.season, found.has_index())),
        ..message
    }
}

/// Why a part is absent; empty when it is there.
fn reason<T>(part: &Result<T, String>) -> String {
    part.as_ref().err().cloned().unwrap_or_default()
}

fn season(season: &Season, has_index: bool) -> pb::SeasonCheck {
    let verdict = match season.verdict {
        SeasonVerdict::Seasonal => pb::SeasonVerdict::Seasonal,
        SeasonVerdict::NotSeasonal => pb::SeasonVerdict::NotSeasonal,
        SeasonVerdict::TooShort => pb::SeasonVerdict::TooShort,
    };
    let months = season.months.iter().map(|month| pb::MonthOfYear {
        month: int32(month.month),
        actual: i64::try_from(month.actual).unwrap_or(i64::MAX),
        expected: month.expected,
        index: month.index,
    });
    pb::SeasonCheck {
        verdict: verdict.into(),
        explanation: season_words(season, has_index),
        months: months.collect(),
        p_value: season.p,
    }
}

/// Names of months.
const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

fn season_words(season: &Season, has_index: bool) -> String {
    match season.verdict {
        SeasonVerdict::TooShort => {
            "less than two years or too few orders before the split to distinguish a season from a single event".to_owned()
        }
        SeasonVerdict::NotSeasonal if has_index => {
            "no season beyond that of the index: months differ no more than chance or by less than 25 %".to_owned()
        }
        SeasonVerdict::NotSeasonal => {
            "no season: months differ no more than chance or by less than 25 %".to_owned()
        }
        SeasonVerdict::Seasonal => {
            let out = season.outstanding();
            let months = out.iter().take(4).filter_map(|month| {
                let name = MONTHS.get(month.month as usize - 1)?;
                Some(format!("{name} {:+.0} %", 100.0 * (month.index - 1.0)))
            });
            let model = if has_index {
                "seasonal beyond the index of the model"
            } else {
                "seasonal, and the model knows no seasons"
            };
            format!(
                "{model}: {} against its forecast",
                months.collect::<Vec<_>>().join(", ")
            )
        }
    }
}

fn parameters((set, customers): &(Fitted, usize)) -> pb::EvaluatedParameters {
    let (customer_kind, covariates) = match &set.whom {
        Described::All => (0, vec![]),
        Described::Kind(kind) => (customer_kind_message(*kind), vec![]),
        Described::Covariates(names) => (0, names.clone()),
    };
    let of_whom = pb::EvaluatedParameters {
        customer_kind,
        covariates,
        customers: count(*customers),
        ..Default::default()
    };
    match &set.fits {
        Ok(fits) => reported(fits, of_whom),
        Err(reason) => pb::EvaluatedParameters {
            pooled_reason: reason.clone(),
            ..of_whom
        },
    }
}

fn reported(fits: &Fits, of_whom: pb::EvaluatedParameters) -> pb::EvaluatedParameters {
    let reports = || std::iter::once(&fits.orders).chain(fits.spend.as_ref().ok());
    let of_report = |report: &StoredReport| {
        let parameters = report.parameters.clone();
        parameters
            .into_iter()
            .map(|parameter| pb::EvaluatedParameter {
                name: parameter.name,
                value: parameter.value,
                standard_error: parameter.standard_error,
            })
    };
    let reasons: Vec<&str> = reports()
        .filter_map(|report| report.not_converged_reason.as_deref())
        .collect();
    pb::EvaluatedParameters {
        parameters: reports().flat_map(of_report).collect(),
        converged: reasons.is_empty(),
        not_converged_reason: reasons.join("; "),
        weak_prior_reason: fits.orders.held_reason.clone().unwrap_or_default(),
        stages: fits.orders.stages.as_ref().map_or(0, models::stage_count),
        ..of_whom
    }
}

/// The kinds of those who are not there, each with its reason.
pub(super) fn excluded_customers(left_out: LeftOut) -> Vec<pb::ExcludedCustomers> {
    let all = [
        (pb::ExclusionReason::Employee, left_out.employees),
        (pb::ExclusionReason::Newcomer, left_out.newcomers),
        (pb::ExclusionReason::NoRate, left_out.unconvertible),
    ];
    let some = all.into_iter().filter(|(_, customers)| *customers > 0);
    some.map(|(reason, customers)| pb::ExcludedCustomers {
        reason: reason.into(),
        customers: count(customers),
    })
    .collect()
}

fn group(group: &GroupEvaluation) -> pb::GroupEvaluation {
    pb::GroupEvaluation {
        customers: count(group.customers),
        orders: Some(quantity(&group.orders)),
        spend: group.spend.as_ref().map(quantity),
        tracking: group.tracking.iter().map(week).collect(),
        buyers: Some(buyers(&group.buyers)),
        order_counts: group.order_counts.iter().map(order_count).collect(),
        ..whom(&group.group)
    }
}

/// A group of which nothing is said yet.
fn whom(group: &Group) -> pb::GroupEvaluation {
    let none = pb::GroupEvaluation::default();
    match group {
        Group::All => none,
        Group::Kind(kind) => pb::GroupEvaluation {
            customer_kind: customer_kind_message(*kind),
            ..none
        },
        Group::Values(values) => pb::GroupEvaluation {
            covariate_values: values.clone(),
            ..none
        },
        Group::ValuesUnknown => pb::GroupEvaluation {
            covariates_unknown: true,
            ..none
        },
    }
}

fn quantity(quantity: &QuantityEvaluation) -> pb::QuantityEvaluation {
    let bins = quantity.bins.iter().map(|bin| pb::EvaluatedBin {
        frequency: int32(bin.frequency),
        customers: count(bin.customers),
        actual_mean: bin.actual_mean,
        expected_mean: bin.expected_mean,
    });
    let gain = quantity.gain.iter().map(|point| pb::GainPoint {
        customer_share: point.customer_share,
        actual_share: point.actual_share,
        perfect_share: point.perfect_share,
    });
    let coverage = quantity.coverage.iter().map(coverage);
    pb::QuantityEvaluation {
        accuracy: quantity.accuracy.iter().map(accuracy).collect(),
        bins: bins.collect(),
        deciles: quantity.deciles.iter().map(decile).collect(),
        gain: gain.collect(),
        coverage: coverage.collect(),
        total: quantity.total.as_ref().map(total),
        rankings: quantity.rankings.iter().map(ranking).collect(),
        perfect_gini: quantity.perfect_gini,
        improvement: quantity.improvement.as_ref().map(improvement),
    }
}

fn order_count(count: &OrderCount) -> pb::OrderCount {
    pb::OrderCount {
        orders: int32(count.orders),
        customers: self::count(count.customers),
        expected_customers: count.expected_customers,
    }
}

pub(super) fn coverage(level: &Coverage) -> pb::IntervalCoverage {
    pb::IntervalCoverage {
        level: level.level,
        customers: count(level.customers),
        within_share: level.within_share,
        calibrated_share: level.calibrated_share,
    }
}

fn decile(decile: &Decile) -> pb::EvaluatedDecile {
    pb::EvaluatedDecile {
        decile: int32(decile.decile),
        customers: count(decile.customers),
        actual_mean: decile.actual_mean,
        expected_mean: decile.expected_mean,
        lift: decile.lift,
    }
}

pub(super) const fn total(total: &TotalInterval) -> pb::TotalInterval {
    pb::TotalInterval {
        level: total.level,
        actual: total.actual,
        expected: total.expected,
        standard_deviation: total.standard_deviation,
        low: total.low,
        high: total.high,
        actual_quantile: total.place,
    }
}

fn ranking(ranking: &Ranking) -> pb::ForecastRanking {
    pb::ForecastRanking {
        forecaster: forecaster(ranking.forecaster).into(),
        gini: ranking.gini,
        rank_correlation: ranking.rank_correlation,
    }
}

fn buyers(buyers: &BuyerEvaluation) -> pb::BuyerEvaluation {
    pb::BuyerEvaluation {
        actual_share: buyers.actual_share,
        expected_share: buyers.expected_share,
        brier_score: buyers.brier_score,
        baseline_brier_score: buyers.baseline_brier_score,
        deciles: buyers.deciles.iter().map(decile).collect(),
    }
}

fn improvement(improvement: &Improvement) -> pb::ForecastImprovement {
    pb::ForecastImprovement {
        customers: count(improvement.customers),
        squared_error_reduction: improvement.squared_error_reduction,
        standard_error: improvement.standard_error,
    }
}

/// The message of an accuracy.
pub(super) fn accuracy(accuracy: &Accuracy) -> pb::ForecastAccuracy {
    pb::ForecastAccuracy {
        forecaster: forecaster(accuracy.forecaster).into(),
        customers: count(accuracy.customers),
        actual_total: accuracy.actual_total,
        expected_total: accuracy.expected_total,
        mean_absolute_error: accuracy.mean_absolute_error,
        root_mean_squared_error: accuracy.root_mean_squared_error,
        bias: accuracy.bias,
        correlation: accuracy.correlation,
    }
}

const fn forecaster(forecaster: Forecaster) -> pb::Forecaster {
    match forecaster {
        Forecaster::Model => pb::Forecaster::Model,
        Forecaster::Pooled => pb::Forecaster::Pooled,
        Forecaster::LastYear => pb::Forecaster::LastYear,
        Forecaster::Pace => pb::Forecaster::Pace,
        Forecaster::Mean => pb::Forecaster::Mean,
    }
}

fn week(week: &TrackedWeek) -> pb::TrackedWeek {
    let orders = |orders: u64| i64::try_from(orders).unwrap_or(i64::MAX);
    pb::TrackedWeek {
        week: int32(week.week),
        last_day: week.last_day.to_string(),
        in_holdout: week.in_holdout,
        actual: orders(week.actual),
        expected: week.expected,
        actual_cumulative: orders(week.actual_cumulative),
        expected_cumulative: week.expected_cumulative,
        days: int32(week.days),
    }
}

/// A kind; unspecified for all.
pub(super) fn kind_or_all(kind: Option<CustomerKind>) -> i32 {
    kind.map_or(0, customer_kind_message)
}

pub(super) fn count(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// A number that is far below its greatest.
pub(super) fn int32(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}
