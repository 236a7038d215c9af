//! What answers are computed with, renewed when another process changed it.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{runtime::Handle, sync::Notify, time::Instant};

use super::Parts;
use crate::{service::current_basis::CurrentBasis, store::change_log::news::BasisVersions};

/// How often, at most, it is looked for the last purchase of all when something was written: others may have taken purchases back, and the look
/// reads every profile.
const RECOUNT_INTERVAL: Duration = Duration::from_mins(10);

/// The basis of this process, as far as it follows that of the database.
pub(super) struct FollowedBasis {
    state: Mutex<State>,
    bases: Arc<CurrentBasis>,
    background: Handle,
    /// Asks for a look when a renewal has come to its end.
    asked: Arc<Notify>,
}

struct State {
    /// What the basis in force was built of, or something later.
    applied: BasisVersions,
    /// Whether a renewal is under way.
    is_renewing: bool,
    recounted: Instant,
}

impl FollowedBasis {
    /// The basis in force was built of `applied`, or of something later.
    pub(super) fn new(parts: &Parts, applied: BasisVersions, asked: Arc<Notify>) -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::new(State {
                applied,
                is_renewing: false,
                recounted: Instant::now(),
            }),
            bases: Arc::clone(&parts.bases),
            background: parts.background.clone(),
            asked,
        })
    }

    /// Has the basis renewed unless it is that of `versions`. Whether it is. A renewal may take long, for a long document: looks go on meanwhile.
    pub(super) fn follow(self: &Arc<Self>, versions: &BasisVersions) -> bool {
        let mut state = self.state();
        if state.applied == *versions {
            return true;
        }
        if !state.is_renewing {
            state.is_renewing = true;
            let (followed, versions) = (Arc::clone(self), versions.clone());
            self.background.spawn(followed.renew(versions));
        }
        false
    }

    async fn renew(self: Arc<Self>, versions: BasisVersions) {
        let renewed = self.bases.renew().await;
        let mut state = self.state();
        state.is_renewing = false;
        match renewed {
            Ok(()) => {
                state.applied = versions;
                self.asked.notify_one();
            }
            // The next look tries it again.
            Err(error) => {
                tracing::debug!(error.cause = %error, "could not refresh the basis that another server changed; retrying");
            }
        }
    }

    /// Looks for the last purchase again, unless that was not long ago: a write of another process may have taken purchases back.
    pub(super) fn recount_later(&self) {
        let mut state = self.state();
        if state.recounted.elapsed() < RECOUNT_INTERVAL {
            return;
        }
        state.recounted = Instant::now();
        let bases = Arc::clone(&self.bases);
        self.background.spawn(async move {
            if let Err(error) = bases.recount_last_purchase().await {
                tracing::debug!(error.cause = %error, "the last purchase is looked for again later");
            }
        });
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
