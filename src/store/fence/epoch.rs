//! Under which id a process may write.

use std::sync::{Arc, OnceLock};

use sqlx::PgConnection;

use crate::store::error::StoreError;

/// The epoch of this process: a random id, which it writes when it takes the fence and no other process has; or, where it shares the database, the
/// one that those have who share it. Clones share it.
#[derive(Debug, Clone)]
pub struct Epoch(Arc<Ids>);

#[derive(Debug)]
struct Ids {
    own: String,
    /// The id in the database as which this process may write.
    raised: OnceLock<String>,
}

impl Epoch {
    /// A new one.
    #[must_use]
    pub fn random() -> Self {
        Self(Arc::new(Ids {
            own: uuid::Uuid::new_v4().to_string(),
            raised: OnceLock::new(),
        }))
    }

    /// Whether this process wrote it to the database, or joined those who did.
    #[must_use]
    pub fn is_raised(&self) -> bool {
        self.0.raised.get().is_some()
    }

    /// An id that no other process has.
    #[must_use]
    pub fn own_id(&self) -> &str {
        &self.0.own
    }

    /// Fails when another process took the fence, which by this cannot happen before the end of the transaction.
    ///
    /// # Errors
    /// [`StoreError::TakenOver`], or when the database cannot be asked.
    pub async fn check(&self, transaction: &mut PgConnection) -> Result<(), StoreError> {
        let owner: Option<String> = sqlx::query_scalar("SELECT fence_owner()::text")
            .fetch_one(&mut *transaction)
            .await?;
        if self.is(owner.as_deref()) {
            return Ok(());
        }
        if !self.is_raised() {
            // Begun on a database that takes no writes: it is for the database to say whether that is still so.
            sqlx::query("UPDATE fence_epoch SET owner = owner WHERE false")
                .execute(transaction)
                .await?;
        }
        Err(StoreError::TakenOver)
    }

    pub(super) fn is(&self, owner: Option<&str>) -> bool {
        let raised = self.0.raised.get();
        raised.is_some_and(|raised| owner == Some(raised.as_str()))
    }

    /// This process may write as `owner` from now on. It never becomes another one: to do so, it would have to forget what it holds.
    pub(super) fn set_raised(&self, owner: &str) {
        self.0.raised.get_or_init(|| owner.to_owned());
    }
}
