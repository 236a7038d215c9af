//! Watches the server for as long as it is wanted, on a thread that nothing else uses: one that ends by itself is started again, with
//! growing pauses, and given up when that does not help.
//!
//! The thread waits for the end of its own child, so a dead server is noticed at once and leaves no zombie.

use std::process::{Child, ExitStatus};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::error::Error;
use super::launch::{Launch, Running, STOP_LIMIT};
use super::process;

/// The first and the longest pause before a start. The first lets the killed server's own children end, which takes milliseconds.
const PAUSE: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// So many starts are tried in a row, in about 6 s. What does not pass in that time needs a person.
const STARTS: u32 = 6;

/// A server that ran so long was well: the next end begins a new row.
const STEADY: Duration = Duration::from_mins(1);

/// What became of the server while nobody asked for its end.
#[derive(Debug)]
pub enum Change {
    /// It ended, and is going to be started again.
    Ended {
        /// How.
        status: ExitStatus,
    },
    /// It was started again and accepts connections.
    Restarted {
        /// Time since its end.
        after: Duration,
    },
    /// It could not be started again. Nothing more is tried.
    GaveUp(Error),
}

/// A server that is watched; dropping it stops the server and waits for that.
#[derive(Debug)]
pub(super) struct Watch {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    launch: Launch,
    /// 0 while there is none.
    process_id: AtomicU32,
    phase: Mutex<Phase>,
    changed: Condvar,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// The server runs, or is to run.
    Wanted,
    /// It is not wanted any more.
    Stopping,
    /// The thread is done with it.
    Over,
}

impl Shared {
    fn phase(&self) -> MutexGuard<'_, Phase> {
        // A phase is whole, whichever thread panicked.
        self.phase.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_wanted(&self) -> bool {
        *self.phase() == Phase::Wanted
    }

    fn set(&self, phase: Phase) {
        *self.phase() = phase;
        self.changed.notify_all();
    }

    /// Waits until the phase is another one, at most `limit`. Whether it still is.
    fn is_still(&self, phase: Phase, limit: Duration) -> bool {
        let waited = self
            .changed
            .wait_timeout_while(self.phase(), limit, |now| *now == phase);
        let (now, _) = waited.unwrap_or_else(PoisonError::into_inner);
        *now == phase
    }
}

impl Watch {
    /// Starts the server and the thread that watches it.
    pub(super) fn start(
        launch: Launch,
        on_change: impl FnMut(Change) + Send + 'static,
    ) -> Result<Self, Error> {
        let running = launch.start(|| false)?;
        let shared = Arc::new(Shared {
            process_id: AtomicU32::new(running.server.id()),
            launch,
            phase: Mutex::new(Phase::Wanted),
            changed: Condvar::new(),
        });
        let of_thread = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("postgres-watch".to_owned())
            .spawn(move || {
                watch(&of_thread, running, on_change);
                of_thread.set(Phase::Over);
            })
            .map_err(Error::io("watch", &shared.launch.directory.path))?;
        Ok(Self {
            shared,
            thread: Some(thread),
        })
    }

    pub(super) fn launch(&self) -> &Launch {
        &self.shared.launch
    }

    /// 0 while a server that ended is not started again yet.
    pub(super) fn process_id(&self) -> u32 {
        self.shared.process_id.load(Ordering::Acquire)
    }

    /// Asks the server to stop and waits for at most `limit`. Returns whether it ended; if not, it goes on stopping by itself, and the
    /// watchdog sees to it when this process has ended.
    pub(super) fn stop_within(mut self, limit: Duration) -> bool {
        self.shared.set(Phase::Stopping);
        self.signal(process::interrupt);
        let ended = !self.shared.is_still(Phase::Stopping, limit);
        if !ended {
            // Dropping the handle leaves the thread to itself, where joining it would wait for the server.
            drop(self.thread.take());
        }
        ended
    }

    /// Sends the server a signal, if there is one.
    fn signal(&self, send: impl FnOnce(u32) -> Result<(), Error>) {
        match self.process_id() {
            0 => {}
            // What fails here is put right by the watchdog and the next start.
            process_id => drop(send(process_id)),
        }
    }
}

impl Drop for Watch {
    /// Errors on the way have no one to go to: the watchdog and the next start put right what is left.
    fn drop(&mut self) {
        if self.shared.is_wanted() {
            self.shared.set(Phase::Stopping);
            self.signal(process::interrupt);
            if self.shared.is_still(Phase::Stopping, STOP_LIMIT) {
                self.signal(process::kill);
            }
        }
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

/// The thread: from the first server to the end of the last.
fn watch(shared: &Shared, mut running: Running, mut on_change: impl FnMut(Change)) {
    let mut starts = 0;
    loop {
        let since = Instant::now();
        let status = wait(&mut running.server);
        shared.process_id.store(0, Ordering::Release);
        let ended = Instant::now();
        drop(running);
        if !shared.is_wanted() {
            return;
        }
        on_change(Change::Ended { status });
        if since.elapsed() > STEADY {
            starts = 0;
        }
        running = match start_again(shared, &mut starts) {
            Ok(Some(running)) => running,
            Ok(None) => return,
            Err(error) => return on_change(Change::GaveUp(error)),
        };
        let process_id = running.server.id();
        shared.process_id.store(process_id, Ordering::Release);
        if !shared.is_wanted() {
            // The caller who stopped it may have looked before there was a process to signal.
            return;
        }
        on_change(Change::Restarted {
            after: ended.elapsed(),
        });
    }
}

/// Waits for the end of the server, which also takes it off the process table.
fn wait(server: &mut Child) -> ExitStatus {
    // Waiting for a child of one's own fails for nobody; if it did, the child would be none.
    server.wait().unwrap_or_default()
}

/// A server that runs; `None` when it is not wanted any more.
fn start_again(shared: &Shared, starts: &mut u32) -> Result<Option<Running>, Error> {
    loop {
        let pause = PAUSE.1.min(PAUSE.0 * 2_u32.saturating_pow(*starts));
        if !shared.is_still(Phase::Wanted, pause) {
            return Ok(None);
        }
        *starts += 1;
        let launch = &shared.launch;
        let started = launch
            .clear_leftovers()
            .and_then(|()| launch.start(|| !shared.is_wanted()));
        match started {
            Ok(running) if shared.is_wanted() => return Ok(Some(running)),
            _ if !shared.is_wanted() => return Ok(None),
            Err(error) if *starts >= STARTS => return Err(error),
            Ok(_) | Err(_) => {}
        }
    }
}
