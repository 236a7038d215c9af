//! A server that remembers what it is sent and answers gold for everybody.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex};

use prost::Message;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response, Status};

use crate::pb;
use crate::pb::customer_service_server::{CustomerService, CustomerServiceServer};
use crate::pb::definition_service_server::{DefinitionService, DefinitionServiceServer};
use crate::pb::ingest_service_server::IngestServiceServer;
use crate::pb::item_result::Outcome;
use crate::pb::model_service_server::ModelServiceServer;
use crate::pb::scoring_service_server::{ScoringService, ScoringServiceServer};

#[derive(Default)]
pub(super) struct Memory {
    facts: HashSet<Vec<u8>>,
    pub(super) customers: BTreeMap<String, Vec<pb::AttributeValue>>,
    pub(super) models: Vec<pb::Model>,
    revisions: Vec<pb::Revision>,
    writes: usize,
    /// After so many writing calls every further one is refused.
    pub(super) last_write: Option<usize>,
}

#[derive(Clone, Default)]
pub(super) struct Fake(pub(super) Arc<Mutex<Memory>>);

impl Fake {
    pub(super) async fn serve(&self) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let server = tonic::transport::Server::builder()
            .add_service(CustomerServiceServer::new(self.clone()))
            .add_service(DefinitionServiceServer::new(self.clone()))
            .add_service(IngestServiceServer::new(self.clone()))
            .add_service(ModelServiceServer::new(self.clone()))
            .add_service(ScoringServiceServer::new(self.clone()));
        tokio::spawn(server.serve_with_incoming(TcpListenerStream::new(listener)));
        endpoint
    }

    pub(super) fn write<T: Message>(&self, facts: &[T]) -> Result<Vec<pb::ItemResult>, Status> {
        let mut memory = self.0.lock().unwrap();
        memory.writes += 1;
        if memory.last_write.is_some_and(|last| memory.writes > last) {
            return Err(Status::internal("no more"));
        }
        let outcomes = facts.iter().map(|fact| {
            if memory.facts.insert(fact.encode_to_vec()) {
                Outcome::Written
            } else {
                Outcome::Duplicate
            }
        });
        Ok(outcomes
            .map(|outcome| pb::ItemResult {
                outcome: outcome.into(),
                ..Default::default()
            })
            .collect())
    }

    pub(super) fn writes(&self) -> usize {
        self.0.lock().unwrap().writes
    }
}

#[tonic::async_trait]
impl CustomerService for Fake {
    async fn get_customer(
        &self,
        request: Request<pb::GetCustomerRequest>,
    ) -> Result<Response<pb::GetCustomerResponse>, Status> {
        let subject = request
            .into_inner()
            .subject
            .and_then(|subject| subject.subject);
        let Some(pb::subject::Subject::CustomerId(customer_id)) = subject else {
            return Err(Status::invalid_argument("by id only"));
        };
        let memory = self.0.lock().unwrap();
        let attributes = memory.customers.get(&customer_id).cloned();
        let customer = Some(pb::Customer {
            customer_id,
            attributes: attributes.ok_or_else(|| Status::not_found("nobody"))?,
            ..Default::default()
        });
        Ok(Response::new(pb::GetCustomerResponse { customer }))
    }

    async fn check_profiles(
        &self,
        _: Request<pb::CheckProfilesRequest>,
    ) -> Result<Response<pb::CheckProfilesResponse>, Status> {
        let checked = self.0.lock().unwrap().customers.len();
        Ok(Response::new(pb::CheckProfilesResponse {
            checked_count: checked.try_into().unwrap(),
            ..Default::default()
        }))
    }
}

#[tonic::async_trait]
impl DefinitionService for Fake {
    async fn validate_definitions(
        &self,
        _: Request<pb::ValidateDefinitionsRequest>,
    ) -> Result<Response<pb::ValidateDefinitionsResponse>, Status> {
        Ok(Response::new(pb::ValidateDefinitionsResponse::default()))
    }

    async fn publish_definitions(
        &self,
        request: Request<pb::PublishDefinitionsRequest>,
    ) -> Result<Response<pb::PublishDefinitionsResponse>, Status> {
        let pb::PublishDefinitionsRequest { document, note, .. } = request.into_inner();
        let mut memory = self.0.lock().unwrap();
        let revision = pb::Revision {
            revision: i64::try_from(memory.revisions.len()).unwrap() + 1,
            active: true,
            note,
            document,
            ..Default::default()
        };
        memory.revisions.push(revision.clone());
        Ok(Response::new(pb::PublishDefinitionsResponse {
            revision: Some(revision),
            problems: Vec::new(),
            unconvertible_customers: Some(0),
            unconvertible_currencies: Vec::new(),
        }))
    }

    async fn rollback_definitions(
        &self,
        _: Request<pb::RollbackDefinitionsRequest>,
    ) -> Result<Response<pb::RollbackDefinitionsResponse>, Status> {
        Err(Status::not_found("this server never goes back"))
    }

    async fn get_revision(
        &self,
        _: Request<pb::GetRevisionRequest>,
    ) -> Result<Response<pb::GetRevisionResponse>, Status> {
        let revision = self.0.lock().unwrap().revisions.last().cloned();
        Ok(Response::new(pb::GetRevisionResponse {
            revision: Some(revision.unwrap_or_default()),
        }))
    }

    async fn list_revisions(
        &self,
        _: Request<pb::ListRevisionsRequest>,
    ) -> Result<Response<pb::ListRevisionsResponse>, Status> {
        let revisions = self.0.lock().unwrap().revisions.clone();
        Ok(Response::new(pb::ListRevisionsResponse {
            revisions,
            next_page_token: String::new(),
        }))
    }
}

fn gold() -> pb::ClassifyResponse {
    pb::ClassifyResponse {
        r#match: pb::Match::One.into(),
        classification: Some(pb::Classification {
            tier: Some(pb::Tier {
                name: "gold".into(),
                rank: 1,
                unrated_reason: 0,
            }),
            lifetime_value: Some(pb::Money {
                amount_minor: 12_345,
                currency: "EUR".into(),
            }),
            segments: vec![pb::SegmentMembership {
                segment: "profitability/profitable".into(),
                ..Default::default()
            }],
            ..Default::default()
        }),
        ..Default::default()
    }
}

#[tonic::async_trait]
impl ScoringService for Fake {
    async fn explain_segment(
        &self,
        _: Request<pb::ExplainSegmentRequest>,
    ) -> Result<Response<pb::ExplainSegmentResponse>, Status> {
        Err(Status::not_found("this server explains nothing"))
    }

    async fn classify(
        &self,
        _: Request<pb::ClassifyRequest>,
    ) -> Result<Response<pb::ClassifyResponse>, Status> {
        Ok(Response::new(gold()))
    }

    async fn batch_classify(
        &self,
        request: Request<pb::BatchClassifyRequest>,
    ) -> Result<Response<pb::BatchClassifyResponse>, Status> {
        let subjects = request.into_inner().subjects;
        let responses = subjects.iter().map(|_| gold()).collect();
        Ok(Response::new(pb::BatchClassifyResponse {
            responses,
            ..Default::default()
        }))
    }

    async fn score_lifetime_value(
        &self,
        _: Request<pb::ScoreLifetimeValueRequest>,
    ) -> Result<Response<pb::ScoreLifetimeValueResponse>, Status> {
        Ok(Response::new(pb::ScoreLifetimeValueResponse::default()))
    }

    async fn batch_score_lifetime_value(
        &self,
        _: Request<pb::BatchScoreLifetimeValueRequest>,
    ) -> Result<Response<pb::BatchScoreLifetimeValueResponse>, Status> {
        Err(Status::unimplemented("not here"))
    }
}
