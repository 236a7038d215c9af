//! Running a transaction again when others were in its way, and ending it when its session leads nowhere.

use crate::{service::error::ServiceError, store::pool::Pool};

/// How often it is tried.
const ATTEMPTS: usize = 5;

/// Runs a transaction of `pool` again while other transactions are in its way. `attempt` begins it anew and ends it.
pub(super) async fn retry<T, E, F>(
    pool: &Pool,
    mut attempt: impl FnMut() -> F,
) -> Result<T, ServiceError>
where
    E: Into<ServiceError>,
    F: Future<Output = Result<T, E>>,
{
    let mut tries = 1;
    loop {
        let attempted = async { attempt().await.map_err(E::into) };
        match pool.endure(attempted).await {
            Err(ServiceError::Contended) if tries < ATTEMPTS => {
                tracing::debug!("transaction conflict; retrying");
                tries += 1;
            }
            result => return result,
        }
    }
}

/// The same of a transaction whose items may be placed by their subjects: then it is tried once, because others may have the identifiers by
/// now. The caller who placed the items places them again.
pub(super) async fn retry_unless_placed<T, E, F>(
    pool: &Pool,
    is_placed: bool,
    mut attempt: impl FnMut() -> F,
) -> Result<T, ServiceError>
where
    E: Into<ServiceError>,
    F: Future<Output = Result<T, E>>,
{
    if is_placed {
        return pool
            .endure(async { attempt().await.map_err(E::into) })
            .await;
    }
    retry(pool, attempt).await
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::store::{
        breaker::Breaker,
        pool::{Plans, PoolOptions},
        target::Target,
    };

    /// A pool that makes no connection here.
    fn nowhere() -> Pool {
        let options = PoolOptions {
            max_connections: 1,
            acquire_timeout: Duration::ZERO,
            statement_timeout: Duration::ZERO,
            plans: Plans::Anew,
        };
        let target = Target::parse("postgres://nowhere.invalid/none").unwrap();
        Pool::open(&target, options, &Breaker::never_opens())
    }

    #[tokio::test]
    async fn what_met_another_transaction_is_tried_five_times() {
        let mut tries = 0;
        let always: Result<(), _> = retry(&nowhere(), || {
            tries += 1;
            async { Err(ServiceError::Contended) }
        })
        .await;
        assert!(matches!(always, Err(ServiceError::Contended)));
        assert_eq!(tries, 5);
    }

    #[tokio::test]
    async fn what_is_placed_by_subjects_is_tried_once_and_placed_anew() {
        for (is_placed, expected) in [(true, 1), (false, 5)] {
            let mut tries = 0;
            let always: Result<(), _> = retry_unless_placed(&nowhere(), is_placed, || {
                tries += 1;
                async { Err(ServiceError::Contended) }
            })
            .await;
            assert!(matches!(always, Err(ServiceError::Contended)));
            assert_eq!(tries, expected);
        }
    }

    #[tokio::test]
    async fn what_fails_otherwise_is_tried_once() {
        let mut tries = 0;
        let failed: Result<(), _> = retry(&nowhere(), || {
            tries += 1;
            async { Err(ServiceError::NoActiveModel) }
        })
        .await;
        assert!(matches!(failed, Err(ServiceError::NoActiveModel)));
        assert_eq!(tries, 1);
    }
}
