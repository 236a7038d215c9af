//! `patron customer erase`: everything that is stored of a customer is deleted.

use clap::Args;

use crate::cli::connection::{Connection, ConnectionArgs, WRITE_TIMEOUT};
use crate::cli::error::CliError;
use crate::cli::output::Output;
use crate::cli::text;
use crate::pb;

/// Options of `patron customer erase`.
#[derive(Debug, Args)]
pub struct EraseArgs {
    /// Id of the customer
    customer_id: String,
    /// Delete; without this option the command only prints what would be deleted
    #[arg(long)]
    yes: bool,
    /// Let facts that name the customer later create the customer anew; otherwise they are refused
    #[arg(long)]
    allow_return: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connection: ConnectionArgs,
}

/// Runs the command.
///
/// # Errors
///
/// No server, an error of the server, or no reader.
pub(super) async fn run(args: &EraseArgs, output: &mut Output) -> Result<(), CliError> {
    let connection = Connection::open(&args.connection, WRITE_TIMEOUT).await?;
    let request = connection.request(pb::EraseCustomerRequest {
        customer_id: args.customer_id.clone(),
        allow_return: args.allow_return,
        validate_only: !args.yes,
    });
    let mut client = connection.corrections();
    let response = client.erase_customer(request).await?.into_inner();
    if args.json {
        output.response("CorrectionService/EraseCustomer", &response)?;
    } else {
        output.line(&page(&response, args.yes))?;
    }
    if !args.yes {
        output.note("nothing was deleted: add --yes to delete it; that cannot be undone");
    }
    Ok(())
}

/// What there is to count, with its number.
fn counts(response: &pb::EraseCustomerResponse) -> [(&'static str, i64); 7] {
    [
        ("transaction_count", response.transaction_count),
        ("contact_count", response.contact_count),
        ("outcome_count", response.outcome_count),
        ("contract_count", response.contract_count),
        ("attribute_count", response.attribute_count),
        ("identifier_count", response.identifier_count),
        ("withdrawn_count", response.withdrawn_count),
    ]
}

fn page(response: &pb::EraseCustomerResponse, deleted: bool) -> String {
    let facts: Vec<String> = counts(response)
        .into_iter()
        .filter(|(_, count)| *count > 0)
        .map(|(name, count)| {
            let name = name.trim_end_matches("_count").replace('_', " ");
            text::counted(count, &name)
        })
        .collect();
    let facts = if facts.is_empty() {
        "nothing".to_owned()
    } else {
        facts.join(", ")
    };
    let later = if response.erase_time.is_some() {
        "facts that name the customer are refused"
    } else {
        "facts that name the customer create the customer anew"
    };
    text::labelled(&[
        ("Customer", response.customer_ids.join(", ")),
        (if deleted { "Deleted" } else { "To delete" }, facts),
        ("Afterwards", later.to_owned()),
    ])
}
