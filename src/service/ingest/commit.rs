//! The end that every ingest transaction has in common.

use std::collections::HashMap;

use jiff::Timestamp;
use sqlx::{Postgres, Transaction as Tx};

use super::Ingest;
use crate::{
    domain::{profile::Profile, text::CustomerId},
    service::error::ServiceError,
    store::{self, error::StoreError},
};

/// Stores the profiles that the transaction changed, appends them to the change log, commits, and drops what memory held of them.
pub(super) async fn commit(
    ingest: &Ingest,
    mut tx: Tx<'_, Postgres>,
    changed: &HashMap<CustomerId, Profile>,
    recorded_at: Timestamp,
) -> Result<(), StoreError> {
    let versions = store::profiles::upsert(&mut tx, changed.values()).await?;
    store::change_log::insert(&mut tx, &versions, recorded_at).await?;
    tx.commit().await?;
    for (customer, version) in &versions {
        ingest.profiles.outdate(customer, *version);
    }
    Ok(())
}

/// The sorted customers of a batch, each once.
pub(super) fn distinct<'a>(customers: impl Iterator<Item = &'a CustomerId>) -> Vec<CustomerId> {
    let mut ids: Vec<CustomerId> = customers.cloned().collect();
    ids.sort();
    ids.dedup();
    ids
}

/// Runs a transaction again while other transactions are in its way.
pub(super) async fn retry<T, F>(mut attempt: impl FnMut() -> F) -> Result<T, ServiceError>
where
    F: Future<Output = Result<T, StoreError>>,
{
    let mut tries = 1;
    loop {
        match attempt().await {
            Err(StoreError::Conflict(cause)) if tries < super::ATTEMPTS => {
                tracing::debug!(error.cause = %cause, "an ingest transaction met another one and is run again");
                tries += 1;
            }
            result => return Ok(result?),
        }
    }
}
