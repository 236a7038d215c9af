//! Options of every import: where the rows come from, how they are written, which of them count.

use std::path::{Path, PathBuf};

use clap::Args;
use jiff::tz::TimeZone;

use super::KindArg;
use super::input;
use super::number::Numbers;
use super::pick::{Pair, parse_choice, parse_replacement};
use super::rejected;
use super::when::{self, Dates};
use crate::app::settings::encryption::DatabaseWaySettings;
use crate::cli::connection::ConnectionArgs;
use crate::cli::error::CliError;
use crate::pb;

/// Where the rows come from.
#[derive(Debug, Clone, Default, Args)]
#[expect(
    clippy::doc_markdown,
    reason = "the comments are help for a terminal, where backticks are noise"
)]
pub struct SourceArgs {
    /// A CSV file with a header, or JSON lines (.jsonl, .ndjson), also compressed with gzip or zstd; or Parquet; - for standard input
    #[arg(value_name = "FILE", required_unless_present = "from_sql")]
    pub file: Option<PathBuf>,
    /// Read the rows of --query from this Postgres database instead of a file, for example postgres://reader@host/shop
    #[arg(long, value_name = "URL", requires = "query", conflicts_with = "file")]
    pub from_sql: Option<String>,
    /// Encryption of the way to it
    #[command(flatten)]
    pub from_sql_tls: DatabaseWaySettings,
    /// The query for --from-sql; its column names are the header
    #[arg(long, value_name = "SQL", requires = "from_sql")]
    pub query: Option<String>,
    /// Form of the input: csv, jsonl or parquet [default: by the name or the first bytes of the file, otherwise csv]
    #[arg(long, value_name = "FORM", value_parser = ["csv", "jsonl", "parquet"])]
    pub form: Option<String>,
    /// Column separator: one character, "tab", or "auto" for the most frequent of , ; tab | in the header [default: ,]. A first line
    /// like "sep=;" states it too
    #[arg(long, value_name = "CHARACTER")]
    pub delimiter: Option<String>,
    /// Character encoding, for example windows-1252 or latin1 [default: utf-8; a byte order mark comes first]
    #[arg(long, value_name = "NAME")]
    pub encoding: Option<String>,
}

impl SourceArgs {
    /// Whether the options fit each other.
    ///
    /// # Errors
    ///
    /// Wrong usage.
    pub fn check(&self) -> Result<(), CliError> {
        if self.file.is_none() && self.from_sql.is_none() {
            return Err(CliError::usage("the file to import is missing"));
        }
        Ok(())
    }

    /// The file, if it is one that can be opened again.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        let file = self.file.as_deref();
        file.filter(|file| file.as_os_str() != "-")
    }

    /// How the input is called in messages.
    #[must_use]
    pub fn shown(&self) -> String {
        match (self.path(), &self.from_sql) {
            (Some(path), _) => path.display().to_string(),
            (None, Some(_)) => "the query".to_owned(),
            (None, None) => "standard input".to_owned(),
        }
    }

    /// The name of the file without its folder; `query` or `stdin` without one.
    #[must_use]
    pub fn name(&self) -> String {
        let file = self.path().and_then(Path::file_name);
        match (file, &self.from_sql) {
            (Some(file), _) => file.to_string_lossy().into_owned(),
            (None, Some(_)) => "query".to_owned(),
            (None, None) => "stdin".to_owned(),
        }
    }

    /// The form of the input, by the option, the name or the first bytes of the file.
    #[must_use]
    pub fn form(&self) -> Form {
        match self.form.as_deref() {
            Some("jsonl") => return Form::JsonLines,
            Some("parquet") => return Form::Parquet,
            Some(_) => return Form::Csv,
            None => {}
        }
        let name = self.path().and_then(|path| path.file_name());
        let name = name.map(|name| name.to_string_lossy().to_ascii_lowercase());
        let name = name.unwrap_or_default();
        let inner = name.trim_end_matches(".gz").trim_end_matches(".zst");
        if [".jsonl", ".ndjson"].iter().any(|end| inner.ends_with(end)) {
            Form::JsonLines
        } else if name.ends_with(".parquet") || self.path().is_some_and(input::is_parquet) {
            Form::Parquet
        } else {
            Form::Csv
        }
    }
}

/// The form of an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Lines with separators.
    Csv,
    /// An object in each line.
    JsonLines,
    /// Columns with types.
    Parquet,
}

/// Options of every import.
#[derive(Debug, Clone, Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of the command line"
)]
pub struct InputArgs {
    #[command(flatten)]
    /// Where the rows come from.
    pub source: SourceArgs,
    /// Format of days and times (repeatable, tried in order): strftime, for example %d/%m/%Y or "%m/%d/%Y %H:%M"; epoch or epoch-ms for
    /// seconds or milliseconds since 1970; usual for the usual forms
    #[arg(long, value_name = "FORMAT", value_parser = when::check_format)]
    pub date_format: Vec<String>,
    /// Time zone of times without one, for example UTC [default: the deployment's; then only their days are sent]
    #[arg(long, value_name = "ZONE", value_parser = when::parse_zone)]
    pub time_zone: Option<TimeZone>,
    /// Read numbers with a decimal comma: 12,50
    #[arg(long)]
    pub decimal_comma: bool,
    /// Separator of thousands: one of , . ' or "space" [default: none; such numbers are refused]
    #[arg(long, value_name = "CHARACTER", value_parser = parse_thousands)]
    pub thousands: Option<char>,
    /// Round amounts with more decimals than their currency has, instead of refusing them
    #[arg(long)]
    pub round: bool,
    /// Read only rows with one of these values in the column (repeatable); the others are counted as Skipped
    #[arg(long, value_name = "COLUMN=VALUE|VALUE", value_parser = parse_choice)]
    pub only: Vec<Pair>,
    /// Skip rows with one of these values in the column (repeatable); they are counted as Skipped
    #[arg(long, value_name = "COLUMN=VALUE|VALUE", value_parser = parse_choice)]
    pub skip: Vec<Pair>,
    /// Read one value of a column as another (repeatable), for example "Via=Phone call=phone"
    #[arg(long, value_name = "COLUMN=VALUE=OTHER", value_parser = parse_replacement)]
    pub map: Vec<(String, Pair)>,
    /// A column that is ignored on purpose (repeatable): no warning that no option uses it
    #[arg(long, value_name = "COLUMN")]
    pub ignore: Vec<String>,
    /// Options for the exports of a well-known program; your own options come first. `--preset NAME --explain` prints them
    #[arg(long, value_name = "NAME")]
    pub preset: Option<super::preset::Preset>,
    /// Check the rows only: send nothing, write no file
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
    /// Read at most so many rows: for a look at a file.
    #[arg(skip)]
    pub row_limit: Option<u64>,
}

/// Options of imports of facts about customers.
#[derive(Debug, Clone, Args)]
#[expect(
    clippy::doc_markdown,
    reason = "the comments are help for a terminal, where backticks are noise"
)]
pub struct FileArgs {
    #[command(flatten)]
    /// What all imports share.
    pub input: InputArgs,
    /// Column of the customer's id [default: customer_id, customer, cust]
    #[arg(long, value_name = "COLUMN")]
    pub customer_column: Option<String>,
    /// Read ids of customers like 17850.0 as 17850: some programs write whole numbers so
    #[arg(long)]
    pub whole_number_ids: bool,
    /// Name of the source system; a fact is identified by source and id
    #[arg(long, default_value = "csv", value_name = "NAME", value_parser = super::parse_source)]
    pub source: String,
    /// Kind of new customers [default: person]
    #[arg(long, value_enum)]
    pub kind: Option<KindArg>,
}

impl FileArgs {
    /// The kind of created customers, as the contract numbers it.
    pub fn kind(&self) -> i32 {
        let kind = self.kind.map(pb::CustomerKind::from);
        kind.unwrap_or(pb::CustomerKind::Unspecified).into()
    }
}

impl InputArgs {
    /// Where refused rows go.
    #[must_use]
    pub fn rejected_file(&self) -> PathBuf {
        let by_name = || match (self.source.path(), &self.source.from_sql) {
            (Some(path), _) => rejected::default_target(path),
            (None, Some(_)) => rejected::default_target(Path::new("query")),
            (None, None) => rejected::default_target(Path::new("stdin")),
        };
        self.rejected.clone().unwrap_or_else(by_name)
    }

    /// How the numbers and days of the file are written.
    ///
    /// # Errors
    ///
    /// Wrong usage when one character would separate decimals and thousands.
    pub fn formats(&self) -> Result<Formats, CliError> {
        let decimal = if self.decimal_comma { ',' } else { '.' };
        if self.thousands == Some(decimal) {
            return Err(CliError::Usage {
                message: format!("--thousands {decimal} is the decimal separator"),
                hint: "set --decimal-comma if the file writes 1.250,00".to_owned(),
            });
        }
        Ok(Formats {
            dates: Dates {
                formats: self.date_format.clone(),
                file_zone: self.time_zone.clone(),
                deployment: None,
            },
            numbers: Numbers {
                comma: self.decimal_comma,
                thousands: self.thousands,
                round: self.round,
            },
        })
    }
}

/// How numbers and days are written in a file.
#[derive(Debug, Clone, Default)]
pub struct Formats {
    /// Days and times.
    pub dates: Dates,
    /// Numbers.
    pub numbers: Numbers,
}

fn parse_thousands(text: &str) -> Result<char, String> {
    match text {
        "space" | " " => Ok(' '),
        "," | "." | "'" => Ok(text.chars().next().unwrap_or(',')),
        _ => Err("use one of , . ' or space".to_owned()),
    }
}
