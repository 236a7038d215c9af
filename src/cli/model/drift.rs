//! `patron model drift`: whether the active version still describes the customers.

use clap::Args;
use serde_json::{Value, json};

use super::answer::{model_name, model_title};
use super::evaluate::{accuracy_json, group_name, list, off_by, total_json};
use crate::cli::connection::{Connection, ConnectionArgs, FIT_TIMEOUT};
use crate::cli::error::CliError;
use crate::cli::output::Output;
use crate::cli::text::{self, Align};
use crate::pb;

/// Options of `patron model drift`.
#[derive(Debug, Args)]
pub struct DriftArgs {
    /// Last day of facts to use, YYYY-MM-DD (default: the last day with a purchase)
    #[arg(long, value_name = "DATE")]
    until: Option<String>,
    /// Length of the holdout that ends on that day, in days
    #[arg(long, default_value = "90", value_name = "N", value_parser = clap::value_parser!(i32).range(1..=3650))]
    days: i32,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connection: ConnectionArgs,
}

/// Checks the active version and prints what was found.
///
/// # Errors
///
/// No server, an error of the server (no version is active), or no reader.
pub async fn run(args: &DriftArgs, output: &mut Output) -> Result<(), CliError> {
    let connection = Connection::open(&args.connection, FIT_TIMEOUT).await?;
    let request = connection.request(pb::CheckDriftRequest {
        until: args.until.clone().unwrap_or_default(),
        days: args.days,
    });
    let mut client = connection.models();
    let report = client.check_drift(request).await?.into_inner().report;
    let report = report
        .ok_or_else(|| CliError::failed("the server returned a response without a report"))?;
    if args.json {
        output.json(&report_json(&report))
    } else {
        output.line(&page(&report))
    }
}

/// The verdict as the contract names it, without its prefix.
fn verdict_name(verdict: pb::DriftVerdict) -> &'static str {
    let name = verdict.as_str_name();
    name.strip_prefix("DRIFT_VERDICT_").unwrap_or(name)
}

fn report_json(report: &pb::DriftReport) -> Value {
    json!({
        "verdict": verdict_name(report.verdict()),
        "reason": report.reason,
        "version": report.version,
        "version_until": report.version_until,
        "model": model_name(report.kind()),
        "split_on": report.split_on,
        "until": report.until,
        "holdout_days": report.holdout_days,
        "likelihood_ratio": report.likelihood_ratio,
        "degrees_of_freedom": report.degrees_of_freedom,
        "likelihood_ratio_p": report.likelihood_ratio_p,
        "likelihood_ratio_scale": report.likelihood_ratio_scale,
        "active_expected_orders": report.active_expected_orders,
        "refit_expected_orders": report.refit_expected_orders,
        "parameter_sets": list(&report.parameter_sets, |set| json!({
            "customers_of": group_name(set.customer_kind),
            "covariates": set.covariates,
            "customers": set.customers,
            "active_log_likelihood_per_customer": set.active_log_likelihood_per_customer,
            "refit_log_likelihood_per_customer": set.refit_log_likelihood_per_customer,
            "parameters": list(&set.parameters, |shift| json!({
                "name": shift.name,
                "active": shift.active,
                "refit": shift.refit,
                "z": shift.z,
            })),
        })),
        "orders_total": report.orders_total.as_ref().map(total_json),
        "spend_total": report.spend_total.as_ref().map(total_json),
        "orders_since_fit": report.orders_since_fit.as_ref().map(total_json),
        "pooled_customers": report.pooled_customers,
        "active_accuracy": report.active_accuracy.as_ref().map(accuracy_json),
        "refit_accuracy": report.refit_accuracy.as_ref().map(accuracy_json),
    })
}

fn page(report: &pb::DriftReport) -> String {
    let mut parts = vec![text::labelled(&[
        ("Verdict", verdict_name(report.verdict()).to_owned()),
        ("Reason", report.reason.clone()),
        (
            "Active version",
            format!(
                "{}: {}, fitted on facts until {}",
                report.version,
                model_title(report.kind()),
                report.version_until
            ),
        ),
        (
            "Holdout",
            format!(
                "the {} days after {}, to {}",
                report.holdout_days, report.split_on, report.until
            ),
        ),
    ])];
    parts.extend(report.parameter_sets.iter().map(set_part));
    if report.pooled_customers > 0 {
        parts.push(format!(
            "{} other customers use the pooled parameters and count only in future orders and the holdout",
            report.pooled_customers
        ));
    }
    if let Some(active) = report.active_expected_orders {
        parts.push(text::labelled(&[(
            "Future orders",
            format!(
                "{active:.1} by the active version, {:.1} by the refit, in the next {} days",
                report.refit_expected_orders.unwrap_or_default(),
                report.holdout_days
            ),
        )]));
    }
    if let Some(likelihood_ratio) = report.likelihood_ratio {
        let by_chance = match (report.likelihood_ratio_scale, report.likelihood_ratio_p) {
            (Some(scale), Some(p)) => format!("each {scale:.2} by chance, {}", text::p_value(p)),
            _ => "with an unknown null distribution".to_owned(),
        };
        parts.push(text::labelled(&[(
            "Likelihood ratio",
            format!(
                "{likelihood_ratio:.2} with {} degrees of freedom, {by_chance}",
                report.degrees_of_freedom.unwrap_or_default(),
            ),
        )]));
    }
    parts.extend(holdout_part(report));
    parts.extend(total_part(
        "Orders of the holdout",
        1,
        report.orders_total.as_ref(),
    ));
    parts.extend(total_part(
        "Spend of the holdout",
        2,
        report.spend_total.as_ref(),
    ));
    let since_fit = format!(
        "Orders since {}, by customers known then",
        report.version_until
    );
    parts.extend(total_part(&since_fit, 1, report.orders_since_fit.as_ref()));
    parts.join("\n\n")
}

fn set_part(set: &pb::ParameterSetDrift) -> String {
    let header = [
        ("parameter", Align::Left),
        ("active", Align::Right),
        ("refit", Align::Right),
        ("z", Align::Right),
    ];
    let mut rows: Vec<Vec<String>> = set
        .parameters
        .iter()
        .map(|shift| {
            let z = shift
                .z
                .map_or_else(|| "-".to_owned(), |z| format!("{z:+.2}"));
            let (active, refit) = (shift.active, shift.refit);
            let name = shift.name.clone();
            vec![name, format!("{active:.4}"), format!("{refit:.4}"), z]
        })
        .collect();
    rows.push(vec![
        "log-likelihood per customer".to_owned(),
        format!("{:.4}", set.active_log_likelihood_per_customer),
        format!("{:.4}", set.refit_log_likelihood_per_customer),
    ]);
    let whom = match (set.customer_kind, &set.covariates[..]) {
        (0, []) => "customers".to_owned(),
        (0, names) => format!("customers with {} known", names.join(", ")),
        (kind, _) => format!("customers, kind {}", text::kind_word(kind)),
    };
    format!(
        "{} {whom}\n{}",
        set.customers,
        text::indented(&text::table(&header, &rows))
    )
}

fn holdout_part(report: &pb::DriftReport) -> Option<String> {
    let active = report.active_accuracy.as_ref()?;
    let header = [
        ("orders of the holdout", Align::Left),
        ("total", Align::Right),
        ("off by", Align::Right),
        ("MAE", Align::Right),
        ("RMSE", Align::Right),
    ];
    let mut rows = vec![vec![
        "actual".to_owned(),
        format!("{:.1}", active.actual_total),
    ]];
    let forecasts = [
        ("active version", Some(active)),
        ("refit on earlier facts", report.refit_accuracy.as_ref()),
    ];
    rows.extend(forecasts.into_iter().filter_map(|(who, accuracy)| {
        let accuracy = accuracy?;
        Some(vec![
            who.to_owned(),
            format!("{:.1}", accuracy.expected_total),
            off_by(accuracy.expected_total, accuracy.actual_total),
            format!("{:.3}", accuracy.mean_absolute_error),
            format!("{:.3}", accuracy.root_mean_squared_error),
        ])
    }));
    Some(text::table(&header, &rows))
}

/// Where a sum came to lie among what the active version gave a chance.
fn total_part(what: &str, decimals: usize, total: Option<&pb::TotalInterval>) -> Option<String> {
    let total = total?;
    Some(format!(
        "{what}: {:.decimals$}; the active version expected {:.decimals$}, with {:.0} % between {:.decimals$} and {:.decimals$}",
        total.actual,
        total.expected,
        100.0 * total.level,
        total.low,
        total.high
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_leads_with_the_verdict_and_shows_what_it_rests_on() {
        let accuracy = |expected_total| pb::ForecastAccuracy {
            actual_total: 100.0,
            expected_total,
            ..Default::default()
        };
        let report = pb::DriftReport {
            verdict: pb::DriftVerdict::Drift.into(),
            reason: "customers come less often".into(),
            version: 3,
            version_until: "2026-05-31".into(),
            holdout_days: 90,
            likelihood_ratio: Some(41.25),
            degrees_of_freedom: Some(4),
            likelihood_ratio_scale: Some(0.25),
            likelihood_ratio_p: Some(0.0),
            parameter_sets: vec![pb::ParameterSetDrift {
                customers: 361,
                parameters: vec![pb::ParameterShift {
                    name: "alpha".into(),
                    active: 4.0,
                    refit: 8.0,
                    z: Some(5.5),
                }],
                ..Default::default()
            }],
            orders_total: Some(pb::TotalInterval {
                level: 0.9,
                actual: 100.0,
                expected: 151.5,
                low: 130.0,
                high: 175.25,
                ..Default::default()
            }),
            active_accuracy: Some(accuracy(150.0)),
            refit_accuracy: Some(accuracy(105.0)),
            ..Default::default()
        };
        let page = page(&report);
        let lines: Vec<String> = page
            .lines()
            .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
            .collect();
        for line in [
            "Verdict DRIFT",
            "Reason customers come less often",
            "361 customers",
            "alpha 4.0000 8.0000 +5.50",
            "Likelihood ratio 41.25 with 4 degrees of freedom, each 0.25 by chance, p < 1e-307",
            "active version 150.0 +50.0 % 0.000 0.000",
            "Orders of the holdout: 100.0; the active version expected 151.5, with 90 % between 130.0 and 175.2",
            "refit on earlier facts 105.0 +5.0 % 0.000 0.000",
        ] {
            assert!(lines.iter().any(|it| it == line), "no {line:?} in\n{page}");
        }
        let json = report_json(&report);
        assert_eq!(json["verdict"], "DRIFT");
        assert_eq!(json["parameter_sets"][0]["parameters"][0]["z"], 5.5);
        assert_eq!(json["parameter_sets"][0]["customers_of"], "ALL");
        assert_eq!(json["likelihood_ratio_scale"], 0.25);
    }
}
