//! Notices from process to process: they bring the next look at the logs forward.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::Notify,
    time::{sleep, timeout},
};

use super::Follower;
use crate::{
    clock::fraction,
    store::{
        notices::{Listener, notify},
        pool::Pool,
        target::Target,
    },
};

/// One notice for all writes within this time. A notice is sent by a transaction of its own, after the write: those that notify take turns at
/// their commits, which writers must not.
const NOTICE_INTERVAL: Duration = Duration::from_millis(10);
/// After this time another session listens: one whose network went silent hears nothing and breaks never.
const SESSION_LIFETIME: Duration = Duration::from_mins(2);
/// How long a notice, and the opening of such a session, may take.
const NOTICE_LIMIT: Duration = Duration::from_secs(2);
const LISTEN_LIMIT: Duration = Duration::from_secs(10);
/// Pause before another session is opened to listen; up to twice as long.
const LISTEN_AGAIN: Duration = Duration::from_millis(250);

/// Says to other processes that this one has written something. Clones share it; those of a process that has the database alone do nothing.
#[derive(Debug, Clone, Default)]
pub struct Announcements(Option<Arc<Notify>>);

impl Announcements {
    /// Those that others hear, once [`Self::announce_all`] runs.
    #[must_use]
    pub fn heard() -> Self {
        Self(Some(Arc::default()))
    }

    /// Whether there are other processes.
    #[must_use]
    pub fn are_heard(&self) -> bool {
        self.0.is_some()
    }

    /// Something was written, or may have been.
    pub fn announce(&self) {
        if let Some(written) = &self.0 {
            written.notify_one();
        }
    }

    /// Notifies others of what is announced, forever. A notice that fails is lost: others look for themselves.
    pub async fn announce_all(self, pool: Pool, own: Arc<str>) {
        let Some(written) = self.0 else {
            return;
        };
        loop {
            written.notified().await;
            match timeout(NOTICE_LIMIT, notify(&pool, &own)).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => {
                    tracing::debug!(error.cause = %error, "other servers were not notified of a write");
                }
                Err(_) => tracing::debug!("other servers were not notified of a write in time"),
            }
            sleep(NOTICE_INTERVAL).await;
        }
    }
}

impl Follower {
    /// Listens for notices of others than `own`, forever; in another session when one breaks.
    pub async fn listen(self: Arc<Self>, target: Target, own: Arc<str>) {
        loop {
            if let Ok(Ok(mut listener)) = timeout(LISTEN_LIMIT, Listener::open(&target)).await {
                // What was written before it listened had no notice.
                self.asked.notify_one();
                let hear = async {
                    while listener.next(&own).await.is_ok() {
                        self.asked.notify_one();
                    }
                };
                if timeout(SESSION_LIFETIME, hear).await.is_ok() {
                    tracing::debug!("the session that listens for writes of other servers broke");
                }
            }
            sleep(LISTEN_AGAIN.mul_f64(1.0 + fraction())).await;
        }
    }
}
