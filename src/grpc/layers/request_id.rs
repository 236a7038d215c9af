//! Gives every call an id: the caller's `x-request-id` if it is sane, else a new UUID of version 7.
//!
//! The id is returned in the answer's metadata and put in the request's extensions, where the span of the call takes it from.

use std::hash::{BuildHasher as _, RandomState};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use http::{HeaderMap, HeaderName, HeaderValue, Request, Response};
use pin_project_lite::pin_project;
use tower::{Layer, Service};

use crate::clock::Clock;

/// The header in which an id comes and goes.
pub const HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// Longest id taken from a caller, in bytes. A UUID has 36; more is not an id but a payload.
const MAX_BYTES: usize = 64;

/// Id of a call: 1 to 64 visible ASCII characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestId(HeaderValue);

impl RequestId {
    /// The id that the caller sent, or `None` when there is none or it is not sane.
    #[must_use]
    pub fn from_caller(headers: &HeaderMap) -> Option<Self> {
        let value = headers.get(HEADER)?;
        let sane = (1..=MAX_BYTES).contains(&value.len())
            && value.as_bytes().iter().all(u8::is_ascii_graphic);
        sane.then(|| Self(value.clone()))
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // It is visible ASCII by construction; the fallback is never taken.
        self.0.to_str().unwrap_or_default()
    }
}

/// Makes ids. They must be unique, not secret: the random part is a keyed hash of a counter, which costs no system call.
#[derive(Debug)]
struct Source {
    clock: Arc<dyn Clock>,
    key: RandomState,
    counter: AtomicU64,
}

impl Source {
    fn next(&self) -> RequestId {
        let millis = u64::try_from(self.clock.now().as_millisecond()).unwrap_or(0);
        let count = self.counter.fetch_add(1, Ordering::Relaxed);
        let mut random = [0; 10];
        random[..8].copy_from_slice(&self.key.hash_one(count).to_be_bytes());
        random[8..].copy_from_slice(&self.key.hash_one(!count).to_be_bytes()[..2]);
        let id = uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid();
        let mut text = [0; uuid::fmt::Hyphenated::LENGTH];
        let text: &str = id.hyphenated().encode_lower(&mut text);
        // A UUID is visible ASCII; the fallback is never taken.
        let id = HeaderValue::from_str(text);
        let mut id = id.unwrap_or_else(|_| HeaderValue::from_static("unknown"));
        // An id comes once: in the table of the connection's header compression it would only push out what comes again.
        id.set_sensitive(true);
        RequestId(id)
    }
}

/// Layer that makes [`RequestIdService`].
#[derive(Debug, Clone)]
pub struct RequestIdLayer {
    source: Arc<Source>,
}

impl RequestIdLayer {
    /// `clock` gives the time within new ids.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            source: Arc::new(Source {
                clock,
                key: RandomState::new(),
                counter: AtomicU64::new(0),
            }),
        }
    }
}

impl<S> Layer<S> for RequestIdLayer {
    type Service = RequestIdService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        RequestIdService {
            inner,
            source: Arc::clone(&self.source),
        }
    }
}

/// Gives each call its id; see the module.
#[derive(Debug, Clone)]
pub struct RequestIdService<S> {
    inner: S,
    source: Arc<Source>,
}

impl<S, B, R> Service<Request<B>> for RequestIdService<S>
where
    S: Service<Request<B>, Response = Response<R>>,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = RequestIdFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let id = RequestId::from_caller(request.headers()).unwrap_or_else(|| self.source.next());
        request.extensions_mut().insert(id.clone());
        let work = self.inner.call(request);
        RequestIdFuture { work, id }
    }
}

pin_project! {
    /// Future of [`RequestIdService`].
    #[derive(Debug)]
    pub struct RequestIdFuture<F> {
        #[pin]
        work: F,
        id: RequestId,
    }
}

impl<F, R, E> Future for RequestIdFuture<F>
where
    F: Future<Output = Result<Response<R>, E>>,
{
    type Output = Result<Response<R>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let mut answer = ready!(this.work.poll(cx))?;
        answer.headers_mut().insert(HEADER, this.id.0.clone());
        Poll::Ready(Ok(answer))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::clock::FixedClock;

    #[track_caller]
    fn check(header: &[u8], taken: bool) {
        let mut headers = HeaderMap::new();
        headers.insert(HEADER, HeaderValue::from_bytes(header).unwrap());
        let id = RequestId::from_caller(&headers);
        assert_eq!(
            id.as_ref().map(|id| id.as_str().as_bytes()),
            taken.then_some(header)
        );
    }

    #[test]
    fn an_id_of_visible_ascii_is_taken() {
        check(b"a", true);
        check(b"call-4711/~", true);
        check(&[b'x'; 64], true);
    }

    #[test]
    fn an_id_that_is_none_is_not_taken() {
        check(b"", false);
        check(&[b'x'; 65], false);
        check(b"two words", false);
        check(b"tab\there", false);
        check("ümlaut".as_bytes(), false);
        assert_eq!(RequestId::from_caller(&HeaderMap::new()), None);
    }

    #[test]
    fn new_ids_are_uuids_of_version_7_in_time_and_unique() {
        let now: jiff::Timestamp = "2026-11-22T10:00:00.123Z".parse().unwrap();
        let layer = RequestIdLayer::new(Arc::new(FixedClock::new(now)));
        let mut seen = std::collections::HashSet::new();
        for _ in 0..10_000 {
            let id = layer.source.next();
            let uuid = uuid::Uuid::parse_str(id.as_str()).unwrap();
            assert_eq!(uuid.get_version_num(), 7);
            let (seconds, nanos) = uuid.get_timestamp().unwrap().to_unix();
            assert_eq!(seconds * 1000 + u64::from(nanos) / 1_000_000, {
                u64::try_from(now.as_millisecond()).unwrap()
            });
            assert!(seen.insert(uuid), "{uuid} came twice");
        }
    }
}
