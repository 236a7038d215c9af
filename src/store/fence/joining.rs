//! The epoch of processes that share a database.
//!
//! It changes when a process has had the database alone, and not when one of those who share comes or goes: they see each other's writes by the
//! log, and one that was shut out meanwhile finds another owner.

use super::{Epoch, Raised, Session, within};
use crate::store::error::StoreError;

/// Who may write.
#[derive(Debug)]
struct Found {
    owner: String,
    epoch: i64,
    is_shared: bool,
}

crate::store::row::from_row!(Found {
    owner,
    epoch,
    is_shared
});

impl Session {
    /// Makes this process one of those who may write. To be called by the session that shares the fence: nobody has it alone then, so that an owner
    /// whom others share stays. Where there is none, this waits for transactions of others as [`Self::raise`] does.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn join(&mut self, epoch: &Epoch) -> Result<Raised, StoreError> {
        if let Some(joined) = self.find_shared_owner(epoch).await? {
            return Ok(joined);
        }
        // Another one may be as far as this one: the second to come finds the owner of the first, and its number stays.
        let raise = sqlx::query_scalar(
            "INSERT INTO fence_epoch (owner, epoch, shared_owner)
             VALUES ($1::uuid, 1, $1::uuid)
             ON CONFLICT (singleton) DO UPDATE
             SET owner = CASE WHEN fence_epoch.shared_owner = fence_epoch.owner THEN fence_epoch.owner ELSE excluded.owner END,
                 shared_owner = CASE WHEN fence_epoch.shared_owner = fence_epoch.owner THEN fence_epoch.owner ELSE excluded.owner END,
                 epoch = CASE WHEN fence_epoch.shared_owner = fence_epoch.owner THEN fence_epoch.epoch ELSE fence_epoch.epoch + 1 END
             RETURNING epoch",
        );
        match self.raise_by(raise.bind(epoch.own_id())).await? {
            Raised::Now(number) => {
                let joined = self.find_shared_owner(epoch).await?;
                // Without one, another database answers now: its owner is not ours.
                Ok(joined.unwrap_or(Raised::Now(number)))
            }
            waits @ (Raised::WaitsFor(_) | Raised::ReadOnly) => Ok(waits),
        }
    }

    /// Joins the owner whom others share, if there is one.
    async fn find_shared_owner(&mut self, epoch: &Epoch) -> Result<Option<Raised>, StoreError> {
        let found = sqlx::query_as(
            "SELECT owner::text AS owner, epoch, coalesce(shared_owner = owner, false) AS is_shared
             FROM fence_epoch
             WHERE singleton",
        );
        let found: Option<Found> = within(found.fetch_optional(&mut self.0)).await?;
        let shared = found.filter(|found| found.is_shared);
        Ok(shared.map(|shared| {
            epoch.set_raised(&shared.owner);
            Raised::Now(shared.epoch)
        }))
    }
}
