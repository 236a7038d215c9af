//! Certificates of clients: required, optional, of another authority, and the names that calls carry.

use std::sync::Arc;

use patron::app::server::Limits;
use patron::app::tls::{ClientCertificates, TlsFiles};
use patron::metrics::{HandshakeFailure, TlsListener};
use patron::pb::scoring_service_client::ScoringServiceClient;
use tonic::Status;
use tonic::transport::{Channel, ClientTlsConfig, Endpoint};

use super::authority::Authority;
use super::{ServerFiles, identity, open};
use crate::server::observation::LOG;
use crate::server::{Running, request, soon};
use crate::support::until;

/// A server with these files and clients of it.
struct Server {
    running: Running,
    files: ServerFiles,
    clients: Authority,
}

impl Server {
    async fn start(whether: ClientCertificates) -> Self {
        let (files, clients) = (ServerFiles::new(), Authority::new("authority of clients"));
        let given = files.files_with_clients(&clients, whether);
        Self {
            running: start(given).await,
            files,
            clients,
        }
    }

    /// What Classify answers to a client on a connection of its own.
    async fn classify(&self, tls: ClientTlsConfig, command: &str) -> Result<String, Status> {
        let mut client = connect(&self.running, tls).await?;
        let answer = client.classify(request(command)).await?.into_inner();
        Ok(answer.classification.unwrap().customer_id)
    }

    fn failures(&self, reason: HandshakeFailure) -> u64 {
        let metrics = &self.running.shared.metrics.tls;
        metrics.failures(TlsListener::Grpc, reason).get()
    }
}

pub(super) async fn start(files: TlsFiles) -> Running {
    Running::start_with(Limits::default(), |shared| {
        shared.tls = Some(open(files, &shared.metrics.tls));
    })
    .await
}

/// A client on a connection of its own; the failure of a connection as its calls would report it.
pub(super) async fn connect(
    running: &Running,
    tls: ClientTlsConfig,
) -> Result<ScoringServiceClient<Channel>, Status> {
    let endpoint = Endpoint::from_shared(format!("https://{}", running.address)).unwrap();
    let endpoint = endpoint.tls_config(tls).unwrap();
    match soon(endpoint.connect()).await {
        Ok(channel) => Ok(ScoringServiceClient::new(channel)),
        Err(error) => Err(Status::from_error(Box::new(error))),
    }
}

#[tokio::test]
async fn without_a_certificate_nobody_gets_in_where_one_is_required() {
    let server = Server::start(ClientCertificates::Required).await;
    let refused = server.classify(server.files.trusting(), "anna").await;
    assert!(refused.is_err(), "{refused:?}");
    until("the failure is counted", async || {
        server.failures(HandshakeFailure::NoCertificate) == 1
    })
    .await;

    let stranger = Authority::new("another authority").issue(&["crm.example"]);
    let tls = server.files.trusting().identity(identity(&stranger));
    let refused = server.classify(tls, "anna").await;
    assert!(refused.is_err(), "{refused:?}");
    until("the failure is counted", async || {
        server.failures(HandshakeFailure::BadCertificate) == 1
    })
    .await;

    let own = server.clients.issue(&["crm.example"]);
    let tls = server.files.trusting().identity(identity(&own));
    assert_eq!(server.classify(tls, "anna").await.unwrap(), "anna");
}

#[tokio::test]
async fn an_optional_certificate_may_be_absent_but_not_wrong() {
    let server = Server::start(ClientCertificates::Optional).await;
    let answer = server.classify(server.files.trusting(), "anna").await;
    assert_eq!(answer.unwrap(), "anna");
    let none = server.classify(server.files.trusting(), "whoami").await;
    assert_eq!(none.unwrap(), "[]");

    let stranger = Authority::new("another authority").issue(&["crm.example"]);
    let tls = server.files.trusting().identity(identity(&stranger));
    let refused = server.classify(tls, "anna").await;
    assert!(refused.is_err(), "{refused:?}");
}

#[tokio::test]
async fn calls_carry_the_names_of_the_certificate() {
    let server = Server::start(ClientCertificates::Required).await;
    let own = server
        .clients
        .issue_uri("spiffe://bank/crm", &["CRM.example"]);
    let tls = server.files.trusting().identity(identity(&own));
    assert_eq!(
        server.classify(tls, "whoami").await.unwrap(),
        r#"[Uri("spiffe://bank/crm"), Dns("crm.example")]"#
    );
}

#[tokio::test]
async fn the_line_of_a_failed_call_names_the_client() {
    let log = &*LOG;
    let server = Server::start(ClientCertificates::Required).await;
    let own = server.clients.issue(&["nightly-import.example"]);
    let tls = server.files.trusting().identity(identity(&own));
    server.classify(tls, "fail").await.unwrap_err();
    until("the line is there", async || {
        let events = log.events();
        let ours = events
            .iter()
            .find(|event| event["client.name"] == "nightly-import.example");
        ours.is_some_and(|event| event["error.reason"] == "CUSTOMER_NOT_FOUND")
    })
    .await;
}

#[tokio::test]
async fn each_connection_has_the_names_of_its_own_certificate() {
    let server = Server::start(ClientCertificates::Required).await;
    let server = Arc::new(server);
    let mut calls = tokio::task::JoinSet::new();
    for number in 0..16 {
        let server = Arc::clone(&server);
        calls.spawn(async move {
            let name = format!("client-{number}.example");
            let own = server.clients.issue(&[&name]);
            let tls = server.files.trusting().identity(identity(&own));
            let answer = server.classify(tls, "whoami").await.unwrap();
            assert_eq!(answer, format!("[Dns({name:?})]"));
        });
    }
    while let Some(ended) = soon(calls.join_next()).await {
        ended.unwrap();
    }
}
