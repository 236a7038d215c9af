use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering::SeqCst};

use tokio::sync::Semaphore;

use super::{flights::FAILURE_HELD, *};

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Value(pub(super) i64);

impl Versioned for Value {
    fn version(&self) -> i64 {
        self.0
    }
    fn weight(&self) -> u32 {
        100
    }
}

/// A store whose loads wait for a permit, then answer the version that was current when they began.
pub(super) struct Store {
    pub(super) version: AtomicI64,
    pub(super) gate: Semaphore,
    pub(super) loads: AtomicU64,
    pub(super) fails: AtomicBool,
}

pub(super) fn cache(store: &Arc<Store>) -> Arc<ReadThrough<u32, Value>> {
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
            let values = keys.into_iter().map(|key| (key, Value(version)));
            Ok(Batch {
                values: values.collect(),
                lease: None,
            })
        })
    });
    let bounds = Bounds {
        max_bytes: 1_000,
        load_timeout: Duration::from_secs(10),
    };
    Arc::new(ReadThrough::new(
        bounds,
        Breaker::never_opens(),
        CacheMetrics::default(),
        load,
    ))
}

pub(super) fn store() -> Arc<Store> {
    Arc::new(Store {
        version: AtomicI64::new(1),
        gate: Semaphore::new(0),
        loads: AtomicU64::new(0),
        fails: AtomicBool::new(false),
    })
}

/// Lets every other task run until all of them wait.
pub(super) async fn settle() {
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
    cache.invalidate_older_than(&7, 2);
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
    cache.invalidate_older_than(&7, 1);
    assert_eq!(cache.get(&7).await.unwrap(), Value(1));
    assert_eq!(store.loads.load(SeqCst), 1);
    store.version.store(2, SeqCst);
    cache.invalidate_older_than(&7, 2);
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
    assert!(cache.state().flights.is_empty());
}

#[tokio::test]
async fn after_a_write_of_unknown_end_the_store_is_asked_again_once() {
    let store = store();
    let cache = cache(&store);
    store.gate.add_permits(1);
    cache.get(&7).await.unwrap();
    // Held: taken out. Nobody knows whether there is a new version; there is none.
    cache.invalidate_unsure(&7);
    let waiting = tokio::spawn({
        let cache = Arc::clone(&cache);
        async move { cache.get(&7).await.unwrap() }
    });
    settle().await;
    assert_eq!(store.loads.load(SeqCst), 2);
    // Being loaded: repeated, and then the same version will do.
    cache.invalidate_unsure(&7);
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
    assert!(cache.state().flights.is_empty());
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

#[tokio::test(start_paused = true)]
async fn a_load_from_before_an_acknowledged_write_never_lands_though_nothing_was_held_nor_loaded() {
    let store = store();
    let cache = cache(&store);
    store.gate.add_permits(1_000);
    cache.commit(&7, 5, || Value(5));
    // The store answers from a past that the write was not in, as a session does that is stuck in a transaction.
    assert!(matches!(cache.get(&7).await, Err(LoadError::Behind)));
    assert_eq!(store.loads.load(SeqCst), flights::MOST_BEHIND as u64);
    assert_eq!(
        cache.metrics.loads_behind.get(),
        flights::MOST_BEHIND as u64
    );
    tokio::time::advance(FAILURE_HELD * 2).await;
    settle().await;
    store.version.store(5, SeqCst);
    assert_eq!(cache.get(&7).await.unwrap(), Value(5));
    // Held and pushed out again: the write is remembered longer than the value.
    cache.held.invalidate(&7);
    store.version.store(4, SeqCst);
    assert!(matches!(cache.get(&7).await, Err(LoadError::Behind)));
}

#[tokio::test]
async fn a_committed_value_takes_the_place_of_the_held_one_and_an_older_one_does_not() {
    let store = store();
    let cache = cache(&store);
    store.gate.add_permits(1);
    cache.get(&7).await.unwrap();
    cache.commit(&7, 3, || Value(3));
    cache.commit(&7, 2, || Value(2));
    assert_eq!(cache.get(&7).await.unwrap(), Value(3));
    assert_eq!(store.loads.load(SeqCst), 1);
}

#[tokio::test]
async fn a_committed_value_of_a_stranger_is_not_held() {
    let store = store();
    let cache = cache(&store);
    cache.commit(&7, 2, || panic!("nobody wants it"));
    assert!(!cache.is_wanted(&7));
    cache.measure();
    assert_eq!(cache.metrics.entries.get(), 0);
}

#[tokio::test]
async fn a_value_committed_while_it_is_loaded_is_what_the_load_brings() {
    let store = store();
    let cache = cache(&store);
    let waiting = tokio::spawn({
        let cache = Arc::clone(&cache);
        async move { cache.get(&7).await.unwrap() }
    });
    settle().await;
    assert!(cache.is_wanted(&7));
    cache.commit(&7, 2, || Value(2));
    store.gate.add_permits(1);
    assert_eq!(waiting.await.unwrap(), Value(2));
    assert_eq!(cache.get(&7).await.unwrap(), Value(2));
    assert_eq!(store.loads.load(SeqCst), 1);
}

#[tokio::test]
async fn a_value_committed_while_its_load_fails_is_answered() {
    let store = store();
    let cache = cache(&store);
    store.fails.store(true, SeqCst);
    let waiting = tokio::spawn({
        let cache = Arc::clone(&cache);
        async move { cache.get(&7).await }
    });
    settle().await;
    cache.commit(&7, 2, || Value(2));
    store.gate.add_permits(1);
    assert_eq!(waiting.await.unwrap().unwrap(), Value(2));
    assert_eq!(cache.get(&7).await.unwrap(), Value(2));
}

/// Always of version 7: only the mark tells two apart.
#[derive(Debug, Clone, PartialEq)]
struct Marked(&'static str);

impl Versioned for Marked {
    fn version(&self) -> i64 {
        7
    }
    fn weight(&self) -> u32 {
        1
    }
}

#[tokio::test]
async fn a_write_replaces_what_has_its_version_since_that_was_lost_with_a_server() {
    let load: Load<u32, Marked> = Box::new(|keys| {
        let values = keys.into_iter().map(|key| (key, Marked("lost")));
        let values = values.collect();
        Box::pin(async move {
            let lease = None;
            Ok(Batch { values, lease })
        })
    });
    let bounds = Bounds {
        max_bytes: 1_000,
        load_timeout: Duration::from_secs(1),
    };
    let metrics = CacheMetrics::default();
    let cache: ReadThrough<u32, Marked> =
        ReadThrough::new(bounds, Breaker::never_opens(), metrics, load);
    let cache = Arc::new(cache);
    assert_eq!(cache.get(&7).await.unwrap(), Marked("lost"));
    cache.commit(&7, 7, || Marked("written"));
    assert_eq!(cache.get(&7).await.unwrap(), Marked("written"));
}

/// Weighs what it says.
#[derive(Debug, Clone)]
struct Heavy(u32);

impl Versioned for Heavy {
    fn version(&self) -> i64 {
        i64::from(self.0)
    }
    fn weight(&self) -> u32 {
        self.0
    }
}

#[tokio::test]
async fn a_value_that_grows_beyond_its_share_leaves_alone_and_takes_nobody_along() {
    let load: Load<u32, Heavy> = Box::new(|keys| {
        let values = keys.into_iter().map(|key| (key, Heavy(10)));
        let batch = Batch {
            values: values.collect(),
            lease: None,
        };
        Box::pin(std::future::ready(Ok(batch)))
    });
    let bounds = Bounds {
        max_bytes: 1_000,
        load_timeout: Duration::from_secs(10),
    };
    let breaker = Breaker::never_opens();
    let cache: Arc<ReadThrough<u32, Heavy>> = Arc::new(ReadThrough::new(
        bounds,
        breaker,
        CacheMetrics::default(),
        load,
    ));
    let keys: Vec<u32> = (0..10).collect();
    cache.get_many(&keys).await.unwrap();
    cache.commit(&3, 2_000, || Heavy(2_000));
    cache.update_if_version(&4, 10, |value| value.0 = 3_000);
    cache.measure();
    assert_eq!(cache.metrics.entries.get(), 9, "all but the heavy one");
    assert!(!cache.is_wanted(&3));
}

#[tokio::test]
async fn while_the_store_is_away_what_is_held_is_answered_and_the_rest_fails_at_once() {
    let store = store();
    let mut cache = cache(&store);
    let away = || StoreError::Unavailable(sqlx::Error::PoolClosed);
    Arc::get_mut(&mut cache).unwrap().breaker = Breaker::new(
        Box::new(move || Box::pin(std::future::ready(Err(away())))),
        Box::new(|| jiff::Timestamp::UNIX_EPOCH),
        crate::metrics::BreakerMetrics::default(),
    );
    store.gate.add_permits(1);
    cache.get(&7).await.unwrap();
    // Hangs, until the breaker finds out that nobody is there.
    assert!(matches!(cache.get(&8).await, Err(LoadError::Store(_))));
    let loads = store.loads.load(SeqCst);
    for key in 9..1_000 {
        assert!(matches!(cache.get(&key).await, Err(LoadError::Store(_))));
    }
    assert!(matches!(
        cache.get_many(&[7, 8]).await,
        Err(LoadError::Store(_))
    ));
    assert_eq!(store.loads.load(SeqCst), loads);
    assert_eq!(cache.get(&7).await.unwrap(), Value(1));
    assert_eq!(cache.get_many(&[7]).await.unwrap().len(), 1);
}
