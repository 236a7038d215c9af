//! A model version as JSON and as a page.

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::cli::text::{self, Align};
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
    gamma_gamma: Option<ReportJson>,
    gamma_gamma_absent_reason: Option<String>,
    /// Models of renewal; empty without contracts.
    contracts: Vec<ContractJson>,
}

/// How the fit of a contract model went.
#[derive(Debug, Serialize)]
struct ContractJson {
    /// `None`: all contracts, whatever their period.
    period_months: Option<i32>,
    contracts: i64,
    #[serde(flatten)]
    report: Option<ReportJson>,
    absent_reason: Option<String>,
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
    gradient_norm: f64,
    seconds: f64,
}

impl From<&pb::Model> for ModelJson {
    fn from(model: &pb::Model) -> Self {
        Self {
            model: model_name(model.kind()),
            version: model.version,
            active: model.active,
            until: model.until.clone(),
            create_time: text::time_text(model.create_time.as_ref()),
            currency: filled(&model.currency),
            orders: model.orders.as_ref().map(ReportJson::from),
            gamma_gamma: model.spend.as_ref().map(ReportJson::from),
            gamma_gamma_absent_reason: filled(&model.spend_absent_reason),
            contracts: model.contracts.iter().map(ContractJson::from).collect(),
        }
    }
}

impl From<&pb::ContractModel> for ContractJson {
    fn from(model: &pb::ContractModel) -> Self {
        Self {
            period_months: Some(model.period_months).filter(|months| *months > 0),
            contracts: model.contracts,
            report: model.report.as_ref().map(ReportJson::from),
            absent_reason: filled(&model.absent_reason),
        }
    }
}

impl From<&pb::FitReport> for ReportJson {
    fn from(report: &pb::FitReport) -> Self {
        let parameters = report.parameters.iter();
        let errors: Option<Map<String, Value>> = parameters
            .clone()
            .map(|one| Some((one.name.clone(), json!(one.standard_error?))))
            .collect();
        Self {
            parameters: parameters
                .map(|one| (one.name.clone(), json!(one.value)))
                .collect(),
            standard_errors: errors,
            log_likelihood: report.log_likelihood,
            customers: report.customers,
            distinct_rows: report.distinct_rows,
            iterations: report.iterations,
            converged: report.converged,
            not_converged_reason: filled(&report.not_converged_reason),
            gradient_norm: report.gradient_norm,
            seconds: seconds(report),
        }
    }
}

/// The order model as `--model` names it.
fn model_name(kind: pb::OrderModelKind) -> &'static str {
    match kind {
        pb::OrderModelKind::BgNbd => "bg-nbd",
        pb::OrderModelKind::MbgNbd | pb::OrderModelKind::Unspecified => "mbg-nbd",
        pb::OrderModelKind::ParetoNbd => "pareto-nbd",
    }
}

fn model_title(kind: pb::OrderModelKind) -> &'static str {
    match kind {
        pb::OrderModelKind::BgNbd => "BG/NBD",
        pb::OrderModelKind::MbgNbd | pb::OrderModelKind::Unspecified => "MBG/NBD",
        pb::OrderModelKind::ParetoNbd => "Pareto/NBD",
    }
}

fn filled(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

fn seconds(report: &pb::FitReport) -> f64 {
    let Some(duration) = &report.fit_duration else {
        return 0.0;
    };
    std::time::Duration::try_from(*duration).map_or(0.0, |duration| duration.as_secs_f64())
}

/// A model version for a person.
#[must_use]
pub fn page(model: &pb::Model) -> String {
    let state = if model.active {
        "active: this version answers"
    } else {
        "not active"
    };
    let written = text::time_text(model.create_time.as_ref()).unwrap_or_default();
    let mut parts = vec![text::labelled(&[
        ("Model version", format!("{} ({state})", model.version)),
        ("Facts until", model.until.clone()),
        ("Stored", written),
    ])];
    if let Some(orders) = &model.orders {
        let title = format!("Orders: {}, time in weeks", model_title(model.kind()));
        parts.push(format!("{title}\n{}", text::indented(&report_page(orders))));
    }
    match &model.spend {
        Some(spend) => {
            let title = format!(
                "Spend per order: Gamma-Gamma, amounts in {}",
                model.currency
            );
            parts.push(format!("{title}\n{}", text::indented(&report_page(spend))));
        }
        None => parts.push(format!("No spend model: {}", model.spend_absent_reason)),
    }
    parts.extend(model.contracts.iter().map(contract_page));
    parts.join("\n\n")
}

fn contract_page(model: &pb::ContractModel) -> String {
    let which = match model.period_months {
        0 => "all contracts".to_owned(),
        months => format!("renewed {}", text::period_words(months)),
    };
    match &model.report {
        Some(report) => format!(
            "Contracts, {which}: shifted-beta-geometric, time in periods\n{}",
            text::indented(&report_page(report))
        ),
        None => format!("Contracts, {which}: no model, {}", model.absent_reason),
    }
}

fn report_page(report: &pb::FitReport) -> String {
    let header = [
        ("parameter", Align::Left),
        ("estimate", Align::Right),
        ("std. error", Align::Right),
    ];
    let rows: Vec<Vec<String>> = report
        .parameters
        .iter()
        .map(|one| {
            let error = one.standard_error;
            vec![
                one.name.clone(),
                format!("{:.6}", one.value),
                error.map_or_else(|| "none".to_owned(), |error| format!("{error:.6}")),
            ]
        })
        .collect();
    let converged = if report.converged {
        "yes".to_owned()
    } else {
        format!("no: {}", report.not_converged_reason)
    };
    let facts = text::labelled(&[
        ("Log-likelihood", format!("{:.4}", report.log_likelihood)),
        (
            "Customers",
            format!(
                "{} in {} distinct rows",
                report.customers, report.distinct_rows
            ),
        ),
        ("Converged", converged),
        (
            "Effort",
            format!(
                "{} iterations in {:.3} s",
                report.iterations,
                seconds(report)
            ),
        ),
    ]);
    format!("{}\n{facts}", text::table(&header, &rows))
}

/// A list of versions for a person.
#[must_use]
pub fn list_page(models: &[pb::Model]) -> String {
    if models.is_empty() {
        return "No model is stored yet: `patron model fit` fits one.".to_owned();
    }
    let header = [
        ("version", Align::Right),
        ("model", Align::Left),
        ("until", Align::Left),
        ("customers", Align::Right),
        ("log-likelihood", Align::Right),
        ("spend", Align::Left),
        ("stored", Align::Left),
        ("", Align::Left),
    ];
    let rows: Vec<Vec<String>> = models
        .iter()
        .map(|model| {
            let orders = model.orders.as_ref();
            vec![
                model.version.to_string(),
                model_title(model.kind()).to_owned(),
                model.until.clone(),
                orders.map_or_else(String::new, |orders| orders.customers.to_string()),
                orders.map_or_else(String::new, |one| format!("{:.4}", one.log_likelihood)),
                if model.spend.is_some() {
                    model.currency.clone()
                } else {
                    "none".to_owned()
                },
                text::time_text(model.create_time.as_ref()).unwrap_or_default(),
                if model.active { "active" } else { "" }.to_owned(),
            ]
        })
        .collect();
    text::table(&header, &rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(names: &[&str], error: Option<f64>) -> pb::FitReport {
        pb::FitReport {
            parameters: names
                .iter()
                .map(|name| pb::Parameter {
                    name: (*name).into(),
                    value: 0.5,
                    standard_error: error,
                })
                .collect(),
            log_likelihood: -9_582.5,
            customers: 2_357,
            distinct_rows: 1_205,
            iterations: 40,
            converged: error.is_some(),
            fit_duration: Some(prost_types::Duration {
                seconds: 1,
                nanos: 500_000_000,
            }),
            ..Default::default()
        }
    }

    #[test]
    fn the_keys_of_a_fit_are_those_of_the_contract() {
        let model = pb::Model {
            version: 3,
            kind: pb::OrderModelKind::BgNbd.into(),
            until: "1997-09-30".into(),
            orders: Some(report(&["r", "alpha", "a", "b"], Some(0.1))),
            spend: Some(report(&["p", "q", "v"], None)),
            ..Default::default()
        };
        let json = serde_json::to_value(ModelJson::from(&model)).unwrap();
        assert_eq!(json["model"], "bg-nbd");
        assert_eq!(json["version"], 3);
        assert_eq!(json["until"], "1997-09-30");
        assert_eq!(json["parameters"]["alpha"], 0.5);
        assert_eq!(json["standard_errors"]["b"], 0.1);
        assert_eq!(json["log_likelihood"], -9_582.5);
        assert_eq!(json["customers"], 2_357);
        assert_eq!(json["distinct_rows"], 1_205);
        assert_eq!(json["iterations"], 40);
        assert_eq!(json["converged"], true);
        assert_eq!(json["seconds"], 1.5);
        assert_eq!(json["gamma_gamma"]["parameters"]["q"], 0.5);
        assert_eq!(json["gamma_gamma"]["standard_errors"], Value::Null);
        assert_eq!(json["gamma_gamma"]["customers"], 2_357);
    }

    #[test]
    fn the_page_says_which_version_answers_and_why_spend_is_missing() {
        let model = pb::Model {
            version: 1,
            active: true,
            orders: Some(report(&["r"], Some(0.1))),
            spend_absent_reason: "no repeat buyers".into(),
            ..Default::default()
        };
        let page = page(&model);
        assert!(page.contains("1 (active: this version answers)"));
        assert!(page.contains("No spend model: no repeat buyers"));
        assert!(page.contains("Orders: MBG/NBD"));
        assert!(list_page(&[model]).contains("active"));
    }
}
