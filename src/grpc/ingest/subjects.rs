//! Writing items whose customers are named by subjects.

use tonic::Status;

use super::{IngestApi, check_size};
use crate::{
    api::{
        Calendar,
        placing::{self, NamesCustomer},
        violations::Violations,
    },
    domain::{
        customer::facts::{Contact, Transaction},
        text::CustomerId,
    },
    grpc::status,
    metrics::FactKind,
    pb,
    service::{
        error::ServiceError,
        ingest::{Call, Ingest, NewContract, NewFact, Placement, Recorded},
    },
};

/// How often the customers of subjects are looked up while their identifiers change hands.
const PLACINGS: usize = 5;

/// Items that may name their customers by subjects.
pub(super) struct Items<'a, M> {
    pub(super) kind: FactKind,
    /// The repeated field of the request.
    pub(super) name: &'static str,
    pub(super) messages: &'a [M],
    /// How an unknown customer is treated, as the request states it.
    pub(super) unknown_customer: i32,
}

/// An item of a known customer.
pub(super) trait OfCustomer: Sized + Send + Sync {
    fn customer_id(&self) -> &CustomerId;
    /// Records a batch.
    fn write(
        ingest: &Ingest,
        batch: &[Self],
        call: &Call,
    ) -> impl Future<Output = Result<Recorded, ServiceError>> + Send;
}

impl OfCustomer for NewFact<Transaction> {
    fn customer_id(&self) -> &CustomerId {
        &self.fact.key.customer_id
    }

    async fn write(ingest: &Ingest, batch: &[Self], call: &Call) -> Result<Recorded, ServiceError> {
        ingest.transactions(batch, call).await
    }
}

impl OfCustomer for NewFact<Contact> {
    fn customer_id(&self) -> &CustomerId {
        &self.fact.key.customer_id
    }

    async fn write(ingest: &Ingest, batch: &[Self], call: &Call) -> Result<Recorded, ServiceError> {
        ingest.contacts(batch, call).await
    }
}

impl OfCustomer for NewContract {
    fn customer_id(&self) -> &CustomerId {
        &self.key.customer_id
    }

    async fn write(ingest: &Ingest, batch: &[Self], call: &Call) -> Result<Recorded, ServiceError> {
        Ok(ingest.contracts(batch, call).await?.into())
    }
}

impl IngestApi {
    /// Writes items that may name their customers by subjects: finds the customers, reads the items and writes them; again when an
    /// identifier changed hands in between.
    pub(super) async fn place_and_write<M: NamesCustomer + Sync, T: OfCustomer>(
        &self,
        items: Items<'_, M>,
        read: impl Fn(&M, String, &Calendar, &Placement) -> Result<T, Violations> + Send + Sync,
        call: &Call,
    ) -> Result<pb::BatchResult, Status> {
        let Items {
            kind,
            name,
            messages,
            unknown_customer,
        } = items;
        let unknown =
            placing::unknown_customer(unknown_customer).map_err(status::invalid_request)?;
        check_size(name, messages.len())?;
        let subjects = placing::subjects(messages);
        for attempt in 1.. {
            let placement = self.ingest.place(&subjects, unknown).await?;
            let read = |message: &M, path, calendar: &_| read(message, path, calendar, &placement);
            let batch = self.read(name, messages, read)?;
            let recorded = match T::write(&self.ingest, &batch.read, call).await {
                Err(ServiceError::Contended) if attempt < PLACINGS && !subjects.is_empty() => {
                    continue;
                }
                recorded => recorded?,
            };
            let ids: Vec<CustomerId> = batch
                .read
                .iter()
                .map(|item| item.customer_id().clone())
                .collect();
            let refused: Vec<bool> = batch.refused.iter().map(Option::is_some).collect();
            let mut results = self.results(kind, name, batch, &recorded.outcomes);
            state_customers(&mut results, messages, &refused, ids);
            return Ok(pb::BatchResult {
                results,
                unmatched_change: recorded.unmatched.net(),
            });
        }
        Err(ServiceError::Contended.into())
    }
}

/// States the customers of the items whose own customer id does not tell it; `ids` are those of the items that are not refused on reading.
fn state_customers<M: NamesCustomer>(
    results: &mut [pb::ItemResult],
    messages: &[M],
    refused: &[bool],
    ids: Vec<CustomerId>,
) {
    let items = results.iter_mut().zip(messages).zip(refused);
    let read = items.filter_map(|(item, &refused)| (!refused).then_some(item));
    for ((result, message), id) in read.zip(ids) {
        if message.returns_customer() {
            id.as_str().clone_into(&mut result.customer_id);
        }
    }
}
