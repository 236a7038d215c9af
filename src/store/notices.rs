//! Notices between processes that something was written. They are a nudge and no more: one may be lost, and none says what was written.

use std::io;

use sqlx::postgres::PgListener;
use tokio::sync::watch;

use crate::store::{
    error::StoreError,
    pool::{self, Pool},
    target::Target,
};

/// The channel.
const CHANNEL: &str = "patron_changes";
/// The name under which the database shows the session that listens.
pub const LISTENER_NAME: &str = "patron listener";

/// A session that hears notices.
pub struct Listener {
    session: PgListener,
    /// Changes when the database is used on another host.
    moves: watch::Receiver<u64>,
}

impl Listener {
    /// Opens one.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn open(target: &Target) -> Result<Self, StoreError> {
        let moves = target.moves();
        let mut session = pool::open_listener(target, LISTENER_NAME).await?;
        session.listen(CHANNEL).await?;
        Ok(Self { session, moves })
    }

    /// Waits for the next notice of somebody else than `own`, or for the end of the session: then notices may have been lost.
    ///
    /// # Errors
    /// When the session broke and there is no other one: this one is of no use any more.
    pub async fn next(&mut self, own: &str) -> Result<(), StoreError> {
        loop {
            let heard = tokio::select! {
                heard = self.session.try_recv() => heard?,
                // Its own attempts to connect again would go to the host of before.
                Ok(()) = self.moves.changed() => return Err(StoreError::Unavailable(left())),
            };
            match heard {
                Some(notice) if notice.payload() == own => {}
                Some(_) | None => return Ok(()),
            }
        }
    }
}

fn left() -> sqlx::Error {
    let message = "the database is used on another host";
    sqlx::Error::Io(io::Error::new(io::ErrorKind::NotConnected, message))
}

/// Notifies all others that `own` has written something.
///
/// # Errors
/// When the database cannot be asked.
pub async fn notify(pool: &Pool, own: &str) -> Result<(), StoreError> {
    let mut lease = pool.lease().await?;
    sqlx::query("SELECT pg_notify('patron_changes', $1)")
        .bind(own)
        .execute(&mut *lease)
        .await?;
    drop(lease.done());
    Ok(())
}
