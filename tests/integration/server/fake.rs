//! A scoring service that does what the customer id says: `wait`, `fail`, `break`, `whoami`, or anything else to be echoed.

use std::sync::Arc;

use patron::api::error::{ApiError, Code};
use patron::grpc::layers::peer::Peer;
use patron::pb::scoring_service_server::ScoringService;
use patron::pb::{
    BatchClassifyRequest, BatchClassifyResponse, BatchScoreLifetimeValueRequest,
    BatchScoreLifetimeValueResponse, Classification, ClassifyRequest, ClassifyResponse,
    ExplainSegmentRequest, ExplainSegmentResponse, ScoreLifetimeValueRequest,
    ScoreLifetimeValueResponse, subject,
};
use tokio::sync::{Semaphore, watch};
use tonic::{Request, Response, Status};

use super::soon;

/// The fake; clones are the same.
#[derive(Debug, Clone)]
pub(super) struct Fake {
    waiting: Arc<watch::Sender<Waiting>>,
    release: Arc<Semaphore>,
}

/// How many calls wait.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Waiting {
    pub(super) now: usize,
    /// The most that ever waited at once.
    pub(super) most: usize,
    /// Those that ended before they were released.
    pub(super) dropped: usize,
}

impl Default for Fake {
    fn default() -> Self {
        Self {
            waiting: Arc::new(watch::Sender::default()),
            release: Arc::new(Semaphore::new(0)),
        }
    }
}

impl Fake {
    /// Waits until `condition` holds for the waiting calls.
    pub(super) async fn until(&self, condition: impl FnMut(&Waiting) -> bool) -> Waiting {
        *soon(self.waiting.subscribe().wait_for(condition))
            .await
            .unwrap()
    }

    /// Lets all waiting calls go on, and those that come.
    pub(super) fn release(&self) {
        self.release.add_permits(Semaphore::MAX_PERMITS / 2);
    }
}

/// A call that waits, until it is dropped.
struct Wait {
    waiting: Arc<watch::Sender<Waiting>>,
    released: bool,
}

impl Wait {
    fn begin(waiting: &Arc<watch::Sender<Waiting>>) -> Self {
        waiting.send_modify(|waiting| {
            waiting.now += 1;
            waiting.most = waiting.most.max(waiting.now);
        });
        Self {
            waiting: Arc::clone(waiting),
            released: false,
        }
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        self.waiting.send_modify(|waiting| {
            waiting.now -= 1;
            waiting.dropped += usize::from(!self.released);
        });
    }
}

fn unimplemented(text: &str) -> Status {
    ApiError::new(Code::FailedPrecondition, "NOT_IN_THE_FAKE", text).into()
}

#[tonic::async_trait]
impl ScoringService for Fake {
    async fn explain_segment(
        &self,
        _: Request<ExplainSegmentRequest>,
    ) -> Result<Response<ExplainSegmentResponse>, Status> {
        Ok(Response::new(ExplainSegmentResponse::default()))
    }

    async fn classify(
        &self,
        request: Request<ClassifyRequest>,
    ) -> Result<Response<ClassifyResponse>, Status> {
        let peer = request.extensions().get::<Arc<Peer>>().cloned();
        let subject = request.into_inner().subject.and_then(|it| it.subject);
        let Some(subject::Subject::CustomerId(mut command)) = subject else {
            return Err(unimplemented("the fake knows customer ids only"));
        };
        match command.as_str() {
            "wait" => {
                let mut wait = Wait::begin(&self.waiting);
                self.release.acquire().await.unwrap().forget();
                wait.released = true;
            }
            "fail" => {
                let text = "there is no customer fail";
                return Err(ApiError::new(Code::NotFound, "CUSTOMER_NOT_FOUND", text)
                    .about("patron.v1.Customer", "fail")
                    .into());
            }
            "break" => {
                let cause = std::io::Error::other("the disk is on fire");
                return Err(ApiError::internal("STORE_FAILED", &cause).into());
            }
            "whoami" => {
                let peer = peer.unwrap();
                let names = peer.certificate().map(|it| it.names().to_vec());
                command = format!("{:?}", names.unwrap_or_default());
            }
            _ => {}
        }
        Ok(Response::new(ClassifyResponse {
            classification: Some(Classification {
                customer_id: command,
                ..Classification::default()
            }),
            ..ClassifyResponse::default()
        }))
    }

    async fn batch_classify(
        &self,
        _: Request<BatchClassifyRequest>,
    ) -> Result<Response<BatchClassifyResponse>, Status> {
        Err(unimplemented("not in the fake"))
    }

    async fn score_lifetime_value(
        &self,
        _: Request<ScoreLifetimeValueRequest>,
    ) -> Result<Response<ScoreLifetimeValueResponse>, Status> {
        Err(unimplemented("not in the fake"))
    }

    async fn batch_score_lifetime_value(
        &self,
        _: Request<BatchScoreLifetimeValueRequest>,
    ) -> Result<Response<BatchScoreLifetimeValueResponse>, Status> {
        Err(unimplemented("not in the fake"))
    }
}
