//! The versions of recent writes, by key: no load may land below the one of its key.
//!
//! Why the recent ones are enough. A load sees what was committed before its snapshot, and a snapshot is never older than the session that
//! has it: sessions of the pool end after `store::pool::MAX_LIFETIME`, and a load after its time limit. So a load that could land below a
//! write began within that time after it, and for longer than that floors are kept. Only keys are counted, not what was written, and of very
//! many written at once the earliest are given up: then a session that is stuck in a transaction, which the pool does not hand out, is what
//! is left to be excluded by the pool alone.

use std::{
    collections::HashMap,
    hash::{BuildHasher, Hash, RandomState},
    time::Duration,
};

use tokio::time::Instant;

use crate::store::pool::MAX_LIFETIME;

/// How long a floor is kept at least, unless too many come after it.
const KEPT: Duration = MAX_LIFETIME.saturating_add(Duration::from_mins(1));
/// Floors of one generation. Two generations of 16 bytes each are 8 MiB and what a hash table leaves empty.
const MOST: usize = 1 << 18;

/// The floors of a cache.
pub(super) struct Floors {
    hasher: RandomState,
    /// Those of the time since the last change of generations, and of the time before.
    recent: HashMap<u64, i64>,
    earlier: HashMap<u64, i64>,
    changed: Instant,
}

impl Floors {
    pub(super) fn new() -> Self {
        Self {
            hasher: RandomState::new(),
            recent: HashMap::new(),
            earlier: HashMap::new(),
            changed: Instant::now(),
        }
    }

    /// Notes that a write made `version` of `key`.
    pub(super) fn raise<K: Hash>(&mut self, key: &K, version: i64) {
        let age = self.changed.elapsed();
        if self.recent.len() >= MOST || age >= KEPT {
            self.earlier = std::mem::take(&mut self.recent);
            self.changed = Instant::now();
            if age >= 2 * KEPT {
                self.earlier.clear();
            }
        }
        let floor = self.recent.entry(self.hasher.hash_one(key)).or_default();
        *floor = version.max(*floor);
    }

    /// Forgets all of them: the store went back to before some of these writes.
    pub(super) fn clear(&mut self) {
        self.recent.clear();
        self.earlier.clear();
    }

    /// The version of the last write of `key` that is remembered; 0 without any. Of two keys of one hash, which are one in 2^64, it may be
    /// that of the other one.
    pub(super) fn get<K: Hash>(&self, key: &K) -> i64 {
        let hash = self.hasher.hash_one(key);
        // Without writes generations do not change: a floor that a failover has put out of reach must not stay for that.
        let age = self.changed.elapsed();
        let floors = [(&self.recent, 2 * KEPT), (&self.earlier, KEPT)];
        let floors = floors.into_iter().filter(|(_, kept)| age < *kept);
        let floors = floors.filter_map(|(floors, _)| floors.get(&hash));
        floors.copied().max().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_floor_is_kept_for_longer_than_a_session_lives_and_then_given_up() {
        let mut floors = Floors::new();
        floors.raise(&1, 7);
        floors.raise(&1, 5);
        assert_eq!((floors.get(&1), floors.get(&2)), (7, 0));
        tokio::time::advance(KEPT).await;
        floors.raise(&2, 3);
        assert_eq!((floors.get(&1), floors.get(&2)), (7, 3));
        tokio::time::advance(KEPT).await;
        floors.raise(&3, 1);
        assert_eq!((floors.get(&1), floors.get(&2)), (0, 3));
        assert!(KEPT > MAX_LIFETIME);
    }

    #[tokio::test(start_paused = true)]
    async fn a_floor_is_given_up_also_when_nobody_writes() {
        let mut floors = Floors::new();
        floors.raise(&1, 7);
        tokio::time::advance(KEPT).await;
        floors.raise(&2, 3);
        tokio::time::advance(KEPT).await;
        assert_eq!((floors.get(&1), floors.get(&2)), (0, 3));
        tokio::time::advance(KEPT).await;
        assert_eq!((floors.get(&1), floors.get(&2)), (0, 0));
        floors.raise(&3, 1);
        assert_eq!((floors.get(&2), floors.get(&3)), (0, 1));
    }

    #[tokio::test]
    async fn floors_are_bounded_and_the_last_ones_stay() {
        let mut floors = Floors::new();
        for key in 0..3 * MOST {
            floors.raise(&key, 1);
        }
        assert!(floors.recent.len() <= MOST && floors.earlier.len() <= MOST);
        assert_eq!((floors.get(&0), floors.get(&(3 * MOST - 1))), (0, 1));
    }
}
