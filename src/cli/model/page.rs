//! A model version as a page.

mod stages;

use self::stages::{stages_text, title};
use super::answer::seconds;
use crate::cli::text::{self, Align};
use crate::pb;

/// A model version for a person.
#[must_use]
pub fn page(model: &pb::Model) -> String {
    let state = if model.active { "active" } else { "not active" };
    let written = text::time_text(model.create_time.as_ref()).unwrap_or_default();
    let mut parts = vec![text::labelled(&[
        ("Model version", format!("{} ({state})", model.version)),
        ("Facts up to", model.until.clone()),
        ("Stored", written),
    ])];
    if let Some(orders) = &model.orders {
        let title = format!("Orders: {}, time in weeks", title(model));
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
    if model.unconvertible_customers > 0 {
        parts.push(format!(
            "Customers without a value because of a missing exchange rate: {}. Run `patron import rates FILE.csv`, then fit again.",
            model.unconvertible_customers
        ));
    }
    parts.extend(model.contracts.iter().map(contract_page));
    parts.extend(model.by_kind.iter().map(by_kind_page));
    parts.extend(model.covariates.iter().map(covariates_page));
    parts.extend(model.checks.iter().map(checks_page));
    parts.join("\n\n")
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

/// The parameters of each kind and whether kinds differ.
fn by_kind_page(fit: &pb::ByKindReport) -> String {
    let mut parts: Vec<String> = fit
        .kinds
        .iter()
        .map(|one| {
            let mut lines = vec![format!("Orders of kind {}", text::kind_name(one.kind))];
            match &one.orders {
                Some(orders) => lines.push(text::indented(&report_page(orders))),
                None => lines.push(text::indented(&format!(
                    "pooled parameters: {}",
                    one.orders_pooled_reason
                ))),
            }
            lines.push(format!("Spend of kind {}", text::kind_name(one.kind)));
            match &one.spend {
                Some(spend) => lines.push(text::indented(&report_page(spend))),
                None => lines.push(text::indented(&format!(
                    "pooled parameters: {}",
                    one.spend_pooled_reason
                ))),
            }
            lines.join("\n")
        })
        .collect();
    let tests = text::labelled(&[
        (
            "Orders",
            test_text(fit.orders_test.as_ref(), &fit.orders_test_absent_reason),
        ),
        (
            "Spend",
            test_text(fit.spend_test.as_ref(), &fit.spend_test_absent_reason),
        ),
    ]);
    parts.push(format!(
        "One set for all kinds against one per kind\n{}",
        text::indented(&tests)
    ));
    parts.join("\n\n")
}

fn covariates_page(fit: &pb::CovariateReport) -> String {
    let report = fit.orders.as_ref().map(report_page).unwrap_or_default();
    let means = fit.names.iter().zip(&fit.means);
    let means: Vec<String> = means
        .map(|(name, mean)| format!("{name} {mean:.4}"))
        .collect();
    let facts = text::labelled(&[
        (
            "Parameters",
            format!("of a customer at the means: {}", means.join(", ")),
        ),
        (
            "Excluded",
            format!(
                "{} customers with an unknown covariate; they use the pooled parameters",
                fit.excluded_customer_count
            ),
        ),
        (
            "Test",
            test_text(fit.test.as_ref(), &fit.test_absent_reason),
        ),
    ]);
    format!(
        "Orders with covariates: {}\n{}",
        fit.names.join(", "),
        text::indented(&format!("{report}\n{facts}"))
    )
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
fn test_text(test: Option<&pb::LikelihoodRatio>, absent_reason: &str) -> String {
    match test {
        Some(test) => format!(
            "likelihood ratio {:.2} on {} degrees of freedom, {}",
            test.statistic,
            test.degrees_of_freedom,
            text::p_value(test.p_value)
        ),
        None => format!("none: {absent_reason}"),
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
mod tests {
    use super::*;
    use crate::cli::model::answer::tests::report;

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
        assert!(page.contains("1 (active)"));
        assert!(page.contains("No spend model: no repeat buyers"));
        assert!(page.contains("Orders: MBG/NBD"));
        assert!(list_page(&[model]).contains("active"));
        assert!(!page.contains("Checks"), "a version of an earlier program");
    }

    #[test]
    fn the_page_shows_tests_fallbacks_and_checks_in_words() {
        let test = pb::LikelihoodRatio {
            statistic: 27.1234,
            degrees_of_freedom: 4,
            p_value: 0.000_02,
        };
        let model = pb::Model {
            by_kind: Some(pb::ByKindReport {
                kinds: vec![pb::KindParameters {
                    kind: pb::CustomerKind::Company.into(),
                    customers: 60,
                    orders_pooled_reason: "60 customers are too few".into(),
                    ..Default::default()
                }],
                orders_test: Some(test),
                spend_test_absent_reason: "all are of one kind".into(),
                ..Default::default()
            }),
            orders: Some(pb::FitReport {
                benchmark: Some(pb::Benchmark {
                    log_likelihood: -61.5,
                    not_converged_reason: "it is degenerate".into(),
                    test_absent_reason: "there is no proper maximum to compare".into(),
                    ..Default::default()
                }),
                ..Default::default()
            }),
            spend: Some(pb::FitReport {
                converged: true,
                weak_prior_reason: "q is held".into(),
                ..Default::default()
            }),
            covariates: Some(pb::CovariateReport {
                names: vec!["birth".into()],
                means: vec![1_975.25],
                ..Default::default()
            }),
            checks: Some(pb::AssumptionChecks {
                spend_dependence: Some(pb::SpendDependence {
                    correlation: 0.11,
                    bias: 0.024,
                    explanation: "they do not hang together".into(),
                    ..Default::default()
                }),
                regularity_absent_reason: "too few".into(),
                ..Default::default()
            }),
            ..Default::default()
        };
        let page = page(&model);
        for part in [
            "Orders of kind COMPANY\n  pooled parameters: 60 customers are too few",
            "likelihood ratio 27.12 on 4 degrees of freedom, p = 2.0e-5",
            "none: all are of one kind",
            "correlation 0.110, bias +2.4 %",
            "Times between orders  not measured: too few",
            "-61.5000; none: there is no proper maximum to compare",
            "did not converge: it is degenerate",
            "Converged       yes\n  Prior           q is held",
            "of a customer at the means: birth 1975.2500",
        ] {
            assert!(page.contains(part), "{part:?} is not in\n{page}");
        }
    }
}
