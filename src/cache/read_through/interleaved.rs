//! Loads against invalidations, in every order of their steps: each step runs under the lock of the cache or waits for the store, so that orders of
//! whole steps are all there are.

use std::sync::atomic::Ordering::SeqCst;

use super::{
    ReadThrough,
    tests::{Store, Value, cache, store},
    *,
};

/// What can happen next.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// Another process commits a write.
    Commit,
    /// The logs are read: up to which write, is known now.
    Look,
    /// What was read is applied.
    Apply,
    /// All is dropped, since the logs cannot tell what changed.
    DropAll,
    /// Somebody asks, and a load begins unless one is under way or memory has the answer.
    Ask,
    /// The store answers a load, with what it was when the load began.
    Land,
}

const STEPS: [Step; 6] = [
    Step::Commit,
    Step::Look,
    Step::Apply,
    Step::DropAll,
    Step::Ask,
    Step::Land,
];
/// A load, a write and its invalidation, in every order, and as many steps again of any kind between them.
const LENGTH: u32 = 6;

/// Whether there is a load and a write to be seen, and no step that changes nothing.
fn is_of_use(steps: &[Step]) -> bool {
    let (mut written, mut looked, mut applied, mut asked) = (1, 1, 1, 0);
    for step in steps {
        let changes = match step {
            Step::Commit | Step::Ask | Step::Land => true,
            Step::Look => looked != written,
            Step::Apply => applied != looked,
            Step::DropAll => applied != written,
        };
        if !changes {
            return false;
        }
        match step {
            Step::Commit => written += 1,
            Step::Look => looked = written,
            Step::Apply => applied = looked,
            Step::DropAll => (looked, applied) = (written, written),
            Step::Ask => asked += 1,
            Step::Land => {}
        }
    }
    asked > 0 && applied > 1
}

/// Lets every other task run until all of them wait.
async fn settle() {
    for _ in 0..12 {
        tokio::task::yield_now().await;
    }
}

/// Those who asked, each with the version that was applied by then.
type Callers = Vec<(i64, tokio::task::JoinHandle<Value>)>;

struct Run {
    store: Arc<Store>,
    cache: Arc<ReadThrough<u32, Value>>,
    looked: i64,
    applied: i64,
    callers: Callers,
}

impl Run {
    fn new() -> Self {
        let store = store();
        Self {
            cache: cache(&store),
            store,
            looked: 1,
            applied: 1,
            callers: vec![],
        }
    }

    async fn step(&mut self, step: Step) {
        match step {
            Step::Commit => drop(self.store.version.fetch_add(1, SeqCst)),
            Step::Look => self.looked = self.store.version.load(SeqCst),
            Step::Apply => {
                self.cache.invalidate_older_than(&7, self.looked);
                self.applied = self.looked;
            }
            Step::DropAll => {
                self.looked = self.store.version.load(SeqCst);
                self.cache.invalidate_all();
                self.applied = self.looked;
            }
            Step::Ask => {
                let cache = Arc::clone(&self.cache);
                let asked = async move { cache.get(&7).await.unwrap() };
                self.callers.push((self.applied, tokio::spawn(asked)));
            }
            Step::Land => self.store.gate.add_permits(1),
        }
        settle().await;
    }
}

#[tokio::test]
async fn no_order_of_loads_and_invalidations_leaves_or_answers_what_is_outdated() {
    for order in 0..STEPS.len().pow(LENGTH) {
        let steps = (0..LENGTH).map(|at| STEPS[order / STEPS.len().pow(at) % STEPS.len()]);
        let steps: Vec<Step> = steps.collect();
        if !is_of_use(&steps) {
            continue;
        }
        let mut run = Run::new();
        for step in &steps {
            run.step(*step).await;
            let held = run.cache.get_held(&7, |value| Some(value.0));
            assert!(held.is_none_or(|held| held >= run.applied), "{steps:?}");
        }
        run.store.gate.add_permits(100);
        for (applied, caller) in run.callers {
            assert!(caller.await.unwrap().0 >= applied, "{steps:?}");
        }
        assert!(
            run.cache.get(&7).await.unwrap().0 >= run.applied,
            "{steps:?}"
        );
    }
}

impl Key for u32 {
    fn weight(&self) -> u32 {
        0
    }
}
