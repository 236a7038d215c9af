//! `patron service`: what the service desk records and is run by.

mod figures;
mod outcome;
mod tickets;
mod topics;

use clap::{Args, Subcommand};

use super::connection::ConnectionArgs;
use super::error::CliError;
use super::output::Output;
use super::text;
use crate::pb;
use crate::pb::customer_group::Group;

/// The commands of `patron service`.
#[derive(Debug, Subcommand)]
pub enum ServiceCommand {
    /// Show the figures a service is run by: contacts, first-contact resolution, transfers, satisfaction, cost
    Figures(figures::FiguresArgs),
    /// Record how a contact ended
    Outcome(outcome::OutcomeArgs),
    /// Sort the tickets of a CSV file by urgency, with tier, queue, roles and category
    Tickets(tickets::TicketsArgs),
    /// List the topics on costly channels that a cheaper channel could take over
    Deflection(topics::DeflectionArgs),
    /// List the topics that customers bring significantly more often than before
    Surges(topics::SurgesArgs),
}

/// A group of customers, by what they are on the last day.
#[derive(Debug, Clone, Args)]
pub struct GroupArgs {
    /// Only members of this segment, scheme/name
    #[arg(long, value_name = "NAME", conflicts_with = "tier")]
    segment: Option<String>,
    /// Only customers of this tier, or UNRATED
    #[arg(long, value_name = "NAME")]
    tier: Option<String>,
}

/// What all commands about a group have in common.
#[derive(Debug, Clone, Args)]
pub struct ReadArgs {
    #[command(flatten)]
    group: GroupArgs,
    /// Last day, YYYY-MM-DD (default: today in the server's time zone)
    #[arg(long, value_name = "DATE")]
    as_of: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connection: ConnectionArgs,
}

impl GroupArgs {
    /// The message.
    pub(super) fn message(&self) -> pb::CustomerGroup {
        let segment = self.segment.clone().map(Group::Segment);
        pb::CustomerGroup {
            group: segment.or_else(|| self.tier.clone().map(Group::Tier)),
        }
    }
}

impl ReadArgs {
    fn as_of(&self) -> String {
        self.as_of.clone().unwrap_or_default()
    }
}

/// Runs a command.
///
/// # Errors
///
/// Wrong usage, no server, an error of the server, or no reader.
pub async fn run(command: &ServiceCommand, output: &mut Output) -> Result<(), CliError> {
    match command {
        ServiceCommand::Figures(args) => figures::run(args, output).await,
        ServiceCommand::Outcome(args) => outcome::run(args, output).await,
        ServiceCommand::Tickets(args) => tickets::run(args, output).await,
        ServiceCommand::Deflection(args) => topics::deflection(args, output).await,
        ServiceCommand::Surges(args) => topics::surges(args, output).await,
    }
}

/// An amount in words; a dash without one.
pub(super) fn amount(money: Option<&pb::Money>) -> String {
    money.map_or_else(|| "-".to_owned(), text::money_text)
}

/// The name of an enum value without the name of the enum.
pub(super) fn short(name: &'static str, prefix: &str) -> &'static str {
    name.strip_prefix(prefix).unwrap_or(name)
}

/// Contacts whose cost is missing, in a line for each channel and reason.
pub(super) fn missing_lines(missing: &[pb::MissingCost]) -> Vec<String> {
    let line = |one: &pb::MissingCost| {
        let (count, channel, currency) = (one.contact_count, &one.channel, &one.currency);
        match one.reason() {
            pb::MissingCostReason::NotKnown => format!(
                "{count} on {channel}: no cost is known; send it with the contact, or state it under `channels`"
            ),
            pb::MissingCostReason::NoRate => format!(
                "{count} on {channel}: no rate from {currency}; run `patron import rates FILE.csv --from {currency} --to ...`"
            ),
            pb::MissingCostReason::Unspecified => format!("{count} on further channels"),
        }
    };
    missing.iter().map(line).collect()
}

/// A part of a page under a heading; nothing without lines.
pub(super) fn part(heading: &str, lines: &[String]) -> String {
    if lines.is_empty() {
        return String::new();
    }
    format!("\n\n{heading}\n{}", text::indented(&lines.join("\n")))
}
