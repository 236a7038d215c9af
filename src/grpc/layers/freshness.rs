//! Reads that must show a write of another process: a write answers with a token, and a read that brings it is answered only when memory of this
//! process is as new.
//!
//! The header `patron-written` of an answer is the token; a stream has it in its trailers. The header `patron-at-least` of a request brings it. A read whose token is new here has the logs
//! read first, which takes a millisecond or two. Where that cannot be done in time it is refused; what must not fail, and has less time than that, is
//! answered at once.
//!
//! A process that has its database alone gives no tokens and needs none: each of its reads shows all of its writes.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, Request, Response};
use http_body_util::BodyExt as _;
use pin_project_lite::pin_project;
use tokio::time::Instant;
use tonic::Status;
use tonic::body::Body;
use tower::{Layer, Service};

use super::deadline::Deadline;
use super::receive::Message;
use crate::api::error::Violation;
use crate::grpc::status;
use crate::service::follow::{Follower, WriteToken};

/// The header of answers with the token of a write.
pub const WRITTEN_HEADER: &str = "patron-written";
/// The header of requests with the token of a write that their answers must show.
pub const AT_LEAST_HEADER: &str = "patron-at-least";

/// When a read that could not be answered is to be sent again.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// So long the end of a stream waits for its token at most.
const END_LIMIT: Duration = Duration::from_secs(2);

/// The methods that write what other processes hold in memory, but for [`STREAMS`].
pub(in crate::grpc) const WRITES: [&str; 16] = [
    "/patron.v1.CorrectionService/UndoImport",
    "/patron.v1.CorrectionService/MoveFacts",
    "/patron.v1.CorrectionService/EraseCustomer",
    "/patron.v1.CorrectionService/MergeCustomers",
    "/patron.v1.CorrectionService/UnmergeCustomer",
    "/patron.v1.IngestService/IngestCustomers",
    "/patron.v1.IngestService/IngestTransactions",
    "/patron.v1.IngestService/IngestContacts",
    "/patron.v1.IngestService/IngestRates",
    "/patron.v1.IngestService/IngestContracts",
    "/patron.v1.ServiceDeskService/RecordContactOutcome",
    "/patron.v1.DefinitionService/PublishDefinitions",
    "/patron.v1.DefinitionService/RollbackDefinitions",
    "/patron.v1.ModelService/FitModel",
    "/patron.v1.ModelService/ActivateModel",
    "/patron.v1.ModelService/RollbackModel",
];

/// The streams that do: their token comes with the status at their end, also where that is an error, since what they acknowledged is written.
pub(in crate::grpc) const STREAMS: [&str; 1] = ["/patron.v1.IngestService/StreamFacts"];

/// Layer that makes [`FreshnessService`].
#[derive(Clone)]
pub struct FreshnessLayer {
    follower: Option<Arc<Follower>>,
    never_fails: fn(&str) -> bool,
}

impl FreshnessLayer {
    /// By what `follower` has read; nothing without it. The methods of which `never_fails` is true wait for nothing.
    #[must_use]
    pub fn new(follower: Option<Arc<Follower>>, never_fails: fn(&str) -> bool) -> Self {
        Self {
            follower,
            never_fails,
        }
    }
}

impl<S> Layer<S> for FreshnessLayer {
    type Service = FreshnessService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        FreshnessService {
            inner,
            layer: self.clone(),
        }
    }
}

/// Gives tokens and waits for them; see the module.
#[derive(Clone)]
pub struct FreshnessService<S> {
    inner: S,
    layer: FreshnessLayer,
}

impl<S> Service<Request<Message>> for FreshnessService<S>
where
    S: Service<Request<Message>, Response = Response<Body>> + Clone + Send + 'static,
    S::Future: Send,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = FreshnessFuture<S::Future, S::Error>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Message>) -> Self::Future {
        let Some(follower) = &self.layer.follower else {
            return FreshnessFuture::passing(self.inner.call(request));
        };
        let path = request.uri().path();
        let brought = request.headers().get(AT_LEAST_HEADER);
        let Some(brought) = brought else {
            let follower = Arc::clone(follower);
            if STREAMS.contains(&path) {
                let written = with_token_at_end(self.inner.call(request), follower);
                return FreshnessFuture::working(Box::pin(written));
            }
            if !WRITES.contains(&path) {
                return FreshnessFuture::passing(self.inner.call(request));
            }
            let deadline = deadline(&request);
            let written = with_token(self.inner.call(request), follower, deadline);
            return FreshnessFuture::working(Box::pin(written));
        };
        if (self.layer.never_fails)(path) {
            return FreshnessFuture::passing(self.inner.call(request));
        }
        let Some(token) = WriteToken::parse(brought.as_bytes()) else {
            return FreshnessFuture::refused(not_a_token());
        };
        // The service that is ready does the call; its clone is for the next one.
        let next = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, next);
        let follower = Arc::clone(follower);
        let (writes, streams) = (WRITES.contains(&path), STREAMS.contains(&path));
        let deadline = deadline(&request);
        FreshnessFuture::working(Box::pin(async move {
            if follower.reach(&token, half_of(deadline)).await.is_err() {
                return Ok(not_yet().into_http());
            }
            let work = inner.call(request);
            if writes {
                return with_token(work, follower, deadline).await;
            }
            if streams {
                return with_token_at_end(work, follower).await;
            }
            work.await
        }))
    }
}

/// An answer with a token, if it is one of success. Without one where the logs cannot be read: the write is done all the same.
async fn with_token<E>(
    work: impl Future<Output = Result<Response<Body>, E>>,
    follower: Arc<Follower>,
    deadline: Instant,
) -> Result<Response<Body>, E> {
    let mut answer = work.await?;
    if status::of_answer(&answer).is_none()
        && let Some(token) = written(&follower, half_of(deadline)).await
    {
        answer.headers_mut().insert(WRITTEN_HEADER, token);
    }
    Ok(answer)
}

/// An answer with a token in its trailers, unless it is refused before its stream begins.
async fn with_token_at_end<E>(
    work: impl Future<Output = Result<Response<Body>, E>>,
    follower: Arc<Follower>,
) -> Result<Response<Body>, E> {
    let answer = work.await?;
    if status::of_answer(&answer).is_some() {
        return Ok(answer);
    }
    let token = async move {
        if follower.is_cut_off() {
            return None;
        }
        let token = written(&follower, END_LIMIT).await?;
        let trailers = HeaderMap::from_iter([(HeaderName::from_static(WRITTEN_HEADER), token)]);
        Some(Ok(trailers))
    };
    Ok(answer.map(|body| Body::new(body.with_trailers(token))))
}

/// The token of what was written before. `None`: the logs cannot be read.
async fn written(follower: &Follower, limit: Duration) -> Option<HeaderValue> {
    let token = follower.token(limit).await.ok()?;
    HeaderValue::try_from(token.to_text()).ok()
}

/// By when a call is answered; where nothing says so, at once.
fn deadline<B>(request: &Request<B>) -> Instant {
    let deadline = request.extensions().get::<Deadline>();
    deadline.map_or_else(Instant::now, |deadline| deadline.instant())
}

/// What a look at the logs may take of the time that is left: the call itself, or the answer that it failed, needs the rest.
fn half_of(deadline: Instant) -> Duration {
    deadline.saturating_duration_since(Instant::now()) / 2
}

fn not_a_token() -> Status {
    let violation = Violation::new(
        AT_LEAST_HEADER,
        format!("is not a token: set it to the {WRITTEN_HEADER} of an earlier answer"),
    );
    status::invalid_argument("INVALID_WRITE_TOKEN", vec![violation])
}

fn not_yet() -> Status {
    status::unavailable(
        "NOT_YET_FOLLOWED",
        "this server has not yet read the write of the token: retry, or ask without it",
        RETRY_AFTER,
    )
}

type Working<E> = Pin<Box<dyn Future<Output = Result<Response<Body>, E>> + Send>>;

pin_project! {
    /// Future of [`FreshnessService`].
    pub struct FreshnessFuture<F, E> {
        #[pin]
        state: State<F, E>,
    }
}

pin_project! {
    #[project = StateProjection]
    enum State<F, E> {
        // The way of all calls without tokens: nothing is allocated.
        Passing { #[pin] work: F },
        Working { work: Working<E> },
        Refused { answer: Option<Response<Body>> },
    }
}

impl<F, E> FreshnessFuture<F, E> {
    fn passing(work: F) -> Self {
        Self {
            state: State::Passing { work },
        }
    }

    fn working(work: Working<E>) -> Self {
        Self {
            state: State::Working { work },
        }
    }

    fn refused(status: Status) -> Self {
        Self {
            state: State::Refused {
                answer: Some(status.into_http()),
            },
        }
    }
}

impl<F, E> Future for FreshnessFuture<F, E>
where
    F: Future<Output = Result<Response<Body>, E>>,
{
    type Output = Result<Response<Body>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().state.project() {
            StateProjection::Passing { work } => work.poll(cx),
            StateProjection::Working { work } => work.as_mut().poll(cx),
            StateProjection::Refused { answer } => match answer.take() {
                Some(answer) => Poll::Ready(Ok(answer)),
                None => Poll::Pending, // answered already
            },
        }
    }
}
