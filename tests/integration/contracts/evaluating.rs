//! `EvaluateModel` of contracts: what fell due after the split against what was expected then, with orders and without.

use patron::pb;
use patron::pb::Forecaster;
use tonic::Status;

use crate::models::shop;
use crate::support::messages::{contract, purchase, reason};
use crate::support::service::{Service, ServiceWithDatabase, TODAY};

const SPLIT: &str = "2025-12-31";

async fn evaluate(service: &Service, split_on: &str) -> Result<pb::ModelEvaluation, Status> {
    let request = pb::EvaluateModelRequest {
        split_on: split_on.to_owned(),
        until: TODAY.to_owned(),
        ..Default::default()
    };
    let answer = service.models().evaluate_model(request).await?;
    Ok(answer.into_inner().evaluation.unwrap())
}

async fn fit(service: &Service, until: &str) -> pb::Model {
    let request = pb::FitModelRequest {
        until: until.to_owned(),
        keep_inactive: true,
        ..Default::default()
    };
    let answer = service.models().fit_model(request).await.unwrap();
    answer.into_inner().model.unwrap()
}

/// Yearly contracts of 100 EUR: of 60 that began in June 2024, 12 ended at the first renewal and 9 at the second, which lies in the
/// holdout. Beside them two with notice given before the split, three that come to no renewal, five signed later.
async fn write(service: &Service) {
    let yearly = |id: String, start: &str| contract(&id, "k", start, 12, 10_000);
    let mut book: Vec<pb::Contract> = (0..60)
        .map(|at| pb::Contract {
            ended_on: match at {
                0..12 => "2025-06-01".to_owned(),
                12..21 => "2026-06-01".to_owned(),
                _ => String::new(),
            },
            ..yearly(format!("c{at}"), "2024-06-01")
        })
        .collect();
    book.extend((0..2).map(|at| yearly(format!("n{at}"), "2024-09-01")));
    book.extend((0..2).map(|at| pb::Contract {
        ended_on: "2026-09-01".to_owned(),
        effective_on: "2025-10-01".to_owned(),
        ..yearly(format!("n{at}"), "2024-09-01")
    }));
    book.extend((0..3).map(|at| yearly(format!("d{at}"), "2025-12-15")));
    book.extend((0..5).map(|at| yearly(format!("s{at}"), "2026-02-01")));
    service.write_contracts(&book).await;
}

/// Probability that a contract renewed once is renewed again, by the pooled model of a version.
fn second_renewal(model: &pb::Model) -> f64 {
    let report = model.contracts[0].report.as_ref().unwrap();
    let values: Vec<f64> = report.parameters.iter().map(|one| one.value).collect();
    match values[..] {
        [theta] => 1.0 - theta,
        [alpha, beta] => (beta + 1.0) / (alpha + beta + 1.0),
        _ => panic!("{report:?}"),
    }
}

#[track_caller]
fn assert_near(found: f64, expected: f64) {
    assert!((found - expected).abs() < 1e-9, "{found} is not {expected}");
}

#[tokio::test]
async fn renewals_due_after_the_split_are_compared_without_anybody_who_bought() {
    let service = ServiceWithDatabase::start().await;
    let nothing = evaluate(&service, SPLIT).await.unwrap_err();
    assert_eq!(reason(&nothing), "NOTHING_TO_EVALUATE");
    write(&service).await;
    let found = evaluate(&service, SPLIT).await.unwrap();
    assert!(found.groups.is_empty() && found.parameters.is_empty());
    assert!(!found.orders_absent_reason.is_empty(), "{found:?}");
    assert_eq!(
        (&*found.first_day, found.season.as_ref()),
        ("2024-06-01", None)
    );
    let renewals = found.renewals.as_ref().unwrap();
    let excluded = [
        renewals.contracts_signed_later,
        renewals.contracts_ending,
        renewals.contracts_not_due,
        renewals.built_in_contracts,
    ];
    assert_eq!(excluded, [5, 2, 3, 0]);
    let [all] = &renewals.groups[..] else {
        panic!("{renewals:?}");
    };
    assert_eq!((all.contracts, all.due, all.renewed), (48, 48, 39));
    let version = fit(&service, SPLIT).await;
    let probability = second_renewal(&version);
    assert_near(all.expected, 48.0 * probability);
    // Of 62 renewals due by the split 50 came.
    assert_near(renewals.baseline_renewal_rate.unwrap(), 50.0 / 62.0);
    assert_near(all.baseline_expected.unwrap(), 48.0 * 50.0 / 62.0);
    let brier = (39.0 * (1.0 - probability).powi(2) + 9.0 * probability.powi(2)) / 48.0;
    assert_near(all.brier_score, brier);
    let [age] = &all.ages[..] else {
        panic!("{:?}", all.ages);
    };
    assert_eq!((age.renewals, age.contracts, age.renewed), (1, 48, 39));
    let total = all.total.unwrap();
    assert!(total.low < 39.0 && 39.0 < total.high, "{total:?}");
    assert_eq!(all.coverage.len(), 2);
    let value = found.value.as_ref().unwrap();
    assert_eq!((value.customers, value.orders), (53, None));
    let contracts = value.contracts.unwrap();
    assert_near(contracts.actual, 3_900.0);
    assert_near(contracts.expected, 4_800.0 * probability);
    let quantity = value.quantity.as_ref().unwrap();
    assert_near(quantity.accuracy[0].expected_total, contracts.expected);
    let interval = quantity.total.unwrap();
    assert_near(interval.high / 100.0, total.high);
}

#[tokio::test]
async fn a_version_of_contracts_alone_is_evaluated_and_days_have_defaults() {
    let service = ServiceWithDatabase::start().await;
    write(&service).await;
    let version = fit(&service, SPLIT).await;
    let fitted = evaluate(&service, SPLIT).await.unwrap();
    let expected = fitted.renewals.unwrap().groups[0].expected;
    let of_version = pb::EvaluateModelRequest {
        version: version.version,
        split_on: SPLIT.to_owned(),
        ..Default::default()
    };
    let mut client = service.models();
    let answer = client.evaluate_model(of_version).await.unwrap();
    let answer = answer.into_inner().evaluation.unwrap();
    assert_eq!(answer.version, version.version);
    let of_version = answer.renewals.unwrap();
    assert_near(of_version.groups[0].expected, expected);
    // Without days the holdout is the last quarter until today.
    let nothing_said = pb::EvaluateModelRequest::default();
    let answer = client.evaluate_model(nothing_said).await.unwrap();
    let answer = answer.into_inner().evaluation.unwrap();
    assert_eq!(&*answer.until, TODAY);
    // Nothing falls due in the second half of December.
    let short = pb::EvaluateModelRequest {
        split_on: "2025-12-10".to_owned(),
        until: "2025-12-31".to_owned(),
        ..Default::default()
    };
    let answer = client.evaluate_model(short).await.unwrap();
    let answer = answer.into_inner().evaluation.unwrap();
    assert_eq!(answer.renewals, None);
    assert_eq!(
        answer.renewals_absent_reason,
        "no renewal was due by 2025-12-31"
    );
}

#[tokio::test]
async fn value_as_a_whole_adds_orders_and_contracts() {
    let service = ServiceWithDatabase::start().await;
    shop(300).ingest(&service).await;
    let alone = evaluate(&service, SPLIT).await.unwrap();
    assert_eq!((alone.renewals, alone.value), (None, None));
    assert_eq!(
        alone.renewals_absent_reason,
        "no contract ran on 2025-12-31"
    );
    assert!(
        alone
            .value_absent_reason
            .contains("all value is that of orders")
    );
    write(&service).await;
    // One of them buys, too.
    service
        .write(&[purchase("c30", "1", "2025-03-01", 5_000)])
        .await;
    let found = evaluate(&service, SPLIT).await.unwrap();
    let all = &found.groups[0];
    assert_eq!(all.customers, alone.groups[0].customers + 1);
    let spend = &all.spend.as_ref().unwrap().accuracy[0];
    let value = found.value.as_ref().unwrap();
    let (orders, contracts) = (value.orders.unwrap(), value.contracts.unwrap());
    assert_eq!(value.customers, all.customers + 52);
    assert_near(orders.expected / spend.expected_total, 1.0);
    assert_near(orders.actual / spend.actual_total, 1.0);
    assert_near(contracts.actual, 3_900.0);
    let quantity = value.quantity.as_ref().unwrap();
    let forecasters: Vec<Forecaster> = quantity
        .accuracy
        .iter()
        .map(pb::ForecastAccuracy::forecaster)
        .collect();
    assert_eq!(
        forecasters,
        [
            Forecaster::Model,
            Forecaster::LastYear,
            Forecaster::Pace,
            Forecaster::Mean
        ]
    );
    let model = &quantity.accuracy[0];
    assert_near(model.expected_total, orders.expected + contracts.expected);
    assert_near(model.actual_total, orders.actual + contracts.actual);
    let [total, of_spend] = [quantity.total, all.spend.as_ref().unwrap().total].map(Option::unwrap);
    assert!(total.low < total.expected && total.expected < total.high);
    assert!(total.standard_deviation > of_spend.standard_deviation);
    // By margin, both count with what they leave.
    service.publish(&super::valuing::document("margin")).await;
    let by_margin = evaluate(&service, SPLIT).await.unwrap().value.unwrap();
    let (orders_margin, contracts_margin) =
        (by_margin.orders.unwrap(), by_margin.contracts.unwrap());
    assert!(
        orders_margin.expected < 0.99 * orders.expected,
        "{by_margin:?}"
    );
    assert!(
        contracts_margin.expected < 0.99 * contracts.expected,
        "{by_margin:?}"
    );
}
