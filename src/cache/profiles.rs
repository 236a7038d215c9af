//! Profiles by customer id, and beside each the finished answer of the day. That a customer is not known is held too: telephony asks
//! for strangers all day.
//!
//! The answer is bytes here: what they say is for those to know who wrote them.

use std::sync::{Arc, Weak};

use bytes::Bytes;

use crate::{
    cache::read_through::{Batch, Bounds, Load, ReadThrough, Versioned},
    domain::{
        assess::routing::RouteInputs,
        basis::Basis,
        calendar::Day,
        customer::{
            facts::AttributeValue,
            profile::{DatedProfile, ForeignRefunds, History, Profile, PurchaseDay},
        },
        text::{CustomerId, Label},
    },
    metrics::CacheMetrics,
    store::{self, breaker::Breaker, former_customers::Gone, pool::Pool},
};

/// What is held of a customer.
#[derive(Debug, Clone, Default)]
pub struct HeldProfile {
    /// The profile; `None`: nobody is known by the id.
    pub profile: Option<Arc<Profile>>,
    /// Where facts lie ahead, the profiles of the same version as of the days before the last of them: with the whole one they answer today
    /// and every day to come, also while there is no database to ask. Empty where none do, or nobody has asked yet.
    pub earlier: Arc<[DatedProfile]>,
    /// The finished answer, made from the profile of the same version.
    pub answer: Option<Arc<KeptAnswer>>,
    /// Where nobody is known by the id any more, the version with which the customer went; 0 for others.
    pub former_version: i64,
    /// The customer into whom the one of this id is merged: what is known is held of that one.
    pub merged_into: Option<CustomerId>,
}

/// A finished answer, with all it was made from beside the profile: it is valid for that basis and that day alone.
#[derive(Debug)]
pub struct KeptAnswer {
    /// The very basis, not its name. `Weak`, so that an old one goes when nobody computes with it any more; its address is not given to
    /// another one while this points to it, so that comparing addresses is comparing bases.
    basis: Weak<Basis>,
    as_of: Day,
    bytes: Bytes,
    route: Option<Arc<RouteInputs>>,
}

impl KeptAnswer {
    /// `bytes` are the answer on `basis` as of a day, `route` is what rules about contacts need with it.
    #[must_use]
    pub fn new(
        basis: &Arc<Basis>,
        as_of: Day,
        bytes: Bytes,
        route: Option<Arc<RouteInputs>>,
    ) -> Self {
        Self {
            basis: Arc::downgrade(basis),
            as_of,
            bytes,
            route,
        }
    }
}

impl KeptAnswer {
    fn route_bytes(&self) -> usize {
        let bytes = |route: &Arc<RouteInputs>| size_of::<RouteInputs>() + route.heap_bytes();
        self.route.as_ref().map_or(0, bytes)
    }
}

impl HeldProfile {
    /// What is held of a customer with this profile.
    #[must_use]
    pub fn from_profile(profile: Option<Arc<Profile>>) -> Self {
        Self {
            profile,
            ..Self::default()
        }
    }

    /// What is held of a customer who went with this version.
    #[must_use]
    pub fn former(version: i64) -> Self {
        Self {
            former_version: version,
            ..Self::default()
        }
    }

    /// What is held of a customer who was merged into another one with this version.
    #[must_use]
    pub fn merged(into: CustomerId, version: i64) -> Self {
        Self {
            merged_into: Some(into),
            ..Self::former(version)
        }
    }

    /// The profile as of a day; `None` when nobody is known, or when it must be folded anew from the facts until that day.
    #[must_use]
    pub fn dated(&self, as_of: Day) -> Option<DatedProfile> {
        let whole = DatedProfile::new(Arc::clone(self.profile.as_ref()?), as_of);
        let mut kept = self.earlier.iter();
        whole.or_else(|| kept.find(|kept| kept.view().as_of() == as_of).cloned())
    }

    /// The finished answer on `basis` as of a day, if it is the one that is held.
    #[must_use]
    pub fn answer(&self, basis: &Arc<Basis>, as_of: Day) -> Option<Bytes> {
        self.kept(basis, as_of).map(|kept| kept.bytes.clone())
    }

    /// That answer, and what rules about contacts need with it; `None` also where they need nothing.
    #[must_use]
    pub fn route(&self, basis: &Arc<Basis>, as_of: Day) -> Option<(Bytes, Arc<RouteInputs>)> {
        let kept = self.kept(basis, as_of)?;
        Some((kept.bytes.clone(), Arc::clone(kept.route.as_ref()?)))
    }

    fn kept(&self, basis: &Arc<Basis>, as_of: Day) -> Option<&KeptAnswer> {
        let kept = self.answer.as_deref()?;
        let is_valid = std::ptr::eq(kept.basis.as_ptr(), Arc::as_ptr(basis)) && kept.as_of == as_of;
        is_valid.then_some(kept)
    }
}

/// The cache of profiles.
pub type ProfileCache = ReadThrough<CustomerId, HeldProfile>;

impl Versioned for HeldProfile {
    fn version(&self) -> i64 {
        let profile = self.profile.as_ref();
        profile.map_or(self.former_version, |profile| profile.version)
    }

    fn weight(&self) -> u32 {
        /// Two ids, the entry's place in the cache and the counters of its parts: measured at about 300 bytes an entry.
        const ENTRY: usize = 400;
        /// The counters of the answer and of its bytes, and what allocators round up.
        const ANSWER: usize = size_of::<KeptAnswer>() + 64;
        let profile = self.profile.as_ref();
        let earlier = self.earlier.iter();
        let answer = self.answer.as_ref();
        let merged_into = self.merged_into.as_ref();
        let weight = ENTRY
            + merged_into.map_or(0, |id| id.as_str().len())
            + profile.map_or(0, |profile| profile_bytes(profile))
            + earlier
                .map(|kept| profile_bytes(kept.profile()))
                .sum::<usize>()
            + answer.map_or(0, |answer| {
                ANSWER + answer.bytes.len() + answer.route_bytes()
            });
        u32::try_from(weight).unwrap_or(u32::MAX)
    }
}

/// The two counters of a shared text, and what allocators round up.
const SHARED: usize = 24;

fn profile_bytes(profile: &Profile) -> usize {
    // Field by field, so that none can be forgotten; those without a heap part are in the size of the profile.
    let Profile {
        customer_id: _, // in the weight of an entry
        version: _,
        kind: _,
        display_name,
        recorded_at: _,
        members,
        history,
    } = profile;
    let History {
        purchases,
        contacts,
        attributes,
        contracts,
        unmatched_refund_count: _,
        unmatched_refunds,
        has_refunds: _,
        last_unnamed_refund_day: _,
        unmatched_retraction_count: _,
        has_retractions: _,
        last_event_day: _,
    } = history;
    size_of::<Profile>()
        + size_of_val(&**members)
        + members
            .iter()
            .map(|id| SHARED + id.as_str().len())
            .sum::<usize>()
        + size_of_val(purchases.as_slice())
        + size_of_val(contacts.as_slice())
        + size_of_val(attributes.as_slice())
        + size_of_val(contracts.as_slice())
        + size_of_val(&**unmatched_refunds)
        + foreign_refund_bytes(purchases)
        + label_bytes(display_name.as_ref(), history)
}

/// What refunds in other currencies take.
fn foreign_refund_bytes(purchases: &[PurchaseDay]) -> usize {
    let foreign = purchases
        .iter()
        .filter_map(|entry| entry.foreign_refunds.as_deref());
    foreign
        .map(|it| size_of::<ForeignRefunds>() + size_of_val(&*it.refunds))
        .sum()
}

/// What the texts of a profile take, each shared one once.
fn label_bytes(display_name: Option<&Label>, history: &History) -> usize {
    let mut tags = 0;
    let mut labels: Vec<&Label> = display_name.into_iter().collect();
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

/// A cache of profiles in front of `pool`, which has `breaker`.
#[must_use]
pub fn profile_cache(
    pool: Pool,
    breaker: Arc<Breaker>,
    bounds: Bounds,
    metrics: CacheMetrics,
) -> Arc<ProfileCache> {
    let load: Load<CustomerId, HeldProfile> = Box::new(move |ids| {
        let pool = pool.clone();
        Box::pin(async move {
            let mut lease = pool.lease().await?;
            let mut profiles = store::profiles::list(&mut lease, &ids).await?;
            let unknown = ids.iter().filter(|id| !profiles.contains_key(*id));
            let unknown: Vec<CustomerId> = unknown.cloned().collect();
            let mut gone = store::former_customers::list(&mut lease, &unknown).await?;
            // Whose merge ended between the two statements has a profile by now.
            let back = gone.iter().filter(|(_, it)| **it == Gone::Back);
            let back: Vec<CustomerId> = back.map(|(id, _)| id.clone()).collect();
            profiles.extend(store::profiles::list(&mut lease, &back).await?);
            let values = ids.into_iter().map(|id| {
                let held = match profiles.remove(&id) {
                    Some(profile) => HeldProfile::from_profile(Some(Arc::new(profile))),
                    None => match gone.remove(&id) {
                        Some(Gone::Merged(version, into)) => HeldProfile::merged(into, version),
                        Some(Gone::Former(former)) => HeldProfile::former(former.version),
                        Some(Gone::Back) | None => HeldProfile::default(),
                    },
                };
                (id, held)
            });
            Ok(Batch {
                values: values.collect(),
                lease: Some(lease.done()),
            })
        })
    });
    Arc::new(ReadThrough::new(bounds, breaker, metrics, load))
}

#[cfg(test)]
mod tests;
