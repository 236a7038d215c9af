//! Identities of callers: read before the first call, then followed.

use std::sync::Arc;

use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use crate::{
    app::{database::Database, server::Shared, settings::Settings},
    grpc::access,
    service::{error::ServiceError, identity::Identities},
};

/// What the process shares, with the identities where callers must have one. They are read here and then followed on the control runtime until
/// `stop`: however busy calls keep the other threads, a revoked token ends in time.
///
/// # Errors
/// When they cannot be read.
pub(super) async fn share(
    settings: &Settings,
    shared: &Shared,
    database: &Database,
    (control, stop): (&Handle, &CancellationToken),
) -> Result<Shared, ServiceError> {
    if !settings.requires_identity() {
        return Ok(shared.clone());
    }
    access::warm();
    let clock = Arc::clone(&shared.clock);
    let identities = Arc::new(Identities::new(clock, shared.metrics.callers.clone()));
    let (reader, pool) = (Arc::clone(&identities), database.identities.clone());
    // There, because a connection belongs to the runtime that opened it.
    let read = control
        .spawn(async move { reader.refresh(&pool).await })
        .await;
    read.map_err(|error| ServiceError::Internal(Box::new(error)))??;
    let follow = Arc::clone(&identities).follow(database.identities.clone());
    control.spawn(stop.clone().run_until_cancelled_owned(follow));
    Ok(Shared {
        identities: Some(identities),
        ..shared.clone()
    })
}
