//! Fits against independent maxima of the likelihood, against the truth of simulations, and on hopeless data.

use serde::Deserialize;

use super::report::{Convergence, FitReport};
use super::rows::{CollapsedRow, SpendRow, collapse};
use super::{FitError, fit_orders, fit_spend};
use crate::domain::value::model::ModelKind;
use crate::domain::value::random::Random;
use crate::domain::value::reference::{assert_close, rows, shared_data};

const PARAMETERS: f64 = 1e-4;
const STANDARD_ERRORS: f64 = 1e-3;
/// Absolute.
const LOG_LIKELIHOOD: f64 = 1e-5;

#[derive(Deserialize)]
struct SampleOrders {
    frequency: u32,
    recency_days: u32,
    age_days: u32,
    customers: u64,
}

fn sample_orders() -> Vec<CollapsedRow> {
    rows::<SampleOrders>(include_str!(
        "../../../../tests/reference/cdnow_sample_orders.csv"
    ))
    .into_iter()
    .map(|row| {
        CollapsedRow::new(row.frequency, row.recency_days, row.age_days, row.customers).unwrap()
    })
    .collect()
}

#[derive(Deserialize)]
struct CoarseSpend {
    frequency: u32,
    mean_spend: f64,
    customers: u64,
}

fn coarse_spend() -> Vec<SpendRow> {
    rows::<CoarseSpend>(include_str!(
        "../../../../tests/reference/cdnow_coarse_spend.csv"
    ))
    .into_iter()
    .map(|row| SpendRow::new(row.frequency, row.mean_spend, row.customers).unwrap())
    .collect()
}

#[derive(Deserialize)]
struct Maximum {
    #[serde(default)]
    dataset: String,
    model: String,
    parameter: String,
    value: f64,
    standard_error: f64,
    log_likelihood: f64,
}

const SAMPLE: &str =
    include_str!("../../../../tests/reference/cdnow_sample_maximum_likelihood.csv");
const WHOLE: &str = include_str!("../../../../tests/reference/maximum_likelihood.csv");

#[track_caller]
fn check_maximum(table: &str, dataset: &str, model: &str, report: &FitReport) {
    assert_eq!(
        report.convergence,
        Convergence::Converged,
        "{model}: {report:?}"
    );
    let maxima: Vec<Maximum> = rows::<Maximum>(table)
        .into_iter()
        .filter(|row| row.dataset == dataset && row.model == model)
        .collect();
    assert_eq!(maxima.len(), report.estimates.len());
    let standard_errors = report.standard_errors().unwrap();
    for (i, truth) in maxima.iter().enumerate() {
        assert_eq!(report.parameter_names[i], truth.parameter);
        assert_close(
            &truth.parameter,
            report.estimates[i],
            truth.value,
            PARAMETERS,
        );
        assert_close(
            &truth.parameter,
            standard_errors[i],
            truth.standard_error,
            STANDARD_ERRORS,
        );
        let gap = report.log_likelihood - truth.log_likelihood;
        assert!(
            gap.abs() < LOG_LIKELIHOOD,
            "{model}: log-likelihood off by {gap}"
        );
    }
    println!(
        "{dataset} {model}: {:?} log-likelihood {} gradient {:.1e} condition {:.1e}, {} iterations, {} evaluations, {} rows",
        report.estimates,
        report.log_likelihood,
        report.gradient_norm,
        report.condition_number,
        report.iterations,
        report.evaluations,
        report.distinct_rows
    );
}

fn report_of(kind: ModelKind, rows: &[CollapsedRow]) -> FitReport {
    let fit = fit_orders(kind, rows).unwrap();
    assert_eq!(fit.model.parameters().to_vec(), fit.report.estimates);
    fit.report
}

#[test]
fn every_model_finds_the_independent_maximum_of_a_sample_of_cdnow() {
    check_maximum(
        SAMPLE,
        "",
        "bgnbd",
        &report_of(ModelKind::BgNbd, &sample_orders()),
    );
    check_maximum(
        SAMPLE,
        "",
        "mbgnbd",
        &report_of(ModelKind::MbgNbd, &sample_orders()),
    );
    check_maximum(
        SAMPLE,
        "",
        "gg",
        &fit_spend(&coarse_spend()).unwrap().report,
    );
}

#[test]
fn every_model_finds_the_published_maximum_of_whole_cdnow() {
    let Some(table) = shared_data("cdnow_btyd_cbs.csv") else {
        return;
    };
    // Weeks are days / 7, printed with ten digits.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "small whole days"
    )]
    let days = |weeks: f64| (weeks * 7.0).round() as u32;
    let orders = rows::<(u32, u32, f64, f64, u32, f64)>(&table)
        .into_iter()
        .map(|(_, x, recency, age, ..)| CollapsedRow::new(x, days(recency), days(age), 1).unwrap());
    let orders = collapse(orders);
    assert_eq!(orders.len(), 1_016);
    let dataset = "cdnow_btyd_unrounded";
    check_maximum(
        WHOLE,
        dataset,
        "bgnbd",
        &report_of(ModelKind::BgNbd, &orders),
    );
    check_maximum(
        WHOLE,
        dataset,
        "mbgnbd",
        &report_of(ModelKind::MbgNbd, &orders),
    );
    let summary = shared_data("cdnow_customers_summary_with_transactions.csv").unwrap();
    let spend: Vec<SpendRow> = rows::<(u32, u32, f64, f64, f64)>(&summary)
        .into_iter()
        .filter_map(|(_, x, _, _, mean)| SpendRow::new(x, mean, 1).ok())
        .collect();
    check_maximum(WHOLE, "cdnow", "gg", &fit_spend(&spend).unwrap().report);
}

#[derive(Deserialize)]
struct Covariance {
    dataset: String,
    model: String,
    cov: f64,
}

#[test]
fn the_whole_covariance_matches_off_the_diagonal_too() {
    let Some(table) = shared_data("cdnow_btyd_cbs.csv") else {
        return;
    };
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "small whole days"
    )]
    let days = |weeks: f64| (weeks * 7.0).round() as u32;
    let orders = rows::<(u32, u32, f64, f64, u32, f64)>(&table)
        .into_iter()
        .map(|(_, x, recency, age, ..)| CollapsedRow::new(x, days(recency), days(age), 1).unwrap());
    let orders = collapse(orders);
    for (kind, name) in [(ModelKind::BgNbd, "bgnbd"), (ModelKind::MbgNbd, "mbgnbd")] {
        let truth: Vec<f64> = rows::<Covariance>(include_str!(
            "../../../../tests/reference/maximum_likelihood_covariance.csv"
        ))
        .into_iter()
        .filter(|row| row.dataset == "cdnow_btyd_unrounded" && row.model == name)
        .map(|row| row.cov)
        .collect();
        let covariance = report_of(kind, &orders).covariance.unwrap().concat();
        assert_eq!(covariance.len(), truth.len());
        for (cell, truth) in covariance.iter().zip(truth) {
            assert_close("covariance", *cell, truth, 1e-3);
        }
    }
}

/// Customers who buy as (M)BG/NBD says, observed for 40 to 80 weeks.
fn simulated_orders(
    kind: ModelKind,
    [r, alpha, a, b]: [f64; 4],
    customers: u32,
    seed: u64,
) -> Vec<CollapsedRow> {
    let mut random = Random::new(seed);
    let row = |_| {
        let age_days = 280 + u32::try_from(random.bits() % 281).unwrap();
        let (rate, dropout) = (random.gamma(r) / alpha / 7.0, random.beta(a, b));
        let mut alive = kind == ModelKind::BgNbd || random.uniform() > dropout;
        let (mut frequency, mut last, mut now) = (0, 0.0, 0.0);
        while alive {
            now += random.exponential() / rate;
            if now > f64::from(age_days) {
                break;
            }
            frequency += 1;
            last = now;
            alive = random.uniform() > dropout;
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "small whole days"
        )]
        let recency_days = last.ceil() as u32;
        CollapsedRow::new(frequency, recency_days, age_days, 1).unwrap()
    };
    collapse((0..customers).map(row).collect::<Vec<_>>())
}

#[track_caller]
fn check_recovery(report: &FitReport, truth: &[f64]) {
    assert!(report.convergence.is_converged(), "{report:?}");
    let standard_errors = report.standard_errors().unwrap();
    for (i, truth) in truth.iter().enumerate() {
        let distance = (report.estimates[i] - truth).abs() / standard_errors[i];
        let name = &report.parameter_names[i];
        assert!(
            distance < 3.5,
            "{name}: {} is {distance:.1} standard errors from {truth}",
            report.estimates[i]
        );
        // A recovery only counts if the data determine the parameter.
        assert!(
            standard_errors[i] < 0.4 * truth,
            "{name}: standard error {}",
            standard_errors[i]
        );
    }
}

#[test]
fn parameters_of_simulated_customers_are_recovered() {
    for kind in [ModelKind::BgNbd, ModelKind::MbgNbd] {
        let truth = [0.8, 9.0, 0.9, 2.5];
        check_recovery(
            &report_of(kind, &simulated_orders(kind, truth, 20_000, 1)),
            &truth,
        );
    }
}

#[test]
fn spend_parameters_of_simulated_customers_are_recovered() {
    let [p, q, v] = [4.0, 3.5, 20.0];
    let mut random = Random::new(2);
    let spend: Vec<SpendRow> = (0..5_000_u32)
        .map(|i| {
            let x = 1 + i % 6;
            let rate = random.gamma(q) / v;
            let total: f64 = (0..x).map(|_| random.gamma(p) / rate).sum();
            SpendRow::new(x, total / f64::from(x), 1).unwrap()
        })
        .collect();
    check_recovery(&fit_spend(&spend).unwrap().report, &[p, q, v]);
}

#[test]
fn the_same_rows_in_any_order_give_the_same_bits() {
    let mut reversed = sample_orders();
    reversed.reverse();
    let forwards = fit_orders(ModelKind::MbgNbd, &sample_orders()).unwrap();
    assert_eq!(forwards, fit_orders(ModelKind::MbgNbd, &reversed).unwrap());
}

#[test]
fn data_without_customers_or_repeat_orders_are_refused_with_the_reason() {
    let row = |x, t, age, n| CollapsedRow::new(x, t, age, n).unwrap();
    for kind in ModelKind::ALL {
        assert_eq!(fit_orders(kind, &[]), Err(FitError::NoCustomers));
        assert_eq!(
            fit_orders(kind, &[row(1, 7, 9, 0)]),
            Err(FitError::NoCustomers)
        );
        let once = [row(0, 0, 9, 5), row(0, 0, 0, 2)];
        assert_eq!(
            fit_orders(kind, &once),
            Err(FitError::NoRepeatOrders { customers: 7 })
        );
    }
    assert_eq!(fit_spend(&[]), Err(FitError::NoRepeatSpend));
}

#[test]
fn data_that_determine_nothing_are_never_called_converged() {
    let row = |x, t, age, n| CollapsedRow::new(x, t, age, n).unwrap();
    let hopeless: [&[CollapsedRow]; 5] = [
        &[row(1, 7, 7, 1)],
        &[row(3, 30, 60, 1000)],
        &[row(0, 0, 70, 10), row(1, 7, 70, 1)],
        // Everyone orders every week and nobody leaves.
        &[
            row(10, 70, 70, 5),
            row(9, 63, 63, 5),
            row(8, 56, 56, 5),
            row(7, 49, 49, 5),
            row(6, 42, 42, 5),
        ],
        &[
            row(u32::MAX, 4_000_000, 4_000_000, 1),
            row(0, 0, 4_000_000, 1),
            row(1, 1, 1, u64::from(u32::MAX)),
            row(2, 2, 3, 1),
        ],
    ];
    for rows in hopeless {
        for kind in ModelKind::ALL {
            match fit_orders(kind, rows) {
                Ok(fit) => {
                    assert!(!fit.report.convergence.is_converged(), "{:?}", fit.report);
                    assert!(fit.report.estimates.iter().all(|x| x.is_finite()));
                    assert!(fit.report.log_likelihood.is_finite());
                }
                Err(error) => assert_eq!(error, FitError::NoFiniteLikelihood),
            }
        }
    }
    let same = [SpendRow::new(2, 10.0, 50).unwrap()];
    assert!(!fit_spend(&same).unwrap().report.convergence.is_converged());
}
