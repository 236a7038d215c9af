//! `RoutingService`: contacts that arrive.

use std::{sync::Arc, time::Duration};

use prost::Message as _;
use tokio::time::Instant;
use tonic::{Code, Request, Response, Status};

use crate::{
    api::{
        answers::routed::RouteMask, contacts, routes::ContactRoutes, simulations,
        violations::Violations,
    },
    grpc::{
        layers::{
            deadline::Deadline,
            memory::{FallBack, FindInMemory},
        },
        status,
    },
    pb,
    service::{
        answer::route::{Contact, Fallback},
        error::ServiceError,
        simulation::Simulations,
    },
};

/// Path of the method.
const ROUTE_CONTACT: &str = "/patron.v1.RoutingService/RouteContact";

/// What of a caller's deadline the answer itself needs.
const MARGIN: Duration = Duration::from_millis(1);

/// Whether the method at a path has an answer when the server refuses the call.
#[must_use]
pub fn never_fails(path: &str) -> bool {
    path == ROUTE_CONTACT
}

/// The service.
#[derive(Clone)]
pub struct Routing {
    routes: ContactRoutes,
    simulations: Arc<Simulations>,
}

impl Routing {
    /// The service over its use cases.
    #[must_use]
    pub fn new(routes: ContactRoutes, simulations: Arc<Simulations>) -> Self {
        Self {
            routes,
            simulations,
        }
    }

    /// Answers from memory, for [`layers::memory`](crate::grpc::layers::memory).
    #[must_use]
    pub fn find_in_memory(&self) -> FindInMemory {
        let routes = self.routes.clone();
        Arc::new(move |path, message| {
            if path != ROUTE_CONTACT {
                return None;
            }
            let request = pb::RouteContactRequest::decode(message).ok()?;
            // A request that is not valid is left to the handler.
            let (contact, mask) = parse(&request).ok()?;
            routes.find_in_memory(&contact, mask)
        })
    }

    /// Answers where the server refuses the call, for [`layers::memory`](crate::grpc::layers::memory).
    #[must_use]
    pub fn fall_back(&self) -> FallBack {
        let routes = self.routes.clone();
        Arc::new(move |path, message, code| {
            let fallback = match code {
                Code::Unavailable | Code::ResourceExhausted => Fallback::Overloaded,
                Code::DeadlineExceeded => Fallback::TooLate,
                Code::Internal | Code::Unknown => Fallback::Internal,
                Code::Ok
                | Code::Cancelled
                | Code::InvalidArgument
                | Code::NotFound
                | Code::AlreadyExists
                | Code::PermissionDenied
                | Code::FailedPrecondition
                | Code::Aborted
                | Code::OutOfRange
                | Code::Unimplemented
                | Code::DataLoss
                | Code::Unauthenticated => return None,
            };
            if path != ROUTE_CONTACT {
                return None;
            }
            let request = pb::RouteContactRequest::decode(message).ok()?;
            let (contact, mask) = parse(&request).ok()?;
            routes.fall_back(&contact, mask, fallback)
        })
    }
}

#[tonic::async_trait]
impl pb::routing_service_server::RoutingService for Routing {
    async fn route_contact(
        &self,
        request: Request<pb::RouteContactRequest>,
    ) -> Result<Response<pb::RouteContactResponse>, Status> {
        let deadline = request.extensions().get::<Deadline>().copied();
        let arrived = deadline.map_or_else(Instant::now, Deadline::arrived);
        let deadline = deadline.map(|deadline| deadline.instant() - MARGIN);
        let (contact, mask) = parse(request.get_ref())?;
        let answer = self.routes.answer(&contact, mask, arrived, deadline);
        let bytes = answer.await?;
        // It was encoded here.
        let message = pb::RouteContactResponse::decode(bytes);
        let message = message.map_err(|error| ServiceError::Internal(Box::new(error)))?;
        Ok(Response::new(message))
    }

    async fn simulate_routing(
        &self,
        request: Request<pb::SimulateRoutingRequest>,
    ) -> Result<Response<pb::SimulateRoutingResponse>, Status> {
        let mut violations = Violations::default();
        let read = simulations::simulation(request.into_inner(), &mut violations.at(""));
        let Some(asked) = read.filter(|_| violations.is_empty()) else {
            return Err(status::invalid_request(violations));
        };
        let documents = asked.documents.clone();
        let outcome = self.simulations.simulate(asked).await?;
        let message = simulations::simulation_message(outcome, &documents);
        Ok(Response::new(message))
    }
}

fn parse(request: &pb::RouteContactRequest) -> Result<(Contact, RouteMask), Status> {
    let mut violations = Violations::default();
    let parsed = contacts::contact(request, &mut violations.at(""));
    if violations.is_empty() {
        Ok(parsed)
    } else {
        Err(status::invalid_request(violations))
    }
}
