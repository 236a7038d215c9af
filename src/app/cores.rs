//! The threads that serve connections: one for each core, each with a runtime of its own.
//!
//! A connection stays with one thread from its first byte to its last: nothing of an answer from memory is shared, stolen or woken across
//! cores. What takes longer than a lookup runs elsewhere: in lanes, and loads from the database where the service was started.

use std::io;
use std::thread;

use tokio::runtime::{Builder, Handle};
use tokio_util::sync::{CancellationToken, DropGuard};

/// The threads. They end when this is dropped, with what runs on them.
#[derive(Debug)]
pub(super) struct Cores {
    handles: Vec<Handle>,
    _stop: DropGuard,
}

impl Cores {
    /// Starts `count` threads; none: connections are served where the service was started.
    ///
    /// # Errors
    /// When the system refuses threads.
    pub(super) fn start(count: usize) -> io::Result<Self> {
        let stop = CancellationToken::new();
        let mut handles = Vec::with_capacity(count);
        for _ in 0..count {
            let runtime = Builder::new_current_thread().enable_all().build()?;
            handles.push(runtime.handle().clone());
            let stop = stop.clone();
            thread::Builder::new()
                .name("patron-lookup".to_owned())
                .spawn(move || {
                    runtime.block_on(stop.cancelled());
                    runtime.shutdown_background();
                })?;
        }
        Ok(Self {
            handles,
            _stop: stop.drop_guard(),
        })
    }

    /// Where to serve connections, each on one of these.
    pub(super) fn handles(&self) -> &[Handle] {
        &self.handles
    }
}
