//! The settings of a pool's sessions.

use sqlx::PgConnection;

use super::{Plans, PoolOptions};

impl PoolOptions {
    /// Sets them in a session that was just opened. By a statement: poolers refuse settings at the connect, or drop them without a word.
    pub(super) async fn apply(self, session: &mut PgConnection) -> Result<(), sqlx::Error> {
        let plans = match self.plans {
            Plans::Kept => "auto",
            Plans::Anew => "force_custom_plan",
        };
        // Times are bound and read in binary; nothing may depend on the session's zone.
        let set = sqlx::query(
            "SELECT set_config('statement_timeout', $1, false),
                    set_config('plan_cache_mode', $2, false),
                    set_config('idle_in_transaction_session_timeout', '60s', false),
                    set_config('timezone', 'UTC', false)",
        );
        set.bind(format!("{}ms", self.statement_timeout.as_millis()))
            .bind(plans)
            .persistent(false)
            .execute(session)
            .await?;
        Ok(())
    }
}
