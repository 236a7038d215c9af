//! How a pool makes its connections: to the host that is used now, with the password of now.

use std::sync::atomic::{AtomicU64, Ordering};

use sqlx::{PgPool, postgres::PgConnectOptions};

use super::{APPLICATION_NAME, Plans, PoolOptions};
use crate::store::target::Target;

/// The options of a pool's connections, and of which generation of the target they were when the pool was last told.
#[derive(Debug)]
pub(super) struct Way {
    pub(super) target: Target,
    options: PoolOptions,
    told: AtomicU64,
}

impl Way {
    pub(super) fn new(target: &Target, options: PoolOptions) -> Self {
        Self {
            told: AtomicU64::new(target.generation()),
            target: target.clone(),
            options,
        }
    }

    /// The options of a connection.
    pub(super) fn options(&self) -> PgConnectOptions {
        let statement_timeout = format!("{}ms", self.options.statement_timeout.as_millis());
        let plans = match self.options.plans {
            Plans::Kept => "auto",
            Plans::Anew => "force_custom_plan",
        };
        self.target.options(APPLICATION_NAME).options([
            ("statement_timeout", statement_timeout.as_str()),
            ("plan_cache_mode", plans),
            ("idle_in_transaction_session_timeout", "60s"),
            // Times are bound and read in binary; nothing may depend on the session's zone.
            ("timezone", "UTC"),
        ])
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
