//! Fits against independent maxima of the likelihood.

mod bounded;
mod flat;
mod hopeless;
mod recovery;
mod single_orders;
mod small;
mod uncentred;

use serde::Deserialize;

use super::benchmark::fit_benchmark;
use super::report::{Convergence, FitReport};
use super::rows::{CollapsedRow, SpendRow, collapse};
use super::{fit_orders, fit_spend};
use crate::domain::clv::model::ModelKind;
use crate::domain::clv::reference::{assert_close, rows, shared_data};

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
    sample_orders_times(1)
}

/// Each customer of the sample so many times: the likelihood is that power of the sample's, so the maximum is where it was, the
/// log-likelihood so many times as large, and the covariance smaller by as much.
fn sample_orders_times(times: u64) -> Vec<CollapsedRow> {
    rows::<SampleOrders>(include_str!(
        "../../../../tests/reference/cdnow_sample_orders.csv"
    ))
    .into_iter()
    .map(|row| {
        let customers = row.customers * times;
        CollapsedRow::new(row.frequency, row.recency_days, row.age_days, customers).unwrap()
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

/// The report of a fit to the customers of a table, each taken `times`.
#[track_caller]
fn check_maximum(table: &str, dataset: &str, model: &str, times: f64, report: &FitReport) {
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
            truth.standard_error / times.sqrt(),
            STANDARD_ERRORS,
        );
        let gap = report.log_likelihood - times * truth.log_likelihood;
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

/// So often that 60 customers determine four parameters.
const TIMES: u64 = 20;

#[test]
fn every_model_finds_the_independent_maximum_of_a_sample_of_cdnow() {
    let orders = sample_orders_times(TIMES);
    for (kind, name) in KINDS {
        check_maximum(SAMPLE, "", name, 20.0, &report_of(kind, &orders));
    }
    let benchmark = fit_benchmark(&orders).unwrap().report;
    check_maximum(SAMPLE, "", "nbd", 20.0, &benchmark);
    let spend = fit_spend(&coarse_spend()).unwrap().report;
    check_maximum(SAMPLE, "", "gg", 1.0, &spend);
    assert_eq!(spend.held, None);
}

#[test]
fn sixty_customers_hardly_determine_who_leaves() {
    for (kind, name) in KINDS {
        let report = report_of(kind, &sample_orders());
        // In 40-digit arithmetic, BG/NBD gains 0.619 over equal probabilities to leave, MBG/NBD 0.417. The maximum of Pareto/NBD knows
        // drop-out to no more than a factor of fifty: weak priors hold it.
        let is_held = kind == ModelKind::ParetoNbd;
        assert_eq!(report.held.is_some(), is_held, "{report:?}");
        let covariance = report.log_covariance.as_ref().unwrap();
        if is_held {
            continue;
        }
        // A parameter that is known to less than a factor of e says little.
        assert!(covariance[2][2] > 1.0, "{report:?}");
        let maxima = rows::<Maximum>(SAMPLE).into_iter();
        for (truth, found) in maxima
            .filter(|row| row.model == name)
            .zip(&report.estimates)
        {
            assert_close(&truth.parameter, *found, truth.value, PARAMETERS);
        }
    }
}

const KINDS: [(ModelKind, &str); 3] = [
    (ModelKind::BgNbd, "bgnbd"),
    (ModelKind::MbgNbd, "mbgnbd"),
    (ModelKind::ParetoNbd, "pnbd"),
];

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
    for (kind, name) in KINDS {
        check_maximum(WHOLE, dataset, name, 1.0, &report_of(kind, &orders));
    }
    let summary = shared_data("cdnow_customers_summary_with_transactions.csv").unwrap();
    let spend: Vec<SpendRow> = rows::<(u32, u32, f64, f64, f64)>(&summary)
        .into_iter()
        .filter_map(|(_, x, _, _, mean)| SpendRow::new(x, mean, 1).ok())
        .collect();
    let report = fit_spend(&spend).unwrap().report;
    check_maximum(WHOLE, "cdnow", "gg", 1.0, &report);
}

#[derive(Deserialize)]
struct Covariance {
    model: String,
    cov: f64,
}

#[test]
fn the_whole_covariance_matches_off_the_diagonal_too() {
    let orders = sample_orders_times(TIMES);
    let table = include_str!("../../../../tests/reference/cdnow_sample_covariance.csv");
    let check = |name: &str, report: FitReport| {
        let truth: Vec<f64> = rows::<Covariance>(table)
            .into_iter()
            .filter(|row| row.model == name)
            .map(|row| row.cov / 20.0)
            .collect();
        let errors = report.standard_errors().unwrap();
        let covariance = report.covariance.unwrap();
        assert_eq!(covariance.len().pow(2), truth.len());
        for (at, truth) in truth.into_iter().enumerate() {
            let (i, j) = (at / errors.len(), at % errors.len());
            // As a correlation: next to 0, no relative tolerance would mean anything.
            let off = (covariance[i][j] - truth) / (errors[i] * errors[j]);
            assert!(off.abs() < 5e-4, "{name}, cell {i} {j}: off by {off}");
        }
    };
    for (kind, name) in KINDS {
        check(name, report_of(kind, &orders));
    }
    check("nbd", fit_benchmark(&orders).unwrap().report);
}

#[test]
fn the_same_rows_in_any_order_give_the_same_bits() {
    let mut reversed = sample_orders();
    reversed.reverse();
    let forwards = fit_orders(ModelKind::MbgNbd, &sample_orders()).unwrap();
    assert_eq!(forwards, fit_orders(ModelKind::MbgNbd, &reversed).unwrap());
}
