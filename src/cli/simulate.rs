//! `patron simulate routing`: what definitions would have made of the contacts of a period.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::connection::{Connection, ConnectionArgs, FIT_TIMEOUT};
use super::definitions::answer::refused_text;
use super::definitions::check::Document;
use super::error::CliError;
use super::output::Output;
use crate::pb;

mod page;

/// The commands of `patron simulate`.
#[derive(Debug, Subcommand)]
pub enum SimulateCommand {
    /// Route the recorded contacts of a period again: load, waits and missed response times by queue
    Routing(RoutingArgs),
}

/// Options of `patron simulate routing`.
#[derive(Debug, Args)]
pub struct RoutingArgs {
    /// YAML file; without it: the active definitions
    file: Option<PathBuf>,
    /// A second file, to compare
    other: Option<PathBuf>,
    /// First day of the contacts
    #[arg(long, value_name = "YYYY-MM-DD")]
    from: String,
    /// Last day of the contacts
    #[arg(long, value_name = "YYYY-MM-DD")]
    until: String,
    /// Agents of queues; other queues have as many as they need
    #[arg(long, value_name = "QUEUE=NUMBER", value_delimiter = ',', value_parser = parse_agents)]
    agents: Vec<pb::QueueAgents>,
    /// Duration of contacts recorded without one, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 300)]
    default_duration: i32,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connection: ConnectionArgs,
}

fn parse_agents(text: &str) -> Result<pb::QueueAgents, String> {
    let parts = text.split_once('=');
    let parts = parts.and_then(|(queue, agents)| Some((queue, agents.parse().ok()?)));
    match parts {
        Some((queue, agents)) => Ok(pb::QueueAgents {
            queue: queue.to_owned(),
            agents,
        }),
        None => Err("write a queue and a number, for example service=3".to_owned()),
    }
}

/// Asks and prints the answer.
///
/// # Errors
///
/// A file that cannot be read or has problems, no server, an error of the server, or no reader.
pub async fn run(command: &SimulateCommand, output: &mut Output) -> Result<(), CliError> {
    let SimulateCommand::Routing(args) = command;
    let open = |path: &Option<PathBuf>| path.as_deref().map(Document::open).transpose();
    let documents = [open(&args.file)?, open(&args.other)?];
    let text = |document: &Option<Document>| {
        let text = document.as_ref().map(|document| document.text.clone());
        text.unwrap_or_default()
    };
    let connection = Connection::open(&args.connection, FIT_TIMEOUT).await?;
    let request = connection.request(pb::SimulateRoutingRequest {
        document: text(&documents[0]),
        other_document: text(&documents[1]),
        from: args.from.clone(),
        until: args.until.clone(),
        agents: args.agents.clone(),
        default_duration_seconds: args.default_duration,
    });
    let response = connection.routing().simulate_routing(request).await?;
    let response = response.into_inner();
    let names = names(&documents);
    let refused = usize::try_from(response.problem_document - 1).ok();
    if let Some(name) = refused.and_then(|at| names.get(at)) {
        let problems = refused_text(&response.problems);
        return Err(CliError::failed(format!(
            "{name} has problems:\n{problems}"
        )));
    }
    if args.json {
        output.response("RoutingService/SimulateRouting", &response)
    } else {
        let page = page::page(&response, &names);
        output.line(&(page + &page::idle_agents(&response, &args.agents)))
    }
}

/// What the documents are called.
fn names(documents: &[Option<Document>; 2]) -> Vec<String> {
    let [first, second] = documents;
    let first = first.as_ref().map_or("active definitions", |it| &it.name);
    let second = second.as_ref().map(|it| it.name.clone());
    std::iter::once(first.to_owned()).chain(second).collect()
}
