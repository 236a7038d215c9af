//! Sums by a key that sources choose freely, within bounds: a channel, a topic or a queue can be any text.

use std::{collections::HashMap, hash::Hash};

/// Most keys that are kept apart. Chosen: a thousand times what a desk uses, and some megabytes.
const MOST_KEYS: usize = 20_000;

/// Sums by key. What comes under a new key once there are too many goes into one sum without a key.
#[derive(Debug, Clone)]
pub struct Tally<K, V> {
    sums: HashMap<K, V>,
    rest: V,
    most: usize,
}

impl<K, V: Default> Default for Tally<K, V> {
    fn default() -> Self {
        Self {
            sums: HashMap::new(),
            rest: V::default(),
            most: MOST_KEYS,
        }
    }
}

impl<K: Hash + Eq + Clone + Ord, V: Default> Tally<K, V> {
    /// The sum of a key.
    pub fn of(&mut self, key: &K) -> &mut V {
        if self.sums.len() >= self.most && !self.sums.contains_key(key) {
            return &mut self.rest;
        }
        self.sums.entry(key.clone()).or_default()
    }

    /// The sums, the greatest by `weight` first, then by key.
    pub fn into_sorted<W: Ord>(self, weight: impl Fn(&V) -> W) -> Vec<(K, V)> {
        let mut sums: Vec<(K, V)> = self.sums.into_iter().collect();
        sums.sort_by(|one, other| {
            let greatest_first = weight(&other.1).cmp(&weight(&one.1));
            greatest_first.then_with(|| one.0.cmp(&other.0))
        });
        sums
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_sorted_and_too_many_keys_share_one() {
        let mut tally: Tally<u32, u64> = Tally {
            most: 3,
            ..Tally::default()
        };
        for key in [5, 1, 7, 7, 9, 10, 1, 9] {
            *tally.of(&key) += 1;
        }
        assert_eq!(tally.rest, 3);
        assert_eq!(tally.into_sorted(|sum| *sum), [(1, 2), (7, 2), (5, 1)]);
    }
}
