//! Profiles by customer id. That a customer is not known is held too: telephony asks for strangers all day.

use std::sync::Arc;

use sqlx::PgPool;

use crate::{
    cache::read_through::{Bounds, Load, ReadThrough, Versioned},
    domain::{
        facts::AttributeValue,
        profile::Profile,
        text::{CustomerId, Label},
    },
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
    size_of::<Profile>()
        + size_of_val(history.purchases.as_slice())
        + size_of_val(history.contacts.as_slice())
        + size_of_val(history.attributes.as_slice())
        + size_of_val(history.contracts.as_slice())
        + label_bytes(profile)
}

/// What the texts of a profile take, each shared one once.
fn label_bytes(profile: &Profile) -> usize {
    /// The two counters of a shared text, and what allocators round up.
    const SHARED: usize = 24;
    let history = &profile.history;
    let mut tags = 0;
    let mut labels: Vec<&Label> = profile.display_name.iter().collect();
    labels.extend(
        history
            .purchases
            .iter()
            .filter_map(|entry| entry.category.as_ref()),
    );
    labels.extend(history.contacts.iter().map(|entry| &entry.channel));
    for fact in &history.attributes {
        labels.extend([&fact.name, &fact.source]);
        match &fact.value {
            Some(AttributeValue::Text(text)) => labels.push(text),
            Some(AttributeValue::Tags(list)) => {
                tags += size_of_val(&**list);
                labels.extend(list);
            }
            _ => {}
        }
    }
    for fact in &history.contracts {
        labels.extend([&fact.source, &fact.contract_id]);
        labels.extend(fact.terms.category.as_ref());
    }
    labels.sort_unstable_by_key(|label| label.as_ptr());
    labels.dedup_by_key(|label| label.as_ptr());
    tags + labels
        .iter()
        .map(|label| SHARED + label.len())
        .sum::<usize>()
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        calendar::Day,
        customer::CustomerKind,
        facts::{AttributeFact, ContractFact, ContractTerms},
        money::Money,
        profile::History,
    };

    #[test]
    fn a_profile_weighs_its_texts_and_a_shared_one_once() {
        let mut profile = Profile {
            customer_id: CustomerId::new("ada").unwrap(),
            version: 1,
            kind: CustomerKind::Person,
            display_name: None,
            recorded_at: jiff::Timestamp::UNIX_EPOCH,
            history: History::default(),
        };
        let empty = profile_bytes(&profile);
        let source: Label = "x".repeat(64).into();
        profile.history.attributes = (0..25)
            .map(|at| AttributeFact {
                name: format!("{at:060}").into(),
                value: None,
                observed_on: Day::EPOCH,
                source: source.clone(),
                profile_version: 1,
            })
            .collect();
        let facts = size_of_val(profile.history.attributes.as_slice());
        let labels = profile_bytes(&profile) - empty - facts;
        assert_eq!(labels, 25 * (60 + 24) + 64 + 24);
        let without = profile_bytes(&profile);
        profile.history.contracts = vec![ContractFact {
            source,
            contract_id: "y".repeat(50).into(),
            terms: ContractTerms {
                started_on: Day::EPOCH,
                period_months: 1,
                price: Money {
                    amount_minor: 1,
                    currency: "EUR".parse().unwrap(),
                },
                cost_minor: None,
                category: Some("z".repeat(10).into()),
                ended_on: None,
            },
            effective_on: Day::EPOCH,
            profile_version: 1,
        }];
        let facts = size_of_val(profile.history.contracts.as_slice());
        let labels = profile_bytes(&profile) - without - facts;
        assert_eq!(labels, (50 + 24) + (10 + 24));
    }
}
