//! The faces for telephone systems: HTTP and `FastAGI`, each on a listener of its own, where they are asked for.

use std::sync::Arc;
use std::time::Duration;

use axum::http::HeaderValue;
use tokio::net::TcpListener;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::api::error::ApiError;
use crate::api::routes::ContactRoutes;
use crate::app::connections::Listening;
use crate::app::server::{self, Limits, Running, Shared, SharedLimits};
use crate::app::settings::Settings;
use crate::app::tls::Protocol;
use crate::grpc::http1::HttpCalls;
use crate::grpc::json::CodecError;
use crate::grpc::layers::identity::decide;
use crate::http::{self, Admit, AnswerCall, Face};
use crate::service::identity::Identities;

/// Time for a whole dialogue with Asterisk.
const DIALOGUE_LIMIT: Duration = Duration::from_secs(10);

/// Their listeners: of HTTP and of `FastAGI`.
pub(super) type FaceListeners = [Option<TcpListener>; 2];

/// What the faces answer by.
pub(super) struct Answers {
    /// Routes contacts.
    pub(super) contacts: ContactRoutes,
    /// Decides who may; `None`: everybody.
    pub(super) admit: Option<Admit>,
    /// Answers calls over HTTP, and the origins whose pages may make them.
    pub(super) calls: Option<(HttpCalls, Vec<HeaderValue>)>,
    /// The limits that they share with gRPC.
    pub(super) limits: SharedLimits,
}

impl Answers {
    /// By the services of a server.
    ///
    /// # Errors
    /// When the built-in descriptors cannot be used for JSON.
    pub(super) fn new(
        settings: &Settings,
        contacts: ContactRoutes,
        server: &Running,
        shared: &Shared,
    ) -> Result<Self, CodecError> {
        let calls = settings.http_listen.map(|_| server.http_calls());
        let calls = calls.transpose()?;
        Ok(Self {
            contacts,
            admit: shared.identities.clone().map(admit),
            calls: calls.map(|calls| (calls, settings.http_origins())),
            limits: server.limits(),
        })
    }
}

/// Answers telephone systems and HTTP on the present runtime, where lookups are answered, until the lame-duck time after `stop` has passed; then requests
/// in progress get the drain limit to end.
pub(super) fn start(
    [http, agi]: FaceListeners,
    answers: Answers,
    limits: &Limits,
    shared: &Shared,
    stop: &CancellationToken,
) -> [Option<Listening>; 2] {
    let closing = CancellationToken::new();
    tokio::spawn({
        let (stop, closing, lame_duck) = (stop.clone(), closing.clone(), limits.lame_duck);
        async move {
            stop.cancelled().await;
            sleep(lame_duck).await;
            closing.cancel();
        }
    });
    let drain_limit = limits.drain_limit;
    let SharedLimits {
        calls: places,
        peers,
        cut,
    } = answers.limits.clone();
    let contacts = answers.contacts.with_admission(Arc::new(move || {
        let place = places.admit()?;
        Some(Box::new(place))
    }));
    let http = http.zip(answers.calls).map(|(listener, (calls, origins))| {
        let face = Face {
            contacts: contacts.clone(),
            admit: answers.admit.clone(),
            calls: answer_call(calls),
            origins: origins.into(),
            descriptors: server::descriptor_set().into(),
            metrics: shared.metrics.http.clone(),
        };
        let (clock, closing) = (Arc::clone(&shared.clock), closing.clone());
        let router = http::router(face);
        super::http::start(
            (listener, shared.listener_tls(Protocol::Http, limits)),
            router,
            clock,
            answers.limits,
            closing,
            limits,
        )
    });
    let agi = agi.map(|listener| {
        Listening::start(listener, closing, drain_limit, move |stream, close| {
            let contacts = contacts.clone();
            // It is a caller next to which the callers of the other listeners take turns.
            let peer = peers.connect(&close, &cut);
            if let Ok(address) = stream.peer_addr() {
                peer.set_address(address.ip());
            }
            peer.note_call();
            async move {
                let dialogue = http::agi::answer(stream, &contacts);
                if let Ok(Err(error)) = timeout(DIALOGUE_LIMIT, dialogue).await {
                    tracing::debug!(error.cause = %error, "a FastAGI connection ended");
                }
            }
        })
    });
    [http, agi]
}

/// Decides about requests that are no calls. What routes a contact needs what `RouteContact` does; what describes the API, an identity.
fn admit(identities: Arc<Identities>) -> Admit {
    Arc::new(move |request| {
        let path = match request.uri().path() {
            "/v1/route" => "/patron.v1.RoutingService/RouteContact",
            other => other,
        };
        let decided = decide(&identities, path, request.headers(), request.extensions());
        decided
            .map(drop)
            .map_err(|refusal| Box::new(ApiError::from(&refusal)))
    })
}

/// From the bodies of one web framework to those of the other, and back.
fn answer_call(calls: HttpCalls) -> AnswerCall {
    Arc::new(move |request| {
        let calls = calls.clone();
        Box::pin(async move {
            let answer = calls.answer(request.map(tonic::body::Body::new)).await;
            answer.map(axum::body::Body::new)
        })
    })
}
