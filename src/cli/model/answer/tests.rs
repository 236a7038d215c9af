//! Tests of model versions as JSON.

use super::*;

#[test]
fn kinds_are_an_array_and_a_test_that_there_is_not_says_why() {
    let kind = |kind: pb::CustomerKind, orders| pb::KindParameters {
        kind: kind.into(),
        customers: 60,
        orders,
        orders_pooled_reason: "too few".into(),
        ..Default::default()
    };
    let own = pb::FitReport {
        covariance: vec![1.0, 2.0, 2.0, 5.0],
        ..report(&["r", "alpha"], Some(0.1))
    };
    let model = pb::Model {
        by_kind: Some(pb::ByKindReport {
            kinds: vec![
                kind(pb::CustomerKind::Person, Some(own)),
                kind(pb::CustomerKind::Company, None),
            ],
            orders_test_absent_reason: "COMPANY has none".into(),
            ..Default::default()
        }),
        ..Default::default()
    };
    let json = serde_json::to_value(ModelJson::from(&model)).unwrap();
    assert_eq!(json["kinds"][0]["kind"], "PERSON");
    assert_eq!(json["kinds"][0]["orders"]["parameters"]["alpha"], 0.5);
    assert_eq!(json["kinds"][0]["orders"]["covariance"][1][0], 2.0);
    assert_eq!(json["kinds"][1]["orders"], Value::Null);
    assert_eq!(json["kinds"][1]["orders_pooled_reason"], "too few");
    assert_eq!(json["kinds_test"]["absent_reason"], "COMPANY has none");
}

/// How a made-up fit went.
pub(in crate::cli::model) fn report(names: &[&str], error: Option<f64>) -> pb::FitReport {
    pb::FitReport {
        parameters: names
            .iter()
            .map(|name| pb::Parameter {
                name: (*name).into(),
                value: 0.5,
                standard_error: error,
            })
            .collect(),
        log_likelihood: -9_582.5,
        customers: 2_357,
        distinct_rows: 1_205,
        iterations: 40,
        converged: error.is_some(),
        fit_duration: Some(prost_types::Duration {
            seconds: 1,
            nanos: 500_000_000,
        }),
        ..Default::default()
    }
}

#[test]
fn the_keys_of_a_fit_are_those_of_the_contract() {
    let model = pb::Model {
        version: 3,
        kind: pb::OrderModelKind::BgNbd.into(),
        until: "1997-09-30".into(),
        orders: Some(pb::FitReport {
            benchmark: Some(pb::Benchmark {
                not_converged_reason: "degenerate".into(),
                test_absent_reason: "no proper maximum".into(),
                ..Default::default()
            }),
            ..report(&["r", "alpha", "a", "b"], Some(0.1))
        }),
        spend: Some(pb::FitReport {
            weak_prior_reason: "q is held".into(),
            ..report(&["p", "q", "v"], None)
        }),
        covariates: Some(pb::CovariateReport {
            means: vec![1_975.5],
            ..Default::default()
        }),
        ..Default::default()
    };
    let json = serde_json::to_value(ModelJson::from(&model)).unwrap();
    assert_eq!(json["model"], "bg-nbd");
    assert_eq!(json["version"], 3);
    assert_eq!(json["until"], "1997-09-30");
    assert_eq!(json["parameters"]["alpha"], 0.5);
    assert_eq!(json["standard_errors"]["b"], 0.1);
    assert_eq!(json["log_likelihood"], -9_582.5);
    assert_eq!(json["customers"], 2_357);
    assert_eq!(json["distinct_rows"], 1_205);
    assert_eq!(json["iterations"], 40);
    assert_eq!(json["converged"], true);
    assert_eq!(json["seconds"], 1.5);
    assert_eq!(json["kinds"], Value::Null);
    assert_eq!(json["benchmark"]["converged"], false);
    assert_eq!(json["benchmark"]["not_converged_reason"], "degenerate");
    let absent = &json["benchmark"]["test"]["absent_reason"];
    assert_eq!(absent, "no proper maximum");
    assert_eq!(json["gamma_gamma"]["weak_prior_reason"], "q is held");
    assert_eq!(json["covariates"]["means"][0], 1_975.5);
    assert_eq!(json["gamma_gamma"]["parameters"]["q"], 0.5);
    assert_eq!(json["gamma_gamma"]["standard_errors"], Value::Null);
    assert_eq!(json["gamma_gamma"]["customers"], 2_357);
}
