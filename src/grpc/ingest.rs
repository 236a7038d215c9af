//! `IngestService`: taking facts in. Items that are refused do not stop the others.

mod kinds;
mod stream;
mod subjects;

use std::{sync::Arc, time::Duration};

use jiff::tz::TimeZone;
use tokio::time::Instant;
use tonic::{Request, Response, Status, Streaming};

use crate::{
    api::{
        Calendar,
        facts::unlisted_channel,
        page,
        patches::customer_patch,
        rates::{filter, list_response},
        violations::Violations,
    },
    clock::Clock,
    domain::text::CustomerId,
    grpc::{layers::deadline::Deadline, status},
    metrics::{FactKind, FactOutcome},
    pb::{self, item_result::Outcome as ItemOutcome},
    service::{
        ingest::{Call, CustomerPatch, Ingest, Outcome},
        lane::Lane,
    },
};

/// Greatest number of items in a batch.
const MAX_BATCH: usize = 1_000;

/// The service.
#[derive(Clone)]
pub struct IngestApi {
    ingest: Arc<Ingest>,
    clock: Arc<dyn Clock>,
    zone: TimeZone,
    /// Where the batches of streams are read and written.
    lane: Lane,
}

/// The items of a batch that can be read, and what is wrong with the others.
struct Batch<T> {
    read: Vec<T>,
    /// For each item of the request, what is wrong with it, if anything.
    refused: Vec<Option<Violations>>,
}

impl IngestApi {
    /// The service over its use case, for a deployment whose days are those of `zone`.
    #[must_use]
    pub fn new(ingest: Arc<Ingest>, clock: Arc<dyn Clock>, zone: TimeZone, lane: Lane) -> Self {
        Self {
            ingest,
            clock,
            zone,
            lane,
        }
    }

    /// Reads every item of `messages`, the repeated field `name`.
    fn read<M, T>(
        &self,
        name: &str,
        messages: &[M],
        read: impl Fn(&M, String, &Calendar) -> Result<T, Violations>,
    ) -> Result<Batch<T>, Status> {
        check_size(name, messages.len())?;
        let calendar = Calendar {
            zone: self.zone.clone(),
            now: self.clock.now(),
        };
        let mut batch = Batch {
            read: Vec::with_capacity(messages.len()),
            refused: Vec::with_capacity(messages.len()),
        };
        for (at, message) in messages.iter().enumerate() {
            match read(message, format!("{name}[{at}]"), &calendar) {
                Ok(item) => {
                    batch.read.push(item);
                    batch.refused.push(None);
                }
                Err(violations) => batch.refused.push(Some(violations)),
            }
        }
        Ok(batch)
    }

    /// Reads patches of customers by the definitions in force.
    fn read_customers(
        &self,
        messages: &[pb::CustomerPatch],
    ) -> Result<Batch<CustomerPatch>, Status> {
        let basis = self.ingest.bases.current();
        let definitions = basis.revision.definitions.as_deref();
        self.read("customers", messages, |message, path, calendar| {
            customer_patch(message, path, calendar, definitions)
        })
    }

    /// Warns of recorded contacts on channels that the definitions in force do not list.
    fn warn_of_channels(&self, contacts: &[pb::Contact], results: &mut [pb::ItemResult]) {
        let basis = self.ingest.bases.current();
        let Some(definitions) = basis.revision.definitions.as_deref() else {
            return;
        };
        for (at, (contact, result)) in contacts.iter().zip(results).enumerate() {
            if result.outcome() != ItemOutcome::Refused {
                let warning = unlisted_channel(contact, at, definitions);
                result.warnings.extend(warning);
            }
        }
    }

    /// One result for each item of the request, in its order.
    fn results<T>(
        &self,
        kind: FactKind,
        name: &str,
        batch: Batch<T>,
        outcomes: &[Outcome],
    ) -> Vec<pb::ItemResult> {
        let mut outcomes = outcomes.iter();
        let refused = self.ingest.metrics.facts(kind, FactOutcome::Refused);
        let results = batch
            .refused
            .into_iter()
            .enumerate()
            .map(|(at, violations)| {
                if let Some(violations) = violations {
                    refused.inc();
                    return result(ItemOutcome::Refused, violations.into_vec());
                }
                match outcomes.next() {
                    Some(Outcome::Written) => result(ItemOutcome::Written, vec![]),
                    Some(Outcome::Created) => pb::ItemResult {
                        customer_created: true,
                        ..result(ItemOutcome::Written, vec![])
                    },
                    Some(Outcome::Duplicate) | None => result(ItemOutcome::Duplicate, vec![]),
                    Some(Outcome::NothingToReverse) => result(ItemOutcome::NotApplicable, vec![]),
                    Some(Outcome::KeyReused) => {
                        result(ItemOutcome::Refused, vec![key_reused(kind, name, at)])
                    }
                    Some(Outcome::OtherContract) => {
                        result(ItemOutcome::Refused, vec![other_contract(name, at)])
                    }
                    Some(Outcome::OtherCustomer(owner)) => {
                        result(ItemOutcome::Refused, vec![other_customer(owner, name, at)])
                    }
                    Some(Outcome::CustomerErased) => {
                        result(ItemOutcome::Refused, vec![customer_erased(name, at)])
                    }
                }
            });
        results.collect()
    }
}

fn check_size(name: &str, items: usize) -> Result<(), Status> {
    if (1..=MAX_BATCH).contains(&items) {
        return Ok(());
    }
    let mut violations = Violations::default();
    let size = format!("has {items} items: send 1 to {MAX_BATCH} per call");
    violations.at(name).refuse("BATCH_SIZE", size);
    Err(status::invalid_request(violations))
}

/// When nobody waits for the answer any more. Every call has a deadline, its own or the server's; without the layer that sets it, in
/// tests of a handler alone, the call may take as long as an import.
pub(super) fn deadline_of<T>(request: &Request<T>) -> Instant {
    const WITHOUT_LAYER: Duration = Duration::from_secs(30);
    let set = request.extensions().get::<Deadline>();
    set.map_or_else(
        || Instant::now() + WITHOUT_LAYER,
        |deadline| deadline.instant(),
    )
}

fn result(outcome: ItemOutcome, violations: Vec<pb::Violation>) -> pb::ItemResult {
    pb::ItemResult {
        outcome: outcome.into(),
        violations,
        ..Default::default()
    }
}

fn key_reused(kind: FactKind, name: &str, at: usize) -> pb::Violation {
    let correction = match kind {
        FactKind::Transaction => {
            "To correct a transaction, send a reversal of it and a new transaction, each with a new id"
        }
        FactKind::Contact => {
            "To correct a contact, send a retraction (retracts_contact_id) and a new contact, each with a new id"
        }
        FactKind::Customer | FactKind::Contract | FactKind::Rate | FactKind::Outcome => {
            "Use a new id for a new fact"
        }
    };
    pb::Violation {
        field: format!("{name}[{at}]"),
        description: format!(
            "already exists with different content under this source and id. {correction}"
        ),
        reason: "IDEMPOTENCY_KEY_REUSED".to_owned(),
    }
}

fn other_contract(name: &str, at: usize) -> pb::Violation {
    pb::Violation {
        field: format!("{name}[{at}]"),
        description: "already exists with another started_on or period_months, which cannot change: end it (on its first day to retract it) \
                      and send a contract with a new id"
            .to_owned(),
        reason: "CONTRACT_CHANGED".to_owned(),
    }
}

fn other_customer(owner: &CustomerId, name: &str, at: usize) -> pb::Violation {
    pb::Violation {
        field: format!("{name}[{at}]"),
        description: format!(
            "its source and id name a fact of customer {:?}, and would count twice. If it belongs to this customer now, use MoveFacts, or \
             set `same_id: move` for the source in the definitions; if ids of the source are unique per customer only, set `same_id: separate`",
            owner.as_str()
        ),
        reason: "OTHER_CUSTOMER".to_owned(),
    }
}

fn customer_erased(name: &str, at: usize) -> pb::Violation {
    pb::Violation {
        field: format!("{name}[{at}]"),
        description: "the customer was erased, and nothing is recorded of them. To allow it, use EraseCustomer with allow_return"
            .to_owned(),
        reason: "CUSTOMER_ERASED".to_owned(),
    }
}

#[tonic::async_trait]
impl pb::ingest_service_server::IngestService for IngestApi {
    async fn ingest_customers(
        &self,
        request: Request<pb::IngestCustomersRequest>,
    ) -> Result<Response<pb::IngestCustomersResponse>, Status> {
        let deadline = deadline_of(&request);
        let result = self.write_customers(request.get_ref(), deadline).await?;
        let results = result.results;
        Ok(Response::new(pb::IngestCustomersResponse { results }))
    }

    async fn ingest_transactions(
        &self,
        request: Request<pb::IngestTransactionsRequest>,
    ) -> Result<Response<pb::IngestTransactionsResponse>, Status> {
        let deadline = deadline_of(&request);
        let result = self.write_transactions(request.get_ref(), deadline).await?;
        Ok(Response::new(pb::IngestTransactionsResponse {
            results: result.results,
            unmatched_refund_change: result.unmatched_change,
        }))
    }

    async fn ingest_contacts(
        &self,
        request: Request<pb::IngestContactsRequest>,
    ) -> Result<Response<pb::IngestContactsResponse>, Status> {
        let deadline = deadline_of(&request);
        let result = self.write_contacts(request.get_ref(), deadline).await?;
        Ok(Response::new(pb::IngestContactsResponse {
            results: result.results,
            unmatched_retraction_change: result.unmatched_change,
        }))
    }

    async fn ingest_rates(
        &self,
        request: Request<pb::IngestRatesRequest>,
    ) -> Result<Response<pb::IngestRatesResponse>, Status> {
        let deadline = deadline_of(&request);
        let result = self.write_rates(request.get_ref(), deadline).await?;
        let results = result.results;
        Ok(Response::new(pb::IngestRatesResponse { results }))
    }

    async fn ingest_contracts(
        &self,
        request: Request<pb::IngestContractsRequest>,
    ) -> Result<Response<pb::IngestContractsResponse>, Status> {
        let deadline = deadline_of(&request);
        let result = self.write_contracts(request.get_ref(), deadline).await?;
        let results = result.results;
        Ok(Response::new(pb::IngestContractsResponse { results }))
    }

    async fn list_rates(
        &self,
        request: Request<pb::ListRatesRequest>,
    ) -> Result<Response<pb::ListRatesResponse>, Status> {
        let request = request.into_inner();
        let mut violations = Violations::default();
        let filter = filter(&request, &mut violations);
        if !violations.is_empty() {
            return Err(status::invalid_request(violations));
        }
        let asked =
            page::read(request.page_size, &request.page_token).map_err(status::invalid_request)?;
        let (before, limit) = (asked.before, asked.limit());
        let rates = self.ingest.list_rates(filter, before, limit).await?;
        Ok(Response::new(list_response(asked, rates)))
    }

    async fn get_time_zone(
        &self,
        _: Request<pb::GetTimeZoneRequest>,
    ) -> Result<Response<pb::GetTimeZoneResponse>, Status> {
        // A deployment's zone is stored by its name, so it has one.
        let time_zone = self.zone.iana_name().unwrap_or("UTC").to_owned();
        Ok(Response::new(pb::GetTimeZoneResponse { time_zone }))
    }

    type StreamFactsStream = stream::Answer;

    async fn stream_facts(
        &self,
        request: Request<Streaming<pb::StreamFactsRequest>>,
    ) -> Result<Response<Self::StreamFactsStream>, Status> {
        Ok(Response::new(stream::begin(self, request)))
    }
}
