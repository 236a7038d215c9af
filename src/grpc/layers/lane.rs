//! Runs calls that are no single lookup in their lanes: reading the message, the handler, and writing the answer.
//!
//! What a lane answers is collected there, so that the threads of lookups only pass bytes on. Which method belongs to which lane is decided
//! here and nowhere else; that a single answer takes long is only known to its use case, which moves it by itself.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Request, Response};
use http_body::Body as _;
use http_body_util::BodyExt as _;
use pin_project_lite::pin_project;
use tonic::Status;
use tonic::body::Body;
use tower::{Layer, Service};

use crate::api::error::ApiError;
use crate::grpc::layers::deadline::Deadline;
use crate::service::lane::Lane;

/// The lanes of the process.
#[derive(Debug, Clone)]
pub struct Lanes {
    /// Batches.
    pub batch: Lane,
    /// Facts.
    pub ingest: Lane,
    /// Fits, evaluations, drift checks, and figures of all customers.
    pub fit: Lane,
    /// Definitions, tokens and the registry of models.
    pub admin: Lane,
}

/// A lane by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Which {
    Batch,
    Ingest,
    Fit,
    Admin,
}

/// Methods that answer about many customers, or about one in more detail than a lookup.
const BATCHES: [&str; 4] = [
    "/patron.v1.ScoringService/BatchClassify",
    "/patron.v1.ScoringService/BatchScoreLifetimeValue",
    "/patron.v1.ServiceDeskService/EvaluateChannelPolicy",
    "/patron.v1.ServiceDeskService/PresortTickets",
];

/// Methods of other services that write facts.
const WRITES: [&str; 1] = ["/patron.v1.ServiceDeskService/RecordContactOutcome"];

/// Streams: they move each part of their work to a lane by themselves, and hold no place in between.
const STREAMS: [&str; 1] = ["/patron.v1.IngestService/StreamFacts"];

/// Methods that compute for seconds or minutes.
const FITS: [&str; 10] = [
    "/patron.v1.CustomerService/CheckProfiles",
    "/patron.v1.RoutingService/SimulateRouting",
    "/patron.v1.ModelService/FitModel",
    "/patron.v1.ModelService/EvaluateModel",
    "/patron.v1.ModelService/CompareModels",
    "/patron.v1.ModelService/CheckDrift",
    "/patron.v1.ServiceDeskService/GetServiceFigures",
    "/patron.v1.ServiceDeskService/GetCostToServe",
    "/patron.v1.ServiceDeskService/ListDeflectionCandidates",
    "/patron.v1.ServiceDeskService/ListTopicSurges",
];

/// Services that run in a lane whole, save the methods above.
const SERVICES: [(&str, Which); 5] = [
    ("/patron.v1.CorrectionService/", Which::Ingest),
    ("/patron.v1.IngestService/", Which::Ingest),
    ("/patron.v1.ModelService/", Which::Admin),
    ("/patron.v1.DefinitionService/", Which::Admin),
    ("/patron.v1.TokenService/", Which::Admin),
];

/// The lane of a path; `None` for lookups, streams, health, reflection, and what does not exist.
fn lane_of(path: &str) -> Option<Which> {
    if STREAMS.contains(&path) {
        return None;
    }
    if BATCHES.contains(&path) {
        return Some(Which::Batch);
    }
    if FITS.contains(&path) {
        return Some(Which::Fit);
    }
    if WRITES.contains(&path) {
        return Some(Which::Ingest);
    }
    let mut services = SERVICES.iter();
    let (_, which) = services.find(|(service, _)| path.starts_with(service))?;
    Some(*which)
}

/// Whether calls of this path run in a lane.
pub(super) fn runs_in_lane(path: &str) -> bool {
    lane_of(path).is_some()
}

impl Lanes {
    fn get(&self, which: Which) -> &Lane {
        match which {
            Which::Batch => &self.batch,
            Which::Ingest => &self.ingest,
            Which::Fit => &self.fit,
            Which::Admin => &self.admin,
        }
    }
}

/// Layer that makes [`LaneService`].
#[derive(Debug, Clone)]
pub struct LaneLayer {
    lanes: Option<Arc<Lanes>>,
}

impl LaneLayer {
    /// Without lanes every call runs where it arrives.
    #[must_use]
    pub fn new(lanes: Option<Lanes>) -> Self {
        Self {
            lanes: lanes.map(Arc::new),
        }
    }
}

impl<S> Layer<S> for LaneLayer {
    type Service = LaneService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        LaneService {
            inner,
            lanes: self.lanes.clone(),
        }
    }
}

/// Runs each call in its lane; see the module.
#[derive(Debug, Clone)]
pub struct LaneService<S> {
    inner: S,
    lanes: Option<Arc<Lanes>>,
}

impl<S, B> Service<Request<B>> for LaneService<S>
where
    S: Service<Request<B>, Response = Response<Body>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
    B: Send + 'static,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = LaneFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let which = lane_of(request.uri().path());
        let (Some(which), Some(lanes)) = (which, &self.lanes) else {
            let work = self.inner.call(request);
            return LaneFuture {
                place: Where::Here { work },
            };
        };
        let deadline = request.extensions().get::<Deadline>();
        let deadline = deadline.map(|deadline| deadline.instant());
        let lane = lanes.get(which).clone();
        // The one that was ready goes along, its clone waits for the next call.
        let clone = self.inner.clone();
        let inner = std::mem::replace(&mut self.inner, clone);
        let work = Box::pin(async move {
            let done = lane.run(deadline, answer(inner, request)).await;
            done.unwrap_or_else(|refused| {
                let status: Status = ApiError::from(refused).into();
                status.into_http()
            })
        });
        LaneFuture {
            place: Where::There { work },
        }
    }
}

/// The whole answer, in memory. Unary answers alone come here, of at most the size of a message.
async fn answer<S, B>(mut inner: S, request: Request<B>) -> Response<Body>
where
    S: Service<Request<B>, Response = Response<Body>, Error = Infallible>,
{
    let Ok(answer) = inner.call(request).await;
    // An error is over with its head. A collected body does not say that it is empty; the frame of no data that would then end the stream makes
    // the gRPC core forget the status.
    if answer.body().is_end_stream() {
        return answer;
    }
    let (parts, body) = answer.into_parts();
    match body.collect().await {
        Ok(whole) => {
            let body = whole.map_err(|never: Infallible| match never {});
            Response::from_parts(parts, Body::new(body))
        }
        Err(status) => status.into_http(),
    }
}

pin_project! {
    /// Future of [`LaneService`].
    pub struct LaneFuture<F> {
        #[pin]
        place: Where<F>,
    }
}

pin_project! {
    #[project = WhereProjection]
    enum Where<F> {
        // A lookup or a stream: where it arrived.
        Here { #[pin] work: F },
        // In a lane.
        There { work: BoxFuture },
    }
}

type BoxFuture = Pin<Box<dyn Future<Output = Response<Body>> + Send>>;

impl<F> Future for LaneFuture<F>
where
    F: Future<Output = Result<Response<Body>, Infallible>>,
{
    type Output = Result<Response<Body>, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().place.project() {
            WhereProjection::Here { work } => work.poll(cx),
            WhereProjection::There { work } => work.as_mut().poll(cx).map(Ok),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::app::server::methods;

    #[test]
    fn every_method_with_a_lane_exists_and_lookups_have_none() {
        let served: Vec<String> = methods().iter().map(|name| format!("/{name}")).collect();
        for path in BATCHES.iter().chain(&WRITES).chain(&FITS).chain(&STREAMS) {
            assert!(served.iter().any(|it| it == path), "{path}");
        }
        for (service, _) in SERVICES {
            assert!(served.iter().any(|it| it.starts_with(service)), "{service}");
        }
        let here = served.iter().filter(|path| lane_of(path).is_none());
        let here: Vec<&str> = here
            .filter_map(|path| path.strip_prefix("/patron.v1."))
            .collect();
        assert_eq!(
            here,
            [
                "CustomerService/GetCustomer",
                "ScoringService/Classify",
                "ScoringService/ScoreLifetimeValue",
                "ScoringService/ExplainSegment",
                "IngestService/StreamFacts",
                "RoutingService/RouteContact",
            ],
            "a new method runs in a lane unless it is a lookup or a stream"
        );
        assert_eq!(
            lane_of("/patron.v1.ModelService/FitModel"),
            Some(Which::Fit)
        );
        assert_eq!(
            lane_of("/patron.v1.ModelService/GetModel"),
            Some(Which::Admin)
        );
    }
}
