//! Proxies in front of two servers: calls, the details of errors, a server that drains, and none that answers.

mod envoy;
mod haproxy;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use patron::app::settings::Settings;
use patron::pb;
use patron::pb::correction_service_client::CorrectionServiceClient;
use patron::pb::scoring_service_client::ScoringServiceClient;
use tonic::metadata::MetadataMap;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Extensions, Request, Status};
use tonic_types::StatusExt as _;

use crate::support::messages::{by_id, purchase};
use crate::support::service::{Service, ServiceWithDatabase};
use crate::support::{APART, until};

/// More than the checks of a proxy take, also on a slow machine.
const LAME_DUCK_MS: u64 = 3_000;

/// Two servers that share a database. The keeper is not called.
struct Pair {
    keeper: ServiceWithDatabase,
    one: Service,
    two: Service,
}

/// A server that stops slowly, where its ports stay free when it has stopped.
fn slowly(settings: &mut Settings) {
    settings.lame_duck_ms = LAME_DUCK_MS;
    let http = settings.http_listen.as_mut().unwrap();
    for address in [&mut settings.listen, &mut settings.admin_listen, http] {
        address.set_ip(APART);
    }
}

impl Pair {
    async fn start() -> Self {
        let keeper = ServiceWithDatabase::start_shared().await;
        keeper
            .write(&[purchase("ada", "1", "2026-01-05", 10_000)])
            .await;
        let (one, two) = (
            keeper.join_with(slowly).await,
            keeper.join_with(slowly).await,
        );
        Self { keeper, one, two }
    }

    /// gRPC, HTTP and the admin port of each.
    fn addresses(&self) -> [[String; 3]; 2] {
        [&self.one, &self.two].map(|service| {
            let app = &service.app;
            [app.address, app.http_address.unwrap(), app.admin_address].map(|it| it.to_string())
        })
    }
}

/// Asks for a customer with a deadline that no part of the test may need.
async fn classify(client: &mut ScoringServiceClient<Channel>) -> Result<pb::Match, Status> {
    let mut request = Request::new(pb::ClassifyRequest {
        subject: Some(by_id("ada")),
        ..Default::default()
    });
    request.set_timeout(Duration::from_secs(20));
    let answer = client.classify(request).await?;
    Ok(answer.into_inner().r#match())
}

/// The error of a request with more mistakes than one lists, with these headers.
pub(crate) async fn largest_error(channel: Channel, headers: MetadataMap) -> Status {
    let message = pb::MoveFactsRequest {
        facts: vec![pb::FactName::default(); 500],
        ..Default::default()
    };
    let request = Request::from_parts(headers, Extensions::default(), message);
    let mut client = CorrectionServiceClient::new(channel);
    client.move_facts(request).await.unwrap_err()
}

/// It is the server's own, with all its details.
#[track_caller]
pub(crate) fn assert_complete(error: &Status) {
    assert_eq!(error.code(), Code::InvalidArgument, "{error:?}");
    let details = error.get_details_bad_request();
    let listed = details.map(|details| details.field_violations);
    let last = listed.unwrap_or_default().pop();
    let last = last.map(|it| it.description).unwrap_or_default();
    assert!(
        last.starts_with("and ") && last.ends_with(" more"),
        "{error:?}"
    );
}

/// All that a proxy must do in front of a pair. It must know both as healthy.
async fn check(proxy: SocketAddr, pair: Pair) {
    let endpoint = Endpoint::from_shared(format!("http://{proxy}")).unwrap();
    let channel = endpoint.connect_lazy();
    let mut client = ScoringServiceClient::new(channel.clone());
    until("the proxy knows the servers", async || {
        classify(&mut client).await.is_ok()
    })
    .await;
    for _ in 0..10 {
        assert_eq!(classify(&mut client).await.unwrap(), pb::Match::One);
    }
    assert_complete(&largest_error(channel, MetadataMap::new()).await);

    // A server that drains: no call fails.
    let Pair { keeper, one, two } = pair;
    let (grpc, admin) = (one.app.address, one.app.admin_address);
    let mut stop = std::pin::pin!(one.app.stop());
    let mut calls = 0;
    let stopped = loop {
        tokio::select! {
            biased;
            stopped = &mut stop => break stopped,
            answer = classify(&mut client) => {
                assert_eq!(answer.unwrap(), pb::Match::One, "after {calls} calls");
                calls += 1;
            }
        }
    };
    stopped.unwrap();
    assert!(calls > 10, "{calls}");
    assert_eq!(classify(&mut client).await.unwrap(), pb::Match::One);

    // Nobody is there: the caller hears of it long before a deadline of a second.
    two.app.stop().await.unwrap();
    let mut fastest = Duration::MAX;
    for _ in 0..5 {
        let begun = Instant::now();
        let refused = classify(&mut client).await.unwrap_err();
        assert_eq!(refused.code(), Code::Unavailable, "{refused:?}");
        fastest = fastest.min(begun.elapsed());
    }
    assert!(fastest < Duration::from_secs(1), "{fastest:?}");

    // It is back at its old place.
    let again = keeper
        .join_with(|settings| (settings.listen, settings.admin_listen) = (grpc, admin))
        .await;
    until("the proxy finds the server again", async || {
        classify(&mut client).await.is_ok()
    })
    .await;
    again.app.stop().await.unwrap();
}
