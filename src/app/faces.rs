//! The faces for telephone systems: HTTP and `FastAGI`, each on a listener of its own, where they are asked for.

use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::api::routes::ContactRoutes;
use crate::app::connections::Listening;
use crate::app::server::{Limits, Shared};
use crate::http;

/// Time for a whole dialogue with Asterisk.
const DIALOGUE_LIMIT: Duration = Duration::from_secs(10);

/// Their listeners: of HTTP and of `FastAGI`.
pub(super) type FaceListeners = [Option<TcpListener>; 2];

/// Answers telephone systems on the present runtime, where lookups are answered, until the lame-duck time after `stop` has passed; then requests
/// in progress get the drain limit to end.
pub(super) fn start(
    [http, agi]: FaceListeners,
    contacts: ContactRoutes,
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
    let router = http::router(contacts.clone(), shared.metrics.http.clone());
    let clock = Arc::clone(&shared.clock);
    let http = http
        .map(|listener| super::http::start(listener, router, clock, closing.clone(), drain_limit));
    let agi = agi.map(|listener| {
        Listening::start(listener, closing, drain_limit, move |stream, _| {
            let contacts = contacts.clone();
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
