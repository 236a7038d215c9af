//! Noting facts that were sent again, so that they stay when the import that wrote them is undone.

use jiff::Timestamp;
use sqlx::PgConnection;

use super::{Call, facts::KeyedFact};
use crate::{
    domain::customer::facts::FactKey,
    store::{self, error::StoreError, repeats::RepeatedFact},
};

/// Notes that a call sent recorded facts again. Says whether any note is new.
pub(super) async fn note_keys<F: KeyedFact>(
    tx: &mut PgConnection,
    call: &Call,
    keys: &[&FactKey],
    recorded_at: Timestamp,
) -> Result<bool, StoreError> {
    if keys.is_empty() {
        return Ok(false);
    }
    let import = store::imports::number_of(tx, call.import.as_ref(), recorded_at).await?;
    F::note_repeats(tx, import, keys).await
}

/// Notes that a call sent recorded facts again. Says whether any note is new.
pub(super) async fn note_facts(
    tx: &mut PgConnection,
    call: &Call,
    repeated: &[RepeatedFact],
    recorded_at: Timestamp,
) -> Result<bool, StoreError> {
    if repeated.is_empty() {
        return Ok(false);
    }
    let import = store::imports::number_of(tx, call.import.as_ref(), recorded_at).await?;
    store::repeats::insert(tx, import, repeated).await
}
