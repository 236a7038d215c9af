//! How the process stops: signals become a token, and the phase it is in is one value that all can read.
//!
//! The first SIGINT or SIGTERM asks for an orderly stop. The second ends the process at once: a person who presses Ctrl-C twice means it.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use prometheus_client::metrics::gauge::Gauge;
use tokio::runtime::Handle;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Where the process is in its life. Phases only go forward.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Phase {
    /// Not yet able to answer.
    Starting = 0,
    /// Answers, and wants to be asked.
    Serving = 1,
    /// Answers, but wants to be asked no more: balancers have time to notice.
    LameDuck = 2,
    /// Takes no connections; finishes what it has.
    Draining = 3,
    /// Answers no more.
    Stopped = 4,
}

/// The phase of the process, shared by clones and shown in the metrics.
#[derive(Debug, Clone)]
pub struct Lifecycle {
    phase: Arc<AtomicU8>,
    gauge: Gauge,
}

impl Lifecycle {
    /// A process that starts. `gauge` follows the phase.
    #[must_use]
    pub fn new(gauge: Gauge) -> Self {
        Self {
            phase: Arc::new(AtomicU8::new(Phase::Starting as u8)),
            gauge,
        }
    }

    /// The phase it is in.
    #[must_use]
    pub fn phase(&self) -> Phase {
        match self.phase.load(Ordering::Acquire) {
            0 => Phase::Starting,
            1 => Phase::Serving,
            2 => Phase::LameDuck,
            3 => Phase::Draining,
            _ => Phase::Stopped,
        }
    }

    /// Goes on to `phase`. Going back has no effect.
    pub fn advance(&self, phase: Phase) {
        let before = self.phase.fetch_max(phase as u8, Ordering::AcqRel);
        if before < phase as u8 {
            self.gauge.set(i64::from(phase as u8));
        }
    }
}

/// A token that is cancelled by the first SIGINT or SIGTERM. The second ends the process with exit code 128 + signal, as shells count.
/// Signals are awaited on `control`, where no call keeps them waiting.
///
/// # Errors
///
/// When the signal handlers cannot be installed.
pub fn on_signal(control: &Handle) -> io::Result<CancellationToken> {
    let _control = control.enter();
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let token = CancellationToken::new();
    let cancelled = token.clone();
    tokio::spawn(async move {
        loop {
            let (name, number) = tokio::select! {
                _ = interrupt.recv() => ("SIGINT", SignalKind::interrupt().as_raw_value()),
                _ = terminate.recv() => ("SIGTERM", SignalKind::terminate().as_raw_value()),
            };
            if cancelled.is_cancelled() {
                tracing::warn!(signal = name, "second signal: stopping immediately");
                std::process::exit(128 + number);
            }
            tracing::info!(signal = name, "stopping");
            cancelled.cancel();
        }
    });
    Ok(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phases_only_go_forward() {
        let gauge = Gauge::default();
        let lifecycle = Lifecycle::new(gauge.clone());
        assert_eq!(lifecycle.phase(), Phase::Starting);
        for phase in [
            Phase::Serving,
            Phase::LameDuck,
            Phase::Draining,
            Phase::Stopped,
        ] {
            lifecycle.clone().advance(phase);
            assert_eq!(lifecycle.phase(), phase);
            lifecycle.advance(Phase::Serving);
            assert_eq!(lifecycle.phase(), phase);
            assert_eq!(gauge.get(), i64::from(phase as u8));
        }
    }
}
