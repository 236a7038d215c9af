//! `patron demo --check`: calls every RPC of the services once or more and looks at what comes, not only at whether it comes.

use jiff::civil::Date;

use super::load::{self, Held};
use crate::cli::connection::{Connection, FIT_TIMEOUT};
use crate::cli::error::CliError;
use crate::cli::output::Output;
use crate::generate::population::{CRM, Examples, generate};
use crate::pb;
use crate::pb::subject::Subject as Name;

mod definitions;
mod desk;
mod explanations;
mod facts;
mod imports;
mod merges;
mod models;
mod moves;
mod rates;
mod routes;
mod scores;
mod tokens;

/// The customer whom the check writes, so that those of the demo stay as they are.
const CHECKED: &str = "check-1";

/// A check under way: it prints what came and collects what was wrong.
struct Check<'a> {
    connection: Connection,
    examples: Examples,
    /// The last day of the demo.
    until: Date,
    output: &'a mut Output,
    wrong: Vec<String>,
}

/// Calls every RPC of the server at `endpoint`, which holds a demo, and prints what came.
///
/// # Errors
///
/// A failure that lists everything that was wrong; or nobody answers.
pub async fn check(endpoint: &str, output: &mut Output) -> Result<(), CliError> {
    let connection = super::connect(endpoint).await?;
    let options = match load::held(&connection).await? {
        Held::All(options) => options,
        Held::Part(_) | Held::Nothing => {
            return Err(CliError::failed("the demo on the server is incomplete"));
        }
    };
    let mut check = Check {
        connection,
        examples: generate(options).examples,
        until: options.as_of,
        output,
        wrong: Vec::new(),
    };
    check.facts().await?;
    check.rates().await?;
    check.imports().await?;
    check.moves().await?;
    check.merges().await?;
    check.models().await?;
    check.scores().await?;
    check.routes().await?;
    check.desk().await?;
    check.definitions().await?;
    check.explanations().await?;
    check.tokens().await?;
    let wrong = check.wrong;
    if wrong.is_empty() {
        return output.line("All RPCs answered as they should.");
    }
    Err(CliError::failed(format!(
        "{} of the answers are wrong:\n  {}",
        wrong.len(),
        wrong.join("\n  ")
    )))
}

impl Check<'_> {
    /// Prints what came from an RPC and notes it when it is wrong. `found` says what came.
    fn expect(&mut self, rpc: &str, right: bool, found: &str) -> Result<(), CliError> {
        let mark = if right { "ok   " } else { "WRONG" };
        if !right {
            self.wrong.push(format!("{rpc}: {found}"));
        }
        self.output.line(&format!("{mark} {rpc}: {found}"))
    }

    /// The same for an RPC that answered with an error.
    fn failed(&mut self, rpc: &str, status: &tonic::Status) -> Result<(), CliError> {
        let code = crate::cli::error::code_name(status.code());
        self.expect(rpc, false, &format!("{code}: {}", status.message()))
    }

    /// The same connection, patient enough for a fit.
    fn patient(&self) -> Connection {
        self.connection.with_timeout(FIT_TIMEOUT)
    }
}

/// The external id of a customer of the demo.
fn external(customer_id: &str) -> pb::Subject {
    let number: usize = customer_id
        .trim_start_matches("c-")
        .parse()
        .unwrap_or_default();
    pb::Subject {
        subject: Some(Name::ExternalId(pb::ExternalId {
            system: CRM.to_owned(),
            id: (70_000 + number).to_string(),
        })),
    }
}
