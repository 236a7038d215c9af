//! One computation on several threads.

use std::{
    num::NonZero,
    panic::resume_unwind,
    sync::atomic::{AtomicUsize, Ordering},
    thread::{self, available_parallelism},
};

use crate::domain::stop;

/// Applies `work` to every item, on as many threads as there are cores, and returns what came of them in the order of the items.
///
/// The threads run as the calling one does: Linux hands its scheduling policy to the threads it starts, so those of a lane yield to lookups. A
/// stop of the calling computation stops all of them.
pub(in crate::service) fn in_parallel<T: Sync, R: Send>(
    items: &[T],
    work: impl Fn(&T) -> R + Sync,
) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let take = || {
        let mut done = vec![];
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(at) else {
                return done;
            };
            done.push((at, work(item)));
        }
    };
    let flag = stop::current();
    let threads = available_parallelism()
        .map_or(1, NonZero::get)
        .min(items.len());
    let mut done = thread::scope(|scope| {
        let others: Vec<_> = (1..threads)
            .map(|_| {
                scope.spawn(|| match &flag {
                    Some(flag) => stop::run(flag, take),
                    None => Some(take()),
                })
            })
            .collect();
        let mut done = take();
        for other in others {
            match other.join() {
                Ok(more) => done.extend(more.into_iter().flatten()),
                Err(panic) => resume_unwind(panic),
            }
        }
        done
    });
    // Another thread may have been stopped after this one was through.
    stop::check();
    done.sort_unstable_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    use std::panic::catch_unwind;

    use crate::domain::stop::StopFlag;

    #[test]
    fn every_item_is_worked_on_once_and_keeps_its_place() {
        let items: Vec<u32> = (0..1_000).collect();
        let squares = in_parallel(&items, |item| item * item);
        let expected: Vec<u32> = items.iter().map(|item| item * item).collect();
        assert_eq!(squares, expected);
        assert_eq!(in_parallel(&[], |item: &u32| *item), [0; 0]);
    }

    #[test]
    fn a_stop_ends_all_of_them() {
        let flag = StopFlag::default();
        let items = [0; 100];
        let done = stop::run(&flag, || {
            in_parallel(&items, |_| {
                flag.stop();
                stop::check();
            })
        });
        assert_eq!(done, None);
    }

    #[test]
    fn a_panic_of_one_is_one_of_the_whole() {
        let items = [1, 2, 3, 4];
        let panicked = catch_unwind(|| {
            in_parallel(&items, |item| {
                if *item > 2 {
                    resume_unwind(Box::new("a fault"));
                }
            })
        });
        assert!(panicked.is_err_and(|cause| cause.is::<&str>()));
    }
}
