//! The sign of life of a database, for which its breaker asks.

use std::sync::Arc;

use jiff::Timestamp;
use sqlx::{Connection as _, Executor as _};

use super::APPLICATION_NAME;
use crate::{
    metrics::BreakerMetrics,
    store::{
        breaker::{Breaker, Now},
        error::StoreError,
        target::Target,
    },
};

/// A breaker in front of the database.
#[must_use]
pub fn breaker(
    target: &Target,
    now: impl Fn() -> Timestamp + Send + Sync + 'static,
    metrics: BreakerMetrics,
) -> Arc<Breaker> {
    let target = target.clone();
    let now: Now = Box::new(now);
    let moves = target.moves();
    Breaker::with_moves(
        Box::new(move || {
            let target = target.clone();
            Box::pin(async move { sign_of_life(&target).await })
        }),
        now,
        metrics,
        moves,
    )
}

/// Connects, to another host where that is needed. A server that has no place for one more connection is alive: those that we hold go on
/// working.
async fn sign_of_life(target: &Target) -> Result<(), StoreError> {
    /// SQLSTATE `too_many_connections`.
    const NO_PLACE: &str = "53300";
    match target
        .connect(|it| it.application_name(APPLICATION_NAME))
        .await
    {
        Ok(mut connection) => {
            // A pooler lets us in by itself: only an answer comes from the server.
            connection.execute("SELECT 1").await?;
            // It answered: how the connection ends says nothing about the server.
            let _ = connection.close().await;
            Ok(())
        }
        Err(sqlx::Error::Database(refusal)) if refusal.code().as_deref() == Some(NO_PLACE) => {
            Ok(())
        }
        Err(error) => Err(error.into()),
    }
}
