//! `patron model report`: a version in pictures, as one page that needs no network.

use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};

use super::answer::ModelJson;
use super::evaluate::evaluation_json;
use super::no_model;
use crate::cli::connection::{Connection, ConnectionArgs, FIT_TIMEOUT};
use crate::cli::error::CliError;
use crate::cli::explain::language::Language;
use crate::cli::output::Output;
use crate::cli::subject::parse_subject;
use crate::domain::calendar::Day;
use crate::pb;

mod charts;
mod matrices;
mod page;
mod patterns;
mod pictures;

/// Weeks of a customer's timeline at most: two years.
const TIMELINE_WEEKS: i32 = 104;

/// Options of `patron model report`.
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// Number of the version (default: the active one)
    #[arg(value_parser = clap::value_parser!(i64).range(1..))]
    version: Option<i64>,
    /// Write the report to this file, one HTML page without links
    #[arg(long, value_name = "FILE", required_unless_present = "json")]
    html: Option<PathBuf>,
    /// Last day of the calibration period of the backtest, YYYY-MM-DD (default: the holdout is the last quarter)
    #[arg(long, value_name = "DATE")]
    split: Option<String>,
    /// Last day of its holdout, YYYY-MM-DD (default: the last day with a purchase)
    #[arg(long, value_name = "DATE")]
    until: Option<String>,
    /// Add the timeline of this customer, with their probability of being active, week by week
    #[arg(long, value_name = "SUBJECT", value_parser = parse_subject)]
    customer: Option<pb::Subject>,
    /// Language of the page
    #[arg(long, value_enum, default_value = "en")]
    lang: Language,
    /// Print the series as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connection: ConnectionArgs,
}

/// Everything that a report shows.
struct Report {
    model: pb::Model,
    /// The same model, fitted to what was known at a split, against what came after it.
    evaluation: pb::ModelEvaluation,
    matrices: Option<matrices::Matrices>,
    timeline: Option<Timeline>,
}

/// A customer week by week.
struct Timeline {
    customer_id: String,
    weeks: Vec<TimelineWeek>,
}

/// A customer on a day.
struct TimelineWeek {
    day: String,
    probability_active: f64,
    /// Days with a purchase until then.
    orders: i32,
}

/// Writes a report.
///
/// # Errors
///
/// No server, an error of the server (no such version, nothing to evaluate), a file that cannot be written, or no reader.
pub async fn run(args: &ReportArgs, output: &mut Output) -> Result<(), CliError> {
    let connection = Connection::open(&args.connection, FIT_TIMEOUT).await?;
    let report = read(&connection, args).await?;
    if let Some(file) = &args.html {
        let page = page::page(&report, args.lang)
            .map_err(|error| CliError::failed(format!("the report cannot be drawn: {error}")))?;
        std::fs::write(file, page).map_err(|error| {
            CliError::failed(format!("cannot write {}: {error}", file.display()))
        })?;
        output.note(&format!("report written to {}", file.display()));
    }
    if args.json {
        output.json(&report_json(&report))?;
    }
    Ok(())
}

async fn read(connection: &Connection, args: &ReportArgs) -> Result<Report, CliError> {
    let version = args.version.unwrap_or_default();
    let mut client = connection.models();
    let request = connection.request(pb::GetModelRequest { version });
    let model = client.get_model(request).await?.into_inner().model;
    let model = model.ok_or_else(no_model)?;
    let grouping = match &model.by_kind {
        Some(_) => pb::FitGrouping::ByKind,
        None => pb::FitGrouping::Unspecified,
    };
    let covariates = model.covariates.as_ref();
    let request = connection.request(pb::EvaluateModelRequest {
        kind: model.kind,
        split_on: args.split.clone().unwrap_or_default(),
        until: args.until.clone().unwrap_or_default(),
        grouping: grouping.into(),
        covariates: covariates.map_or_else(Vec::new, |fit| fit.names.clone()),
        seasonal: model.seasonal_index.is_some(),
        ..Default::default()
    });
    let evaluation = client.evaluate_model(request).await?.into_inner();
    let evaluation = evaluation
        .evaluation
        .ok_or_else(|| CliError::failed("the server returned a response without an evaluation"))?;
    let timeline = match &args.customer {
        Some(subject) => Some(timeline(connection, subject).await?),
        None => None,
    };
    Ok(Report {
        matrices: matrices::matrices(&model),
        model,
        evaluation,
        timeline,
    })
}

/// The scores of a customer, week by week until today.
async fn timeline(connection: &Connection, subject: &pb::Subject) -> Result<Timeline, CliError> {
    let today = score(connection, subject, String::new()).await?;
    let customer = today.score.ok_or_else(|| {
        CliError::failed("a timeline is of exactly one customer: name one by id:CUSTOMER")
    })?;
    let as_of = today.provenance.map(|provenance| provenance.as_of);
    let last: Day = as_of
        .and_then(|day| day.parse().ok())
        .ok_or_else(|| CliError::failed("the server returned a response without its day"))?;
    let mut weeks = vec![];
    for back in (0..TIMELINE_WEEKS).rev() {
        let day = last.plus_days(-7 * back).to_string();
        let of_day = score(connection, subject, day.clone()).await?.score;
        let found = of_day.and_then(|score| Some((score.probability_alive?, score.inputs?)));
        weeks.extend(found.map(|(probability_active, inputs)| TimelineWeek {
            day,
            probability_active,
            orders: inputs.frequency + 1,
        }));
    }
    Ok(Timeline {
        customer_id: customer.customer_id,
        weeks,
    })
}

async fn score(
    connection: &Connection,
    subject: &pb::Subject,
    as_of: String,
) -> Result<pb::ScoreLifetimeValueResponse, CliError> {
    let request = connection.request(pb::ScoreLifetimeValueRequest {
        subject: Some(subject.clone()),
        as_of,
        ..Default::default()
    });
    let answer = connection.scoring().score_lifetime_value(request).await?;
    Ok(answer.into_inner())
}

fn report_json(report: &Report) -> Value {
    json!({
        "model": ModelJson::from(&report.model),
        "evaluation": evaluation_json(&report.evaluation),
        "matrices": report.matrices.as_ref().map(|found| json!({
            "age_weeks": matrices::AGE_WEEKS,
            "horizon_weeks": matrices::HORIZON_WEEKS,
            "weeks_since_last_order": found.silent_weeks,
            "repeat_orders": found.repeat_orders,
            "probability_active": found.probability_active,
            "expected_orders": found.expected_orders,
        })),
        "timeline": report.timeline.as_ref().map(|timeline| json!({
            "customer_id": timeline.customer_id,
            "weeks": timeline.weeks.iter().map(|week| json!({
                "day": week.day,
                "probability_active": week.probability_active,
                "orders": week.orders,
            })).collect::<Vec<_>>(),
        })),
    })
}
