//! The servers to compare with: tonic and axum as they come, and handlers that look nothing up and compute nothing.

use std::sync::atomic::{AtomicUsize, Ordering};

use patron::pb::{self, scoring_service_server as scoring};
use tonic::{
    Request, Response, Status,
    transport::{Server, server::TcpIncoming},
};

/// Serves `answers`, which must not be empty, one after another; returns where. It ends with its runtime.
pub(crate) async fn start(answers: Vec<pb::ClassifyResponse>) -> anyhow::Result<String> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let echo = Echo {
        answers,
        next: AtomicUsize::new(0),
    };
    let server = Server::builder()
        .add_service(scoring::ScoringServiceServer::new(echo))
        .serve_with_incoming(TcpIncoming::from(listener).with_nodelay(Some(true)));
    tokio::spawn(server);
    Ok(format!("http://{address}"))
}

/// Answers the next of the answers, whatever is asked. It clones because a handler gives its answer away.
struct Echo {
    answers: Vec<pb::ClassifyResponse>,
    next: AtomicUsize,
}

/// The other methods of the service, with their messages, are refused.
macro_rules! answer_classify_only {
    ($($method:ident: $request:ident -> $response:ident;)*) => {
        #[tonic::async_trait]
        impl scoring::ScoringService for Echo {
            async fn classify(
                &self,
                _: Request<pb::ClassifyRequest>,
            ) -> Result<Response<pb::ClassifyResponse>, Status> {
                let at = self.next.fetch_add(1, Ordering::Relaxed) % self.answers.len();
                Ok(Response::new(self.answers[at].clone()))
            }

            $(async fn $method(
                &self,
                _: Request<pb::$request>,
            ) -> Result<Response<pb::$response>, Status> {
                Err(Status::unimplemented("an echo"))
            })*
        }
    };
}

answer_classify_only! {
    batch_classify: BatchClassifyRequest -> BatchClassifyResponse;
    score_lifetime_value: ScoreLifetimeValueRequest -> ScoreLifetimeValueResponse;
    batch_score_lifetime_value: BatchScoreLifetimeValueRequest -> BatchScoreLifetimeValueResponse;
    explain_segment: ExplainSegmentRequest -> ExplainSegmentResponse;
}

/// Serves `body` over HTTP with a handler that does nothing else; returns where. It ends with its runtime.
pub(crate) async fn start_http(body: String) -> anyhow::Result<std::net::SocketAddr> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let body = bytes::Bytes::from(body);
    let handler = move || {
        let body = body.clone();
        async move { ([(http::header::CONTENT_TYPE, "application/json")], body) }
    };
    let router = axum::Router::new().route("/v1/route", axum::routing::get(handler));
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(address)
}
