//! The only place that builds a [`tonic::Status`]: a code, a sentence the caller can act on, and google.rpc details.
//!
//! Every status carries `ErrorInfo` with a stable reason in `SCREAMING_SNAKE_CASE` and the domain [`DOMAIN`]. A status stays under
//! [`MAX_WIRE_BYTES`]: gRPC clients refuse trailers over 8 KiB, and a refused trailer hides the error it carries. Texts are cut and
//! violations are counted ("and 12 more") to keep that.
//!
//! A cause that is ours is logged here, once, and never sent.

mod database;
mod details;
pub mod transport;

use std::error::Error;
use std::time::Duration;

use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use self::database::{outage_reason, slow_reason};
use self::details::Details;
use crate::api::{fits, violations::Violations};
use crate::domain::text::CustomerId;
use crate::grpc::layers::lane;
use crate::pb;
use crate::service::error::ServiceError;
use crate::service::models::{CovariateProblem, RunningFit};

/// The domain of every `ErrorInfo`: with it, a reason is unique.
pub const DOMAIN: &str = "patron";

/// Most bytes of `grpc-message` and `grpc-status-details-bin` together, as they are sent.
pub const MAX_WIRE_BYTES: usize = 4096;

/// One thing that is wrong with a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Path of the field from the request, for example `subjects[3].phone_number`.
    pub field: String,
    /// What is wrong and what would be accepted.
    pub description: String,
}

impl From<pb::Violation> for Violation {
    fn from(violation: pb::Violation) -> Self {
        Self {
            field: violation.field,
            description: violation.description,
        }
    }
}

impl Violation {
    /// A violation of `field`.
    pub fn new(field: impl Into<String>, description: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            description: description.into(),
        }
    }
}

/// `INVALID_ARGUMENT`: the request can never succeed as it is. `violations` are all that is wrong with it.
#[must_use]
pub fn invalid_argument(reason: &'static str, violations: &[Violation]) -> Status {
    let message = match violations {
        [] => "invalid request".to_owned(),
        [only] => format!("{}: {}", only.field, only.description),
        [first, rest @ ..] => {
            format!(
                "{}: {} (and {} more)",
                first.field,
                first.description,
                rest.len()
            )
        }
    };
    let mut details = Details::new(reason);
    details.violations(violations);
    details.into_status(Code::InvalidArgument, &message)
}

/// `INVALID_ARGUMENT` with what a request's checks found.
#[must_use]
pub fn invalid_request(violations: Violations) -> Status {
    let violations: Vec<Violation> = violations
        .into_vec()
        .into_iter()
        .map(Violation::from)
        .collect();
    invalid_argument("INVALID_REQUEST", &violations)
}

/// `INVALID_ARGUMENT` for one field that only the use case could judge.
fn refused_field(field: &str, message: &str) -> Status {
    invalid_argument("INVALID_REQUEST", &[Violation::new(field, message)])
}

/// `NOT_FOUND`: the resource named in the request does not exist. `kind` is its type, for example `patron.v1.Model`.
#[must_use]
pub fn not_found(reason: &'static str, kind: &'static str, name: &str, message: &str) -> Status {
    let mut details = Details::new(reason);
    let name = details.fit(name);
    details.inner.set_resource_info(kind, name, "", "");
    details.into_status(Code::NotFound, message)
}

/// `FAILED_PRECONDITION`: the system is not in the state the request needs; repeating it does not help. `metadata` says what to look at.
#[must_use]
pub fn failed_precondition(
    reason: &'static str,
    message: &str,
    metadata: &[(&'static str, &str)],
) -> Status {
    let mut details = Details::new(reason);
    details.metadata(metadata);
    details.into_status(Code::FailedPrecondition, message)
}

/// `ALREADY_EXISTS`: what the request would create is there, with another content.
#[must_use]
pub fn already_exists(
    reason: &'static str,
    kind: &'static str,
    name: &str,
    message: &str,
) -> Status {
    let mut details = Details::new(reason);
    let name = details.fit(name);
    details.inner.set_resource_info(kind, name, "", "");
    details.into_status(Code::AlreadyExists, message)
}

/// `ABORTED`: another request is in the way; the same request may succeed later.
#[must_use]
pub fn aborted(reason: &'static str, message: &str) -> Status {
    Details::new(reason).into_status(Code::Aborted, message)
}

/// `DEADLINE_EXCEEDED`: the time the caller gave, or the server's default, is over. The work was given up.
#[must_use]
pub fn deadline_exceeded() -> Status {
    Details::new("DEADLINE_EXCEEDED").into_status(
        Code::DeadlineExceeded,
        "the deadline expired before the response was ready; allow more time",
    )
}

/// `UNAVAILABLE`: the server cannot answer now; try again after `retry_after`.
#[must_use]
pub fn unavailable(reason: &'static str, message: &str, retry_after: Duration) -> Status {
    let mut details = Details::new(reason);
    details.inner.set_retry_info(Some(retry_after));
    details.retry_pushback = Some(retry_after);
    details.into_status(Code::Unavailable, message)
}

/// `UNIMPLEMENTED`: the method exists in the API and not in this server.
#[must_use]
pub fn unimplemented(message: &str) -> Status {
    Details::new("UNIMPLEMENTED").into_status(Code::Unimplemented, message)
}

/// `INTERNAL`: our fault. Logs the cause with its sources; the caller learns only that it happened and can quote the request id.
#[must_use]
pub fn internal(reason: &'static str, cause: &(dyn Error + 'static)) -> Status {
    tracing::error!(error.reason = reason, error.cause = cause, "internal error");
    Details::new(reason).into_status(
        Code::Internal,
        "internal error; find the cause in the server log by the x-request-id of this response",
    )
}

impl From<ServiceError> for Status {
    /// The one mapping from what went wrong in a use case to what a caller is told.
    fn from(error: ServiceError) -> Self {
        let message = error.to_string();
        match &error {
            ServiceError::Unavailable(cause) => {
                let reason = outage_reason(cause.outage());
                tracing::warn!(error.cause = %cause, "cannot use the database: {reason}");
                unavailable(reason, &message, RETRY_AFTER)
            }
            ServiceError::Queued(_) => unavailable("OVERLOADED", &message, RETRY_AFTER),
            ServiceError::TooSlow(cause) => {
                let cause = cause.as_ref().map(tracing::field::display);
                tracing::warn!(error.cause = cause, "the database did not respond in time");
                unavailable(slow_reason(error.is_locked_out()), &message, RETRY_AFTER)
            }
            ServiceError::Lane(error) => lane::refusal(*error),
            ServiceError::Contended => unavailable("CONTENDED", &message, RETRY_AFTER),
            ServiceError::CustomerNotFound(_) => {
                not_found("CUSTOMER_NOT_FOUND", "patron.v1.Customer", "", &message)
            }
            ServiceError::AmbiguousSubject(ids) => {
                let ids: Vec<&str> = ids.iter().map(CustomerId::as_str).collect();
                let ids = [("customer_ids", &*ids.join(","))];
                failed_precondition("AMBIGUOUS_SUBJECT", &message, &ids)
            }
            ServiceError::ModelNotFound(version) => not_found(
                "MODEL_NOT_FOUND",
                "patron.v1.Model",
                &version.to_string(),
                &message,
            ),
            ServiceError::RevisionNotFound(revision) => not_found(
                "REVISION_NOT_FOUND",
                "patron.v1.Revision",
                &revision.to_string(),
                &message,
            ),
            ServiceError::NoDefinitions => refused_now("NO_DEFINITIONS", &message),
            ServiceError::SegmentNotFound(name) => {
                not_found("SEGMENT_NOT_FOUND", "patron.v1.Segment", name, &message)
            }
            ServiceError::SchemeNotFound(name) => {
                not_found("SCHEME_NOT_FOUND", "patron.v1.Scheme", name, &message)
            }
            ServiceError::TierNotFound(name) => {
                not_found("TIER_NOT_FOUND", "patron.v1.Tier", name, &message)
            }
            ServiceError::EvaluationRunning(_) => aborted("EVALUATION_RUNNING", &message),
            ServiceError::NothingToEvaluate(_) => refused_now("NOTHING_TO_EVALUATE", &message),
            ServiceError::EmptyHoldout { .. } => refused_field("split_on", &message),
            ServiceError::DayAhead { field, .. } => refused_field(field, &message),
            ServiceError::VersionFittedLater { .. } => {
                refused_now("VERSION_FITTED_LATER", &message)
            }
            ServiceError::NoActiveModel => refused_now("NO_ACTIVE_MODEL", &message),
            ServiceError::FitRunning(running) => fit_running(running, &message),
            ServiceError::RequestIdReused(id) => {
                already_exists("REQUEST_ID_REUSED", "patron.v1.Model", id, &message)
            }
            ServiceError::NothingToFit(_)
            | ServiceError::ContractsAlone { .. }
            | ServiceError::NoCovariatesKnown { .. } => refused_now("NOTHING_TO_FIT", &message),
            ServiceError::NoEarlierModel => refused_now("NO_EARLIER_MODEL", &message),
            ServiceError::ActiveVersionDiffers { active, .. } => {
                let active = active.unwrap_or_default().to_string();
                let active = [("active_version", &*active)];
                failed_precondition("ACTIVE_VERSION_DIFFERS", &message, &active)
            }
            ServiceError::NotCovariates(problems) => not_covariates(problems),
            ServiceError::NotConverged(_) => refused_now("NOT_CONVERGED", &message),
            ServiceError::Internal(cause) => internal("INTERNAL", &**cause),
        }
    }
}

/// `FAILED_PRECONDITION` with nothing to add to its reason.
fn refused_now(reason: &'static str, message: &str) -> Status {
    failed_precondition(reason, message, &[])
}

/// `INVALID_ARGUMENT` with what is wrong with each name.
fn not_covariates(problems: &[CovariateProblem]) -> Status {
    let mut violations = Violations::default();
    fits::refuse_covariates(problems.to_vec(), &mut violations.at(""));
    invalid_request(violations)
}

/// `ABORTED` with the fit that is in the way.
fn fit_running(running: &RunningFit, message: &str) -> Status {
    let mut details = Details::new("FIT_RUNNING");
    details.metadata(&[
        ("kind", running.kind.name()),
        ("until", &running.until.to_string()),
        ("start_time", &running.since.to_string()),
        ("request_id", running.request_id.as_deref().unwrap_or("")),
    ]);
    details.into_status(Code::Aborted, message)
}

/// How long a caller should wait for a database that is away: most restarts and failovers take longer than a second, few tries more.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// The reason within a status that was built here. Decodes the details: for logs of failures only.
#[must_use]
pub fn reason(status: &Status) -> Option<String> {
    status.get_details_error_info().map(|info| info.reason)
}

#[cfg(test)]
mod tests;
