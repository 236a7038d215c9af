//! Parameters by kind of customer and by covariates: planted in simulated customers, found by fits, used by answers.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use patron::domain::clv::history::PurchaseHistory;
use patron::domain::clv::lifetime::WEEKS_PER_MONTH;
use patron::domain::clv::model::{ModelKind, OrderModel};
use patron::domain::clv::random::Random;
use patron::pb;
use patron::pb::attribute_value::Value;
use patron::pb::{CustomerKind, OrderModelKind, ParameterSelection};
use tonic::Code;

use super::planted::{COMPANIES, DEFINITIONS, FIRST, PERSONS, purchases, write};
use super::{fit, request};
use crate::support::messages::{attribute, by_id, patch, reason, violated};
use crate::support::program::{find_shared, run_json};
use crate::support::service::{Service, ServiceWithDatabase};

/// The last day of the fits, so many weeks after the first day of every customer.
const UNTIL: &str = "2025-09-22";
const WEEKS: f64 = 90.0;

/// Estimates lie within four standard errors of what was planted.
#[track_caller]
fn assert_recovered(report: &pb::FitReport, planted: &[f64]) {
    assert!(report.converged, "{report:?}");
    for (one, planted) in report.parameters.iter().zip(planted) {
        let distance = (one.value - planted) / one.standard_error.unwrap();
        assert!(distance.abs() < 4.0, "{planted}: {one:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn planted_parameters_of_kinds_are_found_told_apart_and_used() {
    let service = ServiceWithDatabase::start().await;
    let mut random = Random::new(11);
    let (mut patches, mut facts) = (vec![], vec![]);
    for at in 0..900 {
        let (id, kind, parameters) = if at % 3 == 0 {
            (format!("c{at}"), CustomerKind::Company, COMPANIES)
        } else {
            (format!("p{at}"), CustomerKind::Person, PERSONS)
        };
        patches.push(pb::CustomerPatch {
            kind: kind.into(),
            ..patch(&id)
        });
        facts.extend(purchases(&id, parameters, FIRST, WEEKS, &mut random));
    }
    write(&service, &patches, &facts).await;
    let by_kind = pb::FitModelRequest {
        grouping: pb::FitGrouping::ByKind.into(),
        ..request(OrderModelKind::MbgNbd, UNTIL)
    };
    let model = fit(&service, by_kind).await.unwrap();
    assert!(model.active, "{model:?}");
    let fitted = model.by_kind.as_ref().unwrap();
    let kinds: Vec<_> = fitted
        .kinds
        .iter()
        .map(|it| (it.kind(), it.customers))
        .collect();
    assert_eq!(
        kinds,
        [(CustomerKind::Person, 600), (CustomerKind::Company, 300)]
    );
    let [persons, companies] = &fitted.kinds[..] else {
        panic!("two kinds");
    };
    assert_recovered(persons.orders.as_ref().unwrap(), &PERSONS);
    assert_recovered(companies.orders.as_ref().unwrap(), &COMPANIES);
    assert!(persons.spend.is_some() && companies.spend.is_some());
    let test = fitted.orders_test.unwrap();
    assert_eq!(test.degrees_of_freedom, 4);
    assert!(test.p_value < 1e-6, "{test:?}");
    // All spend alike: three parameters more explain next to nothing.
    let test = fitted.spend_test.unwrap();
    assert!(
        test.degrees_of_freedom == 3 && test.p_value > 1e-3,
        "{test:?}"
    );

    check_report(model.orders.as_ref().unwrap());
    let checks = model.checks.unwrap();
    let dependence = checks.spend_dependence.unwrap();
    assert_eq!(
        dependence.verdict(),
        pb::SpendDependenceVerdict::Independent
    );
    let regularity = checks.regularity.unwrap();
    assert_eq!(regularity.verdict(), pb::RegularityVerdict::Random);
    // All but the few whose last three purchase days follow one another too closely to tell anything.
    let left_out = regularity.customers_eligible - regularity.customers;
    assert!((0..10).contains(&left_out), "{regularity:?}");

    check_company(&service, companies.orders.as_ref().unwrap()).await;
    check_newcomers(&service, [persons, companies]).await;
}

/// Newcomers of each kind are valued with the parameters of their kind.
async fn check_newcomers(service: &Service, kinds: [&pb::KindParameters; 2]) {
    let request = pb::ScoreNewcomersRequest::default();
    let answer = service.models().score_newcomers(request).await.unwrap();
    let newcomers = answer.into_inner().newcomers;
    assert_eq!(newcomers.len(), 3);
    assert_eq!(newcomers[0].kind(), CustomerKind::Unspecified);
    for (one, kind) in newcomers[1..].iter().zip(kinds) {
        assert_eq!(one.kind(), kind.kind());
        let own = kind.orders.as_ref().unwrap().parameters.iter();
        let own: Vec<f64> = own.map(|one| one.value).collect();
        let own = OrderModel::new(ModelKind::MbgNbd, own.try_into().unwrap()).unwrap();
        let expected = own.newcomer().expected_orders(12.0 * WEEKS_PER_MONTH);
        assert!((one.expected_orders / expected - 1.0).abs() < 1e-12);
        assert!(one.lifetime_value.as_ref().unwrap().amount_minor > 0);
    }
}

/// A company is answered for with the parameters of companies.
async fn check_company(service: &Service, companies: &pb::FitReport) {
    let score = service.score(by_id("c0"), UNTIL).await.score.unwrap();
    assert_eq!(score.parameter_selection(), ParameterSelection::OwnKind);
    let inputs = score.inputs.unwrap();
    let frequency = u32::try_from(inputs.frequency).unwrap();
    let history =
        PurchaseHistory::from_weeks(frequency, inputs.recency_weeks, inputs.age_weeks).unwrap();
    let own = companies.parameters.iter();
    let own: Vec<f64> = own.map(|one| one.value).collect();
    let own = OrderModel::new(ModelKind::MbgNbd, own.try_into().unwrap()).unwrap();
    let expected = own.probability_alive(&history);
    let found = score.probability_alive.unwrap();
    assert!(
        (found - expected).abs() < 1e-12,
        "{found} is not {expected}"
    );
}

/// The numbers of a report hang together.
fn check_report(report: &pb::FitReport) {
    let size = report.parameters.len();
    assert_eq!(report.covariance.len(), size * size);
    assert_eq!(report.log_covariance.len(), size * size);
    for (at, one) in report.parameters.iter().enumerate() {
        let error = one.standard_error.unwrap();
        let variance = report.covariance[at * size + at];
        assert!((variance.sqrt() / error - 1.0).abs() < 1e-12);
        let log_variance = report.log_covariance[at * size + at];
        assert!((log_variance.sqrt() * one.value / error - 1.0).abs() < 1e-9);
    }
    assert!((report.aic - (8.0 - 2.0 * report.log_likelihood)).abs() < 1e-9);
    assert!(report.bic > report.aic && report.evaluations > 0);
    assert!(report.condition_number.unwrap() > 1.0);
    let benchmark = report.benchmark.as_ref().unwrap();
    let gain = 2.0 * (report.log_likelihood - benchmark.log_likelihood);
    assert!((benchmark.test.unwrap().statistic - gain).abs() < 1e-9);
}

/// Customers, every second of them a member; members order two and a half times as often.
fn members_and_others() -> (Vec<pb::CustomerPatch>, Vec<pb::Transaction>) {
    let mut random = Random::new(12);
    let (mut patches, mut facts) = (vec![], vec![]);
    for at in 0..800 {
        let id = format!("p{at}");
        let member = at % 2 == 0;
        let mut parameters = PERSONS;
        parameters[1] /= if member { 2.5 } else { 1.0 };
        // Of every tenth it is known only after the last day of the fit.
        let observed_on = if at % 10 == 9 { "2025-10-01" } else { FIRST };
        patches.push(pb::CustomerPatch {
            attributes: vec![pb::AttributeValue {
                observed_on: observed_on.to_owned(),
                ..attribute("member", Some(Value::BoolValue(member)))
            }],
            ..patch(&id)
        });
        facts.extend(purchases(&id, parameters, FIRST, WEEKS, &mut random));
    }
    (patches, facts)
}

fn covariates(names: &[&str]) -> pb::FitModelRequest {
    pb::FitModelRequest {
        covariates: names.iter().map(|&name| name.to_owned()).collect(),
        ..request(OrderModelKind::MbgNbd, UNTIL)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_planted_effect_is_found_and_used_and_the_unknown_are_left_out() {
    let service = ServiceWithDatabase::start().await;
    let (patches, facts) = members_and_others();
    write(&service, &patches, &facts).await;
    service.publish(DEFINITIONS).await;
    let wrong = covariates(&["membr", "region", "income", "member"]);
    let status = fit(&service, wrong).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    let all = ["covariates[0]", "covariates[1]", "covariates[2]"];
    assert_eq!(violated(&status), all);
    assert!(status.message().contains(r#"did you mean "member"?"#));
    let status = fit(&service, covariates(&["channel"])).await.unwrap_err();
    assert_eq!(reason(&status), "NOTHING_TO_FIT", "known of nobody");

    let monday = pb::FitModelRequest {
        request_id: "monday".to_owned(),
        ..covariates(&["member"])
    };
    let model = fit(&service, monday.clone()).await.unwrap();
    assert!(model.active, "{model:?}");
    let fitted = model.covariates.unwrap();
    assert_eq!(fitted.excluded_customer_count, 80);
    let report = fitted.orders.unwrap();
    assert_eq!(report.customers, 720);
    assert_eq!(model.orders.unwrap().customers, 800);
    let names: Vec<&str> = report.parameters.iter().map(|one| &*one.name).collect();
    assert_eq!(
        names,
        ["r", "alpha", "a", "b", "orders:member", "dropout:member"]
    );
    // Of 720 customers, 400 are members; the parameters are those of a customer at that mean.
    assert!((fitted.means[0] - 400.0 / 720.0).abs() < 1e-12);
    let [r, alpha, a, b] = PERSONS;
    let at_mean = alpha * 2.5_f64.powf(-fitted.means[0]);
    assert_recovered(&report, &[r, at_mean, a, b, 2.5_f64.ln(), 0.0]);
    let test = fitted.test.unwrap();
    assert!(
        test.degrees_of_freedom == 2 && test.p_value < 1e-6,
        "{test:?}"
    );

    let selected = async |id: &str, day: &str| {
        let score = service.score(by_id(id), day).await.score.unwrap();
        score.parameter_selection()
    };
    assert_eq!(selected("p0", UNTIL).await, ParameterSelection::Covariates);
    let unknown = ParameterSelection::PooledForUnknownCovariate;
    assert_eq!(selected("p9", UNTIL).await, unknown);
    assert_eq!(selected("p9", "").await, ParameterSelection::Covariates);

    // What was answered once is answered again, whatever the definitions say by then.
    let other = DEFINITIONS.replace("member", "former_member");
    service.publish(&other).await;
    let again = fit(&service, monday.clone()).await.unwrap();
    assert_eq!(again.version, model.version);
    let status = fit(&service, covariates(&["member"])).await.unwrap_err();
    assert_eq!(violated(&status), ["covariates[0]"]);
}

/// The transactions of apparel; a few prices stand there as 118.22999999999999, which an import rightly refuses.
fn rounded(shared: &Path, folder: &Path) -> PathBuf {
    let file = std::fs::read_to_string(shared.join("data/apparel_trans.csv")).unwrap();
    let mut lines = file.lines();
    let mut text = format!("{}\n", lines.next().unwrap());
    for line in lines {
        let (rest, price) = line.rsplit_once(',').unwrap();
        let price: f64 = price.parse().unwrap();
        writeln!(text, "{rest},{price:.2}").unwrap();
    }
    let path = folder.join("transactions.csv");
    std::fs::write(&path, text).unwrap();
    path
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn apparel_with_covariates_is_reported_as_degenerate_and_does_not_answer() {
    let Some(shared) = find_shared() else {
        eprintln!("did not run on apparel: no folder shared/data above the checkout");
        return;
    };
    let service = ServiceWithDatabase::start().await;
    let endpoint = &service.app.endpoint();
    let folder = tempfile::tempdir().unwrap();
    let transactions = rounded(&shared, folder.path());
    let columns = "--customer-column Id --time-column Date --amount-column Price --currency EUR";
    let import = format!(
        "import transactions {} --source shop {columns} --endpoint {endpoint} --json",
        transactions.display()
    );
    run_json(&import.split(' ').collect::<Vec<_>>()).await;
    // The file has no day of observation: all was known from the first.
    let file = std::fs::read_to_string(shared.join("data/apparel_static_cov.csv")).unwrap();
    let mut lines = file.lines();
    let mut dated = format!("{},day\n", lines.next().unwrap());
    for line in lines {
        dated.push_str(line);
        dated.push_str(",2005-01-02\n");
    }
    let path = folder.path().join("covariates.csv");
    std::fs::write(&path, dated).unwrap();
    let columns = "--customer-column Id --observed-column day --attribute gender=Gender:int --attribute channel=Channel:int";
    let import = format!(
        "import customers {} --source shop {columns} --endpoint {endpoint} --json",
        path.display()
    );
    run_json(&import.split(' ').collect::<Vec<_>>()).await;
    service.publish(DEFINITIONS).await;

    for (until, degenerate) in [("2005-10-07", true), ("2010-05-15", false)] {
        let covariates = pb::FitModelRequest {
            covariates: vec!["gender".to_owned(), "channel".to_owned()],
            ..request(OrderModelKind::BgNbd, until)
        };
        let model = fit(&service, covariates).await.unwrap();
        let fitted = model.covariates.unwrap();
        let report = fitted.orders.unwrap();
        assert_eq!((report.customers, fitted.excluded_customer_count), (600, 0));
        assert!(report.converged && model.active, "{report:?}");
        assert_eq!(!report.weak_prior_reason.is_empty(), degenerate);
        let finite = |one: &pb::Parameter| {
            one.value.is_finite() && one.standard_error.is_none_or(f64::is_finite)
        };
        assert!(report.parameters.iter().all(finite), "{report:?}");
        assert_eq!(fitted.test.is_none(), degenerate);
        let has_errors = report
            .parameters
            .iter()
            .all(|one| one.standard_error.is_some());
        assert!(has_errors && !report.covariance.is_empty(), "{report:?}");
        if degenerate {
            let why = &report.weak_prior_reason;
            assert!(
                why.contains("the effect of one standard deviation"),
                "{why}"
            );
            let score = service.score(by_id("1"), until).await.score.unwrap();
            assert!(score.expected_orders.unwrap().is_finite());
            assert_eq!(
                score.parameter_estimation(),
                pb::ParameterEstimation::WeakPriors
            );
        }
    }
}
