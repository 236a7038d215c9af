//! The facts that the server of these tests takes.

use tonic::{Request, Response, Status};

use super::Fake;
use crate::pb;
use crate::pb::ingest_service_server::IngestService;

#[tonic::async_trait]
impl IngestService for Fake {
    async fn ingest_customers(
        &self,
        request: Request<pb::IngestCustomersRequest>,
    ) -> Result<Response<pb::IngestCustomersResponse>, Status> {
        let customers = request.into_inner().customers;
        let results = self.write(&customers)?;
        let mut memory = self.0.lock().unwrap();
        for patch in customers {
            let known = memory.customers.entry(patch.customer_id).or_default();
            known.extend(patch.attributes);
        }
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

    type StreamFactsStream = tokio_stream::Empty<Result<pb::StreamFactsResponse, Status>>;

    async fn stream_facts(
        &self,
        _: Request<tonic::Streaming<pb::StreamFactsRequest>>,
    ) -> Result<Response<Self::StreamFactsStream>, Status> {
        Err(Status::unimplemented("the demo is loaded by calls"))
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
