//! A model version as a page.

mod refinements;
mod stages;

use self::refinements::{by_kind_page, covariates_page, test_text};
use self::stages::{stages_text, title};
use super::answer::{seconds, spend_orders_title};
use super::season::index_page;
use crate::cli::text::{self, Align};
use crate::domain::calendar::Day;
use crate::pb;

/// A model version for a person.
#[must_use]
pub fn page(model: &pb::Model) -> String {
    let state = if model.active { "active" } else { "not active" };
    let written = text::time_text(model.create_time.as_ref()).unwrap_or_default();
    let mut rows = vec![
        ("Model version", format!("{} ({state})", model.version)),
        ("Facts up to", model.until.clone()),
    ];
    rows.extend(observed(model).map(|text| ("Observed", text)));
    rows.push(("Stored", written));
    let mut parts = vec![text::labelled(&rows)];
    if !model.missing_facts_warning.is_empty() {
        parts.push(format!("Warning: {}.", model.missing_facts_warning));
    }
    match &model.orders {
        Some(orders) => {
            let title = format!("Orders: {}, time in weeks", title(model));
            parts.push(format!("{title}\n{}", text::indented(&report_page(orders))));
        }
        None => parts.push(format!("No order model: {}", model.orders_absent_reason)),
    }
    parts.extend(index_page(model));
    match &model.spend {
        Some(spend) => {
            let title = format!(
                "Spend per order: {}, amounts in {}",
                spend_orders_title(model.spend_orders()),
                model.currency
            );
            parts.push(format!("{title}\n{}", text::indented(&report_page(spend))));
        }
        None => parts.push(format!("No spend model: {}", model.spend_absent_reason)),
    }
    if model.unconvertible_customers > 0 {
        parts.push(format!(
            "Customers without a value because of a missing exchange rate: {}. Run `patron import rates FILE.csv`, then fit again.",
            model.unconvertible_customers
        ));
    }
    parts.extend(model.contracts.iter().map(contract_page));
    if !model.contracts_absent_reason.is_empty() {
        parts.push(format!(
            "No model of all contracts: {}. By the built-in one, a contract ends at its first renewal with probability 1/2, at the second with 1/4, at the third with 1/6.",
            model.contracts_absent_reason
        ));
    }
    parts.extend(model.by_kind.iter().map(by_kind_page));
    parts.extend(model.covariates.iter().map(covariates_page));
    parts.extend(model.checks.iter().map(checks_page));
    parts.join("\n\n")
}

/// How long customers were observed, which no horizon should exceed by much; `None` in versions of earlier releases.
fn observed(model: &pb::Model) -> Option<String> {
    let first: Day = model.first_purchase_on.parse().ok()?;
    let until: Day = model.until.parse().ok()?;
    Some(format!(
        "{} days since the first purchase; a forecast over a longer horizon extrapolates",
        until - first
    ))
}

fn contract_page(model: &pb::ContractModel) -> String {
    let which = match model.period_months {
        0 => "all contracts".to_owned(),
        months => format!("renewed {}", text::period_words(months)),
    };
    match &model.report {
        Some(report) => {
            let name = match report.parameters.len() {
                1 => "geometric",
                _ => "shifted-beta-geometric",
            };
            let mut lines = vec![format!("Contracts, {which}: {name}, time in periods")];
            if !model.fallback_reason.is_empty() {
                lines.push(text::indented(&model.fallback_reason));
            }
            lines.push(text::indented(&report_page(report)));
            lines.join("\n")
        }
        None => format!("Contracts, {which}: no model, {}", model.absent_reason),
    }
}

fn checks_page(checks: &pb::AssumptionChecks) -> String {
    let spend = match &checks.spend_dependence {
        Some(found) => format!(
            "correlation {:.3}, bias {:+.1} % (std. error {:.1} %), {} customers: {}",
            found.correlation,
            100.0 * found.bias,
            100.0 * found.standard_error,
            found.customers,
            found.explanation
        ),
        None => format!("not measured: {}", checks.spend_dependence_absent_reason),
    };
    let times = match &checks.regularity {
        Some(found) => format!(
            "shape {:.3} (std. error {:.3}), {} of {} customers: {}",
            found.shape,
            found.standard_error,
            found.customers,
            found.customers_eligible,
            found.explanation
        ),
        None => format!("not measured: {}", checks.regularity_absent_reason),
    };
    let lines = text::labelled(&[
        ("Spend and frequency", spend),
        ("Times between orders", times),
    ]);
    format!("Checks\n{}", text::indented(&lines))
}

/// A likelihood ratio test in a line.
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
    format!(
        "{}\n{}",
        text::table(&header, &rows),
        text::labelled(&fit_facts(report))
    )
}

/// How the fit went, beside its parameters.
fn fit_facts(report: &pb::FitReport) -> Vec<(&'static str, String)> {
    let converged = if report.converged {
        "yes".to_owned()
    } else {
        format!("no: {}", report.not_converged_reason)
    };
    let mut facts = vec![
        ("Log-likelihood", format!("{:.4}", report.log_likelihood)),
        ("AIC, BIC", format!("{:.2}, {:.2}", report.aic, report.bic)),
    ];
    if !report.stage_likelihoods.is_empty() {
        facts.push(("Regularity", stages_text(report)));
    }
    if let Some(benchmark) = &report.benchmark {
        facts.push((
            "Against NBD",
            format!(
                "{:.4}; {}",
                benchmark.log_likelihood,
                test_text(benchmark.test.as_ref(), &benchmark.test_absent_reason)
            ),
        ));
        if !benchmark.not_converged_reason.is_empty() {
            facts.push((
                "NBD",
                format!("did not converge: {}", benchmark.not_converged_reason),
            ));
        }
    }
    facts.extend([
        (
            "Customers",
            format!(
                "{} in {} distinct rows",
                report.customers, report.distinct_rows
            ),
        ),
        ("Converged", converged),
    ]);
    if !report.weak_prior_reason.is_empty() {
        facts.push(("Prior", report.weak_prior_reason.clone()));
    }
    facts.extend([
        (
            "Condition",
            report
                .condition_number
                .map_or_else(|| "none".to_owned(), |condition| format!("{condition:.3e}")),
        ),
        (
            "Cost",
            format!(
                "{} iterations, {} evaluations in {:.3} s",
                report.iterations,
                report.evaluations,
                seconds(report)
            ),
        ),
    ]);
    facts
}

/// A list of versions for a person.
#[must_use]
pub fn list_page(models: &[pb::Model]) -> String {
    if models.is_empty() {
        return "No model is stored yet: run `patron model fit`.".to_owned();
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
                title(model),
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
mod tests;
