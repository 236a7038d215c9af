//! `ServiceDeskService`: outcomes, figures, costs, channels and tickets.

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;
use tonic::{Request, Response, Status};

use crate::{
    api::{Calendar, desk},
    clock::Clock,
    domain::access::Scope,
    grpc::{access::require, layers::deadline::Deadline, status::invalid_request},
    pb::{self, get_cost_to_serve_request::Whose, item_result::Outcome as ItemOutcome},
    service::{
        desk::{CustomerDesk, GroupDesk},
        ingest::{Ingest, Outcome},
    },
};

/// The service.
pub struct ServiceDesk {
    customers: CustomerDesk,
    groups: GroupDesk,
    ingest: Arc<Ingest>,
    clock: Arc<dyn Clock>,
}

impl ServiceDesk {
    /// The service over its use cases.
    #[must_use]
    pub fn new(
        customers: CustomerDesk,
        groups: GroupDesk,
        ingest: Arc<Ingest>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            customers,
            groups,
            ingest,
            clock,
        }
    }

    fn calendar(&self) -> Calendar {
        Calendar {
            zone: self.ingest.zone.clone(),
            now: self.clock.now(),
        }
    }
}

#[tonic::async_trait]
impl pb::service_desk_service_server::ServiceDeskService for ServiceDesk {
    async fn record_contact_outcome(
        &self,
        request: Request<pb::RecordContactOutcomeRequest>,
    ) -> Result<Response<pb::RecordContactOutcomeResponse>, Status> {
        /// As for ingest: without the layer that sets it, in tests of a handler alone.
        const WITHOUT_LAYER: Duration = Duration::from_secs(30);
        let set = request.extensions().get::<Deadline>();
        let deadline = set.map_or_else(
            || Instant::now() + WITHOUT_LAYER,
            |deadline| deadline.instant(),
        );
        let outcome = desk::contact_outcome(request.get_ref(), &self.calendar());
        let outcome = outcome.map_err(invalid_request)?;
        let outcome = match self.ingest.outcome(&outcome, deadline).await? {
            Outcome::Written | Outcome::Created => ItemOutcome::Written,
            Outcome::Duplicate | Outcome::NothingToReverse => ItemOutcome::Duplicate,
            Outcome::KeyReused
            | Outcome::OtherContract
            | Outcome::OtherCustomer(_)
            | Outcome::CustomerErased => ItemOutcome::Refused,
        };
        Ok(Response::new(pb::RecordContactOutcomeResponse {
            outcome: outcome.into(),
        }))
    }

    async fn get_service_figures(
        &self,
        request: Request<pb::GetServiceFiguresRequest>,
    ) -> Result<Response<pb::GetServiceFiguresResponse>, Status> {
        let request = desk::figures_request(request.get_ref()).map_err(invalid_request)?;
        let answer = self.groups.figures(&request).await?;
        Ok(Response::new(desk::figures_response(&answer)))
    }

    async fn get_cost_to_serve(
        &self,
        request: Request<pb::GetCostToServeRequest>,
    ) -> Result<Response<pb::GetCostToServeResponse>, Status> {
        if matches!(request.get_ref().whose, Some(Whose::Subject(_))) {
            require(&request, Scope::Lookup, "GetCostToServe of one customer")?;
        }
        let request = desk::cost_request(request.get_ref());
        let (whose, months, as_of) = request.map_err(invalid_request)?;
        let answer = self.groups.cost_to_serve(&whose, months, as_of).await?;
        Ok(Response::new(desk::cost_response(&answer)))
    }

    async fn evaluate_channel_policy(
        &self,
        request: Request<pb::EvaluateChannelPolicyRequest>,
    ) -> Result<Response<pb::EvaluateChannelPolicyResponse>, Status> {
        let request = desk::policy_request(request.get_ref()).map_err(invalid_request)?;
        let answer = self.customers.channel_policy(request).await?;
        Ok(Response::new(desk::policy_response(&answer)))
    }

    async fn presort_tickets(
        &self,
        request: Request<pb::PresortTicketsRequest>,
    ) -> Result<Response<pb::PresortTicketsResponse>, Status> {
        let request = desk::presort_request(request.get_ref(), &self.calendar());
        let (request, unreadable) = request.map_err(invalid_request)?;
        let answer = self.customers.presort(&request).await?;
        Ok(Response::new(desk::presort_response(&answer, &unreadable)))
    }

    async fn list_deflection_candidates(
        &self,
        request: Request<pb::ListDeflectionCandidatesRequest>,
    ) -> Result<Response<pb::ListDeflectionCandidatesResponse>, Status> {
        let request = desk::deflection_request(request.get_ref()).map_err(invalid_request)?;
        let answer = self.groups.deflection(&request).await?;
        Ok(Response::new(desk::deflection_response(&answer)))
    }

    async fn list_topic_surges(
        &self,
        request: Request<pb::ListTopicSurgesRequest>,
    ) -> Result<Response<pb::ListTopicSurgesResponse>, Status> {
        let request = desk::surge_request(request.get_ref()).map_err(invalid_request)?;
        let answer = self.groups.surges(&request).await?;
        Ok(Response::new(desk::surge_response(&answer)))
    }
}
