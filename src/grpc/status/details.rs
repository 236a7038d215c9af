//! The details of a status, kept within what clients take.

use std::{collections::HashMap, fmt::Write as _, time::Duration};

use tonic::{Code, Status, metadata::MetadataMap};
use tonic_types::{ErrorDetails, StatusExt as _};

use super::{DOMAIN, Violation};

/// Most bytes of violations, metadata and resource names together. Base64 makes 4 of 3, and each piece has its own framing: with the
/// message at its worst this leaves a few hundred bytes of [`MAX_WIRE_BYTES`].
const MAX_DETAIL_BYTES: usize = 1500;

/// Most bytes of the sentence. It is sent twice: percent-encoded (3 bytes for each that is not ASCII) and within the details.
const MAX_MESSAGE_BYTES: usize = 256;

/// Most bytes of one text within the details, so that one long name cannot crowd the others out.
const MAX_TEXT_BYTES: usize = 240;

/// Bytes of framing to reckon for one violation or one metadata entry: two tags, two lengths, and those of the entry.
const FRAMING_BYTES: usize = 12;

/// The header that gRPC clients obey for their automatic retries; they do not look at `RetryInfo` for that.
pub(super) const RETRY_PUSHBACK: &str = "grpc-retry-pushback-ms";

/// Details in the making, with what is left of their budget.
pub(super) struct Details {
    pub(super) inner: ErrorDetails,
    reason: &'static str,
    metadata: HashMap<String, String>,
    /// When the caller may come back, for clients that retry by themselves.
    pub(super) retry_pushback: Option<Duration>,
    left: usize,
}

impl Details {
    pub(super) fn new(reason: &'static str) -> Self {
        Self {
            inner: ErrorDetails::new(),
            reason,
            metadata: HashMap::new(),
            retry_pushback: None,
            left: MAX_DETAIL_BYTES,
        }
    }

    /// Cuts a text to what may still be sent and takes it from the budget.
    pub(super) fn fit(&mut self, text: &str) -> String {
        let text = cut(text, MAX_TEXT_BYTES.min(self.left));
        self.left -= text.len();
        text
    }

    pub(super) fn metadata(&mut self, entries: &[(&'static str, String)]) {
        for (key, value) in entries {
            let framing = key.len() + FRAMING_BYTES;
            if self.left <= framing {
                break;
            }
            self.left -= framing;
            // Metadata often is a list of ids: it may take all that is left, where a single text may not.
            let value = cut(value, self.left);
            self.left -= value.len();
            self.metadata.insert((*key).to_owned(), value);
        }
    }

    pub(super) fn violations(&mut self, violations: &[Violation]) {
        /// What "and N more" takes, whatever N is.
        const REST_BYTES: usize = 40 + FRAMING_BYTES;
        for (index, violation) in violations.iter().enumerate() {
            let field = cut(&violation.field, MAX_TEXT_BYTES);
            let description = cut(&violation.description, MAX_TEXT_BYTES);
            let bytes = field.len() + description.len() + FRAMING_BYTES;
            if bytes + REST_BYTES > self.left {
                let rest = violations.len() - index;
                self.inner
                    .add_bad_request_violation("", format!("and {rest} more"));
                return;
            }
            self.left -= bytes;
            self.inner.add_bad_request_violation(field, description);
        }
    }

    pub(super) fn into_status(mut self, code: Code, message: &str) -> Status {
        self.inner
            .set_error_info(self.reason, DOMAIN, self.metadata);
        let mut metadata = MetadataMap::new();
        if let Some(after) = self.retry_pushback {
            metadata.insert(RETRY_PUSHBACK, millis_header(after));
        }
        Status::with_error_details_and_metadata(
            code,
            cut(message, MAX_MESSAGE_BYTES),
            self.inner,
            metadata,
        )
    }
}

/// A duration as whole milliseconds, rounded up so that nobody comes too early.
fn millis_header(after: Duration) -> tonic::metadata::AsciiMetadataValue {
    let millis = u64::try_from(after.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX);
    tonic::metadata::AsciiMetadataValue::from(millis)
}

/// At most `max` bytes of `text`, cut between characters and marked with an ellipsis where something is missing.
pub(super) fn cut(text: &str, max: usize) -> String {
    const ELLIPSIS: char = '…';
    if text.len() <= max {
        return text.to_owned();
    }
    let Some(room) = max.checked_sub(ELLIPSIS.len_utf8()) else {
        return String::new();
    };
    let mut short = String::with_capacity(max);
    let _ = write!(
        short,
        "{}{ELLIPSIS}",
        &text[..text.floor_char_boundary(room)]
    );
    short
}
