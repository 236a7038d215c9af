//! Documents of this and of earlier programs.

use super::*;
use crate::domain::{
    calendar::Day,
    clv::{
        contact_rates::{ContactCost, ContactRate},
        renewal::{Geometric, RenewalModel},
        season::{clock::SeasonClock, estimate::SeasonalIndex},
        shifted_beta_geometric::ShiftedBetaGeometric,
    },
    customer::CustomerKind,
    fitted::{
        contact_model::{ContactModel, UsualContacts},
        contract_models::PeriodFit,
        report::{StoredParameter, StoredRegularity, StoredStages},
    },
};

/// As programs wrote it before a version could hold several parameter sets.
const FIRST: &str = r#"{
  "kind": "mbg-nbd", "until": 20634,
  "orders": {
    "parameters": [
      {"name": "r", "value": 0.525, "standard_error": 0.05}, {"name": "alpha", "value": 6.183, "standard_error": null},
      {"name": "a", "value": 0.891, "standard_error": null}, {"name": "b", "value": 1.614, "standard_error": null}
    ],
    "log_covariance": null, "log_likelihood": -9582.5, "customers": 2357, "distinct_rows": 1205, "iterations": 40,
    "not_converged_reason": null, "gradient_norm": 1e-12, "condition_number": 431.5, "duration": {"secs": 0, "nanos": 31000000}
  },
  "spend": null, "spend_absent_reason": "nobody bought twice"
}"#;

fn read(document: &str) -> ModelFit {
    let document: FitDocument = serde_json::from_str(document).unwrap();
    document.try_into().unwrap()
}

fn written_and_read(fit: &ModelFit) -> ModelFit {
    read(&serde_json::to_string(&FitDocument::from(fit)).unwrap())
}

fn report(parameters: &[(&str, f64)]) -> StoredReport {
    let parameters = parameters.iter().map(|(name, value)| StoredParameter {
        name: (*name).to_owned(),
        value: *value,
        standard_error: Some(0.125),
    });
    StoredReport {
        parameters: parameters.collect(),
        ..read(FIRST).pooled.unwrap().orders_report
    }
}

#[test]
fn a_document_without_the_newer_fields_is_one_pooled_set() {
    let fit = read(FIRST);
    assert_eq!(fit.kind, ModelFamily::MbgNbd);
    let parameters = [0.525, 6.183, 0.891, 1.614];
    let orders = OrderModel::new(ModelKind::MbgNbd, parameters).unwrap();
    let pooled = fit.pooled.as_ref().unwrap();
    assert_eq!(pooled.orders, orders);
    assert_eq!(pooled.spend, Err("nobody bought twice".to_owned()));
    assert_eq!(fit.refinement, Refinement::No);
    assert_eq!(fit.contracts, []);
    assert_eq!((&fit.checks, fit.prior), (&None, None));
    assert_eq!(fit.spend_orders, SpendOrders::RepeatMeans);
    assert_eq!(pooled.orders_report.evaluations, 0);
    assert_eq!(written_and_read(&fit), fit);
}

#[test]
fn a_version_of_contracts_alone_is_read_as_it_was_written_and_lost_parameters_are_no_such_version()
{
    let alone = ModelFit {
        pooled: Err("no customers to fit to".to_owned()),
        ..read(FIRST)
    };
    assert_eq!(written_and_read(&alone), alone);
    let lost: FitDocument = serde_json::from_str(r#"{"kind": "mbg-nbd", "until": 20000}"#).unwrap();
    assert!(ModelFit::try_from(lost).is_err());
}

#[test]
fn a_seasonal_index_is_read_as_it_was_written_and_an_impossible_one_is_none() {
    let levels: Vec<f64> = (1..=52).map(|part| f64::from(part) / 7.0).collect();
    let clock = SeasonClock::new(&levels).unwrap();
    let seasonal = ModelFit {
        season: Some(Ok(SeasonalIndex {
            clock: Arc::new(clock.with_variances(&[0.125; 52]).unwrap()),
            first_day: Day::from_number(19_000).unwrap(),
            orders: 4_711,
            scatter: 1.25,
            effective_parameters: 17.5,
        })),
        ..read(FIRST)
    };
    assert_eq!(written_and_read(&seasonal), seasonal);
    let clock = seasonal.parameters().unwrap().season.unwrap();
    assert_eq!(clock, seasonal.seasonal_index().unwrap().clock);
    let none = ModelFit {
        season: Some(Err("orders do not differ by season".to_owned())),
        ..read(FIRST)
    };
    assert_eq!(written_and_read(&none), none);
    assert_eq!(none.parameters().unwrap().season, None);
    let mut document = serde_json::to_value(FitDocument::from(&seasonal)).unwrap();
    document["season"]["Ok"]["levels"][3] = 0.into();
    let document: FitDocument = serde_json::from_str(&document.to_string()).unwrap();
    assert!(ModelFit::try_from(document).is_err());
}

#[test]
fn stages_of_regular_buyers_are_read_as_they_were_written() {
    let plain = read(FIRST);
    let pooled = plain.pooled.clone().unwrap();
    let stages = Stages::new(3).unwrap();
    let parameters = pooled.orders.parameters();
    let regular = ModelFit {
        kind: ModelFamily::MbgCnbd,
        pooled: Ok(FittedSet {
            orders: OrderModel::new(ModelKind::MbgCnbd(stages), parameters).unwrap(),
            orders_report: pooled.orders_report.clone().with_stages(Some(StoredStages {
                stages: 3,
                log_likelihoods: vec![(1, -70.5), (2, -61.25), (3, -60.0), (4, -60.5)],
            })),
            ..pooled
        }),
        ..plain
    };
    let found = written_and_read(&regular);
    assert_eq!(found, regular);
    assert_eq!(
        found.pooled.unwrap().orders.kind(),
        ModelKind::MbgCnbd(stages)
    );
    // Without a number there is no model, and no other is taken instead.
    let mut document = serde_json::to_value(FitDocument::from(&regular)).unwrap();
    document["orders"]["stages"]["stages"] = 13.into();
    for document in [document.to_string(), FIRST.replace("mbg-nbd", "mbg-cnbd-k")] {
        let document: FitDocument = serde_json::from_str(&document).unwrap();
        let error = ModelFit::try_from(document).unwrap_err().to_string();
        assert!(error.contains("number of stages"), "{error}");
    }
}

#[test]
fn sets_by_kind_are_read_as_they_were_written() {
    let plain = read(FIRST);
    let test = StoredTest {
        statistic: 120.5,
        degrees_of_freedom: 4,
        p_value: 1e-24,
    };
    let spend = report(&[("p", 6.25), ("q", 3.74), ("v", 15.44)]);
    let company = FittedSet {
        spend: Ok((
            GammaGamma::new(6.25, 3.74, 15.44).unwrap(),
            "EUR".parse().unwrap(),
            spend,
        )),
        ..plain.pooled.clone().unwrap()
    };
    let kind = |kind, set| KindFit {
        kind,
        customers: 60,
        set,
    };
    let by_kind = ModelFit {
        refinement: Refinement::ByKind(ByKindFit {
            kinds: vec![
                kind(CustomerKind::Person, Err("too few".to_owned())),
                kind(CustomerKind::Company, Ok(company)),
            ],
            orders_test: Ok(test),
            spend_test: Err("too few".to_owned()),
        }),
        checks: Some(StoredChecks {
            spend_dependence: Err("nobody bought twice".to_owned()),
            regularity: Ok(StoredRegularity {
                shape: 1.25,
                standard_error: 0.125,
                customers: 40,
                eligible: 41,
            }),
        }),
        prior: Some(StoredPrior {
            medians: [0.5, 6.0, 0.9, 1.6],
            log_spreads: [1.0; 4],
        }),
        spend_orders: SpendOrders::All,
        ..plain
    };
    assert_eq!(written_and_read(&by_kind), by_kind);
}

#[test]
fn covariates_are_read_as_they_were_written() {
    let parameters = [0.5, 6.0, 0.9, 1.6];
    let names = ["r", "alpha", "a", "b", "orders:member", "dropout:member"];
    let values = [0.5, 6.0, 0.9, 1.6, 0.7, -0.2];
    let parameters_of_report: Vec<(&str, f64)> = names.into_iter().zip(values).collect();
    let members = vec!["member".to_owned()];
    let with_covariates = ModelFit {
        refinement: Refinement::Covariates(Box::new(CovariateFit {
            covariates: vec![Covariate {
                name: "member".into(),
                value_type: CovariateType::Boolean,
                max_age_days: Some(365),
            }],
            model: CovariateModel::new(
                ModelKind::MbgNbd,
                parameters,
                vec![0.25],
                members,
                vec![0.7],
                vec![-0.2],
            )
            .and_then(|model| model.with_ranges(vec![[0.0, 1.0]]))
            .unwrap(),
            report: report(&parameters_of_report),
            customers_left_out: 7,
            test: Err("a prior was given".to_owned()),
        })),
        ..read(FIRST)
    };
    assert_eq!(written_and_read(&with_covariates), with_covariates);
    // A program that did not know means wrote the parameters at 0.
    let mut document = serde_json::to_value(FitDocument::from(&with_covariates)).unwrap();
    let covariates = document["covariates"].as_object_mut().unwrap();
    assert!(covariates.remove("means").is_some());
    assert!(covariates.remove("ranges").is_some());
    let Refinement::Covariates(earlier) = read(&document.to_string()).refinement else {
        panic!("it has covariates");
    };
    assert_eq!(earlier.model.means(), [0.0]);
    assert!(earlier.model.ranges().is_empty());
}

#[test]
fn contract_models_are_read_as_they_were_written() {
    let period = |period_months, fit| PeriodFit {
        period_months,
        contracts: 61,
        fit,
        fallback: None,
    };
    let model = RenewalModel::Differing(ShiftedBetaGeometric::new(0.7, 3.8).unwrap());
    let alike = RenewalModel::Alike(Geometric::new(0.2).unwrap());
    let with_contracts = ModelFit {
        contracts: vec![
            period(None, Ok((model, report(&[("alpha", 0.7), ("beta", 3.8)])))),
            PeriodFit {
                fallback: Some("nothing shows that contracts differ".to_owned()),
                ..period(Some(1), Ok((alike, report(&[("theta", 0.2)]))))
            },
            period(Some(12), Err("too few".to_owned())),
        ],
        ..read(FIRST)
    };
    assert_eq!(written_and_read(&with_contracts), with_contracts);
}

#[test]
fn a_document_that_does_not_hold_together_is_refused() {
    let document: FitDocument = serde_json::from_str(&FIRST.replace("6.183", "-6.183")).unwrap();
    let refused = ModelFit::try_from(document).unwrap_err().to_string();
    assert!(refused.contains("model version"), "{refused}");
}

#[test]
fn what_is_usual_of_contacts_is_kept_and_may_be_absent() {
    let first = read(FIRST);
    assert_eq!(first.contacts.all(), []);
    let usual = UsualContacts {
        kind: CustomerKind::Company,
        channel: "phone".into(),
        rate: ContactRate::new(0.4, 12.5).unwrap(),
        cost: Some((
            ContactCost {
                mean: 45.25,
                weight_contacts: 3.5,
            },
            "EUR".parse().unwrap(),
        )),
        recorded_cost_share: 0.25,
        customers: 40,
    };
    let silent = UsualContacts {
        channel: "chat".into(),
        cost: None,
        recorded_cost_share: 0.0,
        ..usual.clone()
    };
    let fit = ModelFit {
        contacts: Arc::new(ContactModel::new(vec![usual, silent])),
        ..first
    };
    assert_eq!(written_and_read(&fit), fit);
}
