//! A listener for telephone systems: connections within a limit, and a drain that ends.
//!
//! Beyond the limit new connections wait in the backlog until a place is free. How a connection is answered, and that it ends, is for its face.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Most connections at once. A telephone system has one for each call that it is setting up.
const MAX_CONNECTIONS: usize = 1024;

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
        A: Fn(TcpStream) -> F + Send + Sync + 'static,
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
    A: Fn(TcpStream) -> F,
    F: Future<Output = ()> + Send + 'static,
{
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let connections = TaskTracker::new();
    let cut = CancellationToken::new();
    let accepting = async {
        loop {
            // Never closed.
            let Ok(place) = Arc::clone(&places).acquire_owned().await else {
                return;
            };
            match listener.accept().await {
                Ok((stream, _)) => {
                    // Answers are small and never wait for more.
                    let _ = stream.set_nodelay(true);
                    let answered = answer(stream);
                    let answered = cut.clone().run_until_cancelled_owned(async move {
                        answered.await;
                        drop(place);
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
