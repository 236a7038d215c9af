//! Rows that have to go in one call, kept back until the last of them is read.
//!
//! Most contracts of a file stand in one row, and go at once. It knows how often a key occurs, not what stands in a row.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

/// Rows by what they are about.
#[derive(Debug)]
pub struct Groups<T> {
    /// Rows to come, by a hash of the key: two keys of one hash only go in the same call.
    to_come: HashMap<u64, u32>,
    waiting: HashMap<u64, Vec<T>>,
}

impl<T> Default for Groups<T> {
    fn default() -> Self {
        Self {
            to_come: HashMap::new(),
            waiting: HashMap::new(),
        }
    }
}

impl<T> Groups<T> {
    /// Notes that a row with that key will come.
    pub fn expect(&mut self, key: &impl Hash) {
        *self.to_come.entry(hash(key)).or_default() += 1;
    }

    /// Takes a row. Gives it back, with all of the same key in their order, when no more of them are expected.
    pub fn add(&mut self, key: &impl Hash, row: T) -> Vec<T> {
        let key = hash(key);
        let to_come = self.to_come.get_mut(&key);
        let left = to_come.map_or(0, |left| {
            *left = left.saturating_sub(1);
            *left
        });
        if left > 0 {
            self.waiting.entry(key).or_default().push(row);
            return vec![];
        }
        let mut rows = self.waiting.remove(&key).unwrap_or_default();
        rows.push(row);
        rows
    }

    /// The rows that still wait.
    #[must_use]
    pub fn rest(self) -> Vec<Vec<T>> {
        self.waiting.into_values().collect()
    }
}

fn hash(key: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_a_key_come_together_when_the_last_is_there() {
        let mut groups = Groups::default();
        for key in ["a", "b", "a", "c", "a"] {
            groups.expect(&key);
        }
        let rows = ["a", "b", "a", "c", "a"].into_iter().zip(1..);
        let given: Vec<Vec<i32>> = rows.map(|(key, row)| groups.add(&key, row)).collect();
        assert_eq!(given, [vec![], vec![2], vec![], vec![4], vec![1, 3, 5]]);
        // Nothing was expected: it goes at once.
        assert_eq!(groups.add(&"d", 6), [6]);
    }
}
