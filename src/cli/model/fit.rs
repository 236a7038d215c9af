//! `patron model fit`.

use clap::{Args, ValueEnum};

use super::{no_model, print};
use crate::cli::connection::{Connection, ConnectionArgs, FIT_TIMEOUT};
use crate::cli::error::CliError;
use crate::cli::output::Output;
use crate::pb;

/// A family of order models.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OrderModel {
    /// Modified BG/NBD: customers may drop out after the first purchase
    MbgNbd,
    /// BG/NBD: keeps every one-time buyer alive forever
    BgNbd,
    /// Pareto/NBD: customers may drop out at any time
    ParetoNbd,
    /// MBG/CNBD-k: MBG/NBD for customers who order regularly; the fit chooses k
    #[value(name = "mbg-cnbd-k")]
    MbgCnbd,
}

impl OrderModel {
    /// As the contract names it.
    pub(super) fn message(self) -> pb::OrderModelKind {
        match self {
            Self::MbgNbd => pb::OrderModelKind::MbgNbd,
            Self::ParetoNbd => pb::OrderModelKind::ParetoNbd,
            Self::BgNbd => pb::OrderModelKind::BgNbd,
            Self::MbgCnbd => pb::OrderModelKind::MbgCnbdK,
        }
    }
}

/// By what customers are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Grouping {
    /// Separate parameters for persons and companies
    Kind,
}

/// Options of `patron model fit`.
#[derive(Debug, Args)]
pub struct FitArgs {
    /// Order model
    #[arg(long, value_enum, default_value = "mbg-nbd")]
    model: OrderModel,
    /// Last day of facts to use, YYYY-MM-DD (default: today in the server's time zone)
    #[arg(long, value_name = "DATE")]
    until: Option<String>,
    /// Fit separate parameters per kind of customer and test whether they differ
    #[arg(
        long,
        value_enum,
        value_name = "GROUPING",
        conflicts_with = "covariates"
    )]
    by: Option<Grouping>,
    /// Attributes (bool or numeric) on which order rate and dropout depend
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
    covariates: Vec<String>,
    /// Medians of a log-normal prior of the four order parameters, in weeks; for small customer bases
    #[arg(
        long,
        value_name = "R,ALPHA,A,B",
        value_delimiter = ',',
        requires = "prior_sd"
    )]
    prior_medians: Vec<f64>,
    /// Standard deviation of their logarithms: one value for all, or four
    #[arg(
        long,
        value_name = "SD,...",
        value_delimiter = ',',
        requires = "prior_medians"
    )]
    prior_sd: Vec<f64>,
    /// Idempotency key: repeating the request returns the same version
    #[arg(long, value_name = "ID")]
    request_id: Option<String>,
    /// Store the version without activating it
    #[arg(long)]
    no_activate: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connection: ConnectionArgs,
}

/// By what customers are told apart, as the contract names it.
pub(super) fn grouping(by: Option<Grouping>) -> pb::FitGrouping {
    match by {
        Some(Grouping::Kind) => pb::FitGrouping::ByKind,
        None => pb::FitGrouping::Unspecified,
    }
}

/// Fits a model and prints the version.
///
/// # Errors
///
/// No server, an error of the server, or no reader.
pub async fn run(args: &FitArgs, output: &mut Output) -> Result<(), CliError> {
    let connection = Connection::open(&args.connection, FIT_TIMEOUT).await?;
    let kind = args.model.message();
    let prior = (!args.prior_medians.is_empty()).then(|| pb::LogNormalPrior {
        medians: args.prior_medians.clone(),
        log_standard_deviations: args.prior_sd.clone(),
    });
    let request = connection.request(pb::FitModelRequest {
        kind: kind.into(),
        until: args.until.clone().unwrap_or_default(),
        keep_inactive: args.no_activate,
        request_id: args.request_id.clone().unwrap_or_default(),
        covariates: args.covariates.clone(),
        grouping: grouping(args.by).into(),
        prior,
    });
    let response = connection.models().fit_model(request).await?.into_inner();
    let model = response.model.ok_or_else(no_model)?;
    print(&model, args.json, output)
}
