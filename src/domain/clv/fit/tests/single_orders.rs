//! Spend fitted to single orders: recovery, the likelihood itself, and data that say less than three parameters.

use super::recovery::check_recovery;
use crate::domain::clv::fit::fit_spend;
use crate::domain::clv::fit::rows::SpendRow;
use crate::domain::clv::gamma_gamma::{GammaGamma, SpendHistory};
use crate::domain::clv::random::Random;
use crate::domain::clv::reference::assert_close;
use crate::domain::clv::spend_orders::{AmountsPaid, SpendOrders};

/// What these customers paid, each from a rate of its own.
fn simulated([p, q, v]: [f64; 3], customers: u32, most_orders: u32) -> Vec<Vec<f64>> {
    let mut random = Random::new(11);
    (0..customers)
        .map(|at| {
            let rate = random.gamma(q) / v;
            let orders = 0..1 + at % most_orders;
            orders.map(|_| random.gamma(p) / rate).collect()
        })
        .collect()
}

fn paid(amounts: &[f64]) -> AmountsPaid {
    let (first, repeats) = amounts.split_first().unwrap();
    let mut paid = AmountsPaid::first(*first);
    for amount in repeats {
        paid.push(*amount);
    }
    paid
}

fn rows(customers: &[Vec<f64>], orders: SpendOrders) -> Vec<SpendRow> {
    customers
        .iter()
        .filter_map(|amounts| paid(amounts).row(orders))
        .collect()
}

#[test]
fn parameters_of_simulated_orders_are_recovered_with_the_first_and_without() {
    let truth = [4.0, 3.5, 20.0];
    let customers = simulated(truth, 5_000, 6);
    for orders in SpendOrders::ALL {
        let report = fit_spend(&rows(&customers, orders)).unwrap().report;
        check_recovery(&report, &truth);
    }
}

#[test]
fn single_orders_tell_more_than_their_means() {
    let customers = simulated([4.0, 3.5, 20.0], 5_000, 6);
    let error_of_p = |orders| {
        let report = fit_spend(&rows(&customers, orders)).unwrap().report;
        report.standard_errors().unwrap()[0]
    };
    let means = error_of_p(SpendOrders::RepeatMeans);
    assert!(error_of_p(SpendOrders::Repeat) < 0.7 * means, "{means}");
}

#[test]
fn the_reported_log_likelihood_is_that_of_every_customer() {
    let customers = simulated([4.0, 3.5, 20.0], 300, 4);
    let fit = fit_spend(&rows(&customers, SpendOrders::All)).unwrap();
    let each = customers.iter().map(|amounts| {
        let orders = u32::try_from(amounts.len()).unwrap();
        let history = SpendHistory::from_orders(orders, amounts.iter().sum()).unwrap();
        let log_sum = amounts.iter().map(|amount| amount.ln()).sum();
        fit.model.log_likelihood_of_orders(&history, log_sum)
    });
    let sum: f64 = each.sum();
    // Logarithms are kept to a billionth.
    assert_close("log-likelihood", fit.report.log_likelihood, sum, 1e-10);
    // And a maximum of it: no parameter a little off does better.
    let estimates = fit.model.parameters();
    for at in 0..3 {
        for factor in [0.99, 1.01] {
            let mut other = estimates;
            other[at] *= factor;
            let [p, q, v] = other;
            let other = GammaGamma::new(p, q, v).unwrap();
            let value: f64 = customers
                .iter()
                .map(|amounts| {
                    let orders = u32::try_from(amounts.len()).unwrap();
                    let history = SpendHistory::from_orders(orders, amounts.iter().sum()).unwrap();
                    let log_sum = amounts.iter().map(|amount| amount.ln()).sum();
                    other.log_likelihood_of_orders(&history, log_sum)
                })
                .sum();
            assert!(value < sum, "parameter {at} times {factor}: {value} {sum}");
        }
    }
}

#[test]
fn the_density_of_orders_is_that_of_gamma_distributed_amounts_with_a_gamma_distributed_rate() {
    let [p, q, v] = [2.5, 3.0, 12.0];
    let model = GammaGamma::new(p, q, v).unwrap();
    let amounts = [3.0, 7.5, 20.0];
    // Simpson's rule over the rate.
    let ln_gamma = crate::domain::clv::special_functions::ln_gamma;
    let density = |shape: f64, rate: f64, x: f64| {
        (shape * rate.ln() - ln_gamma(shape) + (shape - 1.0) * x.ln() - rate * x).exp()
    };
    let integrand = |rate: f64| {
        let orders: f64 = amounts.iter().map(|x| density(p, rate, *x)).product();
        orders * density(q, v, rate)
    };
    let steps = 20_000;
    let width = 8.0 / f64::from(steps);
    let sum: f64 = (1..steps)
        .map(|at| f64::from(2 + 2 * (at % 2)) * integrand(f64::from(at) * width))
        .sum();
    let history = SpendHistory::from_orders(3, amounts.iter().sum()).unwrap();
    let log_sum = amounts.iter().map(|x| x.ln()).sum();
    let found = model.log_likelihood_of_orders(&history, log_sum);
    assert_close("density", found.exp(), sum * width / 3.0, 1e-10);
    // One order is its own mean.
    let one = SpendHistory::from_orders(1, 7.5).unwrap();
    let single = model.log_likelihood_of_orders(&one, 7.5_f64.ln());
    assert_close("one order", single, model.log_likelihood(&one), 1e-13);
}

#[test]
fn one_price_is_known_and_what_it_takes_is_named() {
    for (prices, mean) in [([9.9, 9.9], 9.9), ([10.0, 10.01], 10.005)] {
        for customers in [20_u32, 3_000] {
            let bought: Vec<Vec<f64>> = (0..customers)
                .map(|at| (0..=at % 5).map(|n| prices[(n % 2) as usize]).collect())
                .collect();
            let fit = fit_spend(&rows(&bought, SpendOrders::All)).unwrap();
            let report = &fit.report;
            assert!(report.convergence.is_converged(), "{report:?}");
            assert!(report.covariance.is_some(), "{report:?}");
            let held = report.held.as_deref().unwrap();
            assert!(held.contains("priors"), "{held}");
            assert_close("mean", fit.model.population_mean().unwrap(), mean, 2e-3);
            let own = paid(&[prices[0]]).history(SpendOrders::All).unwrap();
            let expected = fit.model.expected_spend(Some(&own)).unwrap();
            assert_close("of one order", expected, mean, 2e-3);
        }
    }
}

#[test]
fn a_handful_of_buyers_is_held_by_priors() {
    let bought = [vec![20.0], vec![35.0]];
    let fit = fit_spend(&rows(&bought, SpendOrders::All)).unwrap();
    assert!(fit.report.convergence.is_converged(), "{:?}", fit.report);
    assert!(fit.report.held.is_some());
    assert_eq!(fit.report.distinct_rows, 2);
    let mean = fit.model.population_mean().unwrap();
    assert!((15.0..45.0).contains(&mean), "{mean}");
}
