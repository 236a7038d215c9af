//! Drift of versions with covariates and by kind: newcomers of another law, told by the same sets fitted anew.

use patron::domain::clv::random::Random;
use patron::pb;
use patron::pb::attribute_value::Value;
use patron::pb::{CustomerKind, DriftVerdict, OrderModelKind};

use super::check;
use crate::models::evaluation::evaluate;
use crate::models::planted::{COMPANIES, DEFINITIONS, FIRST, PERSONS, purchases, write};
use crate::models::{fit, request};
use crate::support::messages::{attribute, patch};
use crate::support::service::{Service, ServiceWithDatabase, TODAY};

/// The last day that the active versions know.
const FITTED: &str = "2025-12-31";
/// Weeks from the first day to today.
const WEEKS: f64 = 150.5;
/// When those of another law came first, and weeks from then to today.
const LATER: &str = "2026-06-01";
const LATER_WEEKS: f64 = 24.5;

/// The holdouts of a report are those that evaluations find of the version and of the fit that it is compared with.
async fn check_holdouts(
    service: &Service,
    report: &pb::DriftReport,
    refit: pb::EvaluateModelRequest,
) {
    let days = |request: pb::EvaluateModelRequest| pb::EvaluateModelRequest {
        split_on: report.split_on.clone(),
        until: report.until.clone(),
        ..request
    };
    let active = pb::EvaluateModelRequest {
        version: report.version,
        ..Default::default()
    };
    for (found, request) in [
        (report.active_accuracy, active),
        (report.refit_accuracy, refit),
    ] {
        let evaluation = evaluate(service, days(request)).await.unwrap();
        let expected = evaluation.groups[0].orders.as_ref().unwrap().accuracy[0];
        let found = found.unwrap();
        assert!((found.expected_total / expected.expected_total - 1.0).abs() < 1e-9);
        assert!((found.actual_total - expected.actual_total).abs() < 1e-9);
        assert_eq!(found.customers, expected.customers);
    }
}

/// Likelihood ratio and degrees of freedom are those of the sets together.
#[track_caller]
fn check_ratio(report: &pb::DriftReport, degrees_of_freedom: i32) {
    let gains = report.parameter_sets.iter().map(|set| {
        let gain = set.refit_log_likelihood_per_customer - set.active_log_likelihood_per_customer;
        #[expect(clippy::cast_precision_loss, reason = "a few hundred customers")]
        let customers = set.customers as f64;
        2.0 * gain * customers
    });
    let ratio: f64 = gains.sum();
    assert!((ratio - report.likelihood_ratio.unwrap()).abs() < 1e-6);
    assert!(ratio >= 0.0, "a refit is at the maximum: {ratio}");
    assert_eq!(report.degrees_of_freedom, Some(degrees_of_freedom));
    let parameters: usize = report
        .parameter_sets
        .iter()
        .map(|set| set.parameters.len())
        .sum();
    assert_eq!(i32::try_from(parameters).unwrap(), degrees_of_freedom);
    assert!(report.likelihood_ratio_p.is_some(), "{report:?}");
}

/// Customers, every second of them a member who orders three times as often; for one in ten this is never known.
fn members_and_others(
    prefix: &str,
    law: [f64; 4],
    first: &str,
    weeks: f64,
) -> (Vec<pb::CustomerPatch>, Vec<pb::Transaction>) {
    let mut random = Random::new(31);
    let (mut patches, mut facts) = (vec![], vec![]);
    for at in 0..500 {
        let id = format!("{prefix}{at}");
        let is_member = at % 2 == 0;
        let mut law = law;
        law[1] /= if is_member { 3.0 } else { 1.0 };
        if at % 10 < 8 {
            patches.push(pb::CustomerPatch {
                attributes: vec![pb::AttributeValue {
                    observed_on: first.to_owned(),
                    ..attribute("member", Some(Value::BoolValue(is_member)))
                }],
                ..patch(&id)
            });
        }
        facts.extend(purchases(&id, law, first, weeks, &mut random));
    }
    (patches, facts)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_version_with_covariates_is_compared_with_the_same_covariates_fitted_anew() {
    let service = ServiceWithDatabase::start().await;
    service.publish(DEFINITIONS).await;
    let (patches, facts) = members_and_others("p", PERSONS, FIRST, WEEKS);
    write(&service, &patches, &facts).await;
    let model = pb::FitModelRequest {
        covariates: vec!["member".to_owned()],
        ..request(OrderModelKind::MbgNbd, FITTED)
    };
    assert!(fit(&service, model).await.unwrap().active);
    let report = check(&service, TODAY, 0).await.unwrap();
    assert_eq!(report.verdict(), DriftVerdict::NoDrift, "{}", report.reason);
    check_ratio(&report, 6);
    let [set] = &report.parameter_sets[..] else {
        panic!("{report:?}");
    };
    assert_eq!(set.covariates, ["member"]);
    assert_eq!((set.customers, report.pooled_customers), (400, 100));
    assert_eq!(set.parameters[4].name, "orders:member");
    let refit = pb::EvaluateModelRequest {
        covariates: vec!["member".to_owned()],
        ..Default::default()
    };
    check_holdouts(&service, &report, refit.clone()).await;

    // Newcomers order a quarter as often, members and others.
    let [r, alpha, a, b] = PERSONS;
    let (patches, facts) = members_and_others("n", [r, 4.0 * alpha, a, b], LATER, LATER_WEEKS);
    write(&service, &patches, &facts).await;
    let report = check(&service, TODAY, 0).await.unwrap();
    println!("{}", report.reason);
    assert_eq!(report.verdict(), DriftVerdict::Drift, "{}", report.reason);
    check_ratio(&report, 6);
    assert_eq!(
        (report.parameter_sets[0].customers, report.pooled_customers),
        (800, 200)
    );
    assert!(report.refit_expected_orders < report.active_expected_orders);
    check_holdouts(&service, &report, refit).await;
}

/// Persons, and as many companies.
fn persons_and_companies(
    prefix: &str,
    companies: [f64; 4],
    first: &str,
    weeks: f64,
) -> (Vec<pb::CustomerPatch>, Vec<pb::Transaction>) {
    let mut random = Random::new(32);
    let (mut patches, mut facts) = (vec![], vec![]);
    for at in 0..600 {
        let id = format!("{prefix}{at}");
        let (kind, law) = if at % 2 == 0 {
            (CustomerKind::Company, companies)
        } else {
            (CustomerKind::Person, PERSONS)
        };
        patches.push(pb::CustomerPatch {
            kind: kind.into(),
            ..patch(&id)
        });
        facts.extend(purchases(&id, law, first, weeks, &mut random));
    }
    (patches, facts)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_version_by_kind_is_compared_kind_by_kind() {
    let service = ServiceWithDatabase::start().await;
    let (patches, facts) = persons_and_companies("p", COMPANIES, FIRST, WEEKS);
    write(&service, &patches, &facts).await;
    let by_kind = pb::FitModelRequest {
        grouping: pb::FitGrouping::ByKind.into(),
        ..request(OrderModelKind::MbgNbd, FITTED)
    };
    assert!(fit(&service, by_kind).await.unwrap().active);
    let report = check(&service, TODAY, 0).await.unwrap();
    assert_eq!(report.verdict(), DriftVerdict::NoDrift, "{}", report.reason);
    check_ratio(&report, 8);
    let kinds: Vec<_> = report
        .parameter_sets
        .iter()
        .map(|set| (set.customer_kind(), set.customers))
        .collect();
    assert_eq!(
        kinds,
        [(CustomerKind::Person, 300), (CustomerKind::Company, 300)]
    );
    assert_eq!(report.pooled_customers, 0);
    let refit = pb::EvaluateModelRequest {
        grouping: pb::FitGrouping::ByKind.into(),
        ..Default::default()
    };
    check_holdouts(&service, &report, refit.clone()).await;

    // New companies order an eighth as often.
    let [r, alpha, a, b] = COMPANIES;
    let (patches, facts) = persons_and_companies("n", [r, 8.0 * alpha, a, b], LATER, LATER_WEEKS);
    write(&service, &patches, &facts).await;
    let report = check(&service, TODAY, 0).await.unwrap();
    println!("{}", report.reason);
    assert_eq!(report.verdict(), DriftVerdict::Drift, "{}", report.reason);
    check_ratio(&report, 8);
    let gain = |set: &pb::ParameterSetDrift| {
        set.refit_log_likelihood_per_customer - set.active_log_likelihood_per_customer
    };
    let [persons, companies] = &report.parameter_sets[..] else {
        panic!("{report:?}");
    };
    assert!(
        gain(companies) > 10.0 * gain(persons),
        "only companies changed"
    );
    check_holdouts(&service, &report, refit).await;
}
