//! A fence on a database that takes no writes, as a standby or a primary that was demoted: nobody can write there who may write.
//!
//! This process answers all the same. As soon as the database takes writes, it raises the epoch; and where others write to it meanwhile, by
//! replication, it stops, since its memory would not learn of that.

use super::{FenceError, Post};
use crate::store::fence::{Mark, Session};

impl Post {
    /// Raises the epoch. Where the database takes no writes, notes what others have written to it.
    pub(super) async fn raise_or_mark(
        &self,
        session: &mut Session,
        unraised: &mut Option<Mark>,
    ) -> Result<(), FenceError> {
        let raised = self.raise(session).await;
        if matches!(raised, Err(FenceError::ReadOnly)) {
            *unraised = Some(session.mark().await?);
        }
        raised
    }

    /// Raises the epoch if that is still to be done and the database takes writes now; where only new sessions do, in one of these, which takes
    /// the fence over.
    ///
    /// # Errors
    /// [`FenceError::Lost`] when others have written; the database cannot be asked.
    pub(super) async fn leave_read_only(
        &self,
        session: &mut Option<Session>,
        unraised: &mut Option<Mark>,
    ) -> Result<(), FenceError> {
        let (Some(mark), Some(held)) = (unraised.as_ref(), session.as_mut()) else {
            return Ok(());
        };
        if held.mark().await? != *mark {
            return Err(FenceError::Lost(None));
        }
        if !held.takes_writes().await? {
            let mut fresh = Session::open(&self.target, &self.name).await?;
            if !fresh.takes_writes().await? {
                fresh.close().await;
                return Ok(());
            }
            fresh.close().await;
            if let Some(old) = session.take() {
                old.close().await;
            }
            *session = Some(self.retake().await?);
        }
        if let Some(held) = session.as_mut() {
            match self.raise(held).await {
                Ok(()) => *unraised = None,
                Err(FenceError::ReadOnly | FenceError::Writing(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}
