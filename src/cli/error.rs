//! What can go wrong for a command, as the person at the terminal reads it. The only place that words a gRPC status for people.

use std::error::Error as _;

use thiserror::Error;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

/// Exit code of a command that did not do what was asked.
pub const FAILURE: u8 = 1;
/// Exit code of a lookup that did not find exactly one customer.
pub const NOT_ONE: u8 = 2;
/// Exit code of wrong usage or configuration (`EX_USAGE` of sysexits.h).
pub const USAGE: u8 = 64;

/// Why a command did not do what was asked.
#[derive(Debug, Error)]
pub enum CliError {
    /// The command line, the configuration or a file named there is wrong.
    #[error("{message}")]
    Usage {
        /// What is wrong.
        message: String,
        /// What to do about it. Empty: the message says it.
        hint: String,
    },
    /// The command was right and did not succeed.
    #[error("{message}")]
    Failed {
        /// What went wrong.
        message: String,
        /// What to do about it. Empty: the message says it.
        hint: String,
    },
    /// Nobody listens at the endpoint.
    #[error("no server responds at {endpoint}: {cause}")]
    Unreachable {
        /// The address that was tried.
        endpoint: String,
        /// What the operating system said.
        cause: String,
        /// What to do about it. Empty: the usual.
        hint: String,
    },
    /// The server answered with an error.
    #[error("{}", status.message())]
    Rpc {
        /// The answer, with its details. Boxed for its size.
        status: Box<Status>,
    },
    /// The reader of standard output went away: no failure, and nothing to say.
    #[error("standard output was closed")]
    BrokenPipe,
    /// What went wrong is printed already.
    #[error("the command reported problems")]
    Reported,
    /// The lookup is answered, but not with exactly one customer; the answer is printed already.
    #[error("the subject is not exactly one customer")]
    NotOne,
    /// Somebody stopped the server while it started: no failure.
    #[error("stopped before the server was ready")]
    Stopped,
}

impl CliError {
    /// Wrong usage without a hint.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::Usage {
            message: message.into(),
            hint: String::new(),
        }
    }

    /// A failure without a hint.
    pub fn failed(message: impl Into<String>) -> Self {
        Self::Failed {
            message: message.into(),
            hint: String::new(),
        }
    }

    /// A failure with all of its causes in its message.
    pub fn from_cause(error: impl std::error::Error) -> Self {
        let mut message = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            // Some errors say their cause themselves.
            let text = error.to_string();
            if !message.contains(&text) {
                message = format!("{message}: {text}");
            }
            cause = error.source();
        }
        Self::failed(message)
    }

    /// The same failure with what to do about it.
    #[must_use]
    pub fn with_hint(self, hint: String) -> Self {
        match self {
            Self::Failed { message, .. } => Self::Failed { message, hint },
            Self::Usage { message, .. } => Self::Usage { message, hint },
            Self::Unreachable { .. }
            | Self::Rpc { .. }
            | Self::BrokenPipe
            | Self::Reported
            | Self::NotOne
            | Self::Stopped => self,
        }
    }

    /// The exit code of the program.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Usage { .. } => USAGE,
            Self::Failed { .. } | Self::Unreachable { .. } | Self::Rpc { .. } | Self::Reported => {
                FAILURE
            }
            Self::NotOne => NOT_ONE,
            Self::BrokenPipe | Self::Stopped => 0,
        }
    }

    /// The lines for standard error: `error: ...`, details, `hint: ...`. None when nothing is to be said.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        match self {
            Self::Usage { message, hint } | Self::Failed { message, hint } => {
                let mut lines = vec![format!("error: {message}")];
                if !hint.is_empty() {
                    lines.push(format!("hint: {hint}"));
                }
                lines
            }
            Self::Unreachable { hint, .. } if !hint.is_empty() => {
                vec![format!("error: {self}"), format!("hint: {hint}")]
            }
            Self::Unreachable { .. } => vec![
                format!("error: {self}"),
                "hint: start a server with `patron serve` (or `patron demo` for generated customers), or set another address with --endpoint"
                    .to_owned(),
            ],
            Self::Rpc { status } => rpc_lines(status),
            Self::BrokenPipe | Self::Reported | Self::NotOne => Vec::new(),
            Self::Stopped => vec![self.to_string()],
        }
    }
}

impl From<Status> for CliError {
    fn from(status: Status) -> Self {
        Self::Rpc {
            status: Box::new(status),
        }
    }
}

/// A status with everything it carries: sentence, violations, reason with metadata, and what to do.
fn rpc_lines(status: &Status) -> Vec<String> {
    let code = code_name(status.code());
    let message = if status.message().is_empty() {
        "the server gave no explanation"
    } else {
        status.message()
    };
    let mut lines = vec![format!("error: {message} ({code})")];
    let details = status.get_error_details();
    if let Some(request) = details.bad_request() {
        for violation in &request.field_violations {
            let line = format!("{}: {}", violation.field, violation.description);
            // The sentence is the first one, and how many more there are. Others may have the same description and another field.
            let rest = message.strip_prefix(&line);
            if !rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(" (and ")) {
                lines.push(format!("  {line}"));
            }
        }
    }
    if let Some(info) = details.error_info() {
        let mut metadata: Vec<_> = info.metadata.iter().collect();
        metadata.sort();
        let metadata: Vec<_> = metadata.iter().map(|(k, v)| format!("{k}: {v}")).collect();
        let mut line = format!("  reason: {}", info.reason);
        if !metadata.is_empty() {
            line = format!("{line} ({})", metadata.join(", "));
        }
        lines.push(line);
    }
    let reason = details.error_info().map(|info| info.reason.as_str());
    if let Some(hint) = hint(status, reason) {
        lines.push(format!("hint: {hint}"));
    }
    lines
}

/// What to do about a status, where more can be said than the server's sentence does.
fn hint(status: &Status, reason: Option<&str>) -> Option<&'static str> {
    match (status.code(), reason) {
        (_, Some("AMBIGUOUS_SUBJECT")) => Some(
            "several customers share it: list them with `patron classify`, then use a customer id",
        ),
        (_, Some("NO_DATA")) => {
            Some("import transactions first: `patron import transactions FILE.csv --currency EUR`")
        }
        (_, Some("NO_DEFINITIONS")) => Some(
            "publish definitions first: `patron definitions publish FILE`; examples/definitions.yaml is a starting point",
        ),
        (_, Some("REVISION_NOT_FOUND")) => Some("list revisions with `patron definitions list`"),
        (_, Some("ACTIVE_REVISION_DIFFERS")) => {
            Some("`patron definitions show` prints the active one: make your change in it")
        }
        (_, Some("SEGMENT_NOT_FOUND" | "SCHEME_NOT_FOUND" | "TIER_NOT_FOUND")) => {
            Some("show all names with `patron definitions show`")
        }
        (_, Some("FIT_RUNNING")) => {
            Some("only one fit per kind of model can run: try again when it is done")
        }
        (Code::Unauthenticated, _) => Some(
            "set --token-file or PATRON_TOKEN; the first token comes from `patron token create --direct`, run next to the database",
        ),
        (_, Some("NO_EARLIER_MODEL")) => Some("list versions with `patron model list`"),
        (Code::Unavailable, _) if status.source().is_some() => Some(
            "is the server still running? one with TLS has an https:// address; set another one with --endpoint",
        ),
        // What the transport failed on, not what the server answered.
        (Code::Internal | Code::Unknown, None) if status.source().is_some() => Some(
            "the connection broke: a server with TLS has an https:// address, and a port for HTTP or metrics answers no commands",
        ),
        // Every answer of Patron has a reason.
        (Code::Unavailable, None) => {
            Some("a proxy answered: check that the server behind it is running")
        }
        (Code::Unavailable, _) => Some("the database is unreachable: retry later"),
        (Code::DeadlineExceeded | Code::Cancelled, _) => {
            Some("the call took too long: raise --timeout, for example --timeout 60s")
        }
        (Code::Unimplemented, _) => Some(
            "the server does not support this call: check that it is a Patron server of this version",
        ),
        _ => None,
    }
}

/// The name of a code as the gRPC specification writes it.
#[must_use]
pub fn code_name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}

#[cfg(test)]
mod tests {
    use tonic_types::ErrorDetails;

    use super::*;

    #[test]
    fn a_status_is_shown_with_violations_reason_and_hint() {
        let mut details = ErrorDetails::new();
        details
            .add_bad_request_violation("subject.phone_number", "must begin with +")
            .set_error_info(
                "AMBIGUOUS_SUBJECT",
                "patron",
                [("customer_ids".to_owned(), "a,b".to_owned())],
            );
        let status = Status::with_error_details(Code::FailedPrecondition, "not one", details);
        assert_eq!(
            CliError::from(status).lines(),
            [
                "error: not one (FAILED_PRECONDITION)",
                "  subject.phone_number: must begin with +",
                "  reason: AMBIGUOUS_SUBJECT (customer_ids: a,b)",
                "hint: several customers share it: list them with `patron classify`, then use a customer id",
            ]
        );
    }

    #[test]
    fn of_many_violations_the_sentence_has_the_first_and_each_other_one_has_a_line() {
        let mut details = ErrorDetails::new();
        for (field, description) in [
            ("subjects[0].phone_number", "must begin with +"),
            ("subjects[1].phone_number", "must begin with +"),
            ("subjects[2]", ""),
        ] {
            details.add_bad_request_violation(field, description);
        }
        let message = "subjects[0].phone_number: must begin with + (and 2 more)";
        let status = Status::with_error_details(Code::InvalidArgument, message, details);
        assert_eq!(
            CliError::from(status).lines(),
            [
                "error: subjects[0].phone_number: must begin with + (and 2 more) (INVALID_ARGUMENT)",
                "  subjects[1].phone_number: must begin with +",
                "  subjects[2]: ",
            ]
        );
    }

    #[test]
    fn exit_codes_tell_usage_from_failure_and_a_closed_pipe_is_neither() {
        assert_eq!(CliError::usage("x").exit_code(), 64);
        assert_eq!(CliError::failed("x").exit_code(), 1);
        assert_eq!(CliError::NotOne.exit_code(), 2);
        assert_eq!(CliError::BrokenPipe.exit_code(), 0);
        assert!(CliError::BrokenPipe.lines().is_empty());
    }
}
