//! `patron model fit`.

use clap::builder::PossibleValue;
use clap::{Args, ValueEnum};

use super::answer::spend_orders_name;
use super::{compare, no_model, print};
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

    /// Whether a seasonal index is exact for it.
    pub(super) fn knows_seasons(self) -> bool {
        match self {
            Self::MbgNbd | Self::BgNbd => true,
            Self::ParetoNbd | Self::MbgCnbd => false,
        }
    }
}

/// A seasonal index for a model that it is not exact for.
pub(super) fn no_seasons() -> CliError {
    CliError::usage(
        "--season is exact only for mbg-nbd and bg-nbd: choose one of them, or remove --season",
    )
}

/// What to fit: a model, or the one that a comparison recommends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FittedModel {
    /// This one.
    Named(OrderModel),
    /// The recommended one.
    Best,
}

impl ValueEnum for FittedModel {
    fn value_variants<'a>() -> &'a [Self] {
        &[
            Self::Named(OrderModel::MbgNbd),
            Self::Named(OrderModel::BgNbd),
            Self::Named(OrderModel::ParetoNbd),
            Self::Named(OrderModel::MbgCnbd),
            Self::Best,
        ]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        match self {
            Self::Named(model) => model.to_possible_value(),
            Self::Best => {
                let help =
                    "The model, grouping and spend orders that `patron model compare` recommends";
                Some(PossibleValue::new("best").help(help))
            }
        }
    }
}

/// By what customers are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Grouping {
    /// Separate parameters for persons and companies
    Kind,
}

/// The orders that spend is fitted to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SpendOrders {
    /// Every single order, including the first
    All,
    /// Every single order except the first
    Repeat,
    /// Means of repeat orders, as published for Gamma-Gamma
    RepeatMeans,
}

impl SpendOrders {
    /// As the contract names it.
    pub(super) fn message(self) -> pb::SpendOrders {
        match self {
            Self::All => pb::SpendOrders::All,
            Self::Repeat => pb::SpendOrders::Repeat,
            Self::RepeatMeans => pb::SpendOrders::RepeatMeans,
        }
    }
}

/// Options of `patron model fit`.
#[derive(Debug, Args)]
pub struct FitArgs {
    /// Order model
    #[arg(long, value_enum, default_value = "mbg-nbd")]
    model: FittedModel,
    /// Orders that spend is fitted to (default: all; with --model best, those that the comparison recommends)
    #[arg(long, value_enum, value_name = "ORDERS")]
    spend_orders: Option<SpendOrders>,
    /// Estimate a seasonal index of the order rate, only for mbg-nbd and bg-nbd (needs a year and a half)
    #[arg(long)]
    season: bool,
    /// Last day of facts to use, YYYY-MM-DD (default: today, or the last purchase if facts seem to be missing since)
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
    let mut spend_orders = args.spend_orders.map(SpendOrders::message);
    let best = match args.model {
        FittedModel::Named(model) if args.season && !model.knows_seasons() => {
            return Err(no_seasons());
        }
        FittedModel::Named(model) => pb::ComparedModel {
            kind: model.message().into(),
            grouping: grouping(args.by).into(),
            covariates: args.covariates.clone(),
            seasonal: args.season,
            ..Default::default()
        },
        FittedModel::Best => {
            let (best, orders) = recommended(&connection, args, output).await?;
            spend_orders = spend_orders.or(orders);
            best
        }
    };
    let prior = (!args.prior_medians.is_empty()).then(|| pb::LogNormalPrior {
        medians: args.prior_medians.clone(),
        log_standard_deviations: args.prior_sd.clone(),
    });
    let request = connection.request(pb::FitModelRequest {
        kind: best.kind,
        until: args.until.clone().unwrap_or_default(),
        keep_inactive: args.no_activate,
        request_id: args.request_id.clone().unwrap_or_default(),
        covariates: best.covariates,
        grouping: best.grouping,
        prior,
        spend_orders: spend_orders.unwrap_or(pb::SpendOrders::All).into(),
        seasonal: best.seasonal,
    });
    let response = connection.models().fit_model(request).await?.into_inner();
    let model = response.model.ok_or_else(no_model)?;
    print(&model, args.json, output)
}

/// The model that a comparison recommends and the orders to fit spend to, which are printed too.
async fn recommended(
    connection: &Connection,
    args: &FitArgs,
    output: &mut Output,
) -> Result<(pb::ComparedModel, Option<pb::SpendOrders>), CliError> {
    if args.by.is_some() {
        return Err(CliError::usage(
            "--by cannot be used with --model best, which compares both groupings: remove one of them",
        ));
    }
    if args.season {
        return Err(CliError::usage(
            "--season cannot be used with --model best, which compares both with and without: remove one of them",
        ));
    }
    let request = pb::CompareModelsRequest {
        until: args.until.clone().unwrap_or_default(),
        covariates: args.covariates.clone(),
        ..Default::default()
    };
    let comparison = compare::ask(connection, request).await?;
    let spend_orders = compare::recommended_spend(&comparison);
    let reason = comparison.recommendation_reason;
    let best = comparison
        .models
        .into_iter()
        .find(|model| model.recommended);
    let best = best.ok_or_else(|| {
        CliError::failed("no model converged: run `patron model compare` for the reasons")
    })?;
    output.note(&format!(
        "recommended model: {}, {reason}",
        compare::name(&best)
    ));
    if let (Some(orders), None) = (spend_orders, args.spend_orders) {
        output.note(&format!(
            "recommended --spend-orders: {}, {}",
            spend_orders_name(orders).unwrap_or_default(),
            comparison.spend_recommendation_reason
        ));
    }
    Ok((best, spend_orders))
}
