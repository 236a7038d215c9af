//! Finds out who calls, before anything else is spent on a call, and whether they may.
//!
//! The verdict is noted in the extensions of the request. [`super::admit`] refuses by it, further inside, so that a refused call is counted and logged
//! like any other; [`super::observe`] names the caller. A call costs one hash of its token and no allocation but that of the note.

use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Extensions, HeaderMap, HeaderName, Request, header};
use tower::{Layer, Service};

use super::peer::{ClientName, Peer};
use crate::grpc::access::{self, Access};
use crate::service::identity::{Call, Credentials, Identities, Refusal};

/// Header in which a caller states the purpose of a call.
pub const PURPOSE_HEADER: HeaderName = HeaderName::from_static("patron-purpose");

/// What is decided about a call.
#[derive(Debug, Clone)]
pub enum Verdict {
    /// The method is open to everybody.
    Open,
    /// The caller is known and may.
    Admitted(Call),
    /// The caller is not known or may not.
    Refused(Arc<Refusal>),
}

impl Verdict {
    /// The call of a caller who may.
    #[must_use]
    pub fn call(&self) -> Option<&Call> {
        match self {
            Self::Admitted(call) => Some(call),
            Self::Open | Self::Refused(_) => None,
        }
    }

    /// The id of the caller, as far as it is known.
    #[must_use]
    pub fn caller_id(&self) -> Option<&str> {
        match self {
            Self::Admitted(call) => Some(call.caller_id()),
            Self::Refused(refusal) => refusal.caller_id(),
            Self::Open => None,
        }
    }
}

/// Decides about a request for the method at `path`.
///
/// # Errors
/// Why it is refused.
pub fn decide(
    identities: &Identities,
    path: &str,
    headers: &HeaderMap,
    extensions: &Extensions,
) -> Result<Option<Call>, Refusal> {
    let Access::Needs(need) = access::of(path) else {
        return Ok(None);
    };
    let value = |name: HeaderName| headers.get(name).map(http::HeaderValue::as_bytes);
    let credentials = Credentials {
        authorization: value(header::AUTHORIZATION),
        purpose: value(PURPOSE_HEADER),
    };
    let certificate = extensions.get::<Arc<Peer>>();
    let certificate = certificate.and_then(|peer| peer.certificate());
    let names = certificate.map(|it| it.names()).unwrap_or_default();
    let names = names.iter().map(ClientName::as_str);
    identities.admit(credentials, names, path, need).map(Some)
}

/// Layer that makes [`IdentityService`].
#[derive(Debug, Clone)]
pub struct IdentityLayer {
    identities: Option<Arc<Identities>>,
}

impl IdentityLayer {
    /// Decides by `identities`; without them everybody may do everything.
    #[must_use]
    pub fn new(identities: Option<Arc<Identities>>) -> Self {
        Self { identities }
    }
}

impl<S> Layer<S> for IdentityLayer {
    type Service = IdentityService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        IdentityService {
            inner,
            identities: self.identities.clone(),
        }
    }
}

/// Notes who calls; see the module.
#[derive(Debug, Clone)]
pub struct IdentityService<S> {
    inner: S,
    identities: Option<Arc<Identities>>,
}

impl<S, B> Service<Request<B>> for IdentityService<S>
where
    S: Service<Request<B>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        if let Some(identities) = &self.identities {
            let path = request.uri().path();
            let decided = decide(identities, path, request.headers(), request.extensions());
            let verdict = match decided {
                Ok(None) => Verdict::Open,
                Ok(Some(call)) => Verdict::Admitted(call),
                Err(refusal) => Verdict::Refused(Arc::new(refusal)),
            };
            let peer = request.extensions().get::<Arc<Peer>>();
            if let (Some(peer), Some(id)) = (peer, verdict.caller_id()) {
                peer.set_identity(id);
            }
            // A secret goes no further than this.
            request.headers_mut().remove(header::AUTHORIZATION);
            request.extensions_mut().insert(verdict);
        }
        self.inner.call(request)
    }
}
