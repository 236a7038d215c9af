//! Profiles by customer id. That a customer is not known is held too: telephony asks for strangers all day.

use std::sync::Arc;

use sqlx::PgPool;

use crate::{
    cache::read_through::{Bounds, Load, ReadThrough, Versioned},
    domain::{facts::AttributeValue, profile::Profile, text::CustomerId},
    metrics::CacheMetrics,
    store,
};

/// What is held of a customer: the profile, or that there is none.
#[derive(Debug, Clone)]
pub struct HeldProfile(pub Option<Arc<Profile>>);

/// The cache of profiles.
pub type ProfileCache = ReadThrough<CustomerId, HeldProfile>;

impl Versioned for HeldProfile {
    fn version(&self) -> i64 {
        self.0.as_ref().map_or(0, |profile| profile.version)
    }

    fn weight(&self) -> u32 {
        /// Two ids, the entry's place in the cache and the counters of its parts: measured at about 300 bytes an entry.
        const ENTRY: usize = 400;
        let weight = ENTRY + self.0.as_ref().map_or(0, |profile| profile_bytes(profile));
        u32::try_from(weight).unwrap_or(u32::MAX)
    }
}

fn profile_bytes(profile: &Profile) -> usize {
    let history = &profile.history;
    let attributes = history.attributes.iter().map(|fact| {
        size_of_val(fact)
            + match &fact.value {
                Some(AttributeValue::Text(text)) => text.len(),
                Some(AttributeValue::Tags(tags)) => tags.iter().map(|tag| 16 + tag.len()).sum(),
                _ => 0,
            }
    });
    size_of::<Profile>()
        + size_of_val(history.purchases.as_slice())
        + size_of_val(history.contacts.as_slice())
        + attributes.sum::<usize>()
}

/// A cache of profiles in front of `pool`.
#[must_use]
pub fn profile_cache(pool: PgPool, bounds: Bounds, metrics: CacheMetrics) -> Arc<ProfileCache> {
    let load: Load<CustomerId, HeldProfile> = Box::new(move |ids| {
        let pool = pool.clone();
        Box::pin(async move {
            let mut connection = pool.acquire().await?;
            let mut profiles = store::profiles::list(&mut connection, &ids).await?;
            Ok(ids
                .into_iter()
                .map(|id| {
                    let profile = profiles.remove(&id).map(Arc::new);
                    (id, HeldProfile(profile))
                })
                .collect())
        })
    });
    Arc::new(ReadThrough::new(bounds, metrics, load))
}
