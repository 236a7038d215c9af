//! Memory is filled at the start with those who are most likely to call: the customers who were active last, by id and by whatever
//! else they are found by. Calls need not wait for it, and what they load themselves is not loaded twice.

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;

use crate::{
    cache::{identifiers::IdentifierCache, profiles::ProfileCache, read_through::LoadError},
    domain::text::CustomerId,
    store::{self, error::StoreError, pool::Pool},
};

/// Customers that are loaded by one statement: some milliseconds of a connection, and well below one of the threads that unpack them.
const PART: usize = 64;

/// What a warm start loads, from where and to where.
pub struct WarmStart {
    /// Where profiles are held.
    pub profiles: Arc<ProfileCache>,
    /// Where is held who is found by an identifier.
    pub identifiers: Arc<IdentifierCache>,
    /// Of the runtime that runs it, which must be that of lookups: it takes the locks of the caches.
    pub pool: Pool,
}

/// What a warm start came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Warmed {
    /// Customers whose profiles were loaded, or were held already.
    pub customers: usize,
    /// Identifiers likewise.
    pub identifiers: usize,
    /// Whether it ended because memory was nearly full.
    pub is_full: bool,
}

/// Why a warm start ended early.
#[derive(Debug, thiserror::Error)]
pub enum WarmStartError {
    /// The identifiers of customers could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A load failed.
    #[error(transparent)]
    Load(#[from] LoadError),
}

impl WarmStart {
    /// Loads `customers`, in their order, until memory is nearly full. Pauses as long as it loads: it takes half of a connection's time.
    ///
    /// # Errors
    /// When the database cannot be asked: what was loaded stays.
    pub async fn run(&self, customers: &[CustomerId]) -> Result<Warmed, WarmStartError> {
        let mut warmed = Warmed {
            customers: 0,
            identifiers: 0,
            is_full: false,
        };
        for part in customers.chunks(PART) {
            let start = Instant::now();
            self.profiles.load_ahead(part).await?;
            warmed.customers += part.len();
            let mut connection = self.pool.acquire().await?;
            let owned = store::identifiers::list_owners_of(&mut connection, part).await?;
            drop(connection);
            let digests: Vec<_> = owned.into_values().flatten().collect();
            self.identifiers.load_ahead(&digests).await?;
            warmed.identifiers += digests.len();
            if self.profiles.is_nearly_full() || self.identifiers.is_nearly_full() {
                warmed.is_full = true;
                break;
            }
            let busy: Duration = start.elapsed();
            tokio::time::sleep(busy).await;
        }
        Ok(warmed)
    }
}
