//! Models that tell customers apart, beside their own pooled parameters.

use super::super::{
    accuracy::{Forecaster, accuracies, improvement},
    forecast::Compared,
};
use super::*;
use crate::domain::clv::fit::covariates::CovariateModel;
use crate::domain::clv::fit::rows::CollapsedRow;
use crate::domain::clv::model::ModelKind;
use crate::domain::fitted::parameters::{CovariateParameters, Refined};

fn order_model(r: f64) -> OrderModel {
    OrderModel::new(ModelKind::MbgNbd, [r, 6.0, 0.9, 1.6]).unwrap()
}

fn population() -> Population {
    Population::new(Window::new(day("2025-06-30"), day("2025-09-11")).unwrap())
}

/// Purchases so many weeks before the split.
fn weeks_before(weeks: &[i32]) -> Vec<PurchaseDay> {
    let split = day("2025-06-30");
    let days = weeks.iter();
    days.map(|weeks| purchase(split.plus_days(-7 * weeks), 1_000))
        .collect()
}

fn add_with(population: &mut Population, values: Option<Vec<f64>>, purchases: &[PurchaseDay]) {
    let stratum = Stratum {
        kind: CustomerKind::Person,
        values,
    };
    population
        .add(stratum, purchases, purchases, major)
        .unwrap();
}

/// What a model expects of the subjects, in sum.
fn expected(population: &Population, of: impl Fn(&Subject) -> Option<OrderModel>) -> f64 {
    let weeks = population.window().holdout_weeks();
    let subjects = population.subjects().iter();
    let each = subjects.filter_map(|it| Some(of(it)?.outlook(it.history()).expected_orders(weeks)));
    each.sum()
}

#[test]
fn each_kind_is_predicted_by_its_own_parameters_beside_the_pooled_ones() {
    let mut population = population();
    let histories = [
        weeks_before(&[50, 30, 10]),
        weeks_before(&[40]),
        weeks_before(&[60, 5]),
    ];
    for kind in [CustomerKind::Person, CustomerKind::Company] {
        for purchases in &histories {
            add(&mut population, kind, purchases);
        }
    }
    let model = candidate(Parameters {
        pooled: set(order_model(0.5), None),
        refined: Refined::ByKind(vec![(CustomerKind::Company, set(order_model(3.0), None))]),
        season: None,
    });
    let found = evaluate(&population, &model, 1);
    assert_eq!(
        found.selections,
        [
            (Selection::PooledForKind(CustomerKind::Person), 3),
            (Selection::OwnKind(CustomerKind::Company), 3)
        ]
    );
    let groups: Vec<&Group> = found.groups.iter().map(|it| &it.group).collect();
    let kinds = [CustomerKind::Person, CustomerKind::Company].map(Group::Kind);
    assert_eq!(groups, [&Group::All, &kinds[0], &kinds[1]]);
    for (group, kind, own) in [
        (1, CustomerKind::Person, 0.5),
        (2, CustomerKind::Company, 3.0),
    ] {
        let of_kind = |r: f64| {
            expected(&population, |it| {
                (it.kind() == kind).then(|| order_model(r))
            })
        };
        let [of_model, of_pooled, ..] = found.groups[group].orders.accuracy[..] else {
            panic!("{found:?}");
        };
        assert_eq!(of_pooled.forecaster, Forecaster::Pooled);
        assert_near("own", of_model.expected_total, of_kind(own), 1e-12);
        assert_near("pooled", of_pooled.expected_total, of_kind(0.5), 1e-12);
    }
    // The same parameters for all predict the same, so nothing is gained.
    let gained = found.groups[1].orders.improvement.unwrap();
    assert_eq!(
        (gained.squared_error_reduction, gained.standard_error),
        (0.0, 0.0)
    );
    let plain = evaluate(&population, &models(order_model(0.5)), 1);
    assert_eq!(plain.groups[0].orders.improvement, None);
    assert_eq!(plain.groups[0].orders.accuracy.len(), 4);
    assert_eq!(plain.selections, [(Selection::Pooled, 6)]);
}

#[test]
fn what_is_gained_is_the_mean_difference_of_squared_errors_with_its_standard_error() {
    let compared = |actual, expected, pooled| Compared {
        actual,
        expected,
        pooled: Some(pooled),
        last_year: 0.0,
        pace: 0.0,
        mean: 0.0,
    };
    // Squared errors by the pooled set: 4, 1 and 0; by the model: 1, 0 and 1. Differences 3, 1 and -1.
    let customers = [
        compared(2.0, 1.0, 0.0),
        compared(0.0, 0.0, 1.0),
        compared(1.0, 2.0, 1.0),
    ];
    let found = improvement(&customers.iter()).unwrap();
    assert_eq!(found.customers, 3);
    assert_near("mean", found.squared_error_reduction, 1.0, 1e-15);
    // Their variance is (4 + 0 + 4) / 2, that of the mean a third of it.
    assert_near(
        "standard error",
        found.standard_error,
        (4.0_f64 / 3.0).sqrt(),
        1e-15,
    );
    assert_eq!(improvement(&customers[..1].iter()), None);
    let [_, pooled, ..] = accuracies(&customers.iter())[..] else {
        panic!("no pooled forecast");
    };
    assert_near(
        "RMSE",
        pooled.root_mean_squared_error,
        (5.0_f64 / 3.0).sqrt(),
        1e-15,
    );
}

/// Every unit of the covariate doubles the order rate.
fn doubling() -> CandidateModel {
    let names = vec!["units".to_owned()];
    let effect = 2.0_f64.ln();
    let own = CovariateModel::new(
        ModelKind::MbgNbd,
        [0.5, 6.0, 0.9, 1.6],
        vec![0.0],
        names,
        vec![effect],
        vec![0.0],
    );
    candidate(Parameters {
        pooled: set(order_model(0.7), None),
        refined: Refined::Covariates(CovariateParameters {
            covariates: vec![],
            model: own.unwrap(),
            log_covariance: None,
            estimation: Estimation::MaximumLikelihood,
        }),
        season: None,
    })
}

/// The model of customers with so many units.
fn of_units(units: f64) -> OrderModel {
    OrderModel::new(
        ModelKind::MbgNbd,
        [0.5, 6.0 / 2.0_f64.powf(units), 0.9, 1.6],
    )
    .unwrap()
}

fn check_track(population: &Population, found: &Evaluation, tolerance: f64) {
    let last = found.groups[0].tracking.last().unwrap();
    let until = population.window().until();
    let subjects = population.subjects().iter();
    let expected: f64 = subjects
        .map(|it| {
            let units = it.stratum().values.as_ref().map(|values| values[0]);
            let orders = units.map_or_else(|| order_model(0.7), of_units);
            let weeks = f64::from(until - it.first_day) / 7.0;
            orders.newcomer().expected_orders(weeks)
        })
        .sum();
    assert_near("track", last.expected_cumulative / expected, 1.0, tolerance);
}

#[test]
fn values_of_covariates_tell_customers_apart_and_the_unknown_have_the_pooled_parameters() {
    let mut population = population();
    for values in [Some(0.0), Some(2.0), None] {
        for weeks in [&[50, 30][..], &[20], &[10, 9, 1]] {
            let values = values.map(|it| vec![it]);
            add_with(&mut population, values, &weeks_before(weeks));
        }
    }
    population.sort();
    let found = evaluate(&population, &doubling(), 1);
    assert_eq!(
        found.selections,
        [
            (Selection::Covariates, 6),
            (Selection::PooledForUnknownCovariate, 3)
        ]
    );
    let groups: Vec<&Group> = found.groups.iter().map(|it| &it.group).collect();
    let [none, two] = [0.0, 2.0].map(|it| Group::Values(vec![it]));
    let person = Group::Kind(CustomerKind::Person);
    assert_eq!(
        groups,
        [&Group::All, &person, &none, &two, &Group::ValuesUnknown]
    );
    for (at, units, orders) in [
        (2, Some(0.0), of_units(0.0)),
        (3, Some(2.0), of_units(2.0)),
        (4, None, order_model(0.7)),
    ] {
        let of = |orders| {
            expected(&population, |it| {
                let own = it.stratum().values.as_ref().map(|values| values[0]);
                (own == units).then_some(orders)
            })
        };
        let accuracy = &found.groups[at].orders.accuracy;
        assert_near("own", accuracy[0].expected_total, of(orders), 1e-12);
        assert_near(
            "pooled",
            accuracy[1].expected_total,
            of(order_model(0.7)),
            1e-12,
        );
        assert!(found.groups[at].tracking.is_empty());
    }
    check_track(&population, &found, 1e-12);
    let (rows, unknown) = population.covariate_groups();
    let sizes: Vec<(f64, u64)> = rows
        .iter()
        .map(|it| (it.values[0], it.rows.iter().map(CollapsedRow::count).sum()))
        .collect();
    assert_eq!((sizes, unknown), (vec![(0.0, 3), (2.0, 3)], 3));
}

#[test]
fn with_many_values_there_are_no_groups_by_them_and_the_track_puts_near_ones_together() {
    let mut population = population();
    for at in 0..2_000 {
        let units = f64::from(at % 1_000) / 500.0;
        add_with(
            &mut population,
            Some(vec![units]),
            &weeks_before(&[40 + at % 30, 3]),
        );
    }
    population.sort();
    assert_eq!(population.strata().count(), 1_000);
    let found = evaluate(&population, &doubling(), 1);
    let person = Group::Kind(CustomerKind::Person);
    let groups: Vec<&Group> = found.groups.iter().map(|it| &it.group).collect();
    assert_eq!(groups, [&Group::All, &person]);
    check_track(&population, &found, 1e-3);
}
