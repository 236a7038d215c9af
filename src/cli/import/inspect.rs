//! `patron import inspect`: guesses how a file is to be imported. A guess is shown, never sent.

mod guess;

use clap::{Args, Parser as _};
use csv::{ByteRecord, StringRecord};

use self::guess::Guess;
use super::args::{Form, SourceArgs};
use super::columns::Header;
use super::input::Input;
use super::{ImportCommand, preset, run_command};
use crate::cli::connection::ConnectionArgs;
use crate::cli::error::CliError;
use crate::cli::output::Output;
use crate::cli::text;
use crate::cli::{Cli, Command};

/// Rows that are looked at.
const ROWS: u64 = 1_000;

/// Options of `patron import inspect`.
#[derive(Debug, Args)]
pub struct InspectArgs {
    #[command(flatten)]
    source: SourceArgs,
    #[command(flatten)]
    connection: ConnectionArgs,
}

/// Guesses, prints the command, and shows what it would read.
///
/// # Errors
///
/// Wrong usage: no such file, or standard input, which cannot be read again.
pub async fn run(args: InspectArgs, output: &mut Output) -> Result<(), CliError> {
    let mut source = args.source;
    if source.path().is_none() && source.from_sql.is_none() {
        return Err(CliError::Usage {
            message: "inspect reads a file more than once, and standard input only once".to_owned(),
            hint: "save it to a file first".to_owned(),
        });
    }
    if source.delimiter.is_none() {
        source.delimiter = Some("auto".to_owned());
    }
    let (header, rows) = look(&mut source)?;
    let guess = Guess::make(&header, &rows);
    let mut rows = vec![("Columns", header.names().join(", "))];
    let form = source.form();
    if form != Form::Parquet {
        let encoding = source.encoding.clone();
        rows.push(("Encoding", encoding.unwrap_or_else(|| "utf-8".to_owned())));
    }
    if form == Form::Csv {
        let delimiter = match header.delimiter() {
            b'\t' => "tab".to_owned(),
            other => char::from(other).to_string(),
        };
        source.delimiter = Some(delimiter.clone());
        rows.push(("Delimiter", delimiter));
    }
    let guess = match guess {
        Ok(guess) => guess,
        Err(reason) => {
            output.line(&text::labelled(&rows))?;
            return Err(CliError::Failed {
                message: format!("cannot guess what the file is: {reason}"),
                hint: "`patron help import transactions` lists the options that name columns"
                    .to_owned(),
            });
        }
    };
    let words = guess.command(&source);
    let shown: Vec<String> = words.iter().map(|word| preset::quoted(word)).collect();
    rows.push(("Command", shown.join(" ")));
    output.line(&text::labelled(&rows))?;
    for note in &guess.notes {
        output.note(&format!("note: {note}"));
    }
    let expanded = preset::expand(words.iter().map(Into::into).collect());
    let expanded = expanded.into_iter().chain([
        "--dry-run".into(),
        format!("--endpoint={}", args.connection.endpoint).into(),
    ]);
    let cli = Cli::try_parse_from(expanded)
        .map_err(|error| CliError::failed(format!("the guessed command is not one: {error}")))?;
    let Command::Import(import) = cli.command else {
        return Err(CliError::failed("the guessed command is no import"));
    };
    let Some(mut command) = import.command else {
        return Err(CliError::failed("the guessed command imports nothing"));
    };
    limit_rows(&mut command);
    run_command(command, output).await
}

/// Reads the first rows; as Windows-1252 if they are not UTF-8.
fn look(source: &mut SourceArgs) -> Result<(Header, Vec<StringRecord>), CliError> {
    let first = try_look(source);
    if source.encoding.is_some() || matches!(&first, Ok((_, _, true))) {
        return first.map(|(header, rows, _)| (header, rows));
    }
    let other = SourceArgs {
        encoding: Some("windows-1252".to_owned()),
        ..source.clone()
    };
    // What cannot be opened at all cannot be opened in another encoding either.
    let (header, rows, _) = try_look(&other).or(first)?;
    *source = other;
    Ok((header, rows))
}

/// The header, the first rows, and whether all of them could be read.
fn try_look(source: &SourceArgs) -> Result<(Header, Vec<StringRecord>, bool), CliError> {
    let mut input = Input::open(source.clone(), false)?;
    let header = input.header().clone();
    let mut rows = input.rows()?;
    let (mut record, mut found, mut all) = (ByteRecord::new(), Vec::new(), true);
    while (found.len() as u64) < ROWS
        && let Some((_, row)) = rows.next_text(&mut record)?
    {
        all &= row.is_ok();
        found.extend(row);
    }
    Ok((header, found, all))
}

fn limit_rows(command: &mut ImportCommand) {
    let input = match command {
        ImportCommand::Customers(args) => &mut args.file.input,
        ImportCommand::Transactions(args) => &mut args.file.input,
        ImportCommand::Contacts(args) => &mut args.file.input,
        ImportCommand::Contracts(args) => &mut args.file.input,
        ImportCommand::Rates(args) => &mut args.input,
        ImportCommand::Inspect(_) | ImportCommand::List(_) | ImportCommand::Undo(_) => return,
    };
    input.row_limit = Some(ROWS);
}
