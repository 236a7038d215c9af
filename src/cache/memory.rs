//! Where a read-through cache holds its values.

use std::hash::Hash;

use crate::cache::read_through::Versioned;

/// A bounded memory of values by key. Lookups read it whenever they like and never wait for who changes it; changes come one at a time.
pub trait Memory<K, V>: Send + Sync + 'static {
    /// One without values, which holds at most so much weight, in bytes.
    fn with_capacity(max_bytes: u64) -> Self;
    /// The value of a key. Whose value is asked for stays longer.
    fn get(&self, key: &K) -> Option<V>;
    /// Whether there is a value of a key.
    fn contains_key(&self, key: &K) -> bool;
    /// Holds a value in the place of any other one of the key, and gives up others where there is no room. It may give up this one.
    fn insert(&self, key: K, value: V);
    /// Gives up the value of a key.
    fn invalidate(&self, key: &K);
    /// Gives up all values.
    fn invalidate_all(&self);
    /// The number of values, and their weight in bytes.
    fn measure(&self) -> (u64, u64);
}

impl<K, V> Memory<K, V> for moka::sync::Cache<K, V>
where
    K: Hash + Eq + Send + Sync + 'static,
    V: Versioned,
{
    fn with_capacity(max_bytes: u64) -> Self {
        Self::builder()
            .max_capacity(max_bytes)
            .weigher(|_, value: &V| value.weight())
            .build()
    }

    fn get(&self, key: &K) -> Option<V> {
        Self::get(self, key)
    }

    fn contains_key(&self, key: &K) -> bool {
        Self::contains_key(self, key)
    }

    fn insert(&self, key: K, value: V) {
        Self::insert(self, key, value);
    }

    fn invalidate(&self, key: &K) {
        Self::invalidate(self, key);
    }

    fn invalidate_all(&self) {
        Self::invalidate_all(self);
    }

    fn measure(&self) -> (u64, u64) {
        self.run_pending_tasks();
        (self.entry_count(), self.weighted_size())
    }
}
