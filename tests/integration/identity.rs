//! Who may call what, on services that require identities.

mod commands;
mod faces;
mod matrix;
mod pages;
mod tokens;

use std::net::SocketAddr;
use std::sync::Arc;

use http::HeaderMap;
use patron::app::direct_tokens;
use patron::app::settings::identity::IdentityMode;
use patron::clock::FixedClock;
use patron::pb;
use patron::store::target::Target;
use tonic::Request;

use crate::server::raw;
use crate::support::service::{NOW, ServiceWithDatabase};
use crate::support::until;

/// A service that requires identities.
async fn service() -> ServiceWithDatabase {
    ServiceWithDatabase::start_with(|settings| {
        settings.identity = IdentityMode::Required;
        // It carries no tokens, so it is refused beside identities.
        settings.agi_listen = None;
        settings.validate().unwrap();
    })
    .await
}

/// What is wanted of a token: roles and nothing else.
pub(crate) fn wanted(roles: &[pb::Role]) -> pb::CreateTokenRequest {
    pb::CreateTokenRequest {
        description: "of a test".to_owned(),
        roles: roles.iter().map(|role| (*role).into()).collect(),
        ..Default::default()
    }
}

/// Creates a token past the services of the database, as another process does.
pub(crate) async fn create(
    database_url: &str,
    request: pb::CreateTokenRequest,
) -> pb::CreateTokenResponse {
    let target = Target::parse(database_url).unwrap();
    let clock = Arc::new(FixedClock::new(NOW.parse().unwrap()));
    let tokens = direct_tokens::open(&target, clock).await.unwrap();
    let created = tokens.create_token(Request::new(request)).await;
    created.unwrap().into_inner()
}

/// The same of a service, which knows the token when this returns.
async fn known(service: &ServiceWithDatabase, request: pb::CreateTokenRequest) -> String {
    let created = create(&service.database.url, request).await;
    let token = bearer(&created);
    until("the service knows the token", async || {
        let headers = [("authorization", &*token)];
        call(service.app.address, DESCRIBE, &headers).await["grpc-status"] != "16"
    })
    .await;
    token
}

/// The header of a token.
fn bearer(created: &pb::CreateTokenResponse) -> String {
    format!("Bearer {}", created.bearer)
}

/// A method that every identity may call.
const DESCRIBE: &str = "grpc.reflection.v1.ServerReflection/ServerReflectionInfo";

/// Calls a method with a message that cannot be decoded: whoever may call it learns that, and nothing is done.
async fn call(address: SocketAddr, method: &str, headers: &[(&'static str, &str)]) -> HeaderMap {
    let malformed = raw::framed(b"\xff\xff\xff");
    raw::exchange_bytes(address, method, &malformed, headers)
        .await
        .0
}

/// The reason within the answer to a call.
fn reason(headers: &HeaderMap) -> String {
    use tonic_types::StatusExt as _;
    let status = tonic::Status::from_header_map(headers).unwrap();
    status
        .get_details_error_info()
        .map(|info| info.reason)
        .unwrap_or_default()
}
