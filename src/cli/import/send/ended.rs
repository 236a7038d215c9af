//! How a stream ends, and whether another one may fare better.

use std::error::Error as _;
use std::time::Duration;

use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use super::FIRST_DELAY;
use crate::cli::error::CliError;

/// How a stream ended as it should.
pub(super) enum Over {
    /// Everything is acknowledged, and no more comes.
    All,
    /// It is as long as one may be, and all of it is acknowledged.
    Full,
}

/// Why a stream ended before its last batch.
pub(super) enum Ended {
    /// The server's answer, or that of the connection.
    Status(Status),
    /// Without an answer, and how.
    Silently(String),
    /// What nothing helps against.
    Failed(CliError),
}

impl Ended {
    pub(super) fn is_passing(&self) -> bool {
        match self {
            Self::Status(status) => is_passing(status) || self.is_reset(),
            Self::Silently(_) => true,
            Self::Failed(_) => false,
        }
    }

    /// Whether a proxy takes no stream of such a length: Patron's own answers have details.
    pub(super) fn is_too_large(&self) -> bool {
        matches!(self, Self::Status(status)
            if status.code() == Code::ResourceExhausted && status.get_details_error_info().is_none())
    }

    /// Whether the stream was reset from outside, as proxies do in the middle of an answer. A server of ours answers with a status.
    pub(super) fn is_reset(&self) -> bool {
        let Self::Status(status) = self else {
            return false;
        };
        let mut cause = status.source();
        while let Some(error) = cause {
            // The words of h2, whose error has no public kind in tonic.
            if error.to_string().contains("stream error received") {
                return true;
            }
            cause = error.source();
        }
        false
    }

    /// The delay that the server asks for, or the shortest one.
    pub(super) fn asked_delay(&self) -> Duration {
        let asked = match self {
            Self::Status(status) => status.get_details_retry_info(),
            Self::Silently(_) | Self::Failed(_) => None,
        };
        asked
            .and_then(|info| info.retry_delay)
            .unwrap_or(FIRST_DELAY)
    }
}

impl From<Ended> for CliError {
    fn from(ended: Ended) -> Self {
        match ended {
            Ended::Status(status) => status.into(),
            Ended::Silently(how) => Self::failed(how),
            Ended::Failed(error) => error,
        }
    }
}

impl From<Status> for Ended {
    fn from(status: Status) -> Self {
        Self::Status(status)
    }
}

pub(super) fn late(limit: Duration) -> Ended {
    let seconds = limit.as_secs_f64();
    Ended::Silently(format!(
        "the server acknowledged nothing within {seconds} s: try again, or set a longer --timeout"
    ))
}

/// Whether the same call may succeed later: the server says so, or the connection broke (then the status has a local source).
fn is_passing(status: &Status) -> bool {
    let code = status.code();
    let stated = [Code::Unavailable, Code::DeadlineExceeded, Code::Aborted].contains(&code);
    let broken = [Code::Unknown, Code::Cancelled].contains(&code) && status.source().is_some();
    stated || broken
}
