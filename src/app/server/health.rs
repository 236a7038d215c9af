//! Which services serve, for `grpc.health.v1`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;

use super::reflection;

/// `grpc.health.v1` of every service and of the server as a whole (the empty name). Clones share the state.
#[derive(Debug, Clone)]
pub struct Health {
    reporter: HealthReporter,
    services: Arc<[String]>,
    stopping: Arc<AtomicBool>,
}

impl Default for Health {
    fn default() -> Self {
        Self::new()
    }
}

impl Health {
    /// Health of the services in the descriptor set. Nothing serves until [`serve`](super::serve) runs.
    #[must_use]
    pub fn new() -> Self {
        Self {
            reporter: HealthReporter::new(),
            services: reflection::services().into(),
            stopping: Arc::default(),
        }
    }

    pub(super) fn reporter(&self) -> HealthReporter {
        self.reporter.clone()
    }

    /// Says that one service (`patron.v1.IngestService`) serves or does not, while the others go on. Has no effect once the server stops,
    /// so that the watch of the database cannot call traffic back.
    pub async fn set(&self, service: &str, serving: bool) {
        if !self.stopping.load(Ordering::Acquire) {
            self.reporter
                .set_service_status(service, status_of(serving))
                .await;
        }
    }

    /// Nothing serves any more, whatever is said after this.
    pub(super) async fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
        self.set_all(false).await;
    }

    pub(super) async fn set_all(&self, serving: bool) {
        let status = status_of(serving);
        self.reporter.set_service_status("", status).await;
        for service in &*self.services {
            self.reporter.set_service_status(service, status).await;
        }
    }
}

fn status_of(serving: bool) -> ServingStatus {
    if serving {
        ServingStatus::Serving
    } else {
        ServingStatus::NotServing
    }
}
