//! `patron import`: sends the rows of a CSV file to a server as facts.
//!
//! Rows are read, checked and sent in batches as they come; memory does not grow with the file, but for 24 bytes a row where
//! transaction or contact ids are derived. Importing a file again adds nothing.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use self::batches::{ListArgs, UndoArgs};
use self::columns::open_csv;
use self::contacts::{ContactMapping, ContactsArgs};
use self::contracts::{ContractMapping, ContractsArgs};
use self::customers::{CustomerMapping, CustomersArgs};
use self::rates::{RateMapping, RatesArgs};
use self::transactions::{TransactionMapping, TransactionsArgs};
use super::connection::ConnectionArgs;
use super::error::CliError;
use super::output::Output;
use crate::pb;

pub mod amount;
pub mod batches;
pub mod columns;
pub mod contacts;
pub mod contracts;
pub mod currency;
pub mod customers;
pub mod groups;
pub mod identity;
pub mod pipeline;
pub mod progress;
pub mod rates;
pub mod rejected;
pub mod send;
pub mod transactions;
pub mod when;

/// What the help of every import says below its options.
pub const IMPORT_HELP: &str = "\
Columns: without an option, the column with its default name is used if the file has it; \
an empty name (--category-column '') ignores that column. Column names are case-insensitive.

Days and times: YYYY-MM-DD, YYYYMMDD, YYYY/MM/DD, DD.MM.YYYY, each optionally with HH:MM[:SS], and RFC 3339. A time with a zone is sent \
as an instant. A time without one is in the deployment's time zone; only its day is sent, because values have day resolution. \
01/02/2024 is ambiguous and refused: use --date-format %d/%m/%Y.

Refused rows are printed to standard error and written with line and reason to FILE.rejected.csv (see --rejected); the exit code is then 1. \
Importing a file again is safe: it adds only missing rows.";

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

/// Options of every import.
#[derive(Debug, Clone, Args)]
#[expect(
    clippy::doc_markdown,
    reason = "the comments are help for a terminal, where backticks are noise"
)]
pub struct FileArgs {
    /// A CSV file with a header, in UTF-8
    #[arg(value_name = "FILE.csv")]
    pub file: PathBuf,
    /// Column of the customer's id [default: customer_id, customer, cust]
    #[arg(long, value_name = "COLUMN")]
    pub customer_column: Option<String>,
    /// Name of the source system; a fact is identified by source and id
    #[arg(long, default_value = "csv", value_name = "NAME", value_parser = parse_source)]
    pub source: String,
    /// Kind of new customers [default: person]
    #[arg(long, value_enum)]
    pub kind: Option<KindArg>,
    /// Column separator: one character, or "tab" [default: ,]
    #[arg(long, value_name = "CHARACTER")]
    pub delimiter: Option<String>,
    /// Format of days and times (strftime), for example %d/%m/%Y or "%m/%d/%Y %H:%M"
    #[arg(long, value_name = "FORMAT", value_parser = when::check_format)]
    pub date_format: Option<String>,
    /// Read numbers with a decimal comma: 12,50
    #[arg(long)]
    pub decimal_comma: bool,
    /// Check the file only: send nothing, write no file
    #[arg(long)]
    pub dry_run: bool,
    /// File for refused rows, readable only by your account [default: FILE.rejected.csv, next to the file]
    #[arg(long, value_name = "FILE")]
    pub rejected: Option<PathBuf>,
    /// Print the summary as JSON
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    /// The server.
    pub connection: ConnectionArgs,
}

impl FileArgs {
    /// The kind of created customers, as the contract numbers it.
    pub fn kind(&self) -> i32 {
        let kind = self.kind.map(pb::CustomerKind::from);
        kind.unwrap_or(pb::CustomerKind::Unspecified).into()
    }

    /// Where refused rows go.
    #[must_use]
    pub fn rejected_file(&self) -> PathBuf {
        let beside = || rejected::default_target(&self.file);
        self.rejected.clone().unwrap_or_else(beside)
    }

    /// How the numbers and days of the file are written.
    #[must_use]
    pub fn formats(&self) -> Formats {
        Formats {
            date: self.date_format.clone(),
            decimal_comma: self.decimal_comma,
        }
    }
}

/// How numbers and days are written in a file.
#[derive(Debug, Clone, Default)]
pub struct Formats {
    /// strftime format of days and times. `None`: the usual forms.
    pub date: Option<String>,
    /// Whether numbers have a decimal comma.
    pub decimal_comma: bool,
}

/// Runs an import.
///
/// # Errors
///
/// Wrong usage (a file, a column), no server, an error of a whole call, or [`CliError::Reported`] when rows were refused.
pub async fn run(command: ImportCommand, output: &mut Output) -> Result<(), CliError> {
    match command {
        ImportCommand::Customers(args) => {
            let (reader, header) = open_csv(&args.file.file, args.file.delimiter.as_deref())?;
            let mapping = CustomerMapping::new(&args, &header)?;
            pipeline::run(&args.file, mapping, reader, &header, output).await
        }
        ImportCommand::Transactions(args) => {
            let (reader, header) = open_csv(&args.file.file, args.file.delimiter.as_deref())?;
            let mapping = TransactionMapping::new(&args, &header)?;
            pipeline::run(&args.file, mapping, reader, &header, output).await
        }
        ImportCommand::Contacts(args) => {
            let (reader, header) = open_csv(&args.file.file, args.file.delimiter.as_deref())?;
            let mapping = ContactMapping::new(&args, &header)?;
            pipeline::run(&args.file, mapping, reader, &header, output).await
        }
        ImportCommand::Rates(args) => {
            let (reader, header) = open_csv(&args.file, args.delimiter.as_deref())?;
            let mapping = RateMapping::new(&args, &header)?;
            pipeline::run(&args.file_args(), mapping, reader, &header, output).await
        }
        ImportCommand::List(args) => batches::list(&args, output).await,
        ImportCommand::Undo(args) => batches::undo(&args, output).await,
        ImportCommand::Contracts(args) => {
            let (reader, header) = open_csv(&args.file.file, args.file.delimiter.as_deref())?;
            let mapping = ContractMapping::new(&args, &header)?;
            pipeline::run(&args.file, mapping, reader, &header, output).await
        }
    }
}

fn parse_source(text: &str) -> Result<String, String> {
    columns::short_text(text, 64)?
        .ok_or_else(|| "must not be empty".to_owned())
        .map(str::to_owned)
}
