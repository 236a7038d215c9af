//! Stopping a long computation whose result nobody wants any more.
//!
//! A fit, an evaluation or the check of a large document runs for seconds deep inside formulae that have nothing to do with callers. Their
//! loops call [`check`]; a stopped computation unwinds to [`run`], which returns `None`. The unwinding is no panic: nothing is printed. So
//! no formula needs a `Result` for a case that is not one of its own. Who stops whom, and why, is not known here.

use std::{
    cell::RefCell,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

thread_local! {
    /// The flag of the computation that runs on this thread.
    static CURRENT: RefCell<Option<StopFlag>> = const { RefCell::new(None) };
}

/// Tells a computation to stop. Clones are one flag.
#[derive(Debug, Clone, Default)]
pub struct StopFlag(Arc<AtomicBool>);

impl StopFlag {
    /// Tells it.
    pub fn stop(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether both are one flag.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Whether it was told.
    #[must_use]
    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// What unwinds.
struct Stopped;

/// Takes the flag off this thread again, however the computation ends.
struct Installed(Option<StopFlag>);

impl Drop for Installed {
    fn drop(&mut self) {
        CURRENT.set(self.0.take());
    }
}

/// Runs `work`; `None` when `flag` stopped it. Its panics go on to the caller.
///
/// `work` is not looked at again after it was stopped, and what it shares with others must be whole whenever it calls [`check`].
pub fn run<T>(flag: &StopFlag, work: impl FnOnce() -> T) -> Option<T> {
    if flag.is_set() {
        return None;
    }
    let _installed = Installed(CURRENT.replace(Some(flag.clone())));
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(done) => Some(done),
        Err(cause) if cause.is::<Stopped>() => None,
        Err(panic) => resume_unwind(panic),
    }
}

/// The flag of the computation that runs on this thread, for threads that work for it; `None` outside of [`run`].
#[must_use]
pub fn current() -> Option<StopFlag> {
    CURRENT.with_borrow(Clone::clone)
}

/// Ends the computation of this thread if it was stopped; does nothing outside of [`run`]. Costs some nanoseconds: for loops whose body
/// takes microseconds.
pub fn check() {
    let stopped = CURRENT.with_borrow(|flag| flag.as_ref().is_some_and(StopFlag::is_set));
    if stopped {
        resume_unwind(Box::new(Stopped));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stopped_computation_ends_at_its_next_check() {
        let flag = StopFlag::default();
        let mut rounds = 0;
        let done = run(&flag, || {
            loop {
                rounds += 1;
                if rounds == 3 {
                    flag.stop();
                }
                check();
            }
        });
        assert_eq!((done, rounds), (None::<()>, 3));
        check();
        assert_eq!(run(&flag, || 1), None, "it does not begin");
        assert_eq!(run(&StopFlag::default(), || 1), Some(1));
        let own = run(&StopFlag::default(), || current().is_some());
        assert_eq!((own, current().is_some()), (Some(true), false));
    }

    #[test]
    fn panics_are_no_stops() {
        let flag = StopFlag::default();
        let panicked = catch_unwind(|| run(&flag, || resume_unwind(Box::new("a fault"))));
        assert!(panicked.is_err_and(|cause| cause.is::<&str>()));
    }
}
