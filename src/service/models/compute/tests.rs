//! Sets by kind, their test, fallbacks and effects, on customers drawn from known parameters.

mod seasonal;

use std::time::Duration;

use super::*;
use crate::domain::{
    clv::{fit::rows::SpendRow, model::OrderModel, random::Random, simulation::DrawnCustomer},
    fitted::report::StoredParameter,
};
use crate::service::models::input::DaysByKind;

const WEEKS: f64 = 90.0;

/// Histories of customers drawn from these parameters, all first seen [`WEEKS`] ago.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "small whole days"
)]
fn rows(parameters: [f64; 4], customers: u32, seed: u64) -> Rows {
    let model = OrderModel::new(ModelKind::MbgNbd, parameters).unwrap();
    let mut random = Random::new(seed);
    let orders = (0..customers).map(|_| {
        let customer = DrawnCustomer::draw(&model.newcomer(), &mut random);
        let mut days: Vec<u32> = customer
            .orders(WEEKS, 500, &mut random)
            .map(|weeks| (weeks * 7.0).ceil() as u32)
            .collect();
        days.dedup();
        let last = days.last().copied().unwrap_or(0);
        CollapsedRow::new(days.len() as u32, last, (WEEKS * 7.0) as u32, 1).unwrap()
    });
    Rows {
        orders: orders.collect(),
        spend: vec![SpendRow::new(1, 10.0, 5).unwrap()],
    }
}

fn fitter(prior: Option<LogNormalPrior>) -> Fitter {
    Fitter {
        kind: ModelKind::MbgNbd,
        prior,
        currency: Err("no purchase is recorded yet".to_owned()),
    }
}

fn joined(one: &Rows, other: &Rows) -> Rows {
    Rows {
        orders: [one.orders.as_slice(), &other.orders].concat(),
        spend: vec![],
    }
}

const PERSONS: [f64; 4] = [0.6, 12.0, 1.2, 2.5];
const COMPANIES: [f64; 4] = [1.5, 6.0, 0.6, 4.0];

#[test]
fn kinds_that_differ_are_told_apart_and_kinds_that_do_not_are_not() {
    let persons = rows(PERSONS, 1_500, 1);
    for (companies, differ) in [
        (rows(COMPANIES, 1_000, 2), true),
        (rows(PERSONS, 1_000, 3), false),
    ] {
        let fitter = fitter(None);
        let pooled = fitter.set(&joined(&persons, &companies)).unwrap();
        let kinds = [
            (CustomerKind::Person, persons.clone()),
            (CustomerKind::Company, companies),
        ];
        let fit = fitter.by_kind(&kinds, &pooled);
        let test = fit.orders_test.unwrap();
        assert_eq!(test.degrees_of_freedom, 4);
        if differ {
            assert!(test.p_value < 1e-9, "{test:?}");
        } else {
            assert!(test.p_value > 1e-3, "{test:?}");
        }
        assert!(fit.spend_test.is_err());
        let benchmark = pooled.benchmark.unwrap();
        assert!(benchmark.log_likelihood < pooled.orders_report.log_likelihood);
        assert_eq!(benchmark.test.unwrap().degrees_of_freedom, 2);
    }
}

#[test]
fn a_kind_with_too_few_customers_falls_back_and_leaves_nothing_to_compare() {
    let (persons, companies) = (rows(PERSONS, 500, 4), rows(COMPANIES, 60, 5));
    let fitter = fitter(None);
    let pooled = fitter.set(&joined(&persons, &companies)).unwrap();
    let kinds = [
        (CustomerKind::Person, persons),
        (CustomerKind::Company, companies),
    ];
    let fit = fitter.by_kind(&kinds, &pooled);
    assert!(fit.kinds[0].set.is_ok());
    let reason = fit.kinds[1].set.as_ref().unwrap_err();
    assert!(reason.contains("60 customers"), "{reason}");
    let absent = fit.orders_test.unwrap_err();
    assert!(absent.starts_with("COMPANY has no parameters"), "{absent}");
    let alone = fitter.by_kind(&kinds[..1], &pooled);
    assert!(alone.orders_test.unwrap_err().contains("one kind"));
}

#[test]
fn a_strong_prior_moves_the_estimates_and_takes_the_tests_away() {
    let persons = rows(PERSONS, 300, 6);
    let free = fitter(None).set(&persons).unwrap();
    let prior = LogNormalPrior::new([2.0, 12.0, 1.2, 2.5], [0.01, 1.0, 1.0, 1.0]).unwrap();
    let held = fitter(Some(prior)).set(&persons).unwrap();
    assert!((held.orders.parameters()[0] - 2.0).abs() < 0.1);
    assert!(held.orders_report.log_likelihood < free.orders_report.log_likelihood);
    let benchmark = held.benchmark.unwrap();
    assert_eq!(benchmark.test, None);
    assert!(benchmark.test_absent_reason.unwrap().contains("prior"));
}

#[test]
fn a_benchmark_is_not_compared_unless_both_models_are_at_proper_maxima() {
    // Everybody orders three times and is never seen to leave: neither model has a maximum.
    let rows = Rows {
        orders: (0..40)
            .map(|at| CollapsedRow::new(3, 300 + at, 340 + at, 25).unwrap())
            .collect(),
        spend: vec![],
    };
    let set = fitter(None).set(&rows).unwrap();
    // Priors hold one of them; the benchmark has none.
    assert!(set.orders_report.converged() && set.orders_report.held_reason.is_some());
    let errors = set.orders_report.parameters.iter();
    assert!(errors.clone().all(|one| one.standard_error.is_some()));
    let benchmark = set.benchmark.unwrap();
    assert!(
        benchmark
            .not_converged_reason
            .unwrap()
            .contains("degenerate")
    );
    assert_eq!(benchmark.test, None);
    let absent = benchmark.test_absent_reason.unwrap();
    assert!(absent.contains("no proper maximum"), "{absent}");
}

#[test]
fn a_kind_that_never_leaves_has_parameters_of_its_own_held_by_priors() {
    let (persons, companies) = (rows(PERSONS, 500, 7), rows([1.5, 6.0, 1e-4, 1e3], 150, 8));
    let fitter = fitter(None);
    let pooled = fitter.set(&joined(&persons, &companies)).unwrap();
    let kinds = [
        (CustomerKind::Person, persons),
        (CustomerKind::Company, companies),
    ];
    let fit = fitter.by_kind(&kinds, &pooled);
    let own = fit.kinds[1].set.as_ref().unwrap();
    let why = own.orders_report.held_reason.as_deref().unwrap();
    assert!(why.contains("customers who never leave"), "{why}");
    let absent = fit.orders_test.unwrap_err();
    assert!(absent.contains("no proper maximum"), "{absent}");
}

#[test]
fn orders_answer_whatever_becomes_of_spend_and_a_version_of_spend_that_failed_is_one() {
    let buyers = rows(PERSONS, 500, 9);
    let one_price = SpendRow::new(2, 9.9, 50).unwrap();
    for spend in [vec![], vec![one_price]] {
        let rows = Rows {
            spend,
            ..buyers.clone()
        };
        let plan = Plan {
            kind: ModelFamily::MbgNbd,
            stages: None,
            until: Day::from_number(20_000).unwrap(),
            by_kind: false,
            covariates: vec![],
            prior: None,
            spend_orders: SpendOrders::RepeatMeans,
            season: Seasonality::No,
            currency: Ok("EUR".parse().unwrap()),
        };
        let input = FitRows {
            kinds: [rows.clone(), Rows::default()],
            covariates: None,
            days: DaysByKind::default(),
        };
        let fit = plan.fit_parameters(&input, &rows).unwrap();
        assert!(fit.converged());
        let set = fit.pooled.unwrap();
        assert!(set.orders_report.converged() && set.orders_report.held_reason.is_none());
        match set.spend {
            Err(reason) => assert!(reason.contains("no customer"), "{reason}"),
            Ok((model, ..)) => {
                let mean = model.population_mean().unwrap();
                // Amounts count as known to 1 %, so the mean is right to half a cent.
                assert!((mean - 9.9).abs() < 5e-3, "{mean}");
            }
        }
    }
}

#[test]
fn likelihoods_are_compared_only_at_proper_maxima() {
    let parameter = |name: &str| StoredParameter {
        name: name.to_owned(),
        value: 1.0,
        standard_error: None,
    };
    let report = |size: usize, log_likelihood, reason: Option<&str>| StoredReport {
        parameters: ["r", "alpha", "a", "b"][..size]
            .iter()
            .map(|name| parameter(name))
            .collect(),
        covariance: None,
        log_covariance: None,
        log_likelihood,
        customers: 10,
        distinct_rows: 10,
        iterations: 1,
        evaluations: 1,
        not_converged_reason: reason.map(str::to_owned),
        held_reason: None,
        gradient_norm: 0.0,
        condition_number: None,
        duration: Duration::ZERO,
        stages: None,
        season_parameters: None,
    };
    let smaller = report(4, -100.0, None);
    let halves = [report(4, -40.0, None), report(4, -55.0, None)];
    let ratio = StoredTest::new(&smaller, &[&halves[0], &halves[1]]).unwrap();
    assert_eq!((ratio.statistic, ratio.degrees_of_freedom), (10.0, 4));
    // Chi-squared with 4 degrees of freedom: (1 + x/2) exp(-x/2).
    assert!((ratio.p_value - 6.0 * (-5.0_f64).exp()).abs() < 1e-12);
    let flat = report(4, -40.0, Some("flat"));
    assert!(StoredTest::new(&smaller, &[&flat, &halves[1]]).is_err());
    let held = StoredReport {
        held_reason: Some("q is held".to_owned()),
        ..report(4, -40.0, None)
    };
    let refused = StoredTest::new(&smaller, &[&held, &halves[1]]).unwrap_err();
    assert!(refused.contains("q is held"), "{refused}");
    let none = StoredTest::new(&smaller, &[&smaller]).unwrap_err();
    assert!(none.contains("nothing to compare"), "{none}");
    let failed = StoredTest::new(&smaller, &[&report(4, -60.0, None), &halves[1]]).unwrap_err();
    assert!(failed.contains("search"), "{failed}");
}
