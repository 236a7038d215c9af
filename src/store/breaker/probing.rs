//! The probe: asks the database for a sign of life until there is one.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep};

use super::{Breaker, TRUSTED, away};
use crate::store::error::StoreError;

/// A probe is waited for in steps of this length, which are counted, and not by the clock: a process that has no processor for a second must
/// not take that for the silence of the database.
pub(super) const STEP: Duration = Duration::from_millis(100);
/// After so many steps without an answer only few may go on waiting, see [`MOST_WAITING`].
pub(super) const SILENT_AFTER: u32 = 2;
/// After so many the breaker opens, and the probe goes on. Many round trips to a database far away fit in.
pub(super) const OPENS_AFTER: u32 = 10;
/// After so many the probe is given up: within it a connection to a database that has just come back is made.
pub(super) const GIVEN_UP_AFTER: u32 = 15;
/// Between two probes while the database is away. With the limit of a probe, the end of an outage is noticed within 1.75 s.
pub(super) const PROBE_INTERVAL: Duration = Duration::from_millis(250);

/// The one probe that is under way. However it ends, also with its runtime, another one can begin.
pub(super) struct Probing(pub(super) Arc<Breaker>);

impl Probing {
    /// Probes until the database answers.
    pub(super) async fn run(self) {
        let breaker = &self.0;
        while let Err(error) = self.once().await {
            if !breaker.open.load(Ordering::Relaxed) && breaker.concerns_new_sessions(&error) {
                tracing::warn!(error.cause = %error, "the database refuses new sessions; those that are open work");
                return sleep(TRUSTED).await;
            }
            breaker.set(true);
            tracing::debug!(error.cause = %error, "database probe failed");
            sleep(PROBE_INTERVAL).await;
        }
        breaker.confirm();
        breaker.set(false);
        sleep(TRUSTED).await;
    }

    async fn once(&self) -> Result<(), StoreError> {
        let mut probe = (self.0.probe)();
        let mut steps = interval_at(Instant::now() + STEP, STEP);
        steps.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut step = 0;
        let outcome = loop {
            tokio::select! {
                biased;
                outcome = &mut probe => break outcome,
                _ = steps.tick() => step += 1,
            }
            match step {
                SILENT_AFTER => self.0.silent.store(true, Ordering::Relaxed),
                OPENS_AFTER => self.0.set(true),
                GIVEN_UP_AFTER => break Err(away()),
                _ => {}
            }
        };
        self.0.silent.store(false, Ordering::Relaxed);
        outcome
    }
}

impl Drop for Probing {
    fn drop(&mut self) {
        self.0.silent.store(false, Ordering::Relaxed);
        self.0.probing.store(false, Ordering::Release);
    }
}
