//! `patron customer merge`, `unmerge` and `merges`: customers who are one and the same.

mod page;

use std::num::NonZeroUsize;

use clap::Args;

use self::page::list_page;
use crate::cli::connection::{Connection, ConnectionArgs, READ_TIMEOUT, WRITE_TIMEOUT};
use crate::cli::error::CliError;
use crate::cli::output::Output;
use crate::cli::pages::{self, PAGE_SIZE};
use crate::pb;

/// Options of `patron customer merge`.
#[derive(Debug, Args)]
pub struct MergeArgs {
    /// Id of the customer who stays
    #[arg(value_name = "CUSTOMER")]
    customer_id: String,
    /// Id of the customer who is merged into the other one
    #[arg(value_name = "MERGED")]
    merged_id: String,
    /// Why, for the record
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Print what would change and change nothing
    #[arg(long, visible_alias = "dry-run")]
    preview: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connection: ConnectionArgs,
}

/// Options of `patron customer unmerge`.
#[derive(Debug, Args)]
pub struct UnmergeArgs {
    /// Id of the customer whose merge ends
    #[arg(value_name = "MERGED")]
    merged_id: String,
    /// Print what would change and change nothing
    #[arg(long, visible_alias = "dry-run")]
    preview: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connection: ConnectionArgs,
}

/// Options of `patron customer merges`.
#[derive(Debug, Args)]
pub struct MergesArgs {
    /// Only merges of this customer, in either role
    #[arg(value_name = "CUSTOMER")]
    customer_id: Option<String>,
    /// Maximum number of merges
    #[arg(long, default_value = "100", value_name = "NUMBER")]
    limit: NonZeroUsize,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connection: ConnectionArgs,
}

/// An answer about a merge, whichever way it goes.
struct Answer {
    merge: pb::CustomerMerge,
    effect: Option<pb::MergeEffect>,
    is_unmerge: bool,
    preview: bool,
}

/// Runs `patron customer merge`.
///
/// # Errors
///
/// No server, an error of the server (unknown or merged customers), or no reader.
pub(super) async fn merge(args: &MergeArgs, output: &mut Output) -> Result<(), CliError> {
    let connection = Connection::open(&args.connection, WRITE_TIMEOUT).await?;
    let request = connection.request(pb::MergeCustomersRequest {
        customer_id: args.customer_id.clone(),
        merged_customer_id: args.merged_id.clone(),
        reason: args.reason.clone().unwrap_or_default(),
        validate_only: args.preview,
    });
    let merged = connection.corrections().merge_customers(request).await?;
    let merged = merged.into_inner();
    if args.json {
        return output.response("CorrectionService/MergeCustomers", &merged);
    }
    let answer = Answer {
        merge: merged.merge.unwrap_or_default(),
        effect: merged.effect,
        is_unmerge: false,
        preview: args.preview,
    };
    output.line(&answer.page())
}

/// Runs `patron customer unmerge`.
///
/// # Errors
///
/// No server, an error of the server (unknown or not merged), or no reader.
pub(super) async fn unmerge(args: &UnmergeArgs, output: &mut Output) -> Result<(), CliError> {
    let connection = Connection::open(&args.connection, WRITE_TIMEOUT).await?;
    let request = connection.request(pb::UnmergeCustomerRequest {
        merged_customer_id: args.merged_id.clone(),
        validate_only: args.preview,
    });
    let unmerged = connection.corrections().unmerge_customer(request).await?;
    let unmerged = unmerged.into_inner();
    if args.json {
        return output.response("CorrectionService/UnmergeCustomer", &unmerged);
    }
    let answer = Answer {
        merge: unmerged.merge.unwrap_or_default(),
        effect: Some(unmerged.effect.unwrap_or_default()),
        is_unmerge: true,
        preview: args.preview,
    };
    output.line(&answer.page())
}

/// Runs `patron customer merges`.
///
/// # Errors
///
/// No server, an error of the server, or no reader.
pub(super) async fn merges(args: &MergesArgs, output: &mut Output) -> Result<(), CliError> {
    let connection = Connection::open(&args.connection, READ_TIMEOUT).await?;
    let mut client = connection.corrections();
    let listed = pages::list(args.limit.get(), async |page_token| {
        let request = connection.request(pb::ListMergesRequest {
            customer_id: args.customer_id.clone().unwrap_or_default(),
            page_size: PAGE_SIZE,
            page_token,
        });
        let page = client.list_merges(request).await?.into_inner();
        Ok((page.merges, page.next_page_token))
    });
    let listed = listed.await?;
    if args.json {
        let response = pb::ListMergesResponse {
            merges: listed.items,
            next_page_token: String::new(),
        };
        return output.response("CorrectionService/ListMerges", &response);
    }
    output.line(&list_page(&listed.items))?;
    listed.note_more(output);
    Ok(())
}

#[cfg(test)]
mod tests;
