//! Profiles that were unpacked last stay so for a while: who speaks with a customer asks for scores and explanations of the same one, and
//! unpacking takes a good part of such an answer.

use std::{
    collections::VecDeque,
    ops::Deref,
    sync::{Arc, Mutex, Weak},
};

use arc_swap::ArcSwapOption;

use crate::{
    domain::customer::profile::Profile,
    store::{error::StoreError, profiles::PackedProfile},
};

/// A profile that is held packed, and unpacked besides if it is one of the last. When it goes, so does what was unpacked.
#[derive(Debug)]
pub struct WholeProfile {
    packed: PackedProfile,
    unpacked: ArcSwapOption<Profile>,
}

impl Deref for WholeProfile {
    type Target = PackedProfile;

    fn deref(&self) -> &PackedProfile {
        &self.packed
    }
}

impl From<PackedProfile> for WholeProfile {
    fn from(packed: PackedProfile) -> Self {
        Self {
            packed,
            unpacked: ArcSwapOption::empty(),
        }
    }
}

impl WholeProfile {
    /// The profile, which is not kept unpacked if it was not already.
    ///
    /// # Errors
    /// What is stored cannot be read.
    pub fn profile(&self) -> Result<Arc<Profile>, StoreError> {
        match self.unpacked.load_full() {
            Some(profile) => Ok(profile),
            None => self.packed.unpack().map(Arc::new),
        }
    }
}

/// The profiles that stay unpacked, the first to go in front, each with its weight in bytes.
#[derive(Debug, Default)]
struct Queue {
    profiles: VecDeque<(Weak<WholeProfile>, usize)>,
    weight: usize,
}

/// The profiles that were unpacked last, up to a weight.
#[derive(Debug)]
pub(super) struct Unpacked {
    max_weight: usize,
    queue: Mutex<Queue>,
}

impl Unpacked {
    pub(super) fn new(max_weight: usize) -> Self {
        Self {
            max_weight,
            queue: Mutex::default(),
        }
    }

    /// The profile, which stays unpacked until others of so much weight were.
    pub(super) fn unpack(&self, whole: &Arc<WholeProfile>) -> Result<Arc<Profile>, StoreError> {
        if let Some(profile) = whole.unpacked.load_full() {
            return Ok(profile);
        }
        let profile = Arc::new(whole.packed.unpack()?);
        let weight = whole.packed.unpacked_bytes();
        // A lookup does not wait for another one, nor lets one heavy profile push out all others.
        if weight <= self.max_weight / 8
            && let Ok(mut queue) = self.queue.try_lock()
            && whole.unpacked.load().is_none()
        {
            whole.unpacked.store(Some(Arc::clone(&profile)));
            queue.weight += weight;
            queue.profiles.push_back((Arc::downgrade(whole), weight));
            while queue.weight > self.max_weight
                && let Some((first, weight)) = queue.profiles.pop_front()
            {
                queue.weight -= weight;
                if let Some(first) = first.upgrade() {
                    first.unpacked.store(None);
                }
            }
        }
        Ok(profile)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::profiles::tests::{observed, profile};

    fn whole(days: i32) -> Arc<WholeProfile> {
        let history = observed(days);
        let profile = Profile {
            history,
            ..profile(1)
        };
        Arc::new(PackedProfile::from_profile(&profile).into())
    }

    fn is_unpacked(whole: &WholeProfile) -> bool {
        whole.unpacked.load().is_some()
    }

    #[test]
    fn the_last_ones_stay_unpacked_within_their_weight() {
        let all: Vec<_> = (0..100).map(|_| whole(20)).collect();
        let unpacked = Unpacked::new(10 * all[0].unpacked_bytes());
        for one in &all {
            let profile = unpacked.unpack(one).unwrap();
            assert!(Arc::ptr_eq(&profile, &unpacked.unpack(one).unwrap()));
            assert!(Arc::ptr_eq(&profile, &one.profile().unwrap()));
        }
        let kept: Vec<bool> = all.iter().map(|one| is_unpacked(one)).collect();
        assert!(!kept[..90].contains(&true) && !kept[90..].contains(&false));
        // A heavy one is not kept, and pushes nothing out.
        let heavy = whole(200);
        assert_eq!(unpacked.unpack(&heavy).unwrap().history, observed(200));
        assert!(!is_unpacked(&heavy) && is_unpacked(&all[90]));
    }

    #[test]
    fn what_goes_from_memory_is_gone_unpacked_too() {
        let unpacked = Unpacked::new(1_000_000);
        let one = whole(20);
        let profile = Arc::downgrade(&unpacked.unpack(&one).unwrap());
        assert!(profile.upgrade().is_some());
        drop(one);
        assert!(profile.upgrade().is_none());
    }
}
