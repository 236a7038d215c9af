//! Errors as every face returns them: a canonical code, a stable reason, a sentence the caller can act on, and details. No transport.
//!
//! [`ApiError::from`] of a [`ServiceError`] is the one table from what went wrong in a use case to what a caller receives. A face
//! translates codes and details into its own protocol and cuts texts to what that protocol carries.

mod database;

use std::error::Error;
use std::time::Duration;

use self::database::{outage_reason, slow_reason};
use crate::api::{corrections, fits, violations::Violations};
use crate::domain::text::CustomerId;
use crate::pb;
use crate::service::error::{CorrectionError, ServiceError};
use crate::service::lane::LaneError;
use crate::service::models::{CovariateProblem, RunningFit};

/// The domain of every `ErrorInfo`: with it, a reason is unique (AIP-193).
pub const DOMAIN: &str = "patron";

/// Wait before a retry when the database is away: most restarts and failovers take longer than a second.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Wait before a retry when this process stops: elsewhere the call succeeds at once, here after a restart.
const RETRY_AFTER_STOP: Duration = Duration::from_secs(1);

/// The canonical codes in use (google.rpc.Code).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    /// The request can never succeed as it is.
    InvalidArgument,
    /// A resource named in the request does not exist.
    NotFound,
    /// The request would create something that exists with other content.
    AlreadyExists,
    /// The system is not in the state that the request needs.
    FailedPrecondition,
    /// Another request is in the way.
    Aborted,
    /// The server cannot answer now.
    Unavailable,
    /// The caller is not identified.
    Unauthenticated,
    /// The caller may not do this.
    PermissionDenied,
    /// The caller has used its share.
    ResourceExhausted,
    /// A fault of the server.
    Internal,
}

/// One thing that is wrong with a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Path of the field from the request, for example `subjects[3].phone_number`.
    pub field: String,
    /// What is wrong and what would be accepted.
    pub description: String,
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

impl From<pb::Violation> for Violation {
    fn from(violation: pb::Violation) -> Self {
        Self::new(violation.field, violation.description)
    }
}

/// The resource that an error is about (google.rpc.ResourceInfo).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resource {
    /// Its type, for example `patron.v1.Model`.
    pub kind: &'static str,
    /// Its name as the request gave it; may be empty.
    pub name: String,
}

/// An error as a caller receives it, before a face writes it down. Texts are whole here, however long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiError {
    /// The canonical code.
    pub code: Code,
    /// Stable reason in `SCREAMING_SNAKE_CASE`, unique within [`DOMAIN`].
    pub reason: &'static str,
    /// What is wrong and what to do.
    pub message: String,
    /// What is wrong with the request, field by field (google.rpc.BadRequest).
    pub violations: Vec<Violation>,
    /// The resource that is missing or in the way.
    pub resource: Option<Resource>,
    /// Values that a program may act on (the metadata of google.rpc.ErrorInfo).
    pub metadata: Vec<(&'static str, String)>,
    /// When to send the same call again (google.rpc.RetryInfo).
    pub retry_after: Option<Duration>,
}

impl ApiError {
    /// An error without details.
    #[must_use]
    pub fn new(code: Code, reason: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            reason,
            message: message.into(),
            violations: Vec::new(),
            resource: None,
            metadata: Vec::new(),
            retry_after: None,
        }
    }

    /// `INVALID_ARGUMENT` with everything that is wrong with the request.
    #[must_use]
    pub fn invalid_argument(reason: &'static str, violations: Vec<Violation>) -> Self {
        let message = match &*violations {
            [] => "invalid request".to_owned(),
            [only] => format!("{}: {}", only.field, only.description),
            [first, rest @ ..] => {
                let (field, description) = (&first.field, &first.description);
                format!("{field}: {description} (and {} more)", rest.len())
            }
        };
        Self {
            violations,
            ..Self::new(Code::InvalidArgument, reason, message)
        }
    }

    /// `UNAVAILABLE`: the same call may succeed after `retry_after`.
    #[must_use]
    pub fn unavailable(
        reason: &'static str,
        message: impl Into<String>,
        retry_after: Duration,
    ) -> Self {
        Self {
            retry_after: Some(retry_after),
            ..Self::new(Code::Unavailable, reason, message)
        }
    }

    /// `INTERNAL`: our fault. Logs the cause with its sources; the caller can quote the request id.
    #[must_use]
    pub fn internal(reason: &'static str, cause: &(dyn Error + 'static)) -> Self {
        tracing::error!(error.reason = reason, error.cause = cause, "internal error");
        Self::new(
            Code::Internal,
            reason,
            "internal error; find the cause in the server log by the x-request-id of this response",
        )
    }

    /// The same about a resource of type `kind`, for example `patron.v1.Model`.
    #[must_use]
    pub fn about(mut self, kind: &'static str, name: impl Into<String>) -> Self {
        let name = name.into();
        self.resource = Some(Resource { kind, name });
        self
    }

    /// The same with a value to act on.
    #[must_use]
    pub fn with(mut self, key: &'static str, value: impl Into<String>) -> Self {
        self.metadata.push((key, value.into()));
        self
    }
}

impl From<Violations> for ApiError {
    fn from(violations: Violations) -> Self {
        let violations = violations.into_vec();
        let violations = violations.into_iter().map(Violation::from).collect();
        Self::invalid_argument("INVALID_REQUEST", violations)
    }
}

impl From<LaneError> for ApiError {
    fn from(error: LaneError) -> Self {
        let (reason, retry_after) = match error {
            LaneError::Overloaded { retry_after } => ("OVERLOADED", retry_after),
            LaneError::Stopping => ("STOPPING", RETRY_AFTER_STOP),
        };
        Self::unavailable(reason, error.to_string(), retry_after)
    }
}

impl From<ServiceError> for ApiError {
    fn from(error: ServiceError) -> Self {
        let text = error.to_string();
        let unavailable = |reason| Self::unavailable(reason, &*text, RETRY_AFTER);
        let refused = |reason| Self::new(Code::FailedPrecondition, reason, &*text);
        let missing =
            |reason, kind, name: &str| Self::new(Code::NotFound, reason, &*text).about(kind, name);
        let field =
            |name| Self::invalid_argument("INVALID_REQUEST", vec![Violation::new(name, &*text)]);
        match &error {
            ServiceError::Unavailable(cause) => {
                let reason = outage_reason(cause.outage());
                tracing::warn!(error.cause = %cause, "cannot use the database: {reason}");
                unavailable(reason)
            }
            ServiceError::Queued(_) => unavailable("OVERLOADED"),
            ServiceError::TooSlow(cause) => {
                let cause = cause.as_ref().map(tracing::field::display);
                tracing::warn!(error.cause = cause, "the database did not respond in time");
                unavailable(slow_reason(error.is_locked_out()))
            }
            ServiceError::Lane(error) => Self::from(*error),
            ServiceError::Contended => unavailable("CONTENDED"),
            ServiceError::CustomerNotFound(_) => {
                missing("CUSTOMER_NOT_FOUND", "patron.v1.Customer", "")
            }
            ServiceError::AmbiguousSubject(ids) => ambiguous_subject(ids, &text),
            ServiceError::Correction(error) => correction(error),
            ServiceError::ModelNotFound(version) => {
                missing("MODEL_NOT_FOUND", "patron.v1.Model", &version.to_string())
            }
            ServiceError::TokenNotFound(id) => missing("TOKEN_NOT_FOUND", "patron.v1.Token", id),
            ServiceError::ImportNotFound(id) => missing("IMPORT_NOT_FOUND", "patron.v1.Import", id),
            ServiceError::ImportUndone(_) => refused("IMPORT_UNDONE"),
            ServiceError::RevisionNotFound(revision) => missing(
                "REVISION_NOT_FOUND",
                "patron.v1.Revision",
                &revision.to_string(),
            ),
            ServiceError::NoDefinitions => refused("NO_DEFINITIONS"),
            ServiceError::SegmentNotFound(name) => {
                missing("SEGMENT_NOT_FOUND", "patron.v1.Segment", name)
            }
            ServiceError::SchemeNotFound(name) => {
                missing("SCHEME_NOT_FOUND", "patron.v1.Scheme", name)
            }
            ServiceError::TierNotFound(name) => missing("TIER_NOT_FOUND", "patron.v1.Tier", name),
            ServiceError::EvaluationRunning(_) => {
                Self::new(Code::Aborted, "EVALUATION_RUNNING", &*text)
            }
            ServiceError::NothingToEvaluate(_) => refused("NOTHING_TO_EVALUATE"),
            ServiceError::EmptyHoldout { .. } => field("split_on"),
            ServiceError::DayAhead { field: name, .. }
            | ServiceError::TooManyCustomers { field: name, .. }
            | ServiceError::NotConvertible { field: name, .. } => field(name),
            ServiceError::VersionFittedLater { .. } => refused("VERSION_FITTED_LATER"),
            ServiceError::NoActiveModel => refused("NO_ACTIVE_MODEL"),
            ServiceError::FitRunning(running) => fit_running(running, &text),
            ServiceError::RequestIdReused(id) => request_id_reused(id, &text),
            ServiceError::NothingToFit(_) | ServiceError::NoCovariatesKnown { .. } => {
                refused("NOTHING_TO_FIT")
            }
            ServiceError::NoEarlierModel => refused("NO_EARLIER_MODEL"),
            ServiceError::ActiveVersionDiffers { active, .. } => version_differs(*active, &text),
            ServiceError::ActiveRevisionDiffers { active, .. } => revision_differs(*active, &text),
            ServiceError::NotCovariates(problems) => not_covariates(problems),
            ServiceError::NotConverged(_) => refused("NOT_CONVERGED"),
            ServiceError::OutcomeDiffers(fields) => outcome_differs(fields, &text),
            ServiceError::NoReportingCurrency => refused("NO_REPORTING_CURRENCY"),
            ServiceError::NoTargetChannel => refused("NO_TARGET_CHANNEL"),
            ServiceError::Internal(cause) => Self::internal("INTERNAL", &**cause),
        }
    }
}

/// `FAILED_PRECONDITION` with the model version that is active.
fn version_differs(active: Option<i64>, message: &str) -> ApiError {
    ApiError::new(Code::FailedPrecondition, "ACTIVE_VERSION_DIFFERS", message)
        .with("active_version", active.unwrap_or_default().to_string())
}

/// `FAILED_PRECONDITION` with the revision of the definitions that is active.
fn revision_differs(active: i64, message: &str) -> ApiError {
    ApiError::new(Code::FailedPrecondition, "ACTIVE_REVISION_DIFFERS", message)
        .with("active_revision", active.to_string())
}

/// `FAILED_PRECONDITION` with the customers who share the subject.
fn ambiguous_subject(ids: &[CustomerId], message: &str) -> ApiError {
    ApiError::new(Code::FailedPrecondition, "AMBIGUOUS_SUBJECT", message)
        .with("customer_ids", join(ids))
}

/// What went wrong in a correction.
fn correction(error: &CorrectionError) -> ApiError {
    let text = error.to_string();
    let refused = |reason| ApiError::new(Code::FailedPrecondition, reason, &*text);
    match error {
        CorrectionError::CustomersNotFound(ids) => customers_not_found(ids, &text),
        CorrectionError::CustomersMerged(merged) => customers_merged(merged, &text),
        CorrectionError::NotMerged(_) => refused("NOT_MERGED"),
        CorrectionError::GroupTooLarge { .. } => refused("GROUP_TOO_LARGE"),
        CorrectionError::CustomerErased(_) => refused("CUSTOMER_ERASED"),
        CorrectionError::OneCustomer(..) => refused("SAME_CUSTOMER"),
        CorrectionError::Unmovable(facts) => corrections::unmovable(facts).into(),
    }
}

/// `NOT_FOUND` with the customers who are not known.
fn customers_not_found(ids: &[CustomerId], message: &str) -> ApiError {
    ApiError::new(Code::NotFound, "CUSTOMER_NOT_FOUND", message)
        .about("patron.v1.Customer", join(ids))
        .with("customer_ids", join(ids))
}

/// `FAILED_PRECONDITION` with the customers who are merged, and into whom.
fn customers_merged(merged: &[(CustomerId, CustomerId)], message: &str) -> ApiError {
    let (ids, roots): (Vec<_>, Vec<_>) = merged.iter().cloned().unzip();
    ApiError::new(Code::FailedPrecondition, "CUSTOMER_MERGED", message)
        .with("customer_ids", join(&ids))
        .with("merged_into", join(&roots))
}

fn join(ids: &[CustomerId]) -> String {
    let ids: Vec<&str> = ids.iter().map(CustomerId::as_str).collect();
    ids.join(",")
}

/// `INVALID_ARGUMENT` with what is wrong with each name.
fn not_covariates(problems: &[CovariateProblem]) -> ApiError {
    let mut violations = Violations::default();
    fits::refuse_covariates(problems.to_vec(), &mut violations.at(""));
    violations.into()
}

/// `ALREADY_EXISTS` for another request under a known id.
fn request_id_reused(id: &str, message: &str) -> ApiError {
    ApiError::new(Code::AlreadyExists, "REQUEST_ID_REUSED", message).about("patron.v1.Model", id)
}

/// `ALREADY_EXISTS` with the fields that differ.
fn outcome_differs(fields: &[&str], message: &str) -> ApiError {
    ApiError::new(Code::AlreadyExists, "OUTCOME_DIFFERS", message).with("fields", fields.join(","))
}

/// `ABORTED` with the fit that is in the way.
fn fit_running(running: &RunningFit, message: &str) -> ApiError {
    let request_id = running.request_id.as_deref().unwrap_or("");
    ApiError::new(Code::Aborted, "FIT_RUNNING", message)
        .with("kind", running.kind.name())
        .with("until", running.until.to_string())
        .with("start_time", running.since.to_string())
        .with("request_id", request_id)
}
