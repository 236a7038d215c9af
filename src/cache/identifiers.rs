//! Who is found by an identifier: digest to customer ids.

mod table;

use std::{
    collections::HashMap,
    ops::Deref,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use table::Table;

use crate::{
    cache::read_through::{Batch, Bounds, Key, Load, LoadError, ReadThrough, Versioned},
    domain::text::CustomerId,
    metrics::CacheMetrics,
    store::{self, breaker::Breaker, identifiers::IdentifierDigest, pool::Pool},
};

/// The customers found by an identifier, by id: hardly ever more than one.
#[derive(Debug, Clone)]
pub enum Owners {
    /// One.
    One(CustomerId),
    /// Nobody, or several.
    Others(Arc<[CustomerId]>),
}

impl Deref for Owners {
    type Target = [CustomerId];

    fn deref(&self) -> &[CustomerId] {
        match self {
            Self::One(customer) => std::slice::from_ref(customer),
            Self::Others(customers) => customers,
        }
    }
}

impl Default for Owners {
    fn default() -> Self {
        Self::Others(Arc::default())
    }
}

impl From<Vec<CustomerId>> for Owners {
    fn from(mut customers: Vec<CustomerId>) -> Self {
        match (customers.pop(), customers.is_empty()) {
            (Some(only), true) => Self::One(only),
            (Some(last), false) => {
                customers.push(last);
                Self::Others(customers.into())
            }
            // Not the empty list, of which each would be allocated: of nobody there is one for all.
            (None, _) => Self::default(),
        }
    }
}

/// The customers found by an identifier, and when this process began to look.
#[derive(Debug, Clone)]
struct LookedUp {
    owners: Owners,
    tick: i64,
}

impl Key for IdentifierDigest {
    /// All are of the same length, and are weighed with their entry.
    fn weight(&self) -> u32 {
        0
    }
}

impl Versioned for LookedUp {
    fn version(&self) -> i64 {
        self.tick
    }

    fn weight(&self) -> u32 {
        /// The entry in the table with its part of the list, and what allocators round up.
        const ENTRY: usize = 56;
        /// The counters of a shared text or list, and what allocators round up.
        const SHARED: usize = 24;
        let text = |id: &CustomerId| SHARED + id.as_str().len();
        let owners = match &self.owners {
            Owners::One(customer) => text(customer),
            Owners::Others(customers) if customers.is_empty() => 0,
            Owners::Others(customers) => {
                let texts: usize = customers.iter().map(text).sum();
                SHARED + size_of_val(&**customers) + texts
            }
        };
        u32::try_from(ENTRY + owners).unwrap_or(u32::MAX)
    }
}

/// The cache of identifiers. Who owns an identifier has no version of its own: a count of this process's looks and writes orders them,
/// so that a look that began before a write loses against it.
pub struct IdentifierCache {
    owners: Arc<ReadThrough<IdentifierDigest, LookedUp, Table>>,
    clock: Arc<AtomicI64>,
}

impl IdentifierCache {
    /// A cache in front of `pool`, which has `breaker`.
    #[must_use]
    pub fn new(pool: Pool, breaker: Arc<Breaker>, bounds: Bounds, metrics: CacheMetrics) -> Self {
        let clock = Arc::new(AtomicI64::new(1));
        let ticks = Arc::clone(&clock);
        let load: Load<IdentifierDigest, LookedUp> = Box::new(move |digests| {
            let pool = pool.clone();
            let tick = ticks.load(Ordering::SeqCst);
            Box::pin(async move {
                let mut lease = pool.lease().await?;
                let mut owners = store::identifiers::list_owners(&mut lease, &digests).await?;
                let values = digests.into_iter().map(|digest| {
                    let owners = owners.remove(&digest).unwrap_or_default().into();
                    (digest, LookedUp { owners, tick })
                });
                Ok(Batch {
                    values: values.collect(),
                    lease: Some(lease.done()),
                })
            })
        });
        Self {
            owners: Arc::new(ReadThrough::new(bounds, breaker, metrics, load)),
            clock,
        }
    }

    /// The customers found by `digest`, by id.
    ///
    /// # Errors
    /// When the store cannot be asked.
    pub async fn get(&self, digest: &IdentifierDigest) -> Result<Owners, LoadError> {
        Ok(self.owners.get(digest).await?.owners)
    }

    /// The customers found by `digest`, by id, if memory holds them.
    #[must_use]
    pub fn get_held(&self, digest: &IdentifierDigest) -> Option<Owners> {
        self.owners.get_held(digest, |found| Some(found.owners))
    }

    /// The customers found by each of `digests`, by id; those that are not in memory come from one load.
    ///
    /// # Errors
    /// When the store cannot be asked.
    pub async fn get_many(
        &self,
        digests: &[IdentifierDigest],
    ) -> Result<HashMap<IdentifierDigest, Owners>, LoadError> {
        let owners = self.owners.get_many(digests).await?.into_iter();
        Ok(owners
            .map(|(digest, found)| (digest, found.owners))
            .collect())
    }

    /// Holds who is found by `digests` before anybody asks for it.
    ///
    /// # Errors
    /// When the store cannot be asked.
    pub async fn load_ahead(&self, digests: &[IdentifierDigest]) -> Result<(), LoadError> {
        self.owners.load_ahead(digests).await
    }

    /// Whether more would soon push out what is held.
    #[must_use]
    pub fn is_nearly_full(&self) -> bool {
        self.owners.is_nearly_full()
    }

    /// Takes out what is held of `digests`, whose owners a write has just changed, and looks again for those that were held: should the
    /// database go away, their callers are known all the same. The owners cannot be reckoned from the write alone: another one may have
    /// changed them meanwhile, of another customer, and what of it was seen here nobody knows.
    pub async fn renew(&self, digests: &[IdentifierDigest]) {
        let tick = self.clock.fetch_add(1, Ordering::SeqCst) + 1;
        let wanted = digests
            .iter()
            .filter(|digest| self.owners.invalidate_older_than(digest, tick));
        let wanted: Vec<IdentifierDigest> = wanted.copied().collect();
        if !wanted.is_empty()
            && let Err(error) = self.owners.get_many(&wanted).await
        {
            tracing::debug!(error.cause = %error, "changed identifiers are reloaded on the next call");
        }
    }

    /// Takes out what is held of `digests`, whose owners another process has changed: what is loaded from now on shows it.
    pub fn outdate(&self, digests: &[IdentifierDigest]) {
        let tick = self.clock.fetch_add(1, Ordering::SeqCst) + 1;
        for digest in digests {
            self.owners.invalidate_older_than(digest, tick);
        }
    }

    /// Takes out all that is held, and makes loads under way repeat.
    pub fn outdate_all(&self) {
        self.owners.invalidate_all();
    }

    /// Brings the gauges of the metrics up to date.
    pub fn measure(&self) {
        self.owners.measure();
    }
}
