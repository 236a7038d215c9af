//! How the server behaves towards its callers, whatever the services behind it answer: limits, deadlines, ids, metrics, and how it stops.
//!
//! The service behind it is a fake that echoes, fails or waits as it is told; the server, its layers and its sockets are the real ones.

pub(crate) mod admin;
mod ages;
mod bench;
mod conventions;
mod deadlines;
mod drain;
mod fake;
mod hostile;
mod limits;
mod messages;
pub(crate) mod observation;
pub(crate) mod raw;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use patron::app::server::{DrainOutcome, Limits, ServeError, Shared, serve};
use patron::clock::SystemClock;
use patron::pb::scoring_service_client::ScoringServiceClient;
use patron::pb::scoring_service_server::ScoringServiceServer;
use patron::pb::{ClassifyRequest, Subject, subject};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tonic::transport::{Channel, Endpoint};

use fake::Fake;

/// Longest time to wait for what must happen at once: only a failing test waits so long.
const PATIENCE: Duration = Duration::from_secs(20);

/// A server on a free port of the loopback.
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    fake: Fake,
    pub(crate) shared: Shared,
    stop: CancellationToken,
    served: JoinHandle<Result<DrainOutcome, ServeError>>,
}

impl Running {
    async fn start(limits: Limits) -> Self {
        Self::start_with(limits, |_| {}).await
    }

    /// With something else that it shares with the process.
    pub(crate) async fn start_with(limits: Limits, change: impl FnOnce(&mut Shared)) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let fake = Fake::default();
        let mut shared = Shared::new(Arc::new(SystemClock));
        change(&mut shared);
        let stop = CancellationToken::new();
        let service = ScoringServiceServer::new(fake.clone())
            .max_decoding_message_size(limits.max_message_bytes);
        let served = tokio::spawn({
            let (shared, stop) = (shared.clone(), stop.clone());
            async move { serve(listener, Routes::new(service), &limits, &shared, stop).await }
        });
        Self {
            address,
            fake,
            shared,
            stop,
            served,
        }
    }

    /// A connection of its own to the server.
    async fn channel(&self) -> Channel {
        let uri = format!("http://{}", self.address);
        let endpoint = Endpoint::from_shared(uri).unwrap();
        soon(endpoint.connect()).await.unwrap()
    }

    async fn client(&self) -> ScoringServiceClient<Channel> {
        ScoringServiceClient::new(self.channel().await)
    }

    /// Another caller: a client at another address of this machine.
    async fn client_at(&self, address: [u8; 4]) -> ScoringServiceClient<Channel> {
        let endpoint = Endpoint::from_shared(format!("http://{}", self.address)).unwrap();
        let endpoint = endpoint.local_address(Some(address.into()));
        ScoringServiceClient::new(soon(endpoint.connect()).await.unwrap())
    }

    /// Asks the server to stop and returns how it did.
    async fn stop(self) -> DrainOutcome {
        self.stop.cancel();
        soon(self.served).await.unwrap().unwrap()
    }
}

/// What must happen without our doing anything more.
pub(crate) async fn soon<F: Future>(future: F) -> F::Output {
    timeout(PATIENCE, future).await.expect("nothing happened")
}

/// A request that tells the fake what to do.
pub(crate) fn request(command: &str) -> ClassifyRequest {
    ClassifyRequest {
        subject: Some(Subject {
            subject: Some(subject::Subject::CustomerId(command.to_owned())),
        }),
        as_of: String::new(),
        ..Default::default()
    }
}
