//! The grocery customers of `BTYDplus`, who order more regularly than by chance, split at the end of their first year.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::domain::clv::fit::fit_orders;
use crate::domain::clv::fit::stages::choose_stages;
use crate::domain::clv::model::ModelKind;
use crate::domain::clv::reference::{rows, shared_data};
use crate::domain::clv::stages::Stages;

fn population(log: &str) -> Population {
    let window = Window::new(day("2006-12-31"), day("2007-12-30")).unwrap();
    let mut customers: BTreeMap<u32, BTreeSet<Day>> = BTreeMap::new();
    for (id, date) in rows::<(u32, String)>(log) {
        customers.entry(id).or_default().insert(day(&date));
    }
    let mut population = Population::new(window);
    for days in customers.values() {
        let purchases: Vec<PurchaseDay> = days.iter().map(|day| purchase(*day, 100)).collect();
        add(&mut population, CustomerKind::Person, &purchases);
    }
    population.sort();
    population
}

#[test]
fn regular_buyers_are_forecast_better_with_two_stages() {
    let Some(log) = shared_data("grocery_elog.csv") else {
        return;
    };
    let population = population(&log);
    let rows = population.order_rows(None);
    let choice = choose_stages(&rows, None).unwrap();
    println!("{choice:?}");
    assert_eq!(choice.stages, Stages::TWO);
    let [random, regular] = [ModelKind::MbgNbd, ModelKind::MbgCnbd(Stages::TWO)].map(|kind| {
        let fit = fit_orders(kind, &rows).unwrap();
        assert!(fit.report.convergence.is_converged(), "{:?}", fit.report);
        let found = evaluate(&population, &models(fit.model), 1);
        let orders = found.groups[0].orders.accuracy[0];
        println!("{:?} {:?} {orders:?}", fit.model, fit.report.log_likelihood);
        (fit.report.log_likelihood, orders)
    });
    // The maxima are those of BTYDplus.
    assert_near("MBG/NBD", random.0, -15_781.9, 0.05);
    assert_near("MBG/CNBD-2", regular.0, -14_978.2, 0.05);
    assert_near("gain", choice.gain(), regular.0 - random.0, 1e-3);
    let off = |accuracy: &Accuracy| accuracy.expected_total / accuracy.actual_total - 1.0;
    assert_near("MBG/NBD", off(&random.1), 0.188, 0.001);
    assert_near("MBG/NBD", random.1.mean_absolute_error, 1.513, 0.001);
    assert_near("MBG/CNBD-2", off(&regular.1), 0.1247, 0.0001);
    assert_near("MBG/CNBD-2", regular.1.mean_absolute_error, 1.3998, 0.0001);
}
