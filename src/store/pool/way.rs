//! How a pool makes its connections: to the host that is used now, with the password of now.

use std::sync::atomic::{AtomicU64, Ordering};

use sqlx::{PgPool, postgres::PgConnectOptions};

use super::APPLICATION_NAME;
use crate::store::target::Target;

/// Of which generation of the target the options of a pool's connections were when the pool was last told.
#[derive(Debug)]
pub(super) struct Way {
    pub(super) target: Target,
    told: AtomicU64,
}

impl Way {
    pub(super) fn new(target: &Target) -> Self {
        Self {
            told: AtomicU64::new(target.generation()),
            target: target.clone(),
        }
    }

    /// The options of a connection.
    pub(super) fn options(&self) -> PgConnectOptions {
        self.target.options(APPLICATION_NAME)
    }

    /// Has the pool make its next connections as the target is now.
    pub(super) fn follow(&self, connections: &PgPool) {
        let generation = self.target.generation();
        if self.told.load(Ordering::Acquire) != generation {
            connections.set_connect_options(self.options());
            // Last: who comes meanwhile does the same.
            self.told.store(generation, Ordering::Release);
        }
    }
}
