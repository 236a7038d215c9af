//! A model version as JSON.

mod contracts;

use serde::Serialize;
use serde_json::{Map, Value, json};

use self::contracts::ContractJson;
use super::contacts::ContactRateJson;
use super::season::SeasonalIndexJson;
use crate::cli::text;
use crate::pb;

/// A model version as JSON: the report of the order model at the top level, that of the spend model under `gamma_gamma`.
#[derive(Debug, Serialize)]
pub struct ModelJson {
    model: &'static str,
    version: i64,
    active: bool,
    until: String,
    create_time: Option<String>,
    currency: Option<String>,
    #[serde(flatten)]
    orders: Option<ReportJson>,
    orders_absent_reason: Option<String>,
    gamma_gamma: Option<ReportJson>,
    gamma_gamma_absent_reason: Option<String>,
    /// The orders that spend was fitted to; absent when the server does not say.
    spend_orders: Option<&'static str>,
    seasonal_index: Option<SeasonalIndexJson>,
    seasonal_index_absent_reason: Option<String>,
    unconvertible_customers: i64,
    first_purchase_on: Option<String>,
    last_purchase_on: Option<String>,
    plausible_silence_days: Option<i32>,
    missing_facts_warning: Option<String>,
    kinds: Option<Vec<KindJson>>,
    kinds_test: Option<TestJson>,
    kinds_gamma_gamma_test: Option<TestJson>,
    covariates: Option<CovariatesJson>,
    checks: Option<ChecksJson>,
    prior: Option<PriorJson>,
    contact_rates: Vec<ContactRateJson>,
    /// Models of renewal; empty without contracts.
    contracts: Vec<ContractJson>,
    /// Why the built-in model speaks for contracts of which no other does.
    contracts_absent_reason: Option<String>,
}

/// The parameters of one kind: the report of its order model at the top level, absent where the pooled one answers.
#[derive(Debug, Serialize)]
struct KindJson {
    kind: &'static str,
    customers: i64,
    orders: Option<ReportJson>,
    orders_pooled_reason: Option<String>,
    gamma_gamma: Option<ReportJson>,
    gamma_gamma_pooled_reason: Option<String>,
}

/// Effects of covariates.
#[derive(Debug, Serialize)]
struct CovariatesJson {
    names: Vec<String>,
    means: Vec<f64>,
    minima: Vec<f64>,
    maxima: Vec<f64>,
    orders: Option<ReportJson>,
    excluded_customer_count: i64,
    test: TestJson,
}

/// A likelihood ratio test, or why there is none.
#[derive(Debug, Serialize)]
struct TestJson {
    statistic: Option<f64>,
    degrees_of_freedom: Option<i32>,
    p_value: Option<f64>,
    absent_reason: Option<String>,
}

/// NBD on the same customers.
#[derive(Debug, Serialize)]
struct BenchmarkJson {
    model: &'static str,
    parameters: Map<String, Value>,
    log_likelihood: f64,
    converged: bool,
    not_converged_reason: Option<String>,
    test: TestJson,
}

#[derive(Debug, Serialize)]
struct ChecksJson {
    spend_dependence: Value,
    regularity: Value,
}

#[derive(Debug, Serialize)]
struct PriorJson {
    medians: Vec<f64>,
    log_standard_deviations: Vec<f64>,
}

/// How a fit went. Parameters and standard errors are objects with the symbols of the literature as keys.
#[derive(Debug, Serialize)]
struct ReportJson {
    parameters: Map<String, Value>,
    standard_errors: Option<Map<String, Value>>,
    log_likelihood: f64,
    customers: i64,
    distinct_rows: i64,
    iterations: i32,
    converged: bool,
    not_converged_reason: Option<String>,
    weak_prior_reason: Option<String>,
    gradient_norm: f64,
    seconds: f64,
    evaluations: i32,
    aic: f64,
    bic: f64,
    condition_number: Option<f64>,
    covariance: Option<Vec<Vec<f64>>>,
    log_covariance: Option<Vec<Vec<f64>>>,
    benchmark: Option<BenchmarkJson>,
    stages: Option<i32>,
    stage_log_likelihoods: Option<Map<String, Value>>,
}

impl From<&pb::Model> for ModelJson {
    fn from(model: &pb::Model) -> Self {
        let by_kind = model.by_kind.as_ref();
        Self {
            model: model_name(model.kind()),
            version: model.version,
            active: model.active,
            until: model.until.clone(),
            create_time: text::time_text(model.create_time.as_ref()),
            currency: filled(&model.currency),
            orders: model.orders.as_ref().map(ReportJson::from),
            orders_absent_reason: filled(&model.orders_absent_reason),
            gamma_gamma: model.spend.as_ref().map(ReportJson::from),
            gamma_gamma_absent_reason: filled(&model.spend_absent_reason),
            spend_orders: spend_orders_name(model.spend_orders()),
            seasonal_index: model.seasonal_index.as_ref().map(SeasonalIndexJson::from),
            seasonal_index_absent_reason: filled(&model.seasonal_index_absent_reason),
            unconvertible_customers: model.unconvertible_customers,
            first_purchase_on: filled(&model.first_purchase_on),
            last_purchase_on: filled(&model.last_purchase_on),
            plausible_silence_days: Some(model.plausible_silence_days).filter(|&days| days > 0),
            missing_facts_warning: filled(&model.missing_facts_warning),
            kinds: by_kind.map(|fit| fit.kinds.iter().map(KindJson::from).collect()),
            kinds_test: by_kind
                .map(|fit| TestJson::new(fit.orders_test.as_ref(), &fit.orders_test_absent_reason)),
            kinds_gamma_gamma_test: by_kind
                .map(|fit| TestJson::new(fit.spend_test.as_ref(), &fit.spend_test_absent_reason)),
            covariates: model.covariates.as_ref().map(CovariatesJson::from),
            checks: model.checks.as_ref().map(ChecksJson::from),
            prior: model.prior.as_ref().map(|prior| PriorJson {
                medians: prior.medians.clone(),
                log_standard_deviations: prior.log_standard_deviations.clone(),
            }),
            contact_rates: model
                .contact_rates
                .iter()
                .map(ContactRateJson::from)
                .collect(),
            contracts: model.contracts.iter().map(ContractJson::from).collect(),
            contracts_absent_reason: filled(&model.contracts_absent_reason),
        }
    }
}

impl From<&pb::KindParameters> for KindJson {
    fn from(one: &pb::KindParameters) -> Self {
        Self {
            kind: text::kind_name(one.kind),
            customers: one.customers,
            orders: one.orders.as_ref().map(ReportJson::from),
            orders_pooled_reason: filled(&one.orders_pooled_reason),
            gamma_gamma: one.spend.as_ref().map(ReportJson::from),
            gamma_gamma_pooled_reason: filled(&one.spend_pooled_reason),
        }
    }
}

impl From<&pb::CovariateReport> for CovariatesJson {
    fn from(fit: &pb::CovariateReport) -> Self {
        Self {
            names: fit.names.clone(),
            means: fit.means.clone(),
            minima: fit.minima.clone(),
            maxima: fit.maxima.clone(),
            orders: fit.orders.as_ref().map(ReportJson::from),
            excluded_customer_count: fit.excluded_customer_count,
            test: TestJson::new(fit.test.as_ref(), &fit.test_absent_reason),
        }
    }
}

impl TestJson {
    fn new(test: Option<&pb::LikelihoodRatio>, absent_reason: &str) -> Self {
        Self {
            statistic: test.map(|test| test.statistic),
            degrees_of_freedom: test.map(|test| test.degrees_of_freedom),
            p_value: test.map(|test| test.p_value),
            absent_reason: filled(absent_reason),
        }
    }
}

impl From<&pb::Benchmark> for BenchmarkJson {
    fn from(benchmark: &pb::Benchmark) -> Self {
        Self {
            model: "nbd",
            parameters: estimates(&benchmark.parameters),
            log_likelihood: benchmark.log_likelihood,
            converged: benchmark.converged,
            not_converged_reason: filled(&benchmark.not_converged_reason),
            test: TestJson::new(benchmark.test.as_ref(), &benchmark.test_absent_reason),
        }
    }
}

impl From<&pb::AssumptionChecks> for ChecksJson {
    fn from(checks: &pb::AssumptionChecks) -> Self {
        let verdict = |name: &str, prefix: &str| name.trim_start_matches(prefix).to_owned();
        let dependence = checks.spend_dependence.as_ref();
        let regularity = checks.regularity.as_ref();
        Self {
            spend_dependence: dependence.map_or_else(
                || json!({"absent_reason": checks.spend_dependence_absent_reason}),
                |found| {
                    json!({
                        "correlation": found.correlation,
                        "bias": found.bias,
                        "standard_error": found.standard_error,
                        "customers": found.customers,
                        "verdict": verdict(found.verdict().as_str_name(), "SPEND_DEPENDENCE_VERDICT_"),
                        "explanation": found.explanation,
                    })
                },
            ),
            regularity: regularity.map_or_else(
                || json!({"absent_reason": checks.regularity_absent_reason}),
                |found| {
                    json!({
                        "shape": found.shape,
                        "standard_error": found.standard_error,
                        "customers": found.customers,
                        "customers_eligible": found.customers_eligible,
                        "verdict": verdict(found.verdict().as_str_name(), "REGULARITY_VERDICT_"),
                        "explanation": found.explanation,
                    })
                },
            ),
        }
    }
}

fn estimates(parameters: &[pb::Parameter]) -> Map<String, Value> {
    let parameters = parameters.iter();
    parameters
        .map(|one| (one.name.clone(), json!(one.value)))
        .collect()
}

/// A square matrix that was sent row by row; `None` for an empty one.
fn matrix(cells: &[f64], size: usize) -> Option<Vec<Vec<f64>>> {
    (size > 0 && cells.len() == size * size)
        .then(|| cells.chunks(size).map(<[f64]>::to_vec).collect())
}

impl From<&pb::FitReport> for ReportJson {
    fn from(report: &pb::FitReport) -> Self {
        let parameters = report.parameters.iter();
        let errors: Option<Map<String, Value>> = parameters
            .clone()
            .map(|one| Some((one.name.clone(), json!(one.standard_error?))))
            .collect();
        let size = parameters.len();
        Self {
            parameters: estimates(&report.parameters),
            standard_errors: errors,
            log_likelihood: report.log_likelihood,
            customers: report.customers,
            distinct_rows: report.distinct_rows,
            iterations: report.iterations,
            converged: report.converged,
            not_converged_reason: filled(&report.not_converged_reason),
            weak_prior_reason: filled(&report.weak_prior_reason),
            gradient_norm: report.gradient_norm,
            seconds: seconds(report),
            evaluations: report.evaluations,
            aic: report.aic,
            bic: report.bic,
            condition_number: report.condition_number,
            covariance: matrix(&report.covariance, size),
            log_covariance: matrix(&report.log_covariance, size),
            benchmark: report.benchmark.as_ref().map(BenchmarkJson::from),
            stages: (report.stages > 0).then_some(report.stages),
            stage_log_likelihoods: stage_log_likelihoods(report),
        }
    }
}

/// The order model as `--model` names it.
pub(super) fn model_name(kind: pb::OrderModelKind) -> &'static str {
    match kind {
        pb::OrderModelKind::BgNbd => "bg-nbd",
        pb::OrderModelKind::MbgNbd | pb::OrderModelKind::Unspecified => "mbg-nbd",
        pb::OrderModelKind::ParetoNbd => "pareto-nbd",
        pb::OrderModelKind::MbgCnbdK => "mbg-cnbd-k",
    }
}

/// The order model as the literature names it.
pub(super) fn model_title(kind: pb::OrderModelKind) -> &'static str {
    match kind {
        pb::OrderModelKind::BgNbd => "BG/NBD",
        pb::OrderModelKind::MbgNbd | pb::OrderModelKind::Unspecified => "MBG/NBD",
        pb::OrderModelKind::ParetoNbd => "Pareto/NBD",
        pb::OrderModelKind::MbgCnbdK => "MBG/CNBD-k",
    }
}

/// The orders that spend was fitted to, as `--spend-orders` names them; `None` when they are not stated.
pub(super) fn spend_orders_name(orders: pb::SpendOrders) -> Option<&'static str> {
    match orders {
        pb::SpendOrders::Unspecified => None,
        pb::SpendOrders::All => Some("all"),
        pb::SpendOrders::Repeat => Some("repeat"),
        pb::SpendOrders::RepeatMeans => Some("repeat-means"),
    }
}

/// The same in a heading.
pub(super) fn spend_orders_title(orders: pb::SpendOrders) -> &'static str {
    match orders {
        pb::SpendOrders::Unspecified => "Gamma-Gamma",
        pb::SpendOrders::All => "Gamma-Gamma, every order",
        pb::SpendOrders::Repeat => "Gamma-Gamma, every order except the first",
        pb::SpendOrders::RepeatMeans => "Gamma-Gamma, means of repeat orders",
    }
}

/// Log-likelihoods by the number of stages; `None` of models without stages, and where the number was given.
fn stage_log_likelihoods(report: &pb::FitReport) -> Option<Map<String, Value>> {
    let tried = report.stage_likelihoods.iter();
    let tried = tried.map(|one| (one.stages.to_string(), json!(one.log_likelihood)));
    (!report.stage_likelihoods.is_empty()).then(|| tried.collect())
}

fn filled(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

/// Time that a fit took.
pub(super) fn seconds(report: &pb::FitReport) -> f64 {
    let Some(duration) = &report.fit_duration else {
        return 0.0;
    };
    std::time::Duration::try_from(*duration).map_or(0.0, |duration| duration.as_secs_f64())
}

#[cfg(test)]
pub(super) mod tests;
