//! Why a call is refused because of who sent it.

use std::time::Duration;

use jiff::Timestamp;

use super::{Need, caller::Caller};
use crate::{
    domain::access::{Role, Scope, purpose::Purpose},
    metrics::NotIdentified,
};

/// Why a call is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No token and no certificate.
    #[error(
        "no token: send \"authorization: Bearer patron_ID.SECRET\"; an operator creates one with `patron token create`"
    )]
    NoCredentials,
    /// The header has no token.
    #[error(
        "the authorization header has no token: send \"Bearer patron_ID.SECRET\", all of what `patron token create` printed"
    )]
    Malformed,
    /// Unknown or revoked, or another secret: which, an attacker need not know.
    #[error(
        "the token is not valid: it is unknown or revoked; create another one with `patron token create`"
    )]
    Invalid,
    /// Its time is over.
    #[error("token {caller} expired at {at}: create another one with `patron token create`")]
    Expired {
        /// Its id.
        caller: Box<str>,
        /// When.
        at: Timestamp,
    },
    /// No name in the certificate has roles.
    #[error(
        "the certificate name {name:?} has no roles: use `patron token create --certificate-name`, or send a token"
    )]
    Certificate {
        /// The first name.
        name: Box<str>,
    },
    /// The caller lacks the scope.
    #[error("{method} needs the scope {scope}, which token {caller} lacks; roles with it: {}", role_names(*.scope))]
    ScopeMissing {
        /// The id of the caller.
        caller: Box<str>,
        /// The method, as in `ScoringService/Classify`.
        method: Box<str>,
        /// The scope.
        scope: Scope,
    },
    /// The method declares no scope.
    #[error("{method} declares no scope and is refused to every caller: report this as a fault")]
    Undeclared {
        /// The method.
        method: Box<str>,
    },
    /// The caller may not state the purpose.
    #[error("token {caller} may not call for the purpose {stated:?}; its purposes: {allowed}")]
    Purpose {
        /// The id of the caller.
        caller: Box<str>,
        /// What the header states, if it has the form of a purpose.
        stated: Box<str>,
        /// What it may state.
        allowed: Box<str>,
    },
    /// The caller has used its quota.
    #[error(
        "token {caller} has used its quota of {calls_per_second} calls per second: retry later"
    )]
    QuotaExceeded {
        /// The id of the caller.
        caller: Box<str>,
        /// The quota.
        calls_per_second: u32,
        /// When there is a call again.
        retry_after: Duration,
    },
}

/// The names of the roles with a scope.
#[must_use]
pub fn role_names(scope: Scope) -> String {
    let names: Vec<&str> = scope.roles().map(Role::name).collect();
    names.join(", ")
}

impl Refusal {
    /// A caller lacks what a method needs. `method` is the path of the request.
    pub(super) fn scope(caller: &Caller, method: &str, need: Need) -> Self {
        let method = method.trim_start_matches('/');
        let method = method.strip_prefix("patron.v1.").unwrap_or(method).into();
        match need {
            Need::Scope(scope) => Self::ScopeMissing {
                caller: caller.id().into(),
                method,
                scope,
            },
            Need::Identity | Need::Undeclared => Self::Undeclared { method },
        }
    }

    /// A caller may not state a purpose.
    pub(super) fn purpose(caller: &Caller, stated: &[u8]) -> Self {
        let stated = std::str::from_utf8(stated).ok();
        // Anything else is not repeated.
        let stated = stated.filter(|text| Purpose::new(text).is_ok());
        let allowed: Vec<&str> = caller.purposes().map(Purpose::as_str).collect();
        let allowed = if allowed.is_empty() {
            "none".to_owned()
        } else {
            allowed.join(", ")
        };
        Self::Purpose {
            caller: caller.id().into(),
            stated: stated.unwrap_or("?").into(),
            allowed: allowed.into(),
        }
    }

    /// The id of the caller, as far as it is known.
    #[must_use]
    pub fn caller_id(&self) -> Option<&str> {
        match self {
            Self::Expired { caller, .. }
            | Self::ScopeMissing { caller, .. }
            | Self::Purpose { caller, .. }
            | Self::QuotaExceeded { caller, .. } => Some(caller),
            Self::NoCredentials
            | Self::Malformed
            | Self::Invalid
            | Self::Certificate { .. }
            | Self::Undeclared { .. } => None,
        }
    }

    /// Why the caller is not identified, if this is why.
    #[must_use]
    pub fn not_identified(&self) -> Option<NotIdentified> {
        match self {
            Self::NoCredentials => Some(NotIdentified::Nothing),
            Self::Malformed => Some(NotIdentified::Malformed),
            Self::Invalid => Some(NotIdentified::Invalid),
            Self::Expired { .. } => Some(NotIdentified::Expired),
            Self::Certificate { .. } => Some(NotIdentified::Certificate),
            Self::ScopeMissing { .. }
            | Self::Undeclared { .. }
            | Self::Purpose { .. }
            | Self::QuotaExceeded { .. } => None,
        }
    }
}
