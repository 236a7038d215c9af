//! One fit of each kind of model at a time, and which ones run. It holds no result of a fit and knows of no other process.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use jiff::Timestamp;
use tokio::sync::watch;

use crate::domain::{calendar::Day, clv::model::ModelKind, text::Label};

/// A fit that runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunningFit {
    /// The model of orders.
    pub kind: ModelKind,
    /// Last day whose facts it uses.
    pub until: Day,
    /// When it began.
    pub since: Timestamp,
    /// The id of its request, if the caller gave one.
    pub request_id: Option<Label>,
}

/// The fits that run.
#[derive(Default)]
pub(super) struct Turns {
    running: Mutex<HashMap<ModelKind, (RunningFit, watch::Receiver<()>)>>,
}

/// The right to fit a kind of model; it ends when this is dropped.
pub(super) struct Turn {
    turns: Arc<Turns>,
    kind: ModelKind,
    /// Dropped with the turn, which wakes those who wait for its end.
    _ends: watch::Sender<()>,
}

/// Somebody else fits that kind.
pub(super) struct Taken {
    /// What runs.
    pub(super) running: RunningFit,
    ends: watch::Receiver<()>,
}

impl Turns {
    /// Takes the turn of a kind, or says who has it.
    pub(super) fn take(self: &Arc<Self>, fit: RunningFit) -> Result<Turn, Taken> {
        let mut running = self.lock();
        if let Some((running, ends)) = running.get(&fit.kind) {
            return Err(Taken {
                running: running.clone(),
                ends: ends.clone(),
            });
        }
        let (sender, ends) = watch::channel(());
        let kind = fit.kind;
        running.insert(kind, (fit, ends));
        Ok(Turn {
            turns: Arc::clone(self),
            kind,
            _ends: sender,
        })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ModelKind, (RunningFit, watch::Receiver<()>)>> {
        // A map is whole whatever a thread did that panicked with it in hand.
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.turns.lock().remove(&self.kind);
    }
}

impl Taken {
    /// Waits for the end of the fit that runs.
    pub(super) async fn ended(mut self) {
        // Nothing is ever sent: the wait ends when the sender is dropped.
        while self.ends.changed().await.is_ok() {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fit(kind: ModelKind, request_id: Option<&str>) -> RunningFit {
        RunningFit {
            kind,
            until: "2026-06-30".parse().unwrap(),
            since: "2026-07-01T00:00:00Z".parse().unwrap(),
            request_id: request_id.map(Label::from),
        }
    }

    #[tokio::test]
    async fn each_kind_has_one_turn_and_who_comes_second_learns_who_has_it() {
        let turns = Arc::new(Turns::default());
        let held = turns.take(fit(ModelKind::BgNbd, Some("a"))).ok().unwrap();
        let taken = turns.take(fit(ModelKind::BgNbd, Some("b"))).err().unwrap();
        assert_eq!(taken.running, fit(ModelKind::BgNbd, Some("a")));
        let other = turns.take(fit(ModelKind::MbgNbd, None));
        assert!(other.is_ok(), "another kind has a turn of its own");
        let waiting = tokio::spawn(taken.ended());
        drop(held);
        waiting.await.unwrap();
        assert!(turns.take(fit(ModelKind::BgNbd, None)).is_ok());
    }
}
