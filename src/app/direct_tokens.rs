//! The identities in a database without a server: for the first token, and where no server runs.
//!
//! Servers that run see the changes as those of any other process. Tokens are no data of customers, so the fence is not needed.

use std::sync::Arc;
use std::time::Duration;

use crate::{
    app::database::DatabaseError,
    clock::Clock,
    grpc::tokens::TokenApi,
    pb::token_service_server::TokenService,
    service::tokens::Tokens,
    store::{
        breaker::Breaker,
        pool::{Plans, Pool, PoolOptions},
        probe, schema,
        target::Target,
    },
};

/// How long to wait for the database.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a statement may take.
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(10);

/// The service over the database at `target`, which must have the schema of this program.
///
/// # Errors
/// When the database cannot be used.
pub async fn open(
    target: &Target,
    clock: Arc<dyn Clock>,
) -> Result<Arc<dyn TokenService>, DatabaseError> {
    probe::probe(target, CONNECT_TIMEOUT).await?;
    let options = PoolOptions {
        max_connections: 1,
        acquire_timeout: CONNECT_TIMEOUT,
        statement_timeout: STATEMENT_TIMEOUT,
        plans: Plans::Anew,
    };
    let pool = Pool::open(target, options, &Breaker::never_opens());
    let state = schema::get_schema_state(pool.unguarded()).await?;
    state.require_current()?;
    Ok(Arc::new(TokenApi::new(Arc::new(Tokens { pool, clock }))))
}
