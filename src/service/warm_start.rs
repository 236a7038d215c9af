//! Memory is filled at the start with those who are most likely to call: the customers who bought last, by id and by whatever else they
//! are found by. Calls go on meanwhile. What they load is not loaded twice; a call about a customer who is just being loaded waits for that.

use std::{collections::HashSet, sync::Arc, time::Duration};

use tokio::time::Instant;

use crate::{
    cache::{identifiers::IdentifierCache, profiles::ProfileCache, read_through::LoadError},
    domain::text::CustomerId,
    store::{self, error::StoreError, identifiers::IdentifierDigest, pool::Pool},
};

/// Customers that are loaded by one statement: few, since a call about one of them waits for all.
const PART: usize = 16;
/// How often a part is tried, and the pause in between: at a start after a failover, the database may go away once more.
const TRIES: usize = 5;
const TRY_AGAIN: Duration = Duration::from_secs(2);

/// The customers who bought last, at most `limit`.
///
/// # Errors
/// When the database cannot be asked.
pub async fn list_customers(pool: &Pool, limit: i64) -> Result<Vec<CustomerId>, StoreError> {
    pool.read_patiently(|connection| Box::pin(store::profiles::list_latest(connection, limit)))
        .await
}

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
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Warmed {
    /// Customers whose profiles were loaded, or were held already.
    pub customers: usize,
    /// Customers who could not be loaded.
    pub failed: usize,
    /// Whether it ended because the memory of profiles was nearly full.
    pub is_full: bool,
}

/// Why a part could not be loaded.
#[derive(Debug, thiserror::Error)]
enum PartError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Load(#[from] LoadError),
}

impl WarmStart {
    /// Loads `customers`, in their order, until the memory of profiles is nearly full. Pauses as long as it loads: it takes half of a
    /// connection's time.
    pub async fn run(&self, customers: &[CustomerId]) -> Warmed {
        let mut warmed = Warmed::default();
        for part in customers.chunks(PART) {
            let start = Instant::now();
            if self.load_or_try_again(part).await {
                warmed.customers += part.len();
            } else {
                warmed.failed += part.len();
            }
            if self.profiles.is_nearly_full() {
                warmed.is_full = true;
                break;
            }
            tokio::time::sleep(start.elapsed()).await;
        }
        warmed
    }

    /// Whether a part was loaded in the end.
    async fn load_or_try_again(&self, part: &[CustomerId]) -> bool {
        for _ in 1..TRIES {
            match self.load(part).await {
                Ok(()) => return true,
                Err(error) => {
                    tracing::debug!(error.cause = %error, "customers are loaded into memory later");
                }
            }
            tokio::time::sleep(TRY_AGAIN).await;
        }
        self.load(part).await.is_ok()
    }

    async fn load(&self, part: &[CustomerId]) -> Result<(), PartError> {
        self.profiles.load_ahead(part).await?;
        if self.identifiers.is_nearly_full() {
            return Ok(());
        }
        let customers: Arc<[CustomerId]> = part.into();
        let owned = self
            .pool
            .read_patiently(|connection| {
                let customers = Arc::clone(&customers);
                Box::pin(
                    async move { store::identifiers::list_owners_of(connection, &customers).await },
                )
            })
            .await?;
        // Two of them may have one number.
        let digests: HashSet<IdentifierDigest> = owned.into_values().flatten().collect();
        let digests: Vec<IdentifierDigest> = digests.into_iter().collect();
        Ok(self.identifiers.load_ahead(&digests).await?)
    }
}
