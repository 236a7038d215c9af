//! The threads of a lane: a runtime whose threads the kernel runs when nobody more urgent wants to run.
//!
//! On Linux, `SCHED_IDLE` is preempted at once by a thread that wakes up for a lookup; a raised nice value only makes a thread's share small,
//! and it keeps the core for the rest of its slice, a millisecond or more. It is best effort: a refusal is logged once.

use std::{
    io,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use thread_priority::{
    NormalThreadSchedulePolicy, ThreadPriority, ThreadSchedulePolicy,
    set_thread_priority_and_policy, thread_native_id, thread_schedule_policy,
};
use tokio::runtime::{Builder, Handle, Runtime};

use crate::domain::stop::StopFlag;

/// Most computations of one set of threads at once, over all of its lanes; more wait. Fits, evaluations and checks of documents have a limit of
/// their own each, and names of hosts are looked up on these threads too.
const MOST_BLOCKING: usize = 16;

/// The kernel keeps 15 bytes of a thread's name.
const NAME_PREFIX: &str = "patron-";

/// Has the kernel run the current thread when no other one wants to run.
fn yield_to_others() -> Result<(), thread_priority::Error> {
    let idle = ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Idle);
    let set = set_thread_priority_and_policy(thread_native_id(), ThreadPriority::Min, idle);
    match thread_schedule_policy() {
        // It also sets the nice value, to 0 under `SCHED_IDLE`, which is refused where the process was started with a raised one and
        // means nothing there.
        Ok(now) if now == idle => Ok(()),
        Ok(_) | Err(_) => set,
    }
}

/// The threads of one or several lanes.
#[derive(Debug)]
pub struct Threads {
    handle: Handle,
    /// Taken when the threads end.
    runtime: Mutex<Option<Runtime>>,
    /// The flags of what computes, so that all of it stops with the threads.
    computing: Arc<Mutex<Vec<StopFlag>>>,
}

impl Threads {
    /// `count` threads named after `name`, and as many more as computations need.
    ///
    /// # Errors
    /// When the system refuses threads.
    pub fn start(name: &str, count: usize) -> io::Result<Self> {
        let refused = AtomicBool::new(false);
        let name = format!("{NAME_PREFIX}{name}");
        let lane = name.clone();
        let runtime = Builder::new_multi_thread()
            .worker_threads(count.max(1))
            .max_blocking_threads(MOST_BLOCKING)
            .thread_name(name)
            .on_thread_start(move || {
                if let Err(error) = yield_to_others()
                    && !refused.swap(true, Ordering::Relaxed)
                {
                    tracing::warn!(
                        thread.name = lane,
                        error.cause = %error,
                        "cannot lower the thread priority: long work will slow down lookups"
                    );
                }
            })
            .enable_all()
            .build()?;
        Ok(Self {
            handle: runtime.handle().clone(),
            runtime: Mutex::new(Some(runtime)),
            computing: Arc::default(),
        })
    }

    /// Ends the threads without waiting for what they do: tasks are dropped at their next `.await`, computations told to stop.
    pub fn stop(&self) {
        for flag in &*lock(&self.computing) {
            flag.stop();
        }
        let runtime = lock(&self.runtime).take();
        if let Some(runtime) = runtime {
            runtime.shutdown_background();
        }
    }

    /// Where tasks are spawned.
    #[must_use]
    pub fn handle(&self) -> &Handle {
        &self.handle
    }

    /// The callers who are about to wait for a computation.
    pub(super) fn caller(&self) -> Caller {
        let flag = StopFlag::default();
        lock(&self.computing).push(flag.clone());
        Caller {
            flag,
            computing: Arc::clone(&self.computing),
        }
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A caller who waits for a computation, with the flag that stops it.
#[derive(Debug)]
pub(super) struct Caller {
    flag: StopFlag,
    computing: Arc<Mutex<Vec<StopFlag>>>,
}

impl Caller {
    pub(super) fn flag(&self) -> &StopFlag {
        &self.flag
    }
}

impl Drop for Caller {
    fn drop(&mut self) {
        let mut computing = lock(&self.computing);
        if let Some(at) = computing.iter().position(|it| it.is_same(&self.flag)) {
            computing.swap_remove(at);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    // What these hold is whole whatever a thread did that panicked with it in hand.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
