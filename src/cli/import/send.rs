//! Sending batches of facts, again where that helps. Facts are idempotent, so sending one twice is safe.

use std::error::Error as _;
use std::sync::Arc;
use std::time::Duration;

use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::cli::connection::Connection;
use crate::cli::error::CliError;
use crate::pb;

/// Most facts of one call, by the contract.
pub const BATCH_FACTS: usize = 1_000;
/// Most bytes of one call: half of what gRPC servers take by default.
pub const BATCH_BYTES: usize = 2 << 20;
/// How often a batch is sent at most. With the delays below that is about a minute and a half, and less where the server names moments.
const ATTEMPTS: u32 = 10;
/// Delay before the second attempt where the server names none; doubled for each further one, whatever it names.
const FIRST_DELAY: Duration = Duration::from_millis(250);
/// Longest delay between two attempts, whatever the server asks for.
const LONGEST_DELAY: Duration = Duration::from_secs(20);

/// Facts of one kind for one call.
#[derive(Debug, Clone)]
pub enum Batch {
    /// Customers.
    Customers(Vec<pb::CustomerPatch>),
    /// Transactions.
    Transactions(Vec<pb::Transaction>),
    /// Contacts.
    Contacts(Vec<pb::Contact>),
    /// Exchange rates.
    Rates(Vec<pb::ExchangeRate>),
    /// Contracts.
    Contracts(Vec<pb::Contract>),
}

impl Batch {
    fn len(&self) -> usize {
        match self {
            Self::Customers(facts) => facts.len(),
            Self::Transactions(facts) => facts.len(),
            Self::Contacts(facts) => facts.len(),
            Self::Rates(facts) => facts.len(),
            Self::Contracts(facts) => facts.len(),
        }
    }
}

/// What a call states besides its facts.
#[derive(Debug, Clone, Default)]
pub struct Terms {
    /// The import that the facts belong to; empty: none.
    pub import_id: Arc<str>,
    /// What happens to identifiers that no customer has.
    pub unknown_customer: pb::UnknownCustomer,
}

/// What became of a batch.
#[derive(Debug)]
pub struct Sent {
    /// A result per fact, in their order.
    pub results: Vec<pb::ItemResult>,
    /// By how much the number of refunds or retractions changed that found nothing to take back.
    pub unmatched_change: i64,
    /// How often the batch had to be sent again.
    pub retries: u32,
}

/// Sends a batch; while the server or its database is away, or an answer is late, again, after the delay that the server asks for or more.
///
/// # Errors
///
/// The server's last answer, when it refuses the call or stays away; a failure when it does not answer for every fact.
pub async fn send(connection: &Connection, batch: Batch, terms: Terms) -> Result<Sent, CliError> {
    let expected = batch.len();
    let mut delay = Duration::ZERO;
    for attempt in 1.. {
        match call(connection, batch.clone(), &terms).await {
            Ok((results, unmatched_change)) if results.len() == expected => {
                return Ok(Sent {
                    results,
                    unmatched_change,
                    retries: attempt - 1,
                });
            }
            Ok((results, _)) => {
                return Err(CliError::failed(format!(
                    "the server answered for {} of {expected} facts",
                    results.len()
                )));
            }
            Err(status) if attempt < ATTEMPTS && is_passing(&status) => {
                let asked = status.get_details_retry_info();
                let asked = asked.and_then(|info| info.retry_delay);
                // Doubled all the same: a busy server names moments, and ten of them are soon over.
                let asked = asked.unwrap_or(FIRST_DELAY);
                delay = asked.max(delay * 2).min(LONGEST_DELAY);
                tokio::time::sleep(delay).await;
            }
            Err(status) => return Err(status.into()),
        }
    }
    Err(CliError::failed("the batch was never sent"))
}

/// Returns the results and the change in unmatched facts.
async fn call(
    connection: &Connection,
    batch: Batch,
    terms: &Terms,
) -> Result<(Vec<pb::ItemResult>, i64), Status> {
    let import_id = terms.import_id.to_string();
    let unknown_customer = terms.unknown_customer.into();
    let mut client = connection.ingest();
    match batch {
        Batch::Customers(customers) => {
            let request = connection.request(pb::IngestCustomersRequest {
                customers,
                import_id,
            });
            let response = client.ingest_customers(request).await?;
            Ok((response.into_inner().results, 0))
        }
        Batch::Transactions(transactions) => {
            let request = connection.request(pb::IngestTransactionsRequest {
                transactions,
                unknown_customer,
                import_id,
            });
            let response = client.ingest_transactions(request).await?.into_inner();
            Ok((response.results, response.unmatched_refund_change))
        }
        Batch::Contacts(contacts) => {
            let request = connection.request(pb::IngestContactsRequest {
                contacts,
                unknown_customer,
                import_id,
            });
            let response = client.ingest_contacts(request).await?.into_inner();
            Ok((response.results, response.unmatched_retraction_change))
        }
        Batch::Rates(rates) => {
            let request = connection.request(pb::IngestRatesRequest { rates, import_id });
            let response = client.ingest_rates(request).await?;
            Ok((response.into_inner().results, 0))
        }
        Batch::Contracts(contracts) => {
            let request = connection.request(pb::IngestContractsRequest {
                contracts,
                unknown_customer,
                import_id,
            });
            let response = client.ingest_contracts(request).await?;
            Ok((response.into_inner().results, 0))
        }
    }
}

/// Whether the same call may succeed later: the server says so, or the connection broke (then the status has a local source).
fn is_passing(status: &Status) -> bool {
    let code = status.code();
    let stated = [Code::Unavailable, Code::DeadlineExceeded, Code::Aborted].contains(&code);
    let broken = [Code::Unknown, Code::Cancelled].contains(&code) && status.source().is_some();
    stated || broken
}

/// Everything that is wrong with a refused fact, in one line. Paths are told from the fact on: the place in the batch means
/// nothing to the reader of a file.
#[must_use]
pub fn reason(result: &pb::ItemResult) -> String {
    let parts: Vec<String> = result
        .violations
        .iter()
        .map(|violation| {
            let field = violation.field.split_once("].");
            let field = field.map_or("", |(_, field)| field);
            if field.is_empty() {
                violation.description.clone()
            } else {
                format!("{field}: {}", violation.description)
            }
        })
        .collect();
    if parts.is_empty() {
        "refused by the server".to_owned()
    } else {
        parts.join("; ")
    }
}
