//! One batch of each kind, written as a call of its own: by a unary method, or by a stream that cannot write it together with others.

use tokio::time::Instant;
use tonic::Status;

use super::{Call, IngestApi, subjects::Items};
use crate::{
    api::{
        contracts::contract,
        facts::{contact, transaction},
        imports,
        rates::exchange_rate,
    },
    grpc::status,
    metrics::FactKind,
    pb::{self, stream_facts_request::Batch},
};

/// Results, one for each item.
type Results = Result<pb::BatchResult, Status>;

/// Results of facts that take back no other.
fn plain(results: Vec<pb::ItemResult>) -> pb::BatchResult {
    pb::BatchResult {
        results,
        unmatched_change: 0,
    }
}

/// A call that writes, with the import of its request.
pub(super) fn call(deadline: Instant, import_id: &str) -> Result<Call, Status> {
    let import = imports::import_id(import_id).map_err(status::invalid_request)?;
    Ok(Call { deadline, import })
}

impl IngestApi {
    /// Writes a batch of any kind.
    pub(super) async fn write(&self, batch: &Batch, deadline: Instant) -> Results {
        match batch {
            Batch::Customers(it) => self.write_customers(it, deadline).await,
            Batch::Transactions(it) => self.write_transactions(it, deadline).await,
            Batch::Contacts(it) => self.write_contacts(it, deadline).await,
            Batch::Contracts(it) => self.write_contracts(it, deadline).await,
            Batch::Rates(it) => self.write_rates(it, deadline).await,
        }
    }

    pub(super) async fn write_customers(
        &self,
        request: &pb::IngestCustomersRequest,
        deadline: Instant,
    ) -> Results {
        let call = call(deadline, &request.import_id)?;
        let batch = self.read_customers(&request.customers)?;
        let outcomes = self.ingest.customers(&batch.read, &call).await?;
        let results = self.results(FactKind::Customer, "customers", batch, &outcomes);
        Ok(plain(results))
    }

    pub(super) async fn write_transactions(
        &self,
        request: &pb::IngestTransactionsRequest,
        deadline: Instant,
    ) -> Results {
        let items = Items {
            kind: FactKind::Transaction,
            name: "transactions",
            messages: &request.transactions,
            unknown_customer: request.unknown_customer,
        };
        let call = call(deadline, &request.import_id)?;
        self.place_and_write(items, transaction, &call).await
    }

    pub(super) async fn write_contacts(
        &self,
        request: &pb::IngestContactsRequest,
        deadline: Instant,
    ) -> Results {
        let items = Items {
            kind: FactKind::Contact,
            name: "contacts",
            messages: &request.contacts,
            unknown_customer: request.unknown_customer,
        };
        let call = call(deadline, &request.import_id)?;
        let mut result = self.place_and_write(items, contact, &call).await?;
        self.warn_of_channels(&request.contacts, &mut result.results);
        Ok(result)
    }

    pub(super) async fn write_contracts(
        &self,
        request: &pb::IngestContractsRequest,
        deadline: Instant,
    ) -> Results {
        let items = Items {
            kind: FactKind::Contract,
            name: "contracts",
            messages: &request.contracts,
            unknown_customer: request.unknown_customer,
        };
        let call = call(deadline, &request.import_id)?;
        self.place_and_write(items, contract, &call).await
    }

    pub(super) async fn write_rates(
        &self,
        request: &pb::IngestRatesRequest,
        deadline: Instant,
    ) -> Results {
        let call = call(deadline, &request.import_id)?;
        let batch = self.read("rates", &request.rates, exchange_rate)?;
        let outcomes = self.ingest.rates(&batch.read, &call).await?;
        let results = self.results(FactKind::Rate, "rates", batch, &outcomes);
        Ok(plain(results))
    }
}
