//! Models of renewal, fitted by the service to the contracts it holds.

use patron::domain::clv::random::Random;
use patron::pb;
use tonic::Status;

use super::score;
use crate::support::messages::{contract, money, purchase, reason};
use crate::support::models::{BG, SPEND, store_contract_model};
use crate::support::service::{ServiceWithDatabase, TODAY};

/// alpha and beta of the invented contracts: monthly ones, yearly ones.
const TRUTH: [(i32, [f64; 2]); 2] = [(1, [0.9, 9.0]), (12, [1.4, 4.0])];
/// Contracts of each length.
const EACH: usize = 2_000;

/// Contracts that began within eight years, each with a probability of its own to end at a renewal.
fn book() -> Vec<pb::Contract> {
    let today: jiff::civil::Date = TODAY.parse().unwrap();
    let mut random = Random::new(11);
    let mut contracts = Vec::new();
    for (months, [alpha, beta]) in TRUTH {
        for at in 0..EACH {
            let ending = random.beta(alpha, beta);
            let ago = i64::try_from(random.bits() % (8 * 365)).unwrap();
            let start = today.saturating_sub(jiff::Span::new().days(ago));
            let mut ended_on = String::new();
            for number in 1.. {
                let renewal = start.saturating_add(jiff::Span::new().months(number * months));
                if renewal > today {
                    break;
                }
                if random.uniform() < ending {
                    ended_on = renewal.to_string();
                    break;
                }
            }
            contracts.push(pb::Contract {
                ended_on,
                ..contract(
                    &format!("c{months}-{at}"),
                    "k",
                    &start.to_string(),
                    months,
                    1_000,
                )
            });
        }
    }
    contracts
}

async fn fit(service: &ServiceWithDatabase, until: &str) -> Result<pb::Model, Status> {
    let request = pb::FitModelRequest {
        until: until.to_owned(),
        keep_inactive: true,
        ..Default::default()
    };
    let answer = service.models().fit_model(request).await?;
    Ok(answer.into_inner().model.unwrap())
}

/// Somebody who bought twice, before the last day of any fit.
async fn write_orders(service: &ServiceWithDatabase) {
    let bought = [
        purchase("ada", "1", "2024-01-01", 100),
        purchase("ada", "2", "2024-02-01", 100),
    ];
    service.write(&bought).await;
}

#[tokio::test]
async fn the_parameters_of_an_invented_book_are_found_again_for_each_length() {
    let service = ServiceWithDatabase::start().await;
    for batch in book().chunks(1_000) {
        service.write_contracts(batch).await;
    }
    let alone = fit(&service, "").await.unwrap();
    assert_eq!(alone.orders, None);
    write_orders(&service).await;
    let model = fit(&service, "").await.unwrap();
    let contracts = |model: &pb::Model| {
        let reports = model.contracts.iter().map(|one| one.report.clone());
        let timeless = reports.map(|report| pb::FitReport {
            fit_duration: None,
            ..report.unwrap()
        });
        timeless.collect::<Vec<_>>()
    };
    assert_eq!(contracts(&alone), contracts(&model));
    let lengths: Vec<_> = model
        .contracts
        .iter()
        .map(|one| (one.period_months, one.contracts))
        .collect();
    assert_eq!(lengths, [(0, 4_000), (1, 2_000), (12, 2_000)]);
    for (fitted, (_, truth)) in model.contracts[1..].iter().zip(TRUTH) {
        let report = fitted.report.as_ref().unwrap();
        assert!(report.converged, "{report:?}");
        assert_eq!(report.customers, 2_000);
        for (parameter, truth) in report.parameters.iter().zip(truth) {
            let error = parameter.standard_error.unwrap();
            let distance = (parameter.value - truth).abs() / error;
            assert!(
                distance < 3.5 && error < 0.25 * truth,
                "{parameter:?} {truth}"
            );
        }
    }
    let request = pb::GetModelRequest {
        version: model.version,
    };
    let stored = service.models().get_model(request).await.unwrap();
    assert_eq!(stored.into_inner().model, Some(model.clone()));
    // Answers come from the model of the length: of a monthly contract on its first day, all renewals of a year.
    super::activate(&service, model.version).await;
    let new = contract("new", "k", TODAY, 1, 1_000);
    service.write_contracts(&[new]).await;
    let parameters = &model.contracts[1].report.as_ref().unwrap().parameters;
    let (alpha, beta) = (parameters[0].value, parameters[1].value);
    let mut expected = 0.0;
    let mut survival = 1.0;
    for renewals in 0..12 {
        survival *= (beta + f64::from(renewals)) / (alpha + beta + f64::from(renewals));
        expected += survival;
    }
    let found = score(&service, "new", "").await.expected_renewals.unwrap();
    assert!((found - expected).abs() < 1e-9, "{found} is not {expected}");
}

#[tokio::test]
async fn contracts_alone_make_a_version_that_values_them() {
    let service = ServiceWithDatabase::start().await;
    let book: Vec<pb::Contract> = (0..60)
        .map(|at| pb::Contract {
            ended_on: if at < 18 { "2026-06-01" } else { "" }.to_owned(),
            ..contract(&format!("c{at}"), "k", "2025-06-01", 12, 10_000)
        })
        .collect();
    service.write_contracts(&book).await;
    let answer = service
        .models()
        .fit_model(pb::FitModelRequest::default())
        .await
        .unwrap();
    let model = answer.into_inner().model.unwrap();
    assert!(model.active, "{model:?}");
    assert_eq!((&model.orders, &model.spend), (&None, &None));
    assert_eq!(model.orders_absent_reason, "no customers to fit to");
    assert_eq!(model.contracts_absent_reason, "");
    let stored = pb::GetModelRequest { version: 0 };
    let stored = service.models().get_model(stored).await.unwrap();
    assert_eq!(stored.into_inner().model, Some(model));
    let found = score(&service, "c59", "").await;
    assert!((found.expected_renewals.unwrap() - 0.7).abs() < 1e-12);
    assert!(found.lifetime_value.is_some() && !found.built_in_contract_model);
    // Of buyers it knows nothing, and says so.
    write_orders(&service).await;
    let buyer = score(&service, "ada", "").await;
    assert_eq!(buyer.unrated_reason(), pb::UnratedReason::NoModel);
    assert_eq!(buyer.expected_orders, None);
    let request = pb::ScoreNewcomersRequest::default();
    let newcomers = service.models().score_newcomers(request).await.unwrap();
    assert_eq!(newcomers.into_inner().newcomers, []);
    let request = pb::CheckDriftRequest::default();
    let drift = service.models().check_drift(request).await;
    assert_eq!(reason(&drift.unwrap_err()), "NOTHING_TO_EVALUATE");
}

#[tokio::test]
async fn a_fit_knows_what_was_known_on_its_last_day_of_persons_and_companies() {
    let service = ServiceWithDatabase::start().await;
    write_orders(&service).await;
    let yearly = |id: &str, ended_on: &str, effective_on: &str| pb::Contract {
        ended_on: ended_on.to_owned(),
        effective_on: effective_on.to_owned(),
        ..contract(id, "k", "2024-03-01", 12, 1_000)
    };
    let employee = pb::Contract {
        customer_kind: pb::CustomerKind::Employee.into(),
        ..yearly("colleague", "", "")
    };
    service
        .write_contracts(&[
            yearly("a", "2026-03-01", "2025-12-01"),
            yearly("b", "", ""),
            yearly("c", "2025-03-01", ""),
            yearly("void", "2024-03-01", ""),
            employee,
        ])
        .await;
    let pooled = async |until: &str| {
        let model = fit(&service, until).await.unwrap();
        let all = model.contracts[0].clone();
        assert_eq!((all.period_months, all.contracts), (0, 3));
        let own = &model.contracts[1];
        assert_eq!((own.period_months, own.contracts), (12, 3));
        assert!(own.report.is_none() && own.absent_reason.contains("at least"));
        all
    };
    // Nothing was due yet: nobody can tell.
    let early = pooled("2025-02-28").await;
    assert!(
        early.report.is_none() && !early.absent_reason.is_empty(),
        "{early:?}"
    );
    // 2025-03-01: "c" ended, "a" and "b" were renewed, and that "a" will end is not known. 2026-03-01: "a" ended.
    for (until, likelihood_rows) in [("2025-06-30", 2), ("2026-06-30", 3)] {
        let report = pooled(until).await.report.unwrap();
        assert_eq!(report.distinct_rows, likelihood_rows, "{until}");
    }
}

/// Sixty yearly contracts that came to one renewal, of which eighteen ended: nothing shows whether they differ, and the others have a
/// value all the same. By hand: 42 of 60 were renewed, so the next renewal, on 2027-06-01, happens with a probability of 0.7.
#[tokio::test]
async fn contracts_that_nothing_tells_apart_have_a_value() {
    let service = ServiceWithDatabase::start().await;
    write_orders(&service).await;
    let book: Vec<pb::Contract> = (0..60)
        .map(|at| pb::Contract {
            ended_on: if at < 18 { "2026-06-01" } else { "" }.to_owned(),
            ..contract(&format!("c{at}"), "k", "2025-06-01", 12, 10_000)
        })
        .collect();
    service.write_contracts(&book).await;
    let model = fit(&service, "").await.unwrap();
    for fitted in &model.contracts {
        let report = fitted.report.as_ref().unwrap();
        assert!(report.converged, "{report:?}");
        assert_eq!(report.parameters[0].name, "theta");
        assert!((report.parameters[0].value - 0.3).abs() < 1e-12);
        assert!(fitted.fallback_reason.contains("18 ends in 60 renewals"));
    }
    super::activate(&service, model.version).await;
    let found = score(&service, "c59", "").await;
    assert!((found.expected_renewals.unwrap() - 0.7).abs() < 1e-12);
    assert!(found.lifetime_value.is_some(), "{found:?}");
    assert_eq!(
        score(&service, "c0", "").await.lifetime_value,
        Some(money(0, "EUR"))
    );
}

#[tokio::test]
async fn a_version_without_contract_models_replaces_none_that_has_them() {
    let service = ServiceWithDatabase::start().await;
    write_orders(&service).await;
    let contracts = [(None, [0.8, 3.2])];
    let version = store_contract_model(&service.pool, BG, Some(SPEND), &contracts).await;
    super::activate(&service, version).await;
    let model = service
        .models()
        .fit_model(pb::FitModelRequest::default())
        .await
        .unwrap();
    let model = model.into_inner().model.unwrap();
    assert!(!model.active);
    assert_eq!(model.contracts, []);
}
