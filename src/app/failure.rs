//! What ends a service that nobody asked to stop: the first failure counts, and the stop is as orderly as any other.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{
    app::fence::FenceError,
    postgres::{self, watch::Change},
};

/// Why a service ended by itself.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The database is another process's now.
    #[error(transparent)]
    Fence(FenceError),
    /// The private database does not run any more.
    #[error("the private PostgreSQL stopped and cannot be restarted: {0}")]
    Cluster(postgres::error::Error),
}

/// Where failures are reported, from any thread.
#[derive(Debug, Clone)]
pub struct Failures {
    first: Arc<Mutex<Option<Failure>>>,
    stop: CancellationToken,
}

impl Failures {
    /// Failures that cancel `stop`.
    #[must_use]
    pub fn new(stop: CancellationToken) -> Self {
        let first = Arc::default();
        Self { first, stop }
    }

    /// Reports one, which stops the service.
    pub fn report(&self, failure: Failure) {
        tracing::error!(error.cause = %failure, "stopping the service");
        let mut first = self.first.lock().unwrap_or_else(PoisonError::into_inner);
        first.get_or_insert(failure);
        self.stop.cancel();
    }

    /// The first one, if there was any.
    #[must_use]
    pub fn take(&self) -> Option<Failure> {
        let mut first = self.first.lock().unwrap_or_else(PoisonError::into_inner);
        first.take()
    }
}

/// Who is told what becomes of the database while the service runs.
#[derive(Debug, Clone)]
pub struct DatabaseWatch {
    /// Where its end is reported.
    pub failures: Failures,
    /// Whether the private cluster runs; always so where there is none.
    pub cluster_runs: watch::Sender<bool>,
}

impl DatabaseWatch {
    /// Reports to `failures`; the cluster is taken to run.
    #[must_use]
    pub fn new(failures: Failures) -> Self {
        Self {
            failures,
            cluster_runs: watch::Sender::new(true),
        }
    }

    /// Takes note of a change of the private cluster; called on the thread that watches it.
    pub fn cluster_changed(&self, change: Change) {
        match change {
            Change::Ended { status } => {
                tracing::error!(postgres.status = %status, "the private PostgreSQL stopped: restarting it");
                self.cluster_runs.send_replace(false);
            }
            Change::Restarted { after } => {
                let after_ms = u64::try_from(after.as_millis()).unwrap_or(u64::MAX);
                tracing::warn!(
                    postgres.down_ms = after_ms,
                    "the private PostgreSQL is running again"
                );
                self.cluster_runs.send_replace(true);
            }
            Change::GaveUp(error) => self.failures.report(Failure::Cluster(error)),
        }
    }
}
