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
    /// Whether the basis in force may be of numbers that mean something else by now.
    is_distrusted: bool,
    recounted: Instant,
    /// Whether something was written since.
    is_recount_due: bool,
}

impl FollowedBasis {
    /// The basis in force was built of `applied`, or of something later.
    pub(super) fn new(parts: &Parts, applied: BasisVersions, asked: Arc<Notify>) -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::new(State {
                applied,
                is_renewing: false,
                is_distrusted: false,
                recounted: Instant::now(),
                is_recount_due: false,
            }),
            bases: Arc::clone(&parts.bases),
            background: parts.background.clone(),
            asked,
        })
    }

    /// Has the basis renewed unless it is that of `versions`. Whether it is. A renewal may take long, for a long document: looks go on meanwhile.
    pub(super) fn follow(self: &Arc<Self>, versions: &BasisVersions) -> bool {
        let mut state = self.state();
        // What is in force may have changed by this process since: then going back to what was applied is a change too.
        let in_force = self.bases.current();
        let model = in_force.model.as_ref().map(|model| model.version);
        let is_applied =
            state.applied == *versions && versions.are_of(model, in_force.revision.number);
        if is_applied && !state.is_distrusted {
            return true;
        }
        if !state.is_renewing {
            state.is_renewing = true;
            let anew = std::mem::take(&mut state.is_distrusted);
            let (followed, versions) = (Arc::clone(self), versions.clone());
            self.background.spawn(followed.renew(versions, anew));
        }
        false
    }

    /// Has the basis built anew by the next [`Self::follow`].
    pub(super) fn distrust(&self) {
        self.state().is_distrusted = true;
    }

    async fn renew(self: Arc<Self>, versions: BasisVersions, anew: bool) {
        let renewed = if anew {
            self.bases.renew_anew().await
        } else {
            self.bases.renew().await
        };
        let mut state = self.state();
        state.is_renewing = false;
        state.is_distrusted |= anew && renewed.is_err();
        match renewed {
            Ok(()) => {
                state.applied = versions;
                self.asked.notify_one();
            }
            // The next look tries it again.
            Err(error) => {
                tracing::warn!(error.cause = %error, "could not refresh the basis that another server changed; retrying");
            }
        }
    }

    /// A write of another process may have taken purchases back.
    pub(super) fn recount_later(&self) {
        self.state().is_recount_due = true;
    }

    /// Looks for the last purchase again if that is due, and the last look was long ago or is of no use: `at_once`.
    pub(super) fn recount(&self, at_once: bool) {
        let mut state = self.state();
        let is_due = state.is_recount_due && state.recounted.elapsed() >= RECOUNT_INTERVAL;
        if !is_due && !at_once {
            return;
        }
        state.recounted = Instant::now();
        state.is_recount_due = false;
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
