//! `patron model evaluate`: how well a model predicts what customers do.

use clap::Args;

use super::fit::{Grouping, OrderModel, SpendOrders, grouping, no_seasons};
use crate::cli::connection::{Connection, ConnectionArgs, FIT_TIMEOUT};
use crate::cli::error::CliError;
use crate::cli::output::Output;
use crate::pb;

mod json;
mod page;
mod track;

pub(super) use self::{
    json::{
        accuracy as accuracy_json, evaluation as evaluation_json, group_name, list, total_json,
    },
    page::off_by,
};

/// Options of `patron model evaluate`.
#[derive(Debug, Args)]
pub struct EvaluateArgs {
    /// Last day of the calibration period, YYYY-MM-DD (default: the holdout is the last quarter)
    #[arg(long, value_name = "DATE")]
    split: Option<String>,
    /// Last day of the holdout, YYYY-MM-DD (default: the last day with a purchase)
    #[arg(long, value_name = "DATE")]
    until: Option<String>,
    /// Order model to fit to the calibration period
    #[arg(
        long,
        value_enum,
        default_value = "mbg-nbd",
        conflicts_with = "version"
    )]
    model: OrderModel,
    /// Orders that spend is fitted to
    #[arg(
        long,
        value_enum,
        value_name = "ORDERS",
        default_value = "all",
        conflicts_with = "version"
    )]
    spend_orders: SpendOrders,
    /// Fit separate parameters per kind of customer and compare with the pooled ones
    #[arg(
        long,
        value_enum,
        value_name = "GROUPING",
        conflicts_with_all = ["covariates", "version"]
    )]
    by: Option<Grouping>,
    /// Attributes (bool or numeric) on which order rate and dropout depend, with their values at the split
    #[arg(
        long,
        value_name = "NAME,...",
        value_delimiter = ',',
        conflicts_with = "version"
    )]
    covariates: Vec<String>,
    /// Estimate a seasonal index of the order rate from the calibration period, only for mbg-nbd and bg-nbd
    #[arg(long, conflicts_with = "version")]
    season: bool,
    /// Evaluate a stored version, fitted on facts up to the split or earlier
    #[arg(long, value_name = "N", requires = "split", value_parser = clap::value_parser!(i64).range(1..))]
    version: Option<i64>,
    /// Print JSON with complete series
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connection: ConnectionArgs,
}

/// Evaluates a model and prints what was found.
///
/// # Errors
///
/// No server, an error of the server (nothing to evaluate, a version that knows too much), or no reader.
pub async fn run(args: &EvaluateArgs, output: &mut Output) -> Result<(), CliError> {
    if args.season && !args.model.knows_seasons() {
        return Err(no_seasons());
    }
    let connection = Connection::open(&args.connection, FIT_TIMEOUT).await?;
    let kind = match args.version {
        Some(_) => pb::OrderModelKind::Unspecified,
        None => args.model.message(),
    };
    let spend_orders = match args.version {
        Some(_) => pb::SpendOrders::Unspecified,
        None => args.spend_orders.message(),
    };
    let request = connection.request(pb::EvaluateModelRequest {
        kind: kind.into(),
        split_on: args.split.clone().unwrap_or_default(),
        until: args.until.clone().unwrap_or_default(),
        version: args.version.unwrap_or_default(),
        grouping: grouping(args.by).into(),
        covariates: args.covariates.clone(),
        spend_orders: spend_orders.into(),
        seasonal: args.season,
    });
    let mut client = connection.models();
    let evaluation = client
        .evaluate_model(request)
        .await?
        .into_inner()
        .evaluation;
    let evaluation = evaluation
        .ok_or_else(|| CliError::failed("the server returned a response without an evaluation"))?;
    if args.json {
        output.json(&json::evaluation(&evaluation))
    } else {
        output.line(&page::page(&evaluation))
    }
}
