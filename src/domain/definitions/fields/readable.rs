//! Keys that may be missing.

/// A field as the treatment has it; `None` where it is stated and could not be read.
#[expect(
    clippy::option_option,
    reason = "stated and readable are different questions"
)]
pub(in crate::domain::definitions) fn readable<T>(stated: Option<Option<T>>) -> Option<Option<T>> {
    match stated {
        None => Some(None),
        Some(read) => read.map(Some),
    }
}
