//! `patron import`: sends the rows of a file, or of a query, to a server as facts.
//!
//! Rows are read, checked and sent in batches as they come; memory does not grow with the file, but for 24 bytes a row where
//! transaction or contact ids are derived, 16 an order where rows are lines of orders, and 8 a customer to count them. Importing a file
//! again adds nothing.

use clap::{Args, Subcommand, ValueEnum};
use jiff::tz::TimeZone;

use self::args::InputArgs;
use self::batches::{ListArgs, UndoArgs};
use self::columns::Header;
use self::contacts::{ContactMapping, ContactsArgs};
use self::contracts::{ContractMapping, ContractsArgs};
use self::customers::{CustomerMapping, CustomersArgs};
use self::input::Input;
use self::inspect::InspectArgs;
use self::pick::Picked;
use self::pipeline::reading::{Mapping, Reading};
use self::preset::Preset;
use self::rates::{RateMapping, RatesArgs};
use self::transactions::{TransactionMapping, TransactionsArgs};
use super::connection::{Connection, WRITE_TIMEOUT};
use super::error::CliError;
use super::output::Output;
use crate::domain::definitions::Definitions;
use crate::pb;

pub mod amount;
pub mod args;
pub mod batches;
pub mod columns;
pub mod contacts;
pub mod contracts;
pub mod currency;
pub mod customers;
pub mod groups;
pub mod identity;
pub mod input;
pub mod inspect;
pub mod known;
pub mod meaning;
pub mod number;
pub mod pick;
pub mod pipeline;
pub mod preset;
pub mod progress;
pub mod rates;
pub mod rejected;
pub mod row;
pub mod send;
pub mod summary;
pub mod transactions;
pub mod unit;
pub mod when;
pub mod who;

/// What the help of every import states below its options.
pub const IMPORT_HELP: &str = "\
Columns: without an option, the column with its default name is used if the file has it; \
an empty name (--category-column '') ignores that column. Column names are case-insensitive. Two columns with default names of one meaning \
are refused: choose one.

Days and times: YYYY-MM-DD, YYYYMMDD, YYYY/MM/DD, DD.MM.YYYY, 1 Feb 2026 or Feb 1, 2026, each optionally with HH:MM[:SS] [AM|PM], and \
RFC 3339. A time with a zone is an instant; where a day is stored, it is the day in the deployment's time zone. A time without one is in the \
deployment's time zone; only its day is sent, because values have day resolution. 01/02/2024 is ambiguous and refused: use --date-format \
%d/%m/%Y.

Numbers: 12.50, -12.50, 12.50-, (12.50), 1.25E+4, with the sign or code of their currency or without. 118.22999999999999 is 118.23: \
programs that count in binary fractions write so. Other digits beyond the currency's decimals are refused without --round.

Refused rows are printed to standard error and written with line and reason to FILE.rejected.csv (see --rejected); the exit code is then 1. \
Importing a file again is safe: it adds only missing rows.";

/// Options of `patron import`, and its commands.
#[derive(Debug, Args)]
#[command(arg_required_else_help = true)]
pub struct ImportArgs {
    /// With --explain: the preset whose options are printed
    #[arg(long, value_name = "NAME", requires = "explain")]
    preset: Option<Preset>,
    /// Print the options that a preset stands for
    #[arg(long, requires = "preset")]
    explain: bool,
    /// What to import.
    #[command(subcommand)]
    pub command: Option<ImportCommand>,
}

/// The commands of `patron import`.
#[derive(Debug, Subcommand)]
pub enum ImportCommand {
    /// Create and update customers: names, phone numbers, attributes
    #[command(after_help = IMPORT_HELP)]
    Customers(CustomersArgs),
    /// Import purchases, refunds and reversals
    #[command(after_help = IMPORT_HELP)]
    Transactions(TransactionsArgs),
    /// Import service contacts: calls, chats, e-mails, visits
    #[command(after_help = IMPORT_HELP)]
    Contacts(ContactsArgs),
    /// Import exchange rates for conversion to the reporting currency
    #[command(after_help = IMPORT_HELP)]
    Rates(RatesArgs),
    /// Import contracts that renew: subscriptions, service contracts
    #[command(after_help = IMPORT_HELP)]
    Contracts(ContractsArgs),
    /// Guess how a file is to be imported: prints the command, and the first rows as it reads them
    Inspect(InspectArgs),
    /// List imports, most recent first
    List(ListArgs),
    /// Take back everything that an import wrote
    Undo(UndoArgs),
}

/// Kind of a customer on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum KindArg {
    /// A natural person
    Person,
    /// A company or another organisation
    Company,
    /// A colleague served by an internal service
    Employee,
}

impl From<KindArg> for pb::CustomerKind {
    fn from(kind: KindArg) -> Self {
        match kind {
            KindArg::Person => Self::Person,
            KindArg::Company => Self::Company,
            KindArg::Employee => Self::Employee,
        }
    }
}

/// Runs an import.
///
/// # Errors
///
/// Wrong usage (a file, a column), no server, an error of a whole call, or [`CliError::Reported`] when something was refused.
pub async fn run(args: ImportArgs, output: &mut Output) -> Result<(), CliError> {
    match (args.command, args.preset) {
        (Some(ImportCommand::Inspect(args)), _) => inspect::run(args, output).await,
        (Some(command), _) => run_command(command, output).await,
        (None, Some(preset)) => output.line(&preset.explain()),
        (None, None) => Err(CliError::Usage {
            message: "what to import is missing".to_owned(),
            hint: "`patron help import` lists the commands".to_owned(),
        }),
    }
}

/// Runs a command that reads rows.
async fn run_command(command: ImportCommand, output: &mut Output) -> Result<(), CliError> {
    match command {
        ImportCommand::Customers(args) => {
            let build = |header: &Header| CustomerMapping::new(&args, header);
            let rules = Rules {
                strict: args.strict,
                ..Rules::of("customers")
            };
            import(&args.file.input, rules, build, output).await
        }
        ImportCommand::Transactions(args) => {
            let build = |header: &Header| TransactionMapping::new(&args, header);
            let rules = Rules {
                twice: args.order_column.is_some(),
                ..Rules::of("transactions")
            };
            import(&args.file.input, rules, build, output).await
        }
        ImportCommand::Contacts(args) => {
            let build = |header: &Header| ContactMapping::new(&args, header);
            import(&args.file.input, Rules::of("contacts"), build, output).await
        }
        ImportCommand::Rates(args) => {
            let build = |header: &Header| RateMapping::new(&args, header);
            import(&args.input, Rules::of("rates"), build, output).await
        }
        ImportCommand::List(args) => batches::list(&args, output).await,
        ImportCommand::Undo(args) => batches::undo(&args, output).await,
        ImportCommand::Contracts(args) => {
            let build = |header: &Header| ContractMapping::new(&args, header);
            let rules = Rules {
                twice: true,
                ..Rules::of("contracts")
            };
            import(&args.file.input, rules, build, output).await
        }
        ImportCommand::Inspect(_) => Err(CliError::failed("inspect reads no facts")),
    }
}

/// What differs between the commands besides their columns.
struct Rules {
    command: &'static str,
    /// Whether one wrong cell is enough to refuse its row.
    strict: bool,
    /// Whether rows wait for others, so that the input is read twice.
    twice: bool,
}

impl Rules {
    fn of(command: &'static str) -> Self {
        Self {
            command,
            strict: false,
            twice: false,
        }
    }
}

async fn import<M: Mapping>(
    args: &InputArgs,
    rules: Rules,
    build: impl FnOnce(&Header) -> Result<M, CliError>,
    output: &mut Output,
) -> Result<(), CliError> {
    if let Some(preset) = args
        .preset
        .filter(|preset| preset.command() != rules.command)
    {
        let (name, command) = (preset.name(), preset.command());
        return Err(CliError::Usage {
            message: format!("--preset {name} is not for {}", rules.command),
            hint: format!("use `patron import {command} --preset {name}`"),
        });
    }
    let mut input = Input::open(args.source.clone(), rules.twice)?;
    let picked = Picked::new(args, input.header_mut())?;
    let mut mapping = build(input.header())?;
    for column in input.header().suspicious() {
        output.note(&format!(
            "warning: no option uses the column {column:?}, which may decide what a row means: see --only, --skip, --refunded-column, or set --ignore {}",
            preset::quoted(column)
        ));
    }
    // A check works without a server.
    let connection = match Connection::open(&args.connection, WRITE_TIMEOUT).await {
        Ok(connection) => Some(connection),
        Err(_) if args.dry_run => None,
        Err(error) => return Err(error),
    };
    let zone = match &connection {
        Some(connection) => deployment_zone(connection).await,
        None => None,
    };
    if M::STATES_VALUES
        && let Some(connection) = &connection
        && let Some(definitions) = definitions_in_force(connection).await
    {
        mapping.hold_against(definitions);
    }
    let days_in_utc = args.dry_run && zone.is_none();
    mapping.formats().dates.deployment = zone.or(days_in_utc.then_some(TimeZone::UTC));
    let reading = Reading {
        input,
        picked,
        mapping,
        strict: rules.strict,
        days_in_utc,
    };
    // Boxed for its size.
    Box::pin(pipeline::run(args, reading, connection.as_ref(), output)).await
}

/// The zone in which the server counts days. A server before this call does not state it.
async fn deployment_zone(connection: &Connection) -> Option<TimeZone> {
    let request = connection.request(pb::GetTimeZoneRequest {});
    let answer = connection.ingest().get_time_zone(request).await.ok()?;
    TimeZone::get(&answer.into_inner().time_zone).ok()
}

/// The definitions by which the server judges values. None where it has only the built-in ones, or knows keys that this program does not.
async fn definitions_in_force(connection: &Connection) -> Option<Box<Definitions>> {
    let request = connection.request(pb::GetRevisionRequest { revision: 0 });
    let answer = connection.definitions().get_revision(request).await.ok()?;
    let document = answer.into_inner().revision?.document;
    Definitions::read(&document).ok().map(Box::new)
}

fn parse_source(text: &str) -> Result<String, String> {
    row::short_text(text, 64)?
        .ok_or_else(|| "must not be empty".to_owned())
        .map(str::to_owned)
}
