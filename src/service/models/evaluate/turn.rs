//! One at a time: two evaluations would starve the callers of all cores.

use std::sync::{Arc, Mutex, PoisonError};

use crate::service::error::ServiceError;

/// Whose turn it is.
#[derive(Default)]
pub(super) struct Turns {
    /// What runs, in words.
    running: Arc<Mutex<Option<String>>>,
}

/// A turn, until it is dropped.
pub(super) struct Turn {
    running: Arc<Mutex<Option<String>>>,
}

impl Turns {
    /// Takes the turn for `what`.
    pub(super) fn take(&self, what: String) -> Result<Turn, ServiceError> {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(other) = &*running {
            return Err(ServiceError::EvaluationRunning(other.clone()));
        }
        *running = Some(what);
        Ok(Turn {
            running: Arc::clone(&self.running),
        })
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        *self.running.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}
