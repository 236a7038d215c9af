//! Profiles by customer id, packed as they are stored, and beside each the finished answer of the day. That a customer is not known is held too:
//! telephony asks for strangers all day.
//!
//! The answer is bytes here: what they say is for those to know who wrote them.

mod unpacked;

use std::{
    ops::Deref,
    sync::{Arc, Weak},
};

use bytes::Bytes;
use unpacked::Unpacked;
pub use unpacked::WholeProfile;

use crate::{
    cache::read_through::{Batch, Bounds, Key, Load, ReadThrough, Versioned},
    domain::{
        assess::routing::RouteInputs,
        basis::Basis,
        calendar::Day,
        customer::profile::{DatedProfile, Profile},
        text::CustomerId,
    },
    metrics::CacheMetrics,
    store::{
        self, breaker::Breaker, error::StoreError, former_customers::Gone, pool::Pool,
        profiles::PackedProfile,
    },
};

/// What is held of a customer. Profiles are packed: unpacked ones take six times the room, and most calls need the finished answer alone.
#[derive(Debug, Clone, Default)]
pub struct HeldProfile {
    /// The profile; `None`: nobody is known by the id.
    pub profile: Option<Arc<WholeProfile>>,
    /// Where facts lie ahead, the profiles of the same version as of the days before the last of them: with the whole one they answer today
    /// and every day to come, also while there is no database to ask. Empty where none do, or nobody has asked yet.
    pub earlier: Arc<[EarlierProfile]>,
    /// The finished answer, made from the profile of the same version.
    pub answer: Option<Arc<KeptAnswer>>,
    /// Where nobody is known by the id any more, the version with which the customer went; 0 for others.
    pub former_version: i64,
    /// The customer into whom the one of this id is merged: what is known is held of that one.
    pub merged_into: Option<CustomerId>,
}

/// A profile as of a day before the last fact of its customer.
#[derive(Debug, Clone)]
pub struct EarlierProfile {
    /// The day.
    pub as_of: Day,
    profile: Arc<WholeProfile>,
}

impl From<&DatedProfile> for EarlierProfile {
    fn from(dated: &DatedProfile) -> Self {
        Self {
            as_of: dated.view().as_of(),
            profile: Arc::new(PackedProfile::from_profile(dated.profile()).into()),
        }
    }
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
    /// `bytes` are the answer on `basis` as of a day, `route` is what rules about contacts need with it. They are copied, without the room
    /// for more in which they were written: that is up to as much again.
    #[must_use]
    pub fn new(
        basis: &Arc<Basis>,
        as_of: Day,
        bytes: &[u8],
        route: Option<Arc<RouteInputs>>,
    ) -> Self {
        Self {
            basis: Arc::downgrade(basis),
            as_of,
            bytes: Bytes::copy_from_slice(bytes),
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
    pub fn known(profile: PackedProfile) -> Self {
        Self {
            profile: Some(Arc::new(profile.into())),
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
    ///
    /// # Errors
    /// What is stored of the customer cannot be read.
    pub fn dated(&self, as_of: Day) -> Result<Option<DatedProfile>, StoreError> {
        self.dated_by(as_of, |whole| whole.profile())
    }

    fn dated_by(
        &self,
        as_of: Day,
        unpack: impl FnOnce(&Arc<WholeProfile>) -> Result<Arc<Profile>, StoreError>,
    ) -> Result<Option<DatedProfile>, StoreError> {
        let Some(whole) = &self.profile else {
            return Ok(None);
        };
        let answering = if whole.is_as_of(as_of) {
            whole
        } else {
            let mut earlier = self.earlier.iter();
            match earlier.find(|one| one.as_of == as_of) {
                Some(earlier) => &earlier.profile,
                None => return Ok(None),
            }
        };
        Ok(DatedProfile::new(unpack(answering)?, as_of))
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
pub struct ProfileCache {
    held: Arc<ReadThrough<CustomerId, HeldProfile>>,
    unpacked: Unpacked,
}

impl ProfileCache {
    /// A cache of what `load` loads. Of its bytes, a part is for profiles that are held unpacked besides.
    #[must_use]
    pub fn new(
        bounds: Bounds,
        breaker: Arc<Breaker>,
        metrics: CacheMetrics,
        load: Load<CustomerId, HeldProfile>,
    ) -> Self {
        let unpacked = bounds.max_bytes / UNPACKED_SHARE;
        let max_bytes = bounds.max_bytes - unpacked;
        let bounds = Bounds {
            max_bytes,
            ..bounds
        };
        Self {
            held: Arc::new(ReadThrough::new(bounds, breaker, metrics, load)),
            unpacked: Unpacked::new(usize::try_from(unpacked).unwrap_or(usize::MAX)),
        }
    }

    /// As [`HeldProfile::dated`], for one customer: the profile stays unpacked for a while, for the next question about the same one.
    ///
    /// # Errors
    /// What is stored of the customer cannot be read.
    pub fn dated(
        &self,
        held: &HeldProfile,
        as_of: Day,
    ) -> Result<Option<DatedProfile>, StoreError> {
        held.dated_by(as_of, |whole| self.unpacked.unpack(whole))
    }
}

impl Deref for ProfileCache {
    type Target = Arc<ReadThrough<CustomerId, HeldProfile>>;

    fn deref(&self) -> &Self::Target {
        &self.held
    }
}

/// Share of the memory of profiles for those that were unpacked last: some hundred where there are ten thousands.
const UNPACKED_SHARE: u64 = 32;

impl Key for CustomerId {
    fn weight(&self) -> u32 {
        u32::try_from(self.as_str().len()).unwrap_or(u32::MAX)
    }
}

impl Versioned for HeldProfile {
    fn version(&self) -> i64 {
        let profile = self.profile.as_ref();
        profile.map_or(self.former_version, |profile| profile.version())
    }

    fn weight(&self) -> u32 {
        let profile = self.profile.as_ref();
        let earlier = self.earlier.iter();
        let answer = self.answer.as_ref();
        let merged_into = self.merged_into.as_ref();
        let weight = ENTRY
            + merged_into.map_or(0, |id| id.as_str().len())
            + profile.map_or(0, |profile| SHARED + profile_bytes(profile))
            + earlier
                .map(|one| size_of::<EarlierProfile>() + SHARED + profile_bytes(&one.profile))
                .sum::<usize>()
            + answer.map_or(0, |answer| answer_bytes(answer));
        u32::try_from(weight).unwrap_or(u32::MAX)
    }
}

/// The entry's place in the cache, without the text of its id: measured at about 300 bytes with an id of 16.
const ENTRY: usize = 284;
/// The two counters of what is shared.
const SHARED: usize = 16;

/// What allocators take for a part of `bytes`: sizes are an eighth apart on average, so that a sixteenth is lost.
const fn allocated(bytes: usize) -> usize {
    bytes + bytes / 16
}

fn profile_bytes(profile: &PackedProfile) -> usize {
    let parts = profile.heap_parts().map(allocated);
    allocated(size_of::<WholeProfile>()) + parts.sum::<usize>()
}

fn answer_bytes(answer: &KeptAnswer) -> usize {
    /// What counts those who share the bytes.
    const SHARED_BYTES: usize = 32;
    let own = SHARED + size_of::<KeptAnswer>() + SHARED_BYTES;
    allocated(own) + allocated(answer.bytes.len()) + answer.route_bytes()
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
            let mut profiles = store::profiles::list_packed(&mut lease, &ids).await?;
            let unknown = ids.iter().filter(|id| !profiles.contains_key(*id));
            let unknown: Vec<CustomerId> = unknown.cloned().collect();
            let mut gone = store::former_customers::list(&mut lease, &unknown).await?;
            // Whose merge ended between the two statements has a profile by now.
            let back = gone.iter().filter(|(_, it)| **it == Gone::Back);
            let back: Vec<CustomerId> = back.map(|(id, _)| id.clone()).collect();
            profiles.extend(store::profiles::list_packed(&mut lease, &back).await?);
            let values = ids.into_iter().map(|id| {
                let held = match profiles.remove(&id) {
                    Some(profile) => HeldProfile::known(profile),
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
    Arc::new(ProfileCache::new(bounds, breaker, metrics, load))
}

#[cfg(test)]
mod tests;
