//! What each method needs of its caller: the scope that `proto/patron/v1` declares for it.
//!
//! A method of ours without a declared scope is refused to everybody. Health is open: probes have no tokens, and learn only whether a service is
//! well. Reflection needs an identity and no scope: it describes the API and no data.

use std::collections::HashMap;
use std::sync::LazyLock;

use prost_reflect::DescriptorPool;
use tonic::{Request, Status};

use crate::api;
use crate::domain::access::Scope;
use crate::grpc::layers::{identity::Verdict, methods};
use crate::pb;
use crate::service::identity::{Need, Refusal};

/// The option in which a method declares its scope.
const OPTION: &str = "patron.v1.scope";

/// Methods that are not ours, and so declare none.
const OTHERS: [(&str, Access); 4] = [
    ("/grpc.health.v1.Health/Check", Access::Open),
    ("/grpc.health.v1.Health/Watch", Access::Open),
    (
        "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
        Access::Needs(Need::Identity),
    ),
    (
        "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
        Access::Needs(Need::Identity),
    ),
];

/// Who may call a method.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Everybody.
    Open,
    /// Callers that are identified and have what is needed.
    Needs(Need),
}

static BY_PATH: LazyLock<HashMap<String, Access>> = LazyLock::new(|| {
    let others = OTHERS.map(|(path, access)| (path.to_owned(), access));
    let declared = declared_scopes().into_iter();
    let declared = declared.map(|(path, scope)| (path, Access::Needs(Need::Scope(scope))));
    declared.chain(others).collect()
});

/// The scope of each method that declares one, by path.
fn declared_scopes() -> Vec<(String, Scope)> {
    // The set was encoded by the build and decodes; a test holds that every method is found.
    let Ok(pool) = DescriptorPool::decode(pb::FILE_DESCRIPTOR_SET) else {
        return vec![];
    };
    let Some(option) = pool.get_extension_by_name(OPTION) else {
        return vec![];
    };
    let mut declared = vec![];
    for service in pool.services() {
        for method in service.methods() {
            let options = method.options();
            let number = options.get_extension(&option).as_enum_number();
            let scope = number.and_then(|number| pb::Scope::try_from(number).ok());
            if let Some(scope) = scope.and_then(api::identity::scope) {
                let path = format!("/{}/{}", service.full_name(), method.name());
                declared.push((path, scope));
            }
        }
    }
    declared
}

/// Reads the declared scopes, so that no call has to.
pub fn warm() {
    LazyLock::force(&BY_PATH);
}

/// Who may call the method at a path.
#[must_use]
pub fn of(path: &str) -> Access {
    let known = BY_PATH.get(path).copied();
    known.unwrap_or_else(|| {
        Access::Needs(if methods::exists(path) {
            Need::Undeclared
        } else {
            // The router states that there is no such method.
            Need::Identity
        })
    })
}

/// Refuses a request that needs more than its method does. Where no identity is required, all is allowed.
///
/// # Errors
/// `PERMISSION_DENIED` with the scope that is missing. `method` says what is asked for, as in `ModelService/FitModel without keep_inactive`.
pub fn require<T>(request: &Request<T>, scope: Scope, method: &str) -> Result<(), Status> {
    let call = request
        .extensions()
        .get::<Verdict>()
        .and_then(Verdict::call);
    match call {
        Some(call) if !call.has(scope) => {
            let refusal = Refusal::ScopeMissing {
                caller: call.caller_id().into(),
                method: method.into(),
                scope,
            };
            Err((&refusal).into())
        }
        Some(_) | None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::grpc::layers::freshness;

    #[test]
    fn every_method_declares_a_scope_or_is_decided_here() {
        let declared: BTreeSet<String> = declared_scopes().into_iter().map(|(it, _)| it).collect();
        let others: BTreeSet<String> = OTHERS.iter().map(|(it, _)| (*it).to_owned()).collect();
        for method in crate::app::server::methods() {
            let path = format!("/{method}");
            let is_ours = path.starts_with("/patron.");
            assert_eq!(declared.contains(&path), is_ours, "{path}");
            assert_eq!(others.contains(&path), !is_ours, "{path}");
        }
        assert!(declared.len() > 40, "{declared:?}");
    }

    /// By the scopes that let callers write what memory holds.
    #[test]
    fn every_method_that_writes_gives_a_token() {
        let writes = |scope| match scope {
            Scope::OutcomeWrite
            | Scope::ModelFit
            | Scope::ModelActivate
            | Scope::DefinitionPublish
            | Scope::Ingest
            | Scope::CorrectionWrite
            | Scope::CustomerErase => true,
            Scope::Route
            | Scope::Lookup
            | Scope::CustomerRead
            | Scope::FiguresRead
            | Scope::ModelRead
            | Scope::DefinitionRead
            | Scope::ReferenceRead
            | Scope::CorrectionRead
            | Scope::ProfileCheck
            | Scope::TokenRead
            | Scope::TokenWrite => false,
        };
        let declared = declared_scopes().into_iter();
        let writing = declared.filter(|(_, scope)| writes(*scope));
        let writing: BTreeSet<String> = writing.map(|(path, _)| path).collect();
        let tokens = freshness::WRITES.iter().chain(&freshness::STREAMS);
        assert_eq!(writing, tokens.map(|&path| path.to_owned()).collect());
    }

    #[test]
    fn what_is_not_declared_is_refused() {
        let classify = of("/patron.v1.ScoringService/Classify");
        assert_eq!(classify, Access::Needs(Need::Scope(Scope::Lookup)));
        assert_eq!(of("/no.such/Method"), Access::Needs(Need::Identity));
        assert_eq!(of("/grpc.health.v1.Health/Check"), Access::Open);
    }
}
