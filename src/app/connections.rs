//! A listener for telephone systems: connections within a limit, and a drain that ends.
//!
//! When all places are taken, the oldest connection is to be closed, once its request is answered: idle ones never shut new callers out. A peer
//! that takes nothing of what it is sent is cut by the kernel. How a connection is answered is for its face.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Weak};
use std::time::Duration;

use rustix::net::sockopt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Most connections of a listener at once. A telephone system has one for each call that it is setting up.
pub(super) const MAX_CONNECTIONS: usize = 1024;

/// Time a peer has to take what it is sent (`TCP_USER_TIMEOUT`), before the kernel ends the connection.
const UNREAD_TIMEOUT_MS: u32 = 10_000;

/// Pause after an accept error: those that repeat need others to close first.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// A listener while it serves.
pub(super) struct Listening {
    /// Where.
    pub(super) address: Option<SocketAddr>,
    /// Ends when it has drained.
    pub(super) serving: JoinHandle<()>,
}

impl Listening {
    /// Answers connections on the present runtime until `stop` is cancelled; those in progress then get `drain_limit` to end.
    pub(super) fn start<A, F>(
        listener: TcpListener,
        stop: CancellationToken,
        drain_limit: Duration,
        answer: A,
    ) -> Self
    where
        A: Fn(TcpStream, CancellationToken) -> F + Send + Sync + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        Self {
            address: listener.local_addr().ok(),
            serving: tokio::spawn(serve(listener, stop, drain_limit, answer)),
        }
    }
}

async fn serve<A, F>(
    listener: TcpListener,
    stop: CancellationToken,
    drain_limit: Duration,
    answer: A,
) where
    A: Fn(TcpStream, CancellationToken) -> F,
    F: Future<Output = ()> + Send + 'static,
{
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let connections = TaskTracker::new();
    let cut = CancellationToken::new();
    let accepting = async {
        // Of each connection, the oldest first, what closes it.
        let mut open: VecDeque<(Weak<()>, CancellationToken)> = VecDeque::new();
        loop {
            match listener.accept().await {
                Ok((stream, _)) => {
                    if places.available_permits() == 0 {
                        open.retain(|(lives, close)| {
                            lives.strong_count() > 0 && !close.is_cancelled()
                        });
                        if let Some((_, close)) = open.pop_front() {
                            close.cancel();
                        }
                    }
                    // Never closed.
                    let Ok(place) = Arc::clone(&places).acquire_owned().await else {
                        return;
                    };
                    // Answers are small and never wait for more.
                    let _ = stream.set_nodelay(true);
                    let _ = sockopt::set_tcp_user_timeout(&stream, UNREAD_TIMEOUT_MS);
                    let (lives, close) = (Arc::new(()), stop.child_token());
                    open.push_back((Arc::downgrade(&lives), close.clone()));
                    if open.len() > 2 * MAX_CONNECTIONS {
                        open.retain(|(lives, _)| lives.strong_count() > 0);
                    }
                    let answered = answer(stream, close);
                    let answered = cut.clone().run_until_cancelled_owned(async move {
                        answered.await;
                        drop((place, lives));
                    });
                    connections.spawn(answered);
                }
                Err(error) => {
                    tracing::warn!(error.cause = %error, "a connection could not be accepted");
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    };
    stop.run_until_cancelled(accepting).await;
    drop(listener);
    connections.close();
    if timeout(drain_limit, connections.wait()).await.is_err() {
        cut.cancel();
    }
}
