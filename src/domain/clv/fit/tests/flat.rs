//! Customers who do not differ: the likelihood climbs to infinity, and no number of them makes that a maximum. Weak priors do.

use super::recovery::simulated_orders;
use super::{report_of, sample_orders};
use crate::domain::clv::fit::benchmark::fit_benchmark;
use crate::domain::clv::fit::report::{Convergence, FitReport};
use crate::domain::clv::fit::rows::{CollapsedRow, SpendRow};
use crate::domain::clv::fit::{fit_orders, fit_spend};
use crate::domain::clv::gamma_gamma::SpendHistory;
use crate::domain::clv::model::ModelKind;
use crate::domain::clv::random::Random;
use crate::domain::clv::reference::assert_close;

fn times(rows: &[CollapsedRow], times: u64) -> Vec<CollapsedRow> {
    rows.iter()
        .map(|row| {
            let count = row.count() * times;
            CollapsedRow::new(row.frequency(), row.recency_days(), row.age_days(), count).unwrap()
        })
        .collect()
}

/// Customers of one rate, 0.1 a week, observed for 60 weeks, who never leave.
fn poisson(customers: u32) -> Vec<CollapsedRow> {
    let mut random = Random::new(3);
    (0..customers)
        .map(|_| {
            let mut days: Vec<u32> = (1..=420).filter(|_| random.uniform() < 0.1 / 7.0).collect();
            let last = days.pop();
            let frequency = u32::try_from(days.len() + usize::from(last.is_some())).unwrap();
            CollapsedRow::new(frequency, last.unwrap_or(0), 420, 1).unwrap()
        })
        .collect()
}

#[track_caller]
fn held(report: &FitReport) -> &str {
    assert!(report.convergence.is_converged(), "{report:?}");
    assert!(report.standard_errors().is_some() && report.log_covariance.is_some());
    report.held.as_deref().unwrap()
}

#[test]
fn customers_of_one_rate_are_held_by_priors_however_many_they_are() {
    let rows = poisson(2_000);
    for rows in [times(&rows, 1), times(&rows, 4)] {
        let benchmark = fit_benchmark(&rows).unwrap().report;
        let Convergence::Degenerate { simpler, .. } = benchmark.convergence else {
            panic!("{benchmark:?}");
        };
        assert_eq!(simpler, Some("customers who all order at the same rate"));
        assert_eq!(benchmark.standard_errors(), None);
        for kind in [ModelKind::BgNbd, ModelKind::MbgNbd] {
            let fit = fit_orders(kind, &rows).unwrap();
            let why = held(&fit.report);
            assert!(
                why.contains("r, a and a / b have log-normal priors"),
                "{why}"
            );
            // What is determined is: the rate, 0.1 a week, and that hardly anybody leaves.
            let [r, alpha, a, b] = fit.model.parameters();
            assert_close("rate", r / alpha, 0.1, 0.03);
            assert!(r > 10.0 && a / b < 1e-3, "{:?}", fit.model);
        }
    }
}

#[test]
fn customers_who_never_leave_or_all_leave_alike_are_held_and_the_simpler_model_is_named() {
    // Rates differ; nobody leaves, or everybody with probability 0.25 after each order.
    for (parameters, expected) in [
        (
            [0.8, 9.0, 1e-4, 1e3],
            "customers who never leave, as in NBD",
        ),
        (
            [0.8, 9.0, 1e4, 3e4],
            "customers who are all equally likely to leave",
        ),
    ] {
        for customers in [2_000, 8_000] {
            let rows = simulated_orders(ModelKind::MbgNbd, parameters, customers, 4);
            let report = report_of(ModelKind::MbgNbd, &rows);
            let why = held(&report);
            assert!(
                why.contains(&format!("cannot exclude {expected}: ")),
                "{why}"
            );
        }
    }
}

#[test]
fn a_dozen_customers_determine_no_model_without_priors() {
    let dozen: Vec<CollapsedRow> = sample_orders().into_iter().step_by(5).collect();
    assert_eq!(dozen.len(), 12);
    for kind in ModelKind::ALL {
        held(&report_of(kind, &dozen));
    }
}

/// Mean spends of customers who all spend 40 on average, each order gamma-distributed with shape 20.
fn alike(customers: u32) -> Vec<SpendRow> {
    let mut random = Random::new(4);
    (0..customers)
        .map(|at| {
            let orders = 1 + at % 6;
            let total: f64 = (0..orders).map(|_| random.gamma(20.0) * 2.0).sum();
            SpendRow::new(orders, total / f64::from(orders), 1).unwrap()
        })
        .collect()
}

#[test]
fn spend_of_customers_who_do_not_differ_is_held_by_a_prior_that_is_named() {
    let mut before = 0.0;
    for customers in [2_000, 8_000] {
        let rows = alike(customers);
        let fit = fit_spend(&rows).unwrap();
        let held = fit.report.held.as_deref().unwrap();
        assert!(
            held.contains("customers who all spend the same on average"),
            "{held}"
        );
        assert!(
            held.contains("median 10 and log standard deviation 2"),
            "{held}"
        );
        assert!(fit.report.convergence.is_converged(), "{:?}", fit.report);
        // What is determined is: the mean (its standard error is 0.3 % of 2,000 customers with 7,000 orders), and p.
        assert_close("mean", fit.model.population_mean().unwrap(), 40.0, 0.01);
        assert_close("p", fit.model.parameters()[0], 20.0, 0.06);
        // Three orders of 60 are chance: expect hardly more than of anybody.
        let own = SpendHistory::new(3, 60.0).unwrap();
        let expected = fit.model.expected_spend(Some(&own)).unwrap();
        assert!((40.0..45.0).contains(&expected), "{expected}");
        // More customers say more clearly that they do not differ.
        let q = fit.model.parameters()[1];
        assert!(q > 1.2 * before && q < 1e5, "{q} after {before}");
        before = q;
    }
}

#[test]
fn spend_of_one_order_each_is_held_too() {
    // One repeat order each, of 40 give or take a half: nothing says whether customers differ or their orders do.
    let mut random = Random::new(6);
    let rows: Vec<SpendRow> = (0..30)
        .map(|_| SpendRow::new(1, 40.0 * random.gamma(4.0) / 4.0, 1).unwrap())
        .collect();
    let fit = fit_spend(&rows).unwrap();
    assert!(fit.report.held.is_some(), "{:?}", fit.report);
    assert!(fit.report.convergence.is_converged(), "{:?}", fit.report);
    let own = rows.iter().map(|row| row.history().mean_spend());
    let mean = own.sum::<f64>() / 30.0;
    assert_close("mean", fit.model.population_mean().unwrap(), mean, 0.1);
}

#[test]
fn means_that_are_all_equal_are_known_to_a_percent() {
    let rows = [(1, 10.0), (2, 10.0), (3, 10.0), (4, 10.0)]
        .map(|(orders, mean)| SpendRow::new(orders, mean, 50).unwrap());
    let fit = fit_spend(&rows).unwrap();
    assert!(fit.report.convergence.is_converged(), "{:?}", fit.report);
    let held = fit.report.held.as_deref().unwrap();
    assert!(held.contains("known to 1 %"), "{held}");
    assert_close("mean", fit.model.population_mean().unwrap(), 10.0, 2e-3);
}
