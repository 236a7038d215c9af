mod contracts;

use super::super::json;
use super::*;

fn accuracy(forecaster: pb::Forecaster, expected_total: f64) -> pb::ForecastAccuracy {
    pb::ForecastAccuracy {
        forecaster: forecaster.into(),
        customers: 10,
        actual_total: 8.0,
        expected_total,
        mean_absolute_error: 0.25,
        root_mean_squared_error: 0.5,
        bias: (expected_total - 8.0) / 10.0,
        correlation: None,
    }
}

fn week(week: i32, in_holdout: bool, actual: i64) -> pb::TrackedWeek {
    pb::TrackedWeek {
        week,
        last_day: format!("2026-01-{:02}", week + 10),
        days: if in_holdout { 1 } else { 7 },
        in_holdout,
        actual,
        expected: 2.0,
        actual_cumulative: i64::from(week),
        expected_cumulative: 2.0 * f64::from(week),
    }
}

fn quantity() -> pb::QuantityEvaluation {
    pb::QuantityEvaluation {
        accuracy: vec![
            accuracy(pb::Forecaster::Model, 6.0),
            accuracy(pb::Forecaster::LastYear, 16.0),
            accuracy(pb::Forecaster::Mean, 16.0),
        ],
        bins: vec![pb::EvaluatedBin {
            frequency: 7,
            customers: 10,
            actual_mean: 0.8,
            expected_mean: 0.6,
        }],
        deciles: vec![pb::EvaluatedDecile {
            decile: 1,
            customers: 1,
            actual_mean: 4.0,
            expected_mean: 3.0,
            lift: Some(5.0),
        }],
        gain: vec![],
        coverage: vec![pb::IntervalCoverage {
            level: 0.9,
            customers: 10,
            within_share: 1.0,
            calibrated_share: 0.905,
        }],
        improvement: None,
        total: Some(pb::TotalInterval {
            level: 0.9,
            actual: 8.0,
            expected: 5.0,
            standard_deviation: 1.25,
            low: 3.0,
            high: 7.0,
            actual_quantile: 0.992,
        }),
        rankings: vec![pb::ForecastRanking {
            forecaster: pb::Forecaster::Model.into(),
            gini: Some(0.5),
            rank_correlation: Some(-0.25),
        }],
        perfect_gini: Some(0.75),
    }
}

fn buyers() -> pb::BuyerEvaluation {
    pb::BuyerEvaluation {
        actual_share: 0.4,
        expected_share: 0.3,
        brier_score: 0.1875,
        baseline_brier_score: 0.24,
        deciles: vec![pb::EvaluatedDecile {
            decile: 1,
            customers: 1,
            actual_mean: 1.0,
            expected_mean: 0.875,
            lift: Some(2.5),
        }],
    }
}

fn evaluation() -> pb::ModelEvaluation {
    let weeks = (1..=5).map(|at| week(at, false, 1));
    let group = |kind: pb::CustomerKind| pb::GroupEvaluation {
        customer_kind: kind.into(),
        customers: 10,
        orders: Some(quantity()),
        spend: None,
        buyers: Some(buyers()),
        tracking: weeks.clone().chain([week(6, true, 4)]).collect(),
        ..Default::default()
    };
    pb::ModelEvaluation {
        split_on: "2026-01-15".into(),
        until: "2026-01-16".into(),
        first_day: "2025-12-12".into(),
        holdout_days: 1,
        spend_absent_reason: "amounts are in EUR, USD".into(),
        excluded_customers: vec![pb::ExcludedCustomers {
            reason: pb::ExclusionReason::Newcomer.into(),
            customers: 3,
        }],
        groups: vec![
            group(pb::CustomerKind::Unspecified),
            group(pb::CustomerKind::Person),
            group(pb::CustomerKind::Company),
        ],
        ..Default::default()
    }
}

#[test]
fn a_page_says_what_was_compared_and_how_far_off_everybody_was() {
    let page = page(&evaluation());
    let lines: Vec<String> = page
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect();
    for line in [
        "Calibration 2025-12-12 to 2026-01-15",
        "Holdout the next day, 2026-01-16",
        "Excluded 3 customers who first bought after the split",
        "No spend amounts are in EUR, USD",
        "All customers: 10",
        "orders 8.0 0.750",
        "the model 6.0 -25.0 % 0.250 0.500 -0.200 0.500 -0.250",
        "as last year 16.0 +100.0 % 0.250 0.500 +0.800",
        "7+ 10 0.800 0.600",
        "1 1 4.000 3.000 5.00",
        "90 % orders 10 100.0 % 90.5 %",
        "orders 3.0 7.0 8.0 above: 0.8 % by chance",
        "40.0 % ordered again in the holdout, 30.0 % were expected: Brier score 0.1875, baseline 0.2400",
        "1 1 100.0 % 87.5 %",
        "Companies: 10",
        "Persons: 10",
    ] {
        assert!(lines.iter().any(|it| it == line), "no {line:?} in\n{page}");
    }
}

/// The same model with a covariate that is known of seven, beside its pooled set.
fn with_covariate() -> pb::ModelEvaluation {
    let mut evaluation = evaluation();
    evaluation.covariates = vec!["member".into()];
    let parameter = |name: &str, value| pb::EvaluatedParameter {
        name: name.to_owned(),
        value,
        standard_error: None,
    };
    evaluation.parameters = vec![
        pb::EvaluatedParameters {
            parameters: vec![parameter("r", 0.5)],
            converged: true,
            customers: 3,
            ..Default::default()
        },
        pb::EvaluatedParameters {
            parameters: vec![parameter("r", 0.25), parameter("orders:member", 1.0)],
            converged: true,
            customers: 7,
            covariates: vec!["member".into()],
            weak_prior_reason: "r is held".into(),
            ..Default::default()
        },
        pb::EvaluatedParameters {
            customer_kind: pb::CustomerKind::Company.into(),
            pooled_reason: "too few".into(),
            ..Default::default()
        },
    ];
    let mut members = evaluation.groups[0].clone();
    let orders = members.orders.as_mut().unwrap();
    let pooled = accuracy(pb::Forecaster::Pooled, 5.0);
    orders.accuracy.insert(1, pooled);
    orders.improvement = Some(pb::ForecastImprovement {
        customers: 7,
        squared_error_reduction: 0.25,
        standard_error: 0.0625,
    });
    members.customers = 7;
    let unknown = pb::GroupEvaluation {
        customers: 3,
        covariates_unknown: true,
        ..members.clone()
    };
    members.covariate_values = vec![1.0];
    evaluation.groups.truncate(2);
    evaluation.groups.extend([members, unknown]);
    evaluation
}

#[test]
fn a_page_says_who_has_which_parameters_and_whether_they_help() {
    let page = page(&with_covariate());
    let lines: Vec<String> = page
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect();
    for line in [
        "Parameters pooled (forecast for 3): r 0.5000",
        "Parameters by member (forecast for 7): r 0.2500, orders:member 1.0000",
        "Parameters companies (forecast for 0): none, pooled instead: too few",
        "Prior r is held",
        "member = 1: 7",
        "its pooled set 5.0 -37.5 % 0.250 0.500 -0.300",
        "orders: a mean squared error 0.2500 less than that of the pooled set (standard error 0.0625): significant",
        "Unknown member: 3",
    ] {
        assert!(lines.iter().any(|it| it == line), "no {line:?} in\n{page}");
    }
    assert!(!page.contains("Persons"), "all are persons:\n{page}");
    let json = json::evaluation(&with_covariate());
    assert_eq!(json["covariates"][0], "member");
    assert_eq!(json["parameters"][1]["customers"], 7);
    assert_eq!(json["parameters"][1]["weak_prior_reason"], "r is held");
    assert_eq!(json["parameters"][2]["pooled_reason"], "too few");
    assert_eq!(json["groups"][2]["covariate_values"]["member"], 1.0);
    assert_eq!(json["groups"][3]["covariates_unknown"], true);
    let improvement = &json["groups"][2]["orders"]["improvement"];
    assert_eq!(improvement["squared_error_reduction"], 0.25);
    assert_eq!(
        json["groups"][2]["orders"]["accuracy"][1]["forecaster"],
        "POOLED"
    );
}

#[test]
fn a_holdout_beyond_all_purchases_is_no_quiet_one() {
    let mut evaluation = evaluation();
    assert!(!page(&evaluation).contains("Warning"));
    evaluation.empty_days = 10_376;
    evaluation.last_purchase_on = "1998-06-30".into();
    let page = page(&evaluation);
    let warning = "no purchases after 1998-06-30: if facts of the last 10376 days";
    assert!(page.contains(warning), "{page}");
    let json = json::evaluation(&evaluation);
    assert_eq!(json["last_purchase_on"], "1998-06-30");
    assert_eq!(json["empty_days"], 10_376);
}

#[test]
fn the_total_has_a_side_and_a_chance() {
    let mut evaluation = evaluation();
    let mut with = |actual, quantile| {
        let orders = evaluation.groups[0].orders.as_mut().unwrap();
        let total = orders.total.as_mut().unwrap();
        (total.actual, total.actual_quantile) = (actual, quantile);
        page(&evaluation)
    };
    assert!(with(7.0, 0.95).contains("7.0  within"));
    assert!(with(2.0, 1e-9).contains("2.0  below: less than 0.1 % by chance"));
}

#[test]
fn the_track_has_four_weeks_a_line_with_the_split_between_two() {
    let page = page(&evaluation());
    let lines: Vec<&str> = page
        .lines()
        .skip_while(|line| !line.starts_with("Repeat orders"))
        .skip(2)
        .take(3)
        .map(str::trim_end)
        .collect();
    let bar = |length: usize| "=".repeat(length);
    assert_eq!(
        lines,
        [
            format!(
                "  1-1~   2026-01-11     7       1       2.0       1       2.0  {}     |",
                bar(5)
            ),
            format!(
                "  2-5    2026-01-15    28       4       8.0       5      10.0  {}{}|",
                bar(20),
                " ".repeat(20)
            ),
            format!(
                "  6-6*~  2026-01-16     1       4       2.0       6      12.0  {}|{}",
                bar(10),
                bar(9)
            ),
        ]
    );
}

#[test]
fn json_has_every_series_under_the_names_of_the_contract() {
    let json = json::evaluation(&evaluation());
    assert_eq!(json["model"], "mbg-nbd");
    assert_eq!(json["version"], serde_json::Value::Null);
    assert_eq!(json["excluded_customers"][0]["reason"], "NEWCOMER");
    assert_eq!(json["groups"][0]["group"], "ALL");
    assert_eq!(json["groups"][2]["group"], "COMPANY");
    let orders = &json["groups"][1]["orders"];
    assert_eq!(orders["accuracy"][1]["forecaster"], "LAST_YEAR");
    assert_eq!(orders["deciles"][0]["lift"], 5.0);
    assert_eq!(orders["coverage"][0]["calibrated_share"], 0.905);
    assert_eq!(orders["total"]["actual_quantile"], 0.992);
    assert_eq!(orders["rankings"][0]["rank_correlation"], -0.25);
    assert_eq!(orders["perfect_gini"], 0.75);
    assert_eq!(json["groups"][1]["buyers"]["brier_score"], 0.1875);
    assert_eq!(json["groups"][0]["tracking"][5]["days"], 1);
    assert_eq!(json["groups"][0]["spend"], serde_json::Value::Null);
    assert_eq!(json["groups"][0]["tracking"][5]["in_holdout"], true);
}
