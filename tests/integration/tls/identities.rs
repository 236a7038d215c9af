//! Client certificates as identities.

use patron::app::settings::Settings;
use patron::app::settings::identity::IdentityMode;
use patron::app::tls::ClientCertificates;
use patron::pb;
use patron::pb::ingest_service_client::IngestServiceClient;
use tonic::transport::{ClientTlsConfig, Endpoint};
use tonic::{Code, Request, Status};

use super::authority::Authority;
use super::service::Encrypted;
use super::{ServerFiles, identity};
use crate::identity::{create, wanted};
use crate::server::soon;
use crate::support::until;

/// A service that lets clients with certificates of an authority in, and knows them by their names or by tokens.
async fn start(files: &ServerFiles, clients: &Authority) -> Encrypted {
    let given = files.files_with_clients(clients, ClientCertificates::Optional);
    Encrypted::start_with(files, |settings: &mut Settings| {
        settings.tls.tls_client_ca = given.client_ca;
        settings.tls.tls_client_certificates = given.client_certificates;
        settings.identity = IdentityMode::Required;
        settings.agi_listen = None;
    })
    .await
}

/// What a client gets for the time zone, which every role but telephony may read.
async fn zone(
    service: &Encrypted,
    tls: ClientTlsConfig,
    token: Option<&str>,
) -> Result<String, Status> {
    let endpoint = Endpoint::from_shared(service.endpoint()).unwrap();
    let channel = soon(endpoint.tls_config(tls).unwrap().connect())
        .await
        .unwrap();
    let mut request = Request::new(pb::GetTimeZoneRequest {});
    if let Some(token) = token {
        let header = format!("Bearer {token}");
        request
            .metadata_mut()
            .insert("authorization", header.parse().unwrap());
    }
    let answer = IngestServiceClient::new(channel)
        .get_time_zone(request)
        .await?;
    Ok(answer.into_inner().time_zone)
}

#[tokio::test]
async fn a_name_in_a_certificate_has_the_roles_that_it_was_given() {
    let files = ServerFiles::new();
    let clients = Authority::new("authority of clients");
    let service = start(&files, &clients).await;
    let own = clients.issue_uri("spiffe://bank/nightly", &["nightly.example"]);
    let own = files.trusting().identity(identity(&own));
    let unknown = zone(&service, own.clone(), None).await.unwrap_err();
    assert_eq!(unknown.code(), Code::Unauthenticated);
    assert!(
        unknown.message().contains("spiffe://bank/nightly"),
        "{unknown:?}"
    );
    let anonymous = zone(&service, files.trusting(), None).await.unwrap_err();
    assert!(anonymous.message().contains("no token"), "{anonymous:?}");

    let request = pb::CreateTokenRequest {
        certificate_name: "spiffe://bank/nightly".to_owned(),
        ..wanted(&[pb::Role::Importer])
    };
    let created = create(&service.database.url, request).await;
    assert_eq!(created.bearer, "");
    until("the name has a role", async || {
        zone(&service, own.clone(), None).await.is_ok()
    })
    .await;
    // A host in a certificate of its own, and a token that goes before any certificate.
    let request = pb::CreateTokenRequest {
        certificate_name: "switch.example".to_owned(),
        ..wanted(&[pb::Role::Telephony])
    };
    create(&service.database.url, request).await;
    let switch = clients.issue(&["switch.example"]);
    let switch = files.trusting().identity(identity(&switch));
    until("the host has a role", async || {
        let refused = zone(&service, switch.clone(), None).await.unwrap_err();
        refused.code() == Code::PermissionDenied
    })
    .await;
    let agent = create(&service.database.url, wanted(&[pb::Role::Agent])).await;
    until("the token is known", async || {
        zone(&service, switch.clone(), Some(&agent.bearer))
            .await
            .is_ok()
    })
    .await;
}
