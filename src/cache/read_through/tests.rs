use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering::SeqCst};

use tokio::sync::Semaphore;

use super::*;

#[derive(Debug, Clone, PartialEq)]
struct Value(i64);

impl Versioned for Value {
    fn version(&self) -> i64 {
        self.0
    }
    fn weight(&self) -> u32 {
        100
    }
}

/// A store whose loads wait for a permit, then answer the version that was current when they began.
struct Store {
    version: AtomicI64,
    gate: Semaphore,
    loads: AtomicU64,
    fails: AtomicBool,
}

fn cache(store: &Arc<Store>) -> Arc<ReadThrough<u32, Value>> {
    let store = Arc::clone(store);
    let load: Load<u32, Value> = Box::new(move |keys| {
        let store = Arc::clone(&store);
        Box::pin(async move {
            store.loads.fetch_add(1, SeqCst);
            let version = store.version.load(SeqCst);
            store.gate.acquire().await.unwrap().forget();
            if store.fails.load(SeqCst) {
                return Err(StoreError::Corrupt("for the test".into()));
            }
            Ok(keys.into_iter().map(|key| (key, Value(version))).collect())
        })
    });
    let bounds = Bounds {
        max_bytes: 1_000,
        load_timeout: Duration::from_secs(10),
    };
    Arc::new(ReadThrough::new(bounds, CacheMetrics::default(), load))
}

fn store() -> Arc<Store> {
    Arc::new(Store {
        version: AtomicI64::new(1),
        gate: Semaphore::new(0),
        loads: AtomicU64::new(0),
        fails: AtomicBool::new(false),
    })
}

/// Lets every other task run until all of them wait.
async fn settle() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn callers_that_give_up_do_not_end_the_load_they_share() {
    let store = store();
    let cache = cache(&store);
    let callers: Vec<_> = (0..200)
        .map(|_| {
            let cache = Arc::clone(&cache);
            tokio::spawn(async move {
                tokio::time::timeout(Duration::from_millis(100), cache.get(&7))
                    .await
                    .is_err()
            })
        })
        .collect();
    for caller in callers {
        assert!(
            caller.await.unwrap(),
            "a caller was answered although the load hangs"
        );
    }
    store.gate.add_permits(1);
    settle().await;
    assert_eq!(cache.get(&7).await.unwrap(), Value(1));
    assert_eq!(store.loads.load(SeqCst), 1);
    assert_eq!(
        (cache.metrics.misses.get(), cache.metrics.hits.get()),
        (200, 1)
    );
    assert_eq!(
        (
            cache.metrics.loads_started.get(),
            cache.metrics.loads_completed.get()
        ),
        (1, 1)
    );
}

#[tokio::test]
async fn a_load_that_a_write_outdated_is_repeated_and_never_held() {
    let store = store();
    let cache = cache(&store);
    let waiting = tokio::spawn({
        let cache = Arc::clone(&cache);
        async move { cache.get(&7).await.unwrap() }
    });
    settle().await;
    store.version.store(2, SeqCst);
    cache.outdate(&7, 2);
    store.gate.add_permits(2);
    assert_eq!(waiting.await.unwrap(), Value(2));
    assert_eq!(cache.get(&7).await.unwrap(), Value(2));
    assert_eq!(store.loads.load(SeqCst), 2);
}

#[tokio::test]
async fn a_write_takes_out_what_is_older_and_leaves_what_is_not() {
    let store = store();
    let cache = cache(&store);
    store.gate.add_permits(9);
    assert_eq!(cache.get(&7).await.unwrap(), Value(1));
    cache.outdate(&7, 1);
    assert_eq!(cache.get(&7).await.unwrap(), Value(1));
    assert_eq!(store.loads.load(SeqCst), 1);
    store.version.store(2, SeqCst);
    cache.outdate(&7, 2);
    assert_eq!(cache.get(&7).await.unwrap(), Value(2));
    assert_eq!(store.loads.load(SeqCst), 2);
}

#[tokio::test]
async fn many_keys_come_from_one_load() {
    let store = store();
    let cache = cache(&store);
    store.gate.add_permits(9);
    cache.get(&3).await.unwrap();
    let found = cache.get_many(&[1, 2, 3, 2]).await.unwrap();
    assert_eq!(found.len(), 3);
    assert_eq!(store.loads.load(SeqCst), 2);
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_told_to_all_and_stands_for_a_moment() {
    let store = store();
    let cache = cache(&store);
    store.fails.store(true, SeqCst);
    store.gate.add_permits(1_000);
    for _ in 0..10 {
        assert!(matches!(cache.get(&7).await, Err(LoadError::Store(_))));
    }
    assert_eq!(store.loads.load(SeqCst), 1);
    tokio::time::advance(FAILURE_HELD * 2).await;
    settle().await;
    store.fails.store(false, SeqCst);
    assert_eq!(cache.get(&7).await.unwrap(), Value(1));
    assert_eq!(store.loads.load(SeqCst), 2);
    assert!(cache.flights().is_empty());
}

#[tokio::test]
async fn after_a_write_of_unknown_end_the_store_is_asked_again_once() {
    let store = store();
    let cache = cache(&store);
    store.gate.add_permits(1);
    cache.get(&7).await.unwrap();
    // Held: taken out. Nobody knows whether there is a new version; there is none.
    cache.doubt(&7);
    let waiting = tokio::spawn({
        let cache = Arc::clone(&cache);
        async move { cache.get(&7).await.unwrap() }
    });
    settle().await;
    assert_eq!(store.loads.load(SeqCst), 2);
    // Being loaded: repeated, and then the same version will do.
    cache.doubt(&7);
    store.gate.add_permits(10);
    assert_eq!(waiting.await.unwrap(), Value(1));
    assert_eq!(store.loads.load(SeqCst), 3);
}

#[tokio::test(start_paused = true)]
async fn a_load_that_hangs_is_given_up_and_its_callers_are_told() {
    let store = store();
    let cache = cache(&store);
    assert!(matches!(cache.get(&7).await, Err(LoadError::TooSlow(_))));
    tokio::time::advance(FAILURE_HELD * 2).await;
    settle().await;
    assert!(cache.flights().is_empty());
}

#[tokio::test]
async fn what_is_held_stays_within_its_bound() {
    let store = store();
    let cache = cache(&store);
    store.gate.add_permits(1_000);
    for key in 0..100 {
        cache.get(&key).await.unwrap();
    }
    cache.measure();
    assert!(cache.metrics.weighted_bytes.get() <= 1_000);
    assert!((1..=10).contains(&cache.metrics.entries.get()));
}
