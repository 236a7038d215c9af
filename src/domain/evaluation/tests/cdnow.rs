//! The CDNOW sample, split on 1997-09-30: what the literature and the package BTYD have of it.

use std::collections::BTreeMap;

use super::headline::headline;
use super::*;
use crate::domain::clv::fit::stages::choose_stages;
use crate::domain::clv::fit::{fit_orders, fit_spend};
use crate::domain::clv::model::ModelKind;
use crate::domain::clv::reference::{rows, shared_data};
use crate::domain::clv::stages::Stages;

fn population(log: &str) -> Population {
    let window = Window::new(day("1997-09-30"), day("1998-06-30")).unwrap();
    let mut customers: BTreeMap<String, BTreeMap<Day, f64>> = BTreeMap::new();
    for (_, id, date, _, dollars) in rows::<(String, String, String, u32, f64)>(log) {
        let days = customers.entry(id).or_default();
        *days.entry(day(&date)).or_default() += dollars;
    }
    let mut population = Population::new(window);
    for days in customers.values() {
        #[expect(clippy::cast_possible_truncation, reason = "small amounts")]
        let cents = |dollars: f64| (dollars * 100.0).round() as i64;
        let purchases: Vec<PurchaseDay> = days
            .iter()
            .map(|(day, dollars)| purchase(*day, cents(*dollars)))
            .collect();
        add(&mut population, CustomerKind::Person, &purchases);
    }
    population.sort();
    population
}

#[test]
fn every_customer_has_the_history_and_the_holdout_of_btyd() {
    let (Some(log), Some(reference)) = (
        shared_data("cdnow_sample_log.csv"),
        shared_data("cdnow_btyd_cbs.csv"),
    ) else {
        return;
    };
    let population = population(&log);
    let key = |x: u32, recency: f64, age: f64, later: u32| {
        #[expect(clippy::cast_possible_truncation, reason = "days")]
        let days = |weeks: f64| (weeks * 7.0).round() as i32;
        (x, days(recency), days(age), later)
    };
    let mut found: Vec<_> = population
        .subjects()
        .iter()
        .map(|subject| {
            let history = subject.history();
            let (recency, age) = (history.recency_weeks(), history.age_weeks());
            key(history.frequency(), recency, age, subject.holdout_orders)
        })
        .collect();
    let mut expected: Vec<_> = rows::<(u32, u32, f64, f64, u32, f64)>(&reference)
        .into_iter()
        .map(|(_, x, recency, age, later, _)| key(x, recency, age, later))
        .collect();
    found.sort_unstable();
    expected.sort_unstable();
    assert_eq!(found.len(), 2_357);
    assert_eq!(found, expected);
}

#[test]
fn holdout_totals_and_the_weekly_track_are_the_published_ones() {
    let (Some(log), Some(track)) = (
        shared_data("cdnow_sample_log.csv"),
        shared_data("cdnow_btyd_cum_tracking.csv"),
    ) else {
        return;
    };
    let population = population(&log);
    // Knowledge of the literature: Fader, Hardie and Lee (2005) and the packages named in the reference tables.
    for (kind, total) in [
        (ModelKind::BgNbd, 1653.4),
        (ModelKind::MbgNbd, 1576.7),
        (ModelKind::ParetoNbd, 1665.5),
    ] {
        let fit = fit_orders(kind, &population.order_rows(None)).unwrap();
        let found = evaluate(&population, &models(fit.model), 1);
        let model = found.groups[0].orders.accuracy[0];
        println!("{}: {model:?}", kind.name());
        println!("{:?}", found.groups[0].orders.rankings);
        println!("{:?}", found.groups[0].buyers);
        assert_near("actual", model.actual_total, 1_882.0, 1e-9);
        assert_near(kind.name(), model.expected_total, total, 0.06);
        let cumulative: Vec<(u32, u64)> = found.groups[0]
            .tracking
            .iter()
            .map(|week| (week.week, week.actual_cumulative))
            .collect();
        assert_eq!(cumulative, rows::<(u32, u64)>(&track));
        assert_eq!(found.groups.len(), 2, "all are persons");
    }
}

#[test]
fn the_figures_of_a_comparison_are_those_of_the_evaluation() {
    let Some(log) = shared_data("cdnow_sample_log.csv") else {
        return;
    };
    let population = population(&log);
    let orders = fit_orders(ModelKind::BgNbd, &population.order_rows(None)).unwrap();
    let spend = fit_spend(&population.spend_rows(None, SpendOrders::All)).unwrap();
    let mut known = set(orders.model, Some(spend.model));
    known.orders_log_covariance = orders.report.log_covariance;
    known.spend.as_mut().unwrap().log_covariance = spend.report.log_covariance;
    let model = candidate(Parameters::pooled(known));
    let compared = headline(&population, &model, 1);
    let whole = evaluate(&population, &model, 1);
    let all = &whole.groups[0];
    assert_eq!(compared.orders, all.orders.accuracy[0]);
    assert!(compared.orders_total.is_some());
    assert_eq!(compared.orders_total, all.orders.total);
    assert_eq!(compared.orders_coverage, all.orders.coverage);
    assert_eq!(
        compared.spend,
        Some(all.spend.as_ref().unwrap().accuracy[0])
    );
    assert_near("Brier", compared.brier_score, all.buyers.brier_score, 1e-12);
    assert_eq!(compared.squared_errors.len(), all.customers);
}

#[test]
fn its_buyers_are_random() {
    let Some(log) = shared_data("cdnow_sample_log.csv") else {
        return;
    };
    let choice = choose_stages(&population(&log).order_rows(None), None).unwrap();
    println!("{choice:?}");
    let [(one, of_one), (_, of_two)] = choice.log_likelihoods[..] else {
        panic!("{choice:?}");
    };
    assert_eq!((choice.stages, one), (Stages::ONE, Stages::ONE));
    assert_near("MBG/NBD", of_one, -9_582.135_7, 1e-3);
    assert_near("gain over two", of_one - of_two, 271.117, 0.01);
}

/// BG/NBD and Gamma-Gamma on what was known, compared with what came.
fn evaluation(log: &str) -> Evaluation {
    let population = population(log);
    let orders = fit_orders(ModelKind::BgNbd, &population.order_rows(None)).unwrap();
    let spend = fit_spend(&population.spend_rows(None, SpendOrders::RepeatMeans)).unwrap();
    let model = candidate(Parameters::pooled(set(orders.model, Some(spend.model))));
    evaluate(&population, &model, 1)
}

#[test]
fn the_model_errs_less_than_the_baselines_where_errors_are_squared() {
    let Some(log) = shared_data("cdnow_sample_log.csv") else {
        return;
    };
    let found = evaluation(&log);
    let all = &found.groups[0];
    // Reckoned from the file by a program of its own. In the year, and so since the first of January when the first of them came, these
    // customers placed 2,457 repeat orders: 2457 * 273 / 365 = 1837.7.
    let orders = [
        (1837.7, 0.784, 1.739),
        (2928.9, 1.059, 1.790),
        (1837.7, 1.126, 2.057),
    ];
    let spend = [
        (71_320.76, 33.027, 124.678),
        (113_671.72, 44.214, 125.944),
        (71_320.76, 44.809, 86.660),
    ];
    for (quantity, expected) in [(&all.orders, orders), (all.spend.as_ref().unwrap(), spend)] {
        let [model, baselines @ ..] = &quantity.accuracy[..] else {
            panic!("{quantity:?}");
        };
        println!("{model:?}");
        for (baseline, (total, absolute, squared)) in baselines.iter().zip(expected) {
            println!("{baseline:?}");
            assert_near("total", baseline.expected_total, total, 0.06);
            assert_near("MAE", baseline.mean_absolute_error, absolute, 6e-4);
            assert_near("RMSE", baseline.root_mean_squared_error, squared, 6e-4);
            assert!(model.root_mean_squared_error < baseline.root_mean_squared_error);
        }
        assert_eq!(baselines.len(), 3);
        // The total of last year's repeats is nearer here: they leave out what customers would have bought before they came, which
        // happens to be as much as those buy less who leave.
        let last_year = &baselines[0];
        assert!(last_year.bias.abs() < model.bias.abs());
    }
    let [model, last_year, ..] = &all.orders.accuracy[..] else {
        panic!("{all:?}");
    };
    assert_near("MAE of the model", model.mean_absolute_error, 0.785, 6e-4);
    assert!(last_year.mean_absolute_error < model.mean_absolute_error);
}

#[test]
fn the_model_puts_the_best_first() {
    let Some(log) = shared_data("cdnow_sample_log.csv") else {
        return;
    };
    let found = evaluation(&log);
    let all = &found.groups[0];
    for quantity in [&all.orders, all.spend.as_ref().unwrap()] {
        assert!(quantity.deciles[0].lift.unwrap() > 3.0);
        // So does last year: who bought often buys on, and a model has little to add to that.
        let [model, last_year, ..] = &quantity.rankings[..] else {
            panic!("{quantity:?}");
        };
        println!("{:?}", quantity.rankings);
        let (model, last_year) = (model.gini.unwrap(), last_year.gini.unwrap());
        assert!(model > 0.5 && last_year > 0.5);
        assert_near("Gini", model, last_year, 0.05);
        let shares = &quantity.gain;
        assert!(
            shares
                .iter()
                .all(|point| point.actual_share <= point.perfect_share + 1e-12)
        );
        // The best half of them; at the end, BG/NBD puts one-time buyers whom it cannot doubt before late repeaters.
        assert!(
            shares[1..=50]
                .iter()
                .all(|point| point.actual_share > point.customer_share)
        );
    }
}
