//! Model versions that do not answer but are compared with the one that does.
//!
//! A version never changes, so what was read once stays right, and a few are kept. Not for long: in a database that lost its last writes in a
//! failover, another version may have the number.

use std::{sync::Arc, time::Duration};

use moka::sync::Cache;

use crate::{
    domain::basis::{ActiveModel, Basis},
    store::{self, error::StoreError, pool::Pool},
};

/// Versions kept: a comparison is of one or two of them at a time.
const KEPT: u64 = 8;
/// For how long.
const LIFETIME: Duration = Duration::from_mins(1);

/// Reads versions for comparisons.
#[derive(Debug)]
pub struct ModelVersions {
    pool: Pool,
    kept: Cache<i64, Arc<ActiveModel>>,
}

impl ModelVersions {
    /// Reads from this database.
    #[must_use]
    pub fn new(pool: Pool) -> Self {
        Self {
            pool,
            kept: Cache::builder()
                .max_capacity(KEPT)
                .time_to_live(LIFETIME)
                .build(),
        }
    }

    /// `basis` with the model of that number and nothing else changed; `None` when there is none of that number.
    ///
    /// # Errors
    /// The database must be asked and cannot be.
    pub async fn basis(&self, version: i64, basis: &Basis) -> Result<Option<Basis>, StoreError> {
        let model = if let Some(model) = self.kept.get(&version) {
            model
        } else {
            let mut connection = self.pool.acquire().await?;
            let Some(found) = store::models::find(&mut connection, version).await? else {
                return Ok(None);
            };
            let model = Arc::new(found.as_active());
            self.kept.insert(version, Arc::clone(&model));
            model
        };
        Ok(Some(basis.with_model(ActiveModel::clone(&model))))
    }
}
