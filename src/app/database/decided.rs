//! What is decided when a database is created: its zone and its key.

use jiff::{Timestamp, tz::TimeZone};

use super::{
    DEFAULT_ZONE, DatabaseError,
    key::{make_key, read_key},
};
use crate::{
    app::settings::Settings,
    store::{
        deployment::{self, Deployment},
        error::StoreError,
        identifiers::IdentifierKey,
        pool::Pool,
    },
};

/// The zone and key that hold for the database: decided now if it is new, else those it was created with.
pub(super) async fn decided(
    pool: &Pool,
    settings: &Settings,
    now: Timestamp,
) -> Result<(TimeZone, IdentifierKey), DatabaseError> {
    let path = settings.identifier_key_file();
    let mut tx = pool.begin_snapshot().await?;
    let found = deployment::find(&mut tx).await?;
    tx.rollback().await.map_err(StoreError::from)?;
    if found.is_none() {
        let mut tx = pool.begin().await?;
        let zone = settings.time_zone.as_deref().unwrap_or(DEFAULT_ZONE);
        let key = read_key(&path)?.map_or_else(|| make_key(&path), Ok)?;
        if deployment::find(&mut tx).await?.is_none() {
            deployment::insert(&mut tx, zone, &key, now).await?;
        }
        tx.commit().await.map_err(StoreError::from)?;
    }
    // Read again: another process may have been first.
    let mut tx = pool.begin_snapshot().await?;
    let stored = deployment::find(&mut tx).await?;
    tx.rollback().await.map_err(StoreError::from)?;
    let stored = stored.ok_or_else(|| StoreError::Corrupt("the deployment is gone".to_owned()))?;
    check_zone(&stored, settings.time_zone.as_deref())?;
    let key = read_key(&path)?.ok_or_else(|| DatabaseError::NoKey(path.clone()))?;
    if stored.identifier_key_check != key.check_value() {
        return Err(DatabaseError::OtherKey(path));
    }
    Ok((stored.time_zone, key))
}

fn check_zone(stored: &Deployment, given: Option<&str>) -> Result<(), DatabaseError> {
    let stored = stored.time_zone.iana_name().unwrap_or(DEFAULT_ZONE);
    match given {
        Some(given) if !given.eq_ignore_ascii_case(stored) => Err(DatabaseError::OtherZone {
            stored: stored.to_owned(),
            given: given.to_owned(),
        }),
        _ => Ok(()),
    }
}
