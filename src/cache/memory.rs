//! Where a read-through cache holds its values.

use crate::cache::read_through::{Key, Versioned};

/// A bounded memory of values by key. A lookup never waits for a change; changes come one at a time.
pub trait Memory<K, V>: Send + Sync + 'static {
    /// Room for values, with none in it.
    type Room;
    /// One without values, which holds at most so much weight, in bytes.
    fn with_capacity(max_bytes: u64) -> Self;
    /// The value of a key. A value that is asked for is held longer.
    fn get(&self, key: &K) -> Option<V>;
    /// Whether there is a value of a key.
    fn contains_key(&self, key: &K) -> bool;
    /// Holds a value in the place of any other one of the key, and gives up others where there is no room. It may give up this one.
    fn insert(&self, key: K, value: V);
    /// Gives up the value of a key.
    fn invalidate(&self, key: &K);
    /// What [`Self::invalidate_all`] needs. To be made before a lock is taken: it takes the longer, the more there is room for.
    fn room(&self) -> Self::Room;
    /// Gives up all values. What is returned frees them, which takes long: to be called when no lock is held any more.
    fn invalidate_all(&self, room: Self::Room) -> impl FnOnce();
    /// The number of values, and their weight in bytes.
    fn measure(&self) -> (u64, u64);
}

impl<K, V> Memory<K, V> for moka::sync::Cache<K, V>
where
    K: Key,
    V: Versioned,
{
    /// It makes its own.
    type Room = ();

    fn with_capacity(max_bytes: u64) -> Self {
        Self::builder()
            .max_capacity(max_bytes)
            .weigher(|key: &K, value: &V| key.weight().saturating_add(value.weight()))
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

    fn room(&self) {}

    fn invalidate_all(&self, (): ()) -> impl FnOnce() {
        Self::invalidate_all(self);
        || {}
    }

    fn measure(&self) -> (u64, u64) {
        self.run_pending_tasks();
        (self.entry_count(), self.weighted_size())
    }
}
