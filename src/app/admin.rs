//! The admin listener: metrics, probes and the version, over HTTP on a port of its own.
//!
//! It is for operators, never for callers, and has no login: keep it on the loopback or behind a firewall.

use std::io;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::app::shutdown::{Lifecycle, Phase};
use crate::metrics::{self, Metrics};

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
///
/// # Errors
///
/// When the listener fails.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    stop: CancellationToken,
) -> io::Result<()> {
    tokio::select! {
        ended = async { axum::serve(listener, router).await } => ended,
        () = stop.cancelled() => Ok(()),
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

async fn version() -> impl IntoResponse {
    (
        [(header::CONTENT_TYPE, "application/json")],
        concat!(
            "{\"name\":\"patron\",\"version\":\"",
            env!("CARGO_PKG_VERSION"),
            "\"}\n"
        ),
    )
}
