//! Model versions of every shape as pages.

use super::*;
use crate::cli::model::answer::tests::report;

#[test]
fn the_page_says_which_version_answers_and_why_spend_is_missing() {
    let model = pb::Model {
        version: 1,
        active: true,
        orders: Some(report(&["r"], Some(0.1))),
        spend_absent_reason: "no repeat buyers".into(),
        ..Default::default()
    };
    let page = page(&model);
    assert!(page.contains("1 (active)"));
    assert!(page.contains("No spend model: no repeat buyers"));
    assert!(page.contains("Orders: MBG/NBD"));
    assert!(list_page(&[model]).contains("active"));
    assert!(!page.contains("Checks"), "a version of an earlier program");
    assert!(!page.contains("No model of all contracts"), "{page}");
}

#[test]
fn the_page_says_which_models_of_orders_and_contracts_are_missing() {
    let model = pb::Model {
        orders_absent_reason: "no customers to fit to".into(),
        spend_absent_reason: "no customers to fit to".into(),
        contracts_absent_reason: "none of the 3 contracts has reached a renewal yet".into(),
        ..Default::default()
    };
    let page = page(&model);
    for part in [
        "No order model: no customers to fit to",
        "No spend model: no customers to fit to",
        "No model of all contracts: none of the 3 contracts has reached a renewal yet. By the built-in one",
    ] {
        assert!(page.contains(part), "{part:?} is not in\n{page}");
    }
}

#[test]
fn the_page_shows_tests_fallbacks_and_checks_in_words() {
    let test = pb::LikelihoodRatio {
        statistic: 27.1234,
        degrees_of_freedom: 4,
        p_value: 0.000_02,
    };
    let model = pb::Model {
        by_kind: Some(pb::ByKindReport {
            kinds: vec![pb::KindParameters {
                kind: pb::CustomerKind::Company.into(),
                customers: 60,
                orders_pooled_reason: "60 customers are too few".into(),
                ..Default::default()
            }],
            orders_test: Some(test),
            spend_test_absent_reason: "all are of one kind".into(),
            ..Default::default()
        }),
        orders: Some(pb::FitReport {
            benchmark: Some(pb::Benchmark {
                log_likelihood: -61.5,
                not_converged_reason: "it is degenerate".into(),
                test_absent_reason: "there is no proper maximum to compare".into(),
                ..Default::default()
            }),
            ..Default::default()
        }),
        spend: Some(pb::FitReport {
            converged: true,
            weak_prior_reason: "q is held".into(),
            ..Default::default()
        }),
        until: "1997-09-30".into(),
        first_purchase_on: "1996-12-31".into(),
        covariates: Some(pb::CovariateReport {
            names: vec!["birth".into()],
            means: vec![1_975.25],
            minima: vec![1_930.0],
            maxima: vec![2_005.0],
            ..Default::default()
        }),
        checks: Some(pb::AssumptionChecks {
            spend_dependence: Some(pb::SpendDependence {
                correlation: 0.11,
                bias: 0.024,
                explanation: "they do not hang together".into(),
                ..Default::default()
            }),
            regularity_absent_reason: "too few".into(),
            ..Default::default()
        }),
        ..Default::default()
    };
    let page = page(&model);
    for part in [
        "Orders of kind COMPANY\n  pooled parameters: 60 customers are too few",
        "likelihood ratio 27.12 on 4 degrees of freedom, p = 2.0e-5",
        "none: all are of one kind",
        "correlation 0.110, bias +2.4 %",
        "Times between orders  not measured: too few",
        "-61.5000; none: there is no proper maximum to compare",
        "did not converge: it is degenerate",
        "Converged       yes\n  Prior           q is held",
        "of a customer at the means: birth 1975.2500",
        "birth 1930 to 2005",
        "273 days since the first purchase; a forecast over a longer horizon extrapolates",
    ] {
        assert!(page.contains(part), "{part:?} is not in\n{page}");
    }
}
