//! How long connections live: each is asked to end at an age of its own, finishes its calls, and is cut when it does not end.
//!
//! A client keeps its connection for as long as it is open, so that without this a new server behind a balancer gets no calls, and one that
//! was proved once with a certificate is never asked again. The transport of tonic serves any number of connections and has one age for all
//! of them; here it serves one, so that connections that began together do not end together.

use std::convert::Infallible;
use std::future::{pending, ready};
use std::io;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, stream};
use http::{Request, Response};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic::body::Body;
use tonic::codegen::StdError;
use tonic::transport::Server;
use tonic::transport::server::Connected as _;
use tower::Service;

use super::incoming::Connection;
use crate::clock::fraction;
use crate::grpc::layers::peer::Peer;

/// How long connections live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lifetime {
    /// Age at which a connection is asked to end, give or take a tenth; `None`: never.
    pub age: Option<Duration>,
    /// Time after that in which it may finish its calls.
    pub grace: Duration,
}

impl Default for Lifetime {
    /// The defaults of the settings, whose documentation gives the reasons.
    fn default() -> Self {
        Self {
            age: Some(Duration::from_mins(10)),
            grace: Duration::from_hours(1),
        }
    }
}

impl Lifetime {
    /// Ends at the age of one connection: 0.9 to 1.1 of the stated one, as gRPC's own servers spread it (gRFC A9).
    pub(in crate::app) async fn reach_age(self) {
        match self.age {
            Some(age) => sleep(spread(age, fraction())).await,
            None => pending().await,
        }
    }

    /// Asks the peer to end at its age, and cuts it when it has not ended after the grace. Never ends itself.
    async fn end(self, peer: &Peer) -> Infallible {
        self.reach_age().await;
        peer.leaving().cancel();
        sleep(self.grace).await;
        peer.cut().cancel();
        pending().await
    }
}

/// An age by a number from 0 to 1.
fn spread(age: Duration, fraction: f64) -> Duration {
    age.mul_f64(0.9 + 0.2 * fraction)
}

/// Serves the connections that come in until `stop` is cancelled; then those that are open, until the last of them has ended.
pub(super) async fn serve<S, B, I>(
    transport: Server,
    service: S,
    mut incoming: I,
    lifetime: Lifetime,
    stop: CancellationToken,
) -> Result<(), tonic::transport::Error>
where
    S: Service<Request<Body>, Response = Response<B>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Into<StdError> + Send + 'static,
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<StdError>,
    I: Stream<Item = Connection> + Unpin,
{
    // Dropping this ends the connections too.
    let _ends = stop.clone().drop_guard();
    let connections = TaskTracker::new();
    while let Some(Some(connection)) = stop.run_until_cancelled(incoming.next()).await {
        let (transport, service) = (transport.clone(), service.clone());
        connections.spawn(async move {
            let ended = serve_one(transport, service, connection, lifetime).await;
            if let Err(error) = ended {
                tracing::debug!(error.cause = %error, "a connection ended");
            }
        });
    }
    drop(incoming);
    connections.close();
    connections.wait().await;
    Ok(())
}

/// Serves a connection for its lifetime. Its peer leaves when the server stops, too.
async fn serve_one<S, B>(
    transport: Server,
    service: S,
    connection: Connection,
    lifetime: Lifetime,
) -> Result<(), tonic::transport::Error>
where
    S: Service<Request<Body>, Response = Response<B>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Into<StdError> + Send + 'static,
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<StdError>,
{
    let (peer, gone) = (connection.connect_info(), connection.gone());
    let leaving = peer.leaving().clone();
    // The transport would take the end of the connections that come in for the end of those that are there.
    let alone = stream::once(ready(Ok::<_, io::Error>(connection))).chain(stream::pending());
    let over = async move {
        tokio::select! {
            () = leaving.cancelled() => {}
            () = gone.cancelled() => {}
        }
    };
    let serving = transport.serve_with_incoming_shutdown(service, alone, over);
    tokio::select! {
        ended = serving => ended,
        never = lifetime.end(&peer) => match never {},
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_differ_by_a_tenth_at_most() {
        let age = Duration::from_mins(10);
        assert_eq!(spread(age, 0.0), Duration::from_mins(9));
        assert_eq!(spread(age, 1.0), Duration::from_mins(11));
        let ages: std::collections::HashSet<Duration> =
            (0..100).map(|_| spread(age, fraction())).collect();
        assert!(
            ages.len() > 90,
            "{} of 100 connections end apart",
            ages.len()
        );
    }
}
