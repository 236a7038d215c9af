//! Fits against independent maxima of the likelihood.

mod hopeless;
mod recovery;

use serde::Deserialize;

use super::report::{Convergence, FitReport};
use super::rows::{CollapsedRow, SpendRow, collapse};
use super::{fit_orders, fit_spend};
use crate::domain::value::model::ModelKind;
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
        "pnbd",
        &report_of(ModelKind::ParetoNbd, &sample_orders()),
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
    check_maximum(
        WHOLE,
        dataset,
        "pnbd",
        &report_of(ModelKind::ParetoNbd, &orders),
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
    for (kind, name) in [
        (ModelKind::BgNbd, "bgnbd"),
        (ModelKind::MbgNbd, "mbgnbd"),
        (ModelKind::ParetoNbd, "pnbd"),
    ] {
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

#[test]
fn the_same_rows_in_any_order_give_the_same_bits() {
    let mut reversed = sample_orders();
    reversed.reverse();
    let forwards = fit_orders(ModelKind::MbgNbd, &sample_orders()).unwrap();
    assert_eq!(forwards, fit_orders(ModelKind::MbgNbd, &reversed).unwrap());
}
