//! Reading what was written elsewhere: how far a write came, and waiting until this process has come as far.

use std::{sync::atomic::Ordering, time::Duration};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use tokio::time::timeout;

use super::{Followed, Follower, STALE_AFTER};
use crate::store::change_log::Position;

/// So many transactions that ran are named in a token, which is a header; where more ran, all of them must have ended.
const MAX_RUNNING: usize = 256;

/// This process has not come as far in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this server has not yet read what was written before")]
pub struct NotYet;

/// What a write answers and a read brings: how far its reader must have come. Opaque to clients.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WriteToken(Position);

impl WriteToken {
    /// The token as a header has it.
    #[must_use]
    pub fn to_text(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0.to_string())
    }

    /// The token in a header; `None`: it is none.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Self> {
        let position = URL_SAFE_NO_PAD.decode(text).ok()?;
        let position = std::str::from_utf8(&position).ok()?;
        Some(Self(position.parse().ok()?))
    }
}

impl Follower {
    /// How far all has come that was written before this call. Memory of this process has come as far by then. The look that finds it takes a
    /// millisecond or two, and is waited for as long as `limit` and the time after which answers are marked stale.
    ///
    /// # Errors
    /// The logs cannot be read in time.
    pub async fn token(&self, limit: Duration) -> Result<WriteToken, NotYet> {
        let look = self.begun.load(Ordering::SeqCst) + 1;
        let has_looked = |followed: &Followed| followed.look >= look;
        let followed = self.wait_until(has_looked, limit).await?;
        Ok(WriteToken(followed.position.with_few_running(MAX_RUNNING)))
    }

    /// Whether the database does not answer, so that no look comes to its end.
    #[must_use]
    pub fn is_cut_off(&self) -> bool {
        self.parts.breaker.check().is_err()
    }

    /// Waits until memory of this process is as new as the write of `token`, as long as [`Self::token`] does. Where it is not, the logs are looked
    /// at now.
    ///
    /// # Errors
    /// The logs cannot be read in time, or the token is of another database.
    pub async fn reach(&self, token: &WriteToken, limit: Duration) -> Result<(), NotYet> {
        if self.has_reached(token) {
            return Ok(());
        }
        let reached = |followed: &Followed| followed.position.covers(&token.0);
        self.wait_until(reached, limit).await.map(drop)
    }

    /// Whether memory of this process is as new as the write of `token`.
    #[must_use]
    pub fn has_reached(&self, token: &WriteToken) -> bool {
        self.followed.borrow().position.covers(&token.0)
    }

    async fn wait_until(
        &self,
        is_far: impl FnMut(&Followed) -> bool,
        limit: Duration,
    ) -> Result<Followed, NotYet> {
        let mut followed = self.followed.subscribe();
        self.asked.notify_one();
        match timeout(limit.min(STALE_AFTER), followed.wait_for(is_far)).await {
            Ok(Ok(followed)) => Ok(followed.clone()),
            Ok(Err(_)) | Err(_) => Err(NotYet),
        }
    }
}
