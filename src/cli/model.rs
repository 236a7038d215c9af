//! `patron model`: fit value models, look at them, choose the one that answers.

use clap::{Args, Subcommand};

use self::answer::ModelJson;
use self::fit::FitArgs;
use self::page::{list_page, page};
use super::connection::{Connection, ConnectionArgs, READ_TIMEOUT};
use super::error::CliError;
use super::output::Output;
use super::pages::{self, PAGE_SIZE};
use crate::pb;

pub mod answer;
pub mod compare;
pub mod contacts;
pub mod drift;
pub mod evaluate;
pub mod fit;
pub mod newcomers;
pub mod page;
pub mod report;
mod season;

/// The commands of `patron model`.
#[derive(Debug, Subcommand)]
pub enum ModelCommand {
    /// Fit a model to the stored facts and activate it
    Fit(FitArgs),
    /// List all versions, newest first
    List(ListArgs),
    /// Show a version in detail
    Show(ShowArgs),
    /// Activate a stored version
    Activate(ActivateArgs),
    /// Backtest: fit up to a date and compare the forecast with what happened next
    Evaluate(evaluate::EvaluateArgs),
    /// Fit every model up to a date, compare their forecasts with what happened next, and recommend one
    Compare(compare::CompareArgs),
    /// Check whether the active version still describes the customers
    Drift(drift::DriftArgs),
    /// Write a version in pictures: one HTML page with its backtest and what it expects
    Report(report::ReportArgs),
    /// Reactivate the previous version
    Rollback(RollbackArgs),
    /// Estimate the value of a new customer on the day of their first order
    Newcomers(newcomers::NewcomersArgs),
}

/// Options of `patron model list`.
#[derive(Debug, Args)]
pub struct ListArgs {
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connection: ConnectionArgs,
}

/// Options of `patron model show`.
#[derive(Debug, Args)]
pub struct ShowArgs {
    /// Number of the version (default: the active one)
    #[arg(value_parser = clap::value_parser!(i64).range(1..))]
    version: Option<i64>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connection: ConnectionArgs,
}

/// Options of `patron model activate`.
#[derive(Debug, Args)]
pub struct ActivateArgs {
    /// Number of the version
    #[arg(value_parser = clap::value_parser!(i64).range(1..))]
    version: i64,
    /// Activate the version even if its fit did not converge; its answers are then not determined by the data
    #[arg(long)]
    allow_not_converged: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connection: ConnectionArgs,
}

/// Options of `patron model rollback`.
#[derive(Debug, Args)]
pub struct RollbackArgs {
    /// The version to roll back; fails if another one is active
    #[arg(long, value_name = "VERSION", value_parser = clap::value_parser!(i64).range(1..))]
    from: Option<i64>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connection: ConnectionArgs,
}

/// Runs a command.
///
/// # Errors
///
/// No server, an error of the server (no data, not converged, no such version), or no reader.
pub async fn run(command: &ModelCommand, output: &mut Output) -> Result<(), CliError> {
    match command {
        ModelCommand::Fit(args) => fit::run(args, output).await,
        ModelCommand::List(args) => list(args, output).await,
        ModelCommand::Show(args) => show(args, output).await,
        ModelCommand::Activate(args) => activate(args, output).await,
        ModelCommand::Evaluate(args) => evaluate::run(args, output).await,
        ModelCommand::Compare(args) => compare::run(args, output).await,
        ModelCommand::Drift(args) => drift::run(args, output).await,
        ModelCommand::Report(args) => report::run(args, output).await,
        ModelCommand::Rollback(args) => roll_back(args, output).await,
        ModelCommand::Newcomers(args) => newcomers::run(args, output).await,
    }
}

async fn list(args: &ListArgs, output: &mut Output) -> Result<(), CliError> {
    let connection = Connection::open(&args.connection, READ_TIMEOUT).await?;
    let models = all_models(&connection).await?;
    if args.json {
        let models: Vec<ModelJson> = models.iter().map(ModelJson::from).collect();
        output.json(&models)
    } else {
        output.line(&list_page(&models))
    }
}

async fn show(args: &ShowArgs, output: &mut Output) -> Result<(), CliError> {
    let connection = Connection::open(&args.connection, READ_TIMEOUT).await?;
    let version = args.version.unwrap_or_default();
    let request = connection.request(pb::GetModelRequest { version });
    let answer = connection.models().get_model(request).await?;
    let model = answer.into_inner().model.ok_or_else(no_model)?;
    print(&model, args.json, output)
}

async fn activate(args: &ActivateArgs, output: &mut Output) -> Result<(), CliError> {
    let connection = Connection::open(&args.connection, READ_TIMEOUT).await?;
    let request = connection.request(pb::ActivateModelRequest {
        version: args.version,
        allow_not_converged: args.allow_not_converged,
    });
    let mut client = connection.models();
    let model = client.activate_model(request).await?.into_inner().model;
    let model = model.ok_or_else(no_model)?;
    print(&model, args.json, output)
}

async fn roll_back(args: &RollbackArgs, output: &mut Output) -> Result<(), CliError> {
    let connection = Connection::open(&args.connection, READ_TIMEOUT).await?;
    let request = connection.request(pb::RollbackModelRequest {
        from_version: args.from.unwrap_or_default(),
    });
    let mut client = connection.models();
    let model = client.rollback_model(request).await?.into_inner().model;
    let model = model.ok_or_else(no_model)?;
    print(&model, args.json, output)
}

/// A server that breaks its contract.
fn no_model() -> CliError {
    CliError::failed("the server returned a response without a model")
}

/// All versions, newest first.
async fn all_models(connection: &Connection) -> Result<Vec<pb::Model>, CliError> {
    let mut client = connection.models();
    let models = pages::list_all(async |page_token| {
        let request = connection.request(pb::ListModelsRequest {
            page_size: PAGE_SIZE,
            page_token,
        });
        let page = client.list_models(request).await?.into_inner();
        Ok((page.models, page.next_page_token))
    });
    models.await
}

fn print(model: &pb::Model, json: bool, output: &mut Output) -> Result<(), CliError> {
    if json {
        output.json(&ModelJson::from(model))
    } else {
        output.line(&page(model))
    }
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory as _, Parser as _};

    use crate::cli::Cli;

    #[test]
    fn every_command_can_be_given_without_its_options() {
        Cli::command().debug_assert();
        for words in [
            &["patron", "model", "rollback"][..],
            &["patron", "model", "rollback", "--from", "3"],
            &["patron", "model", "show"],
            &["patron", "model", "activate", "3"],
            &["patron", "model", "compare"],
            &["patron", "model", "drift"],
            &["patron", "model", "newcomers"],
        ] {
            let parsed = Cli::try_parse_from(words);
            assert!(parsed.is_ok(), "{words:?}: {:?}", parsed.err());
        }
    }
}
