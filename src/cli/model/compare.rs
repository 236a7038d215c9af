//! `patron model compare`: all models side by side, and which one to use.

mod spend;

use clap::Args;
use serde_json::{Value, json};

use super::answer::{model_name, model_title};
use super::evaluate::{accuracy_json, list, off_by, total_json};
use crate::cli::connection::{Connection, ConnectionArgs, FIT_TIMEOUT};
use crate::cli::error::CliError;
use crate::cli::output::Output;
use crate::cli::text::{self, Align};
use crate::pb;

pub(super) use spend::recommended as recommended_spend;

/// Options of `patron model compare`.
#[derive(Debug, Args)]
pub struct CompareArgs {
    /// Last day of the calibration period, YYYY-MM-DD (default: the holdout is the last quarter)
    #[arg(long, value_name = "DATE")]
    split: Option<String>,
    /// Last day of the holdout, YYYY-MM-DD (default: the last day with a purchase)
    #[arg(long, value_name = "DATE")]
    until: Option<String>,
    /// Attributes (bool or numeric): fit each model with these covariates too
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
    covariates: Vec<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connection: ConnectionArgs,
}

/// Compares the models and prints what was found.
///
/// # Errors
///
/// No server, an error of the server (nothing to evaluate), or no reader.
pub async fn run(args: &CompareArgs, output: &mut Output) -> Result<(), CliError> {
    let connection = Connection::open(&args.connection, FIT_TIMEOUT).await?;
    let request = pb::CompareModelsRequest {
        split_on: args.split.clone().unwrap_or_default(),
        until: args.until.clone().unwrap_or_default(),
        covariates: args.covariates.clone(),
    };
    let comparison = ask(&connection, request).await?;
    if args.json {
        output.json(&comparison_json(&comparison))
    } else {
        output.line(&page(&comparison))
    }
}

/// The comparison that a server makes.
pub(super) async fn ask(
    connection: &Connection,
    request: pb::CompareModelsRequest,
) -> Result<pb::ModelComparison, CliError> {
    let request = connection.request(request);
    let mut client = connection.models();
    let answer = client.compare_models(request).await?.into_inner();
    answer
        .comparison
        .ok_or_else(|| CliError::failed("the server returned a response without a comparison"))
}

/// The model, its grouping and covariates in words.
pub(super) fn name(model: &pb::ComparedModel) -> String {
    let mut title = model_title(model.kind()).to_owned();
    if model.seasonal {
        title.push_str(" with seasons");
    }
    match (model.grouping(), &model.covariates[..]) {
        (pb::FitGrouping::ByKind, _) => format!("{title} by kind"),
        (pb::FitGrouping::Unspecified, []) => title,
        (pb::FitGrouping::Unspecified, names) => format!("{title} with {}", names.join(", ")),
    }
}

fn page(comparison: &pb::ModelComparison) -> String {
    let mut rows = vec![
        ("Calibration", format!("up to {}", comparison.split_on)),
        (
            "Holdout",
            format!(
                "the next {} days, to {}",
                comparison.holdout_days, comparison.until
            ),
        ),
        ("Customers", comparison.customers.to_string()),
    ];
    if comparison.empty_days > 0 {
        let text = format!(
            "no purchases in the last {} days of the holdout: facts may be missing",
            comparison.empty_days
        );
        rows.push(("Warning", text));
    }
    let recommended = comparison.models.iter().find(|model| model.recommended);
    rows.push((
        "Recommended",
        match recommended {
            Some(model) => format!("{}: {}", name(model), comparison.recommendation_reason),
            None => "none, because no model converged".to_owned(),
        },
    ));
    rows.extend(spend::recommended_row(comparison));
    let mut parts = vec![text::labelled(&rows)];
    parts.push(fits_table(comparison));
    parts.push(forecasts_table(comparison));
    parts.extend(spend::part(comparison));
    let notes = comparison.models.iter().filter_map(note);
    let notes: Vec<String> = notes.collect();
    if !notes.is_empty() {
        parts.push(notes.join("\n"));
    }
    parts.join("\n\n")
}

fn note(model: &pb::ComparedModel) -> Option<String> {
    let reasons = [
        ("not fitted", &model.absent_reason),
        ("not converged", &model.not_converged_reason),
        ("no likelihood", &model.likelihood_absent_reason),
    ];
    let (what, reason) = reasons.into_iter().find(|(_, reason)| !reason.is_empty())?;
    Some(format!("{}: {what}, {reason}", name(model)))
}

/// Models that were fitted.
fn fitted(comparison: &pb::ModelComparison) -> impl Iterator<Item = &pb::ComparedModel> {
    let models = comparison.models.iter();
    models.filter(|model| model.absent_reason.is_empty())
}

fn number(value: Option<f64>, digits: usize) -> String {
    value.map_or_else(|| "-".to_owned(), |value| text::fixed(value, digits))
}

fn fits_table(comparison: &pb::ModelComparison) -> String {
    let header = [
        ("calibration period", Align::Left),
        ("parameters", Align::Right),
        ("log-likelihood", Align::Right),
        ("AIC", Align::Right),
        ("BIC", Align::Right),
    ];
    let rows = fitted(comparison).map(|model| {
        vec![
            name(model),
            model
                .log_likelihood
                .map_or_else(|| "-".to_owned(), |_| model.parameter_count.to_string()),
            number(model.log_likelihood, 1),
            number(model.aic, 1),
            number(model.bic, 1),
        ]
    });
    text::table(&header, &rows.collect::<Vec<_>>())
}

fn forecasts_table(comparison: &pb::ModelComparison) -> String {
    let header = [
        ("holdout", Align::Left),
        ("orders", Align::Right),
        ("off by", Align::Right),
        ("90 % interval", Align::Right),
        ("MAE", Align::Right),
        ("within 90 %", Align::Right),
        ("Brier", Align::Right),
        ("spend off by", Align::Right),
        ("MAE", Align::Right),
    ];
    let actual = fitted(comparison).find_map(|model| model.orders);
    let mut rows: Vec<Vec<String>> = actual
        .iter()
        .map(|orders| vec!["actual".to_owned(), number(Some(orders.actual_total), 1)])
        .collect();
    rows.extend(fitted(comparison).filter_map(|model| {
        let orders = model.orders.as_ref()?;
        let spend = model.spend.as_ref();
        let total = model.orders_total.as_ref();
        let within = model.orders_coverage.as_ref();
        Some(vec![
            name(model),
            number(Some(orders.expected_total), 1),
            off_by(orders.expected_total, orders.actual_total),
            total.map_or_else(
                || "-".to_owned(),
                |total| {
                    let (low, high) = (text::fixed(total.low, 0), text::fixed(total.high, 0));
                    format!("{low} to {high}")
                },
            ),
            number(Some(orders.mean_absolute_error), 3),
            within.map_or_else(
                || "-".to_owned(),
                |within| format!("{:.1} %", 100.0 * within.calibrated_share),
            ),
            number(model.brier_score, 4),
            spend.map_or_else(
                || "-".to_owned(),
                |spend| off_by(spend.expected_total, spend.actual_total),
            ),
            number(spend.map(|spend| spend.mean_absolute_error), 2),
        ])
    }));
    text::table(&header, &rows)
}

fn comparison_json(comparison: &pb::ModelComparison) -> Value {
    json!({
        "split_on": comparison.split_on,
        "until": comparison.until,
        "holdout_days": comparison.holdout_days,
        "empty_days": comparison.empty_days,
        "customers": comparison.customers,
        "currency": comparison.currency,
        "recommendation_reason": comparison.recommendation_reason,
        "spend_recommendation_reason": comparison.spend_recommendation_reason,
        "spend_choices": list(&comparison.spend_choices, spend::choice_json),
        "models": list(&comparison.models, |model| json!({
            "model": model_name(model.kind()),
            "by_kind": model.grouping() == pb::FitGrouping::ByKind,
            "covariates": model.covariates,
            "seasonal": model.seasonal,
            "recommended": model.recommended,
            "absent_reason": model.absent_reason,
            "not_converged_reason": model.not_converged_reason,
            "parameter_count": model.parameter_count,
            "log_likelihood": model.log_likelihood,
            "aic": model.aic,
            "bic": model.bic,
            "likelihood_absent_reason": model.likelihood_absent_reason,
            "orders": model.orders.as_ref().map(accuracy_json),
            "orders_total": model.orders_total.as_ref().map(total_json),
            "orders_calibrated_share": model.orders_coverage.map(|it| it.calibrated_share),
            "spend": model.spend.as_ref().map(accuracy_json),
            "brier_score": model.brier_score,
        })),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model(kind: pb::OrderModelKind, bic: f64) -> pb::ComparedModel {
        pb::ComparedModel {
            kind: kind.into(),
            parameter_count: 4,
            log_likelihood: Some(-100.25),
            bic: Some(bic),
            orders: Some(pb::ForecastAccuracy {
                actual_total: 100.0,
                expected_total: 88.0,
                mean_absolute_error: 0.75,
                ..Default::default()
            }),
            brier_score: Some(0.125),
            ..Default::default()
        }
    }

    #[test]
    fn the_page_leads_with_the_recommendation_and_shows_every_model() {
        let comparison = pb::ModelComparison {
            split_on: "2025-12-31".into(),
            until: "2026-03-31".into(),
            holdout_days: 90,
            customers: 500,
            recommendation_reason: "smallest BIC, by 3.0".into(),
            models: vec![
                pb::ComparedModel {
                    recommended: true,
                    ..model(pb::OrderModelKind::MbgNbd, 220.5)
                },
                pb::ComparedModel {
                    seasonal: true,
                    absent_reason: "too short".into(),
                    ..model(pb::OrderModelKind::MbgNbd, 0.0)
                },
                pb::ComparedModel {
                    grouping: pb::FitGrouping::ByKind.into(),
                    absent_reason: "only one kind".into(),
                    kind: pb::OrderModelKind::BgNbd.into(),
                    ..Default::default()
                },
            ],
            ..Default::default()
        };
        let text = page(&comparison);
        for part in [
            "Recommended  MBG/NBD: smallest BIC, by 3.0",
            "-100.2",
            "220.5",
            "-12.0 %",
            "MBG/NBD with seasons: not fitted, too short",
            "BG/NBD by kind: not fitted, only one kind",
        ] {
            assert!(text.contains(part), "{part} in\n{text}");
        }
        let json = comparison_json(&comparison);
        assert_eq!(json["models"][0]["recommended"], true);
        assert_eq!(json["models"][1]["seasonal"], true);
        assert_eq!(json["models"][2]["absent_reason"], "only one kind");
    }
}
