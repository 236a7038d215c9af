//! Every method by every role: what is declared is allowed, all else is refused.

use patron::app::server::methods;
use patron::domain::access::{Role, Scope};
use patron::grpc::access::{self, Access};
use patron::pb;
use patron::service::identity::Need;
use tonic::Code;
use tonic_types::StatusExt as _;

use super::{call, known, reason, service, wanted};
use crate::support::service::ServiceWithDatabase;

/// `UNAUTHENTICATED` and `PERMISSION_DENIED`.
const REFUSED: [&str; 2] = ["16", "7"];

fn role_message(role: Role) -> pb::Role {
    let name = role.name().to_uppercase().replace('-', "_");
    pb::Role::from_str_name(&format!("ROLE_{name}")).unwrap()
}

/// Whether a role may call a method, by what the method declares.
fn may(role: Role, method: &str) -> bool {
    match access::of(&format!("/{method}")) {
        Access::Open | Access::Needs(Need::Identity) => true,
        Access::Needs(Need::Scope(scope)) => role.scopes().contains(&scope),
        Access::Needs(Need::Undeclared) => panic!("{method} declares no scope"),
    }
}

#[tokio::test]
async fn every_role_may_call_what_it_has_the_scope_for_and_nothing_else() {
    let service = service().await;
    let methods = methods();
    let (mut allowed, mut refused) = (0, 0);
    for role in Role::ALL {
        let token = known(&service, wanted(&[role_message(role)])).await;
        for method in &methods {
            let answer = call(service.app.address, method, &[("authorization", &token)]).await;
            let status = answer["grpc-status"].to_str().unwrap();
            if may(role, method) {
                allowed += 1;
                assert!(!REFUSED.contains(&status), "{role} {method}: {status}");
            } else {
                refused += 1;
                assert_eq!(status, "7", "{role} {method}");
                assert_eq!(reason(&answer), "SCOPE_MISSING", "{role} {method}");
            }
        }
    }
    assert_eq!(allowed + refused, methods.len() * Role::ALL.len());
    assert!(allowed > 100 && refused > 200, "{allowed} {refused}");
}

#[tokio::test]
async fn without_an_identity_only_health_is_answered() {
    let service = service().await;
    for method in methods() {
        for token in [None, Some("Bearer patron_x"), Some("Basic YTpi")] {
            let headers: Vec<_> = token.map(|it| ("authorization", it)).into_iter().collect();
            let answer = call(service.app.address, &method, &headers).await;
            let status = answer["grpc-status"].to_str().unwrap();
            let is_open = method.starts_with("grpc.health.");
            assert_eq!(status == "16", !is_open, "{method} {token:?}: {status}");
        }
    }
    // No answer shows which methods exist to a caller who is not known.
    let unknown = call(service.app.address, "patron.v1.NoService/Nothing", &[]).await;
    assert_eq!(unknown["grpc-status"], "16");
}

/// An answer to a request with a token.
fn with_token<T>(message: T, token: &str) -> tonic::Request<T> {
    let mut request = tonic::Request::new(message);
    request
        .metadata_mut()
        .insert("authorization", token.parse().unwrap());
    request
}

async fn fit(service: &ServiceWithDatabase, token: &str, keep_inactive: bool) -> tonic::Status {
    let request = pb::FitModelRequest {
        keep_inactive,
        ..Default::default()
    };
    let fitted = service.models().fit_model(with_token(request, token)).await;
    fitted.unwrap_err()
}

#[tokio::test]
async fn a_fit_that_activates_needs_the_scope_to_activate() {
    let service = service().await;
    let author = known(&service, wanted(&[pb::Role::Author])).await;
    let refused = fit(&service, &author, false).await;
    assert_eq!(refused.code(), Code::PermissionDenied);
    let info = refused.get_details_error_info().unwrap();
    assert_eq!(info.metadata["scope"], Scope::ModelActivate.name());
    assert_eq!(info.metadata["roles"], "approver, operator");
    // There is nothing to fit: the call was worked on.
    let tried = fit(&service, &author, true).await;
    assert_ne!(tried.code(), Code::PermissionDenied, "{tried:?}");
    let operator = known(&service, wanted(&[pb::Role::Operator])).await;
    let tried = fit(&service, &operator, false).await;
    assert_ne!(tried.code(), Code::PermissionDenied, "{tried:?}");
}

#[tokio::test]
async fn an_analyst_reads_the_cost_of_groups_and_of_no_single_customer() {
    use patron::pb::get_cost_to_serve_request::Whose;
    let service = service().await;
    let analyst = known(&service, wanted(&[pb::Role::Analyst])).await;
    let cost = async |whose| {
        let request = pb::GetCostToServeRequest {
            whose: Some(whose),
            ..Default::default()
        };
        let request = with_token(request, &analyst);
        service.desk().get_cost_to_serve(request).await
    };
    let subject = crate::support::messages::by_id("anna");
    let refused = cost(Whose::Subject(subject)).await.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied, "{refused:?}");
    let group = cost(Whose::Group(pb::CustomerGroup::default())).await;
    assert_eq!(group.unwrap().into_inner().customer_count, 0);
}
