//! The control runtime: one thread for what must happen on time however busy the calls keep all others.
//!
//! Signals, the admin listener, the timers of the drain and the watch over the connections run here. A timer of the runtime that answers
//! calls rings late when its threads compute, and then a stop takes as long as they like. Nothing that computes belongs here.

use std::io;
use std::thread;

use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

/// The runtime. Dropping it ends its thread, and with it what still runs there.
#[derive(Debug)]
pub struct Control {
    handle: Handle,
    /// Closed when this is dropped.
    _alive: oneshot::Sender<()>,
}

impl Control {
    /// Starts the thread.
    ///
    /// # Errors
    ///
    /// When the system gives no thread, or no descriptors for its timers and sockets.
    pub fn start() -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (alive, ended) = oneshot::channel::<()>();
        thread::Builder::new()
            .name("patron-control".to_owned())
            .spawn(move || {
                let _ = runtime.block_on(ended);
                runtime.shutdown_background();
            })?;
        Ok(Self {
            handle,
            _alive: alive,
        })
    }

    /// Where to spawn.
    #[must_use]
    pub fn handle(&self) -> &Handle {
        &self.handle
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn its_timers_ring_while_another_runtime_computes() {
        let control = Control::start().unwrap();
        let (sender, timer) = std::sync::mpsc::channel();
        control.handle().spawn(async move {
            tokio::time::sleep(Duration::from_millis(1)).await;
            sender.send(()).unwrap();
        });
        let busy = Builder::new_current_thread().enable_all().build().unwrap();
        // Blocks the only thread of its runtime until the timer of the other one rang.
        let rang = busy.block_on(async { timer.recv_timeout(Duration::from_secs(20)) });
        rang.unwrap();
    }
}
