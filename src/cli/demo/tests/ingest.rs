//! The facts that the server of these tests takes.

use tonic::{Request, Response, Status};

use super::Fake;
use crate::cli::import::send::{Batch, fake};
use crate::pb;
use crate::pb::ingest_service_server::IngestService;

impl Fake {
    fn write_customers(
        &self,
        customers: Vec<pb::CustomerPatch>,
    ) -> Result<Vec<pb::ItemResult>, Status> {
        let results = self.write(&customers)?;
        let mut memory = self.0.lock().unwrap();
        for patch in customers {
            let known = memory.customers.entry(patch.customer_id).or_default();
            known.extend(patch.attributes);
        }
        Ok(results)
    }
}

#[tonic::async_trait]
impl IngestService for Fake {
    async fn ingest_customers(
        &self,
        request: Request<pb::IngestCustomersRequest>,
    ) -> Result<Response<pb::IngestCustomersResponse>, Status> {
        let results = self.write_customers(request.into_inner().customers)?;
        Ok(Response::new(pb::IngestCustomersResponse { results }))
    }

    async fn ingest_transactions(
        &self,
        request: Request<pb::IngestTransactionsRequest>,
    ) -> Result<Response<pb::IngestTransactionsResponse>, Status> {
        let results = self.write(&request.into_inner().transactions)?;
        Ok(Response::new(pb::IngestTransactionsResponse {
            results,
            ..Default::default()
        }))
    }

    async fn ingest_contacts(
        &self,
        request: Request<pb::IngestContactsRequest>,
    ) -> Result<Response<pb::IngestContactsResponse>, Status> {
        let results = self.write(&request.into_inner().contacts)?;
        Ok(Response::new(pb::IngestContactsResponse {
            results,
            ..Default::default()
        }))
    }

    async fn get_time_zone(
        &self,
        _: Request<pb::GetTimeZoneRequest>,
    ) -> Result<Response<pb::GetTimeZoneResponse>, Status> {
        let time_zone = "Europe/Berlin".to_owned();
        Ok(Response::new(pb::GetTimeZoneResponse { time_zone }))
    }

    async fn ingest_contracts(
        &self,
        request: Request<pb::IngestContractsRequest>,
    ) -> Result<Response<pb::IngestContractsResponse>, Status> {
        let results = self.write(&request.into_inner().contracts)?;
        Ok(Response::new(pb::IngestContractsResponse { results }))
    }

    type StreamFactsStream = fake::Answers;

    async fn stream_facts(
        &self,
        request: Request<tonic::Streaming<pb::StreamFactsRequest>>,
    ) -> Result<Response<Self::StreamFactsStream>, Status> {
        let fake = self.clone();
        let write = move |batch| match batch {
            Batch::Customers(batch) => fake.write_customers(batch.customers),
            Batch::Transactions(batch) => fake.write(&batch.transactions),
            Batch::Contacts(batch) => fake.write(&batch.contacts),
            Batch::Contracts(batch) => fake.write(&batch.contracts),
            Batch::Rates(batch) => fake.write(&batch.rates),
        };
        Ok(Response::new(fake::acknowledge(
            request.into_inner(),
            write,
        )))
    }

    async fn ingest_rates(
        &self,
        request: Request<pb::IngestRatesRequest>,
    ) -> Result<Response<pb::IngestRatesResponse>, Status> {
        let results = self.write(&request.into_inner().rates)?;
        Ok(Response::new(pb::IngestRatesResponse { results }))
    }

    async fn list_rates(
        &self,
        _: Request<pb::ListRatesRequest>,
    ) -> Result<Response<pb::ListRatesResponse>, Status> {
        Ok(Response::new(pb::ListRatesResponse::default()))
    }
}
