//! Identities of callers: their messages, and what a refused call is answered.

use jiff::{SignedDuration, Timestamp};

use super::{
    error::{ApiError, Code},
    texts, timestamp_message,
    violations::{Checker, Violations},
};
use crate::{
    domain::access::{
        CallQuota, Role, Scope,
        purpose::{InvalidPurpose, Purpose},
        token,
    },
    pb,
    service::{
        identity::{Refusal, role_names},
        tokens::{Token, TokenFields, TokenProof, WantedToken},
    },
};

/// Greatest length of a description, in bytes.
const MAX_DESCRIPTION_BYTES: usize = 200;
/// Greatest length of a name in a certificate, in bytes.
const MAX_NAME_BYTES: usize = 256;
/// Most purposes of an identity.
const MAX_PURPOSES: usize = 16;
/// Most calls a second, and at once.
const MAX_CALLS: i32 = 1_000_000;
/// Longest life of an identity that ends by itself.
const LONGEST_LIFE: SignedDuration = SignedDuration::from_hours(10 * 366 * 24);

impl From<&Refusal> for ApiError {
    fn from(refusal: &Refusal) -> Self {
        let text = refusal.to_string();
        let unidentified = |reason| Self::new(Code::Unauthenticated, reason, &*text);
        let denied = |reason| Self::new(Code::PermissionDenied, reason, &*text);
        match refusal {
            Refusal::NoCredentials => unidentified("NO_TOKEN"),
            Refusal::Malformed => unidentified("MALFORMED_TOKEN"),
            Refusal::Invalid => unidentified("INVALID_TOKEN"),
            Refusal::Expired { caller, .. } => {
                unidentified("TOKEN_EXPIRED").with("token_id", &**caller)
            }
            Refusal::Certificate { .. } => unidentified("UNKNOWN_CERTIFICATE"),
            Refusal::ScopeMissing {
                caller,
                method,
                scope,
            } => denied("SCOPE_MISSING")
                .with("method", &**method)
                .with("scope", scope.name())
                .with("roles", role_names(*scope))
                .with("token_id", &**caller),
            Refusal::Undeclared { method } => denied("NO_SCOPE").with("method", &**method),
            Refusal::Purpose {
                caller, allowed, ..
            } => denied("PURPOSE_NOT_ALLOWED")
                .with("purposes", &**allowed)
                .with("token_id", &**caller),
            Refusal::QuotaExceeded {
                caller,
                retry_after,
                ..
            } => Self {
                retry_after: Some(*retry_after),
                ..Self::new(Code::ResourceExhausted, "QUOTA_EXCEEDED", &*text)
                    .with("token_id", &**caller)
            },
        }
    }
}

/// The scope of its message.
#[must_use]
pub fn scope(message: pb::Scope) -> Option<Scope> {
    Some(match message {
        pb::Scope::Unspecified => return None,
        pb::Scope::Route => Scope::Route,
        pb::Scope::Lookup => Scope::Lookup,
        pb::Scope::CustomerRead => Scope::CustomerRead,
        pb::Scope::OutcomeWrite => Scope::OutcomeWrite,
        pb::Scope::FiguresRead => Scope::FiguresRead,
        pb::Scope::ModelRead => Scope::ModelRead,
        pb::Scope::ModelFit => Scope::ModelFit,
        pb::Scope::ModelActivate => Scope::ModelActivate,
        pb::Scope::DefinitionRead => Scope::DefinitionRead,
        pb::Scope::DefinitionPublish => Scope::DefinitionPublish,
        pb::Scope::Ingest => Scope::Ingest,
        pb::Scope::ReferenceRead => Scope::ReferenceRead,
        pb::Scope::CorrectionRead => Scope::CorrectionRead,
        pb::Scope::CorrectionWrite => Scope::CorrectionWrite,
        pb::Scope::CustomerErase => Scope::CustomerErase,
        pb::Scope::ProfileCheck => Scope::ProfileCheck,
        pb::Scope::TokenRead => Scope::TokenRead,
        pb::Scope::TokenWrite => Scope::TokenWrite,
    })
}

/// The role of its message.
fn role(message: pb::Role) -> Option<Role> {
    Some(match message {
        pb::Role::Unspecified => return None,
        pb::Role::Telephony => Role::Telephony,
        pb::Role::Agent => Role::Agent,
        pb::Role::Analyst => Role::Analyst,
        pb::Role::Author => Role::Author,
        pb::Role::Approver => Role::Approver,
        pb::Role::Operator => Role::Operator,
        pb::Role::PrivacyOfficer => Role::PrivacyOfficer,
        pb::Role::Importer => Role::Importer,
    })
}

/// The message of a role.
#[must_use]
pub fn role_message(role: Role) -> pb::Role {
    match role {
        Role::Telephony => pb::Role::Telephony,
        Role::Agent => pb::Role::Agent,
        Role::Analyst => pb::Role::Analyst,
        Role::Author => pb::Role::Author,
        Role::Approver => pb::Role::Approver,
        Role::Operator => pb::Role::Operator,
        Role::PrivacyOfficer => pb::Role::PrivacyOfficer,
        Role::Importer => pb::Role::Importer,
    }
}

/// The identity that a request wants.
///
/// # Errors
/// Everything that is wrong with the request.
pub fn wanted(request: &pb::CreateTokenRequest, now: Timestamp) -> Result<WantedToken, Violations> {
    let mut violations = Violations::default();
    let mut check = violations.at("");
    let description = texts::required(&request.description, MAX_DESCRIPTION_BYTES);
    let description = check.field("description").ok("INVALID_TEXT", description);
    let name = texts::bounded(&request.certificate_name, MAX_NAME_BYTES);
    let name = check.field("certificate_name").ok("INVALID_TEXT", name);
    let roles = roles(&request.roles, &mut check);
    let purposes = purposes(&request.purposes, &mut check);
    let quota = quota(request.quota.as_ref(), &mut check.field("quota"));
    let expires_at = expiry(request.expire_time.as_ref(), now, &mut check);
    let (description, name) = (description.unwrap_or_default(), name.unwrap_or_default());
    violations.into_result(WantedToken {
        description: description.into_owned(),
        roles,
        purposes,
        quota,
        certificate_name: (!name.is_empty()).then(|| name.into_owned()),
        expires_at,
    })
}

fn roles(messages: &[i32], check: &mut Checker<'_>) -> Vec<Role> {
    if messages.is_empty() {
        let roles = Role::ALL.map(Role::name).join(", ");
        let description = format!("is required: set at least one of {roles}");
        check.field("roles").refuse("REQUIRED", description);
    }
    let mut roles = vec![];
    for (index, message) in messages.iter().enumerate() {
        let known = pb::Role::try_from(*message).ok().and_then(role);
        match known {
            Some(role) if roles.contains(&role) => {}
            Some(role) => roles.push(role),
            None => check
                .element("roles", index)
                .refuse("UNKNOWN_ENUM_VALUE", "is not a role of this version"),
        }
    }
    roles
}

fn purposes(texts: &[String], check: &mut Checker<'_>) -> Vec<Purpose> {
    if texts.len() > MAX_PURPOSES {
        let description = format!("has {} entries: set at most {MAX_PURPOSES}", texts.len());
        check.field("purposes").refuse("TOO_MANY", description);
    }
    let read = texts.iter().take(MAX_PURPOSES).enumerate();
    let read = read.filter_map(|(index, text)| {
        let purpose: Result<_, InvalidPurpose> = Purpose::new(text);
        let mut check = check.element("purposes", index);
        check.ok("INVALID_TEXT", purpose)
    });
    let mut purposes: Vec<Purpose> = read.collect();
    purposes.sort();
    purposes.dedup();
    purposes
}

fn quota(message: Option<&pb::CallQuota>, check: &mut Checker<'_>) -> Option<CallQuota> {
    let message = message?;
    let mut read = |field, value: i32, least: i32| {
        if (least..=MAX_CALLS).contains(&value) {
            return u32::try_from(value).ok();
        }
        let description = format!("is {value}: set {least} to {MAX_CALLS}");
        check.field(field).refuse("OUT_OF_RANGE", description);
        None
    };
    let calls_per_second = read("calls_per_second", message.calls_per_second, 1);
    let burst = read("burst", message.burst, 0);
    let (calls_per_second, burst) = calls_per_second.zip(burst)?;
    let burst = if burst == 0 { calls_per_second } else { burst };
    Some(CallQuota {
        calls_per_second,
        burst,
    })
}

fn expiry(
    message: Option<&prost_types::Timestamp>,
    now: Timestamp,
    check: &mut Checker<'_>,
) -> Option<Timestamp> {
    let message = message?;
    let expires_at = Timestamp::new(message.seconds, message.nanos).ok();
    // What the database keeps of it.
    let expires_at =
        expires_at.and_then(|at| Timestamp::from_microsecond(at.as_microsecond()).ok());
    let is_allowed = |at: &Timestamp| *at > now && at.duration_since(now) <= LONGEST_LIFE;
    let expires_at = expires_at.filter(is_allowed);
    if expires_at.is_none() {
        let description = "is not in the next 10 years: set a time in the future, or none";
        check
            .field("expire_time")
            .refuse("OUT_OF_RANGE", description);
    }
    expires_at
}

/// The id in a request to revoke.
///
/// # Errors
/// When it is none.
pub fn token_id(id: &str) -> Result<&str, Violations> {
    let mut violations = Violations::default();
    if !token::is_id(id) {
        let description = "is not the id of a token: use 16 hexadecimal digits, see ListTokens";
        let mut check = violations.at("token_id");
        check.refuse("INVALID_TEXT", description);
    }
    violations.into_result(id)
}

/// The message of an identity. It has no secret.
#[must_use]
pub fn token_message(stored: &Token) -> pb::Token {
    let TokenFields {
        id,
        description,
        roles,
        purposes,
        quota,
        proof,
        created_at,
        creator_id,
        expires_at,
    } = &stored.token;
    let integer = |number: u32| i32::try_from(number).unwrap_or(i32::MAX);
    pb::Token {
        token_id: id.clone(),
        description: description.clone(),
        roles: roles
            .iter()
            .map(|role| role_message(*role).into())
            .collect(),
        purposes: purposes.iter().map(ToString::to_string).collect(),
        quota: quota.map(|quota| pb::CallQuota {
            calls_per_second: integer(quota.calls_per_second),
            burst: integer(quota.burst),
        }),
        certificate_name: match proof {
            TokenProof::Secret(_) => String::new(),
            TokenProof::Certificate(name) => name.clone(),
        },
        create_time: Some(timestamp_message(*created_at)),
        creator_token_id: creator_id.clone().unwrap_or_default(),
        expire_time: expires_at.map(timestamp_message),
        revoke_time: stored.revoked_at.map(timestamp_message),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        "2026-11-22T12:00:00Z".parse().unwrap()
    }

    fn fields(request: &pb::CreateTokenRequest) -> Vec<String> {
        let violations = wanted(request, now()).unwrap_err().into_vec();
        violations.into_iter().map(|it| it.field).collect()
    }

    #[test]
    fn everything_that_is_wrong_with_a_request_is_listed() {
        let request = pb::CreateTokenRequest {
            description: String::new(),
            roles: vec![1, 99],
            purposes: vec!["service".into(), "Two Words".into()],
            quota: Some(pb::CallQuota {
                calls_per_second: 0,
                burst: -1,
            }),
            certificate_name: "x".repeat(257),
            expire_time: Some(timestamp_message(now())),
        };
        assert_eq!(
            fields(&request),
            [
                "description",
                "certificate_name",
                "roles[1]",
                "purposes[1]",
                "quota.calls_per_second",
                "quota.burst",
                "expire_time"
            ]
        );
        let empty = pb::CreateTokenRequest::default();
        assert_eq!(fields(&empty), ["description", "roles"]);
    }

    #[test]
    fn a_sound_request_is_read_and_defaults_are_filled_in() {
        let request = pb::CreateTokenRequest {
            description: "nightly import".into(),
            roles: vec![8, 8],
            purposes: vec!["b".into(), "a".into(), "b".into()],
            quota: Some(pb::CallQuota {
                calls_per_second: 20,
                burst: 0,
            }),
            ..Default::default()
        };
        let wanted = wanted(&request, now()).unwrap();
        assert_eq!(wanted.roles, [Role::Importer]);
        let purposes: Vec<_> = wanted.purposes.iter().map(Purpose::as_str).collect();
        assert_eq!(purposes, ["a", "b"]);
        let quota = wanted.quota.unwrap();
        assert_eq!((quota.calls_per_second, quota.burst), (20, 20));
        assert_eq!((wanted.certificate_name, wanted.expires_at), (None, None));
    }

    #[test]
    fn every_role_and_scope_has_its_message() {
        for known in Role::ALL {
            assert_eq!(role(role_message(known)), Some(known));
            let name = role_message(known).as_str_name();
            let name = name.trim_start_matches("ROLE_").to_lowercase();
            assert_eq!(name.replace('_', "-"), known.name());
        }
        for (number, known) in (1..).zip(Scope::ALL) {
            let message = pb::Scope::try_from(number).unwrap();
            assert_eq!(scope(message), Some(known));
            let name = message.as_str_name();
            let name = name.trim_start_matches("SCOPE_").to_lowercase();
            assert_eq!(name.replace('_', "."), known.name());
        }
        let next = i32::try_from(Scope::ALL.len()).unwrap() + 1;
        assert!(pb::Scope::try_from(next).is_err());
    }
}
