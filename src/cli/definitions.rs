//! `patron definitions`: check, test, publish, list, show and roll back definitions; print the language of their conditions.
//!
//! Checking needs no server: it is the same code that the server runs, so authors can run it in their own CI.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde::Serialize;

use self::answer::{RevisionJson, list_page, refused_text, revision_line, unconvertible_text};
use self::check::{Checked, Document};
use super::connection::{Connection, ConnectionArgs, READ_TIMEOUT, WRITE_TIMEOUT};
use super::error::CliError;
use super::output::Output;
use super::pages::{self, PAGE_SIZE};
use crate::domain::rules::language;
use crate::pb;

pub mod answer;
pub mod check;
mod run_tests;

/// The commands of `patron definitions`.
#[derive(Debug, Subcommand)]
pub enum DefinitionsCommand {
    /// Check a file and list every problem; needs no server
    Check(CheckArgs),
    /// Run the tests of a file; needs no server
    Test(TestArgs),
    /// Check and publish a file
    Publish(PublishArgs),
    /// List all published revisions, newest first
    List(ListArgs),
    /// Print the document of a revision
    Show(ShowArgs),
    /// Reactivate an earlier revision
    Rollback(RollbackArgs),
    /// Describe the condition language; needs no server
    Language(LanguageArgs),
}

/// Options of `patron definitions check`.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// YAML file; - reads standard input
    file: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Options of `patron definitions test`.
#[derive(Debug, Args)]
pub struct TestArgs {
    /// YAML file; - reads standard input
    file: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Options of `patron definitions publish`.
#[derive(Debug, Args)]
pub struct PublishArgs {
    /// YAML file; - reads standard input
    file: PathBuf,
    /// Note for the revision
    #[arg(long, default_value = "", value_name = "TEXT")]
    note: String,
    /// Number of the revision that is to be replaced; another active one is an error. `patron definitions list` shows it, 0 is the built-in one
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(i64).range(0..))]
    expected_revision: Option<i64>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connection: ConnectionArgs,
}

/// Options of `patron definitions list`.
#[derive(Debug, Args)]
pub struct ListArgs {
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connection: ConnectionArgs,
}

/// Options of `patron definitions show`.
#[derive(Debug, Args)]
pub struct ShowArgs {
    /// Number of the revision (default: the active one)
    #[arg(value_parser = clap::value_parser!(i64).range(1..))]
    revision: Option<i64>,
    /// Print JSON, including publish time and note
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connection: ConnectionArgs,
}

/// Options of `patron definitions rollback`.
#[derive(Debug, Args)]
pub struct RollbackArgs {
    /// Number of the revision; 0 is the built-in one
    #[arg(value_parser = clap::value_parser!(i64).range(0..))]
    revision: i64,
    /// Number of the revision that is to be replaced; another active one is an error. `patron definitions list` shows it, 0 is the built-in one
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(i64).range(0..))]
    expected_revision: Option<i64>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connection: ConnectionArgs,
}

/// Options of `patron definitions language`.
#[derive(Debug, Args)]
pub struct LanguageArgs {
    /// Definitions file, to list its attributes as well; - reads standard input
    file: Option<PathBuf>,
}

/// Runs a command.
///
/// # Errors
///
/// A file that cannot be read; [`CliError::Reported`] for definitions with problems; no server, an error of the server, or no
/// reader.
pub async fn run(command: &DefinitionsCommand, output: &mut Output) -> Result<(), CliError> {
    match command {
        DefinitionsCommand::Check(args) => check(args, output),
        DefinitionsCommand::Test(args) => run_tests::run(args, output),
        DefinitionsCommand::Publish(args) => publish(args, output).await,
        DefinitionsCommand::List(args) => list(args, output).await,
        DefinitionsCommand::Show(args) => show(args, output).await,
        DefinitionsCommand::Rollback(args) => rollback(args, output).await,
        DefinitionsCommand::Language(args) => language(args, output),
    }
}

/// Prints the report or, without problems, what the file defines. The report is what was asked for, so it is data.
fn check(args: &CheckArgs, output: &mut Output) -> Result<(), CliError> {
    let document = Document::open(&args.file)?;
    let checked = Checked::from_document(&document);
    if args.json {
        output.json(&checked.json())?;
    } else {
        output.line(checked.text().trim_end())?;
    }
    if checked.is_sound() {
        Ok(())
    } else {
        Err(CliError::Reported)
    }
}

/// What came of publishing.
#[derive(Debug, Serialize)]
struct PublishedJson {
    published: bool,
    #[serde(flatten)]
    revision: Option<RevisionJson>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    problems: Vec<check::ProblemJson>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unconvertible_customers: Option<i64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unconvertible_currencies: Vec<String>,
}

async fn publish(args: &PublishArgs, output: &mut Output) -> Result<(), CliError> {
    let document = Document::open(&args.file)?;
    let checked = Checked::from_document(&document);
    if !checked.is_sound() {
        return refuse(checked.problems_json(), &checked.text(), args.json, output);
    }
    let connection = Connection::open(&args.connection, WRITE_TIMEOUT).await?;
    let request = connection.request(pb::PublishDefinitionsRequest {
        document: document.text,
        note: args.note.clone(),
        expected_revision: args.expected_revision,
    });
    let mut client = connection.definitions();
    let answer = client.publish_definitions(request).await?.into_inner();
    // A server of another version may know other rules.
    if !answer.problems.is_empty() {
        let text = refused_text(&answer.problems);
        let problems = answer.problems.into_iter().map(Into::into).collect();
        return refuse(problems, &text, args.json, output);
    }
    let revision = answer.revision.clone().ok_or_else(no_revision)?;
    if args.json {
        return output.json(&PublishedJson {
            published: true,
            revision: Some(RevisionJson::from(&revision)),
            problems: Vec::new(),
            unconvertible_customers: answer.unconvertible_customers,
            unconvertible_currencies: answer.unconvertible_currencies,
        });
    }
    output.line(&revision_line(&revision))?;
    if let Some(warning) = unconvertible_text(&answer) {
        output.note(&warning);
    }
    Ok(())
}

/// Says why a document was not published: an error, so not among the data unless they are for a program.
fn refuse(
    problems: Vec<check::ProblemJson>,
    text: &str,
    json: bool,
    output: &mut Output,
) -> Result<(), CliError> {
    if json {
        output.json(&PublishedJson {
            published: false,
            revision: None,
            problems,
            unconvertible_customers: None,
            unconvertible_currencies: Vec::new(),
        })?;
    } else {
        output.note(text.trim_end());
        output.note("error: nothing was published");
    }
    Err(CliError::Reported)
}

async fn list(args: &ListArgs, output: &mut Output) -> Result<(), CliError> {
    let connection = Connection::open(&args.connection, READ_TIMEOUT).await?;
    let revisions = all_revisions(&connection).await?;
    if args.json {
        let revisions: Vec<RevisionJson> = revisions.iter().map(RevisionJson::from).collect();
        output.json(&revisions)
    } else {
        output.line(&list_page(&revisions))
    }
}

async fn show(args: &ShowArgs, output: &mut Output) -> Result<(), CliError> {
    let connection = Connection::open(&args.connection, READ_TIMEOUT).await?;
    let request = connection.request(pb::GetRevisionRequest {
        revision: args.revision.unwrap_or_default(),
    });
    let answer = connection.definitions().get_revision(request).await?;
    let revision = answer.into_inner().revision.ok_or_else(no_revision)?;
    if args.json {
        return output.json(&RevisionJson::with_document(&revision));
    }
    if revision.document.is_empty() {
        return Err(CliError::Failed {
            message: "no definitions are published: the built-in ones are active and have no document"
                .to_owned(),
            hint: "run `patron definitions publish FILE`; examples/definitions.yaml is a starting point"
                .to_owned(),
        });
    }
    // Exactly what was published, so that `show > file` gives the file again.
    output.line(
        revision
            .document
            .strip_suffix('\n')
            .unwrap_or(&revision.document),
    )
}

async fn rollback(args: &RollbackArgs, output: &mut Output) -> Result<(), CliError> {
    let connection = Connection::open(&args.connection, WRITE_TIMEOUT).await?;
    let request = connection.request(pb::RollbackDefinitionsRequest {
        revision: args.revision,
        expected_revision: args.expected_revision,
    });
    let mut client = connection.definitions();
    let answer = client.rollback_definitions(request).await?.into_inner();
    let revision = answer.revision.ok_or_else(no_revision)?;
    if args.json {
        output.json(&RevisionJson::from(&revision))
    } else {
        output.line(&revision_line(&revision))
    }
}

fn language(args: &LanguageArgs, output: &mut Output) -> Result<(), CliError> {
    let Some(file) = &args.file else {
        return output.line(language::reference(None).trim_end());
    };
    let document = Document::open(file)?;
    match Checked::from_document(&document).definitions() {
        Some(definitions) => {
            let text = language::reference(Some(definitions.vocabulary()));
            output.line(text.trim_end())
        }
        None => Err(CliError::Failed {
            message: format!("{} has problems", document.name),
            hint: format!("`patron definitions check {}` lists them", document.name),
        }),
    }
}

/// A server that breaks its contract.
fn no_revision() -> CliError {
    CliError::failed("the server returned a response without a revision")
}

/// All revisions, newest first.
async fn all_revisions(connection: &Connection) -> Result<Vec<pb::Revision>, CliError> {
    let mut client = connection.definitions();
    let revisions = pages::list_all(async |page_token| {
        let request = connection.request(pb::ListRevisionsRequest {
            page_size: PAGE_SIZE,
            page_token,
        });
        let page = client.list_revisions(request).await?.into_inner();
        Ok((page.revisions, page.next_page_token))
    });
    revisions.await
}

#[cfg(test)]
mod tests;
