//! One run of a kind at a time: a fit of each kind of model, and one evaluation or drift check. It holds no result of a run and knows of
//! no other process.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::watch;

/// The runs under way by kind `K`, each described by a `T`. Clones share everything.
pub(super) struct Permits<K, T> {
    running: Arc<Mutex<Running<K, T>>>,
}

/// What runs of each kind, with a receiver that ends when its permit is dropped.
type Running<K, T> = HashMap<K, (T, watch::Receiver<()>)>;

/// The right to one run of a kind; it ends when this is dropped.
pub(super) struct Permit<K: Copy + Eq + Hash, T> {
    running: Arc<Mutex<Running<K, T>>>,
    kind: K,
    /// Dropped with the permit, which wakes those who wait for its end.
    _ends: watch::Sender<()>,
}

/// Another run of the kind is under way.
pub(super) struct Busy<T> {
    /// What runs.
    pub(super) running: T,
    ends: watch::Receiver<()>,
}

impl<K, T> Default for Permits<K, T> {
    fn default() -> Self {
        Self {
            running: Arc::default(),
        }
    }
}

impl<K: Copy + Eq + Hash, T: Clone> Permits<K, T> {
    /// The permit for a run of `kind`, or what holds it.
    pub(super) fn acquire(&self, kind: K, run: T) -> Result<Permit<K, T>, Busy<T>> {
        let mut running = lock(&self.running);
        if let Some((running, ends)) = running.get(&kind) {
            return Err(Busy {
                running: running.clone(),
                ends: ends.clone(),
            });
        }
        let (sender, ends) = watch::channel(());
        running.insert(kind, (run, ends));
        Ok(Permit {
            running: Arc::clone(&self.running),
            kind,
            _ends: sender,
        })
    }
}

fn lock<K, T>(running: &Mutex<Running<K, T>>) -> MutexGuard<'_, Running<K, T>> {
    // A map is whole whatever a thread did that panicked with it in hand.
    running.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<K: Copy + Eq + Hash, T> Drop for Permit<K, T> {
    fn drop(&mut self) {
        lock(&self.running).remove(&self.kind);
    }
}

impl<T> Busy<T> {
    /// Waits for the end of the run.
    pub(super) async fn ended(mut self) {
        // Nothing is ever sent: the wait ends when the sender is dropped.
        while self.ends.changed().await.is_ok() {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::clv::model::ModelFamily;

    #[tokio::test]
    async fn each_kind_has_one_permit_and_a_second_caller_learns_what_holds_it() {
        let permits = Permits::default();
        let held = permits.acquire(ModelFamily::BgNbd, "a").ok().unwrap();
        let busy = permits.acquire(ModelFamily::BgNbd, "b").err().unwrap();
        assert_eq!(busy.running, "a");
        let other = permits.acquire(ModelFamily::MbgNbd, "c");
        assert!(other.is_ok(), "another kind has its own permit");
        let waiting = tokio::spawn(busy.ended());
        drop(held);
        waiting.await.unwrap();
        assert!(permits.acquire(ModelFamily::BgNbd, "d").is_ok());
    }
}
