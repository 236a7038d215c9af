//! What is loaded before anybody asks for it.

use std::sync::{Arc, atomic::Ordering::SeqCst};

use super::{
    ReadThrough,
    tests::{Value, cache, settle, store},
};

#[tokio::test]
async fn what_is_loaded_ahead_is_held_neither_hit_nor_miss_and_loaded_once() {
    let store = store();
    let cache = cache(&store);
    store.gate.add_permits(2);
    cache.load_ahead(&[1, 2, 3]).await.unwrap();
    cache.load_ahead(&[1, 2, 3]).await.unwrap();
    assert_eq!(store.loads.load(SeqCst), 1);
    let counts = |cache: &ReadThrough<u32, Value>| {
        let metrics = &cache.metrics;
        let ahead = metrics.loaded_ahead.get();
        (ahead, metrics.hits.get(), metrics.misses.get())
    };
    assert_eq!(counts(&cache), (3, 0, 0));
    assert_eq!(cache.get(&2).await.unwrap(), Value(1));
    assert_eq!(counts(&cache), (3, 1, 0));
    // Three of 100 bytes, in a cache of 1,000, are far from full; eight are more than three quarters.
    assert!(!cache.is_nearly_full());
    cache.load_ahead(&[3, 4, 5, 6, 7, 8]).await.unwrap();
    assert!(cache.is_nearly_full());
    store.fails.store(true, SeqCst);
    store.gate.add_permits(1);
    cache.load_ahead(&[9]).await.unwrap_err();
}

#[tokio::test]
async fn a_write_while_values_are_loaded_ahead_is_in_what_is_held() {
    let store = store();
    let cache = cache(&store);
    let loading = tokio::spawn({
        let cache = Arc::clone(&cache);
        async move { cache.load_ahead(&[7]).await }
    });
    settle().await;
    assert_eq!(store.loads.load(SeqCst), 1, "it is under way");
    store.version.store(2, SeqCst);
    cache.invalidate_older_than(&7, 2);
    store.gate.add_permits(2);
    loading.await.unwrap().unwrap();
    assert_eq!(cache.get(&7).await.unwrap(), Value(2));
    assert_eq!(store.loads.load(SeqCst), 2);
    assert_eq!(cache.metrics.misses.get(), 0);
}
