//! Connections spread over cores: each new one goes to the core that has the fewest.
//!
//! The kernel would spread them too, over several listeners on one port, but by a hash of their addresses: the few connections of a few callers
//! then meet on one core.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};

use futures_util::{Stream, StreamExt as _};
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::incoming::{Accepted, Connection, Incoming, Setup};

/// A connection on its way to a core: a socket that belongs to no runtime.
struct Arrival {
    stream: std::net::TcpStream,
    place: OwnedSemaphorePermit,
    share: Share,
}

/// One connection more on a core.
#[derive(Debug)]
pub(super) struct Share(Arc<AtomicUsize>);

impl Share {
    fn of(core: &Arc<AtomicUsize>) -> Self {
        core.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(core))
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A core, as the one sees it who accepts connections.
pub(super) struct Core {
    open: Arc<AtomicUsize>,
    arrivals: UnboundedSender<Arrival>,
}

/// The connections of a core.
pub(super) struct Arrivals {
    setup: Setup,
    arrivals: UnboundedReceiver<Arrival>,
}

/// A core and its connections, which `setup` makes of sockets.
pub(super) fn core(setup: Setup) -> (Core, Arrivals) {
    // As many as there may be connections: they have their places.
    let (sender, arrivals) = unbounded_channel();
    let core = Core {
        open: Arc::default(),
        arrivals: sender,
    };
    (core, Arrivals { setup, arrivals })
}

/// Sends what is accepted to `cores` until it is dropped, which closes the listener.
pub(super) async fn spread(mut incoming: Incoming, cores: Vec<Core>) {
    while let Some(accepted) = incoming.next().await {
        let fewest = cores
            .iter()
            .min_by_key(|it| it.open.load(Ordering::Relaxed));
        let Some(core) = fewest else {
            return;
        };
        let Accepted { stream, place, .. } = accepted;
        // It was registered with this runtime, and another one will wait for it.
        let stream = match stream.into_std() {
            Ok(stream) => stream,
            Err(error) => {
                tracing::warn!(error.cause = %error, "a connection could not be accepted");
                continue;
            }
        };
        let arrival = Arrival {
            stream,
            place,
            share: Share::of(&core.open),
        };
        if core.arrivals.send(arrival).is_err() {
            return;
        }
    }
}

impl Stream for Arrivals {
    type Item = Connection;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        while let Some(arrival) = ready!(this.arrivals.poll_recv(cx)) {
            match TcpStream::from_std(arrival.stream) {
                Ok(stream) => {
                    let accepted = Accepted {
                        stream,
                        place: arrival.place,
                        share: Some(arrival.share),
                    };
                    return Poll::Ready(Some(this.setup.connect(accepted)));
                }
                Err(error) => {
                    tracing::warn!(error.cause = %error, "a connection could not be accepted");
                }
            }
        }
        Poll::Ready(None)
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;
    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::app::server::Limits;
    use crate::app::tls::{ListenerTls, Protocol};
    use crate::grpc::layers::peer::{Peers, Threads};
    use crate::metrics::Metrics;

    #[tokio::test]
    async fn a_connection_goes_to_the_core_that_has_the_fewest() {
        let (limits, metrics) = (Limits::default(), Metrics::new([]));
        let setup = Setup::new(
            ListenerTls::new(None, Protocol::Grpc, limits.handshake_timeout),
            &limits,
            metrics.connections.clone(),
            Peers::new(
                limits.of_peers(Threads {
                    cores: 2,
                    others: 1,
                }),
                metrics.peers.clone(),
            ),
            (CancellationToken::new(), CancellationToken::new()),
        );
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let incoming = Incoming::new(listener, &limits, metrics.connections.clone());
        let (first, mut arrivals) = core(setup.clone());
        let (second, mut second_arrivals) = core(setup);
        let spreading = tokio::spawn(spread(incoming, vec![first, second]));
        let mut clients = vec![];
        let (mut here, mut there) = (vec![], vec![]);
        for _ in 0..2 {
            clients.push(TcpStream::connect(address).await.unwrap());
            here.push(arrivals.next().await.unwrap());
            clients.push(TcpStream::connect(address).await.unwrap());
            there.push(second_arrivals.next().await.unwrap());
        }
        assert_eq!(metrics.connections.open.get(), 4);
        there.clear();
        for _ in 0..2 {
            clients.push(TcpStream::connect(address).await.unwrap());
            there.push(second_arrivals.next().await.unwrap());
        }
        assert_eq!(metrics.connections.open.get(), 4);
        // The end of accepting ends what the cores wait for.
        spreading.abort();
        assert!(arrivals.next().await.is_none() && second_arrivals.next().await.is_none());
    }
}
