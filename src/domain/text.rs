//! Texts from outside, bounded and free of control characters, so that they can be stored, shown and logged as they are.

use std::{fmt, sync::Arc};

/// Why a text is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// A required text is empty.
    #[error("must not be empty")]
    Empty,
    /// Too many bytes.
    #[error("is {actual} bytes long; at most {limit} are allowed")]
    TooLong {
        /// Length in bytes.
        actual: usize,
        /// Greatest length in bytes.
        limit: usize,
    },
    /// A control or invisible formatting character.
    #[error(
        "contains the character U+{0:04X}, which is not allowed: remove control and direction marks"
    )]
    Character(u32),
    /// White space at an end, which nobody sees and no two systems agree on.
    #[error("begins or ends with white space: trim it")]
    Untrimmed,
}

/// Checks an optional text of at most `limit` bytes.
///
/// # Errors
/// Too long, or a character that must not be stored.
pub fn bounded(text: &str, limit: usize) -> Result<&str, TextError> {
    if text.len() > limit {
        return Err(TextError::TooLong {
            actual: text.len(),
            limit,
        });
    }
    match text.chars().find(|&c| is_refused(c)) {
        Some(c) => Err(TextError::Character(c.into())),
        None if text.trim().len() != text.len() => Err(TextError::Untrimmed),
        None => Ok(text),
    }
}

/// Checks a required text of at most `limit` bytes.
///
/// # Errors
/// Empty, too long, or a character that must not be stored.
pub fn required(text: &str, limit: usize) -> Result<&str, TextError> {
    if text.is_empty() {
        return Err(TextError::Empty);
    }
    bounded(text, limit)
}

/// Control characters, and the direction and joining marks with which one text can be made to look like another.
fn is_refused(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{2069}' | '\u{FEFF}')
}

/// A short shared text: a source, channel, category or name of an attribute. Cloning it copies a pointer.
pub type Label = Arc<str>;

/// A customer's id, 1 to 128 bytes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CustomerId(Arc<str>);

impl CustomerId {
    /// Greatest length in bytes.
    pub const MAX_BYTES: usize = 128;

    /// The id, checked.
    ///
    /// # Errors
    /// Empty, too long, or a character that must not be stored.
    pub fn new(text: &str) -> Result<Self, TextError> {
        required(text, Self::MAX_BYTES).map(|text| Self(text.into()))
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CustomerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for CustomerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CustomerId({})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_bounded_and_free_of_control_characters() {
        assert!(CustomerId::new("0001").is_ok());
        assert!(CustomerId::new("Müller & Söhne").is_ok());
        assert_eq!(CustomerId::new(""), Err(TextError::Empty));
        assert_eq!(
            CustomerId::new(&"x".repeat(129)),
            Err(TextError::TooLong {
                actual: 129,
                limit: 128
            })
        );
        for text in ["a\0b", "a\nb", "a\u{1b}[31m", "a\u{202e}b", "a\u{feff}"] {
            assert!(
                matches!(CustomerId::new(text), Err(TextError::Character(_))),
                "{text:?}"
            );
        }
        assert_eq!(CustomerId::new(" a"), Err(TextError::Untrimmed));
    }
}
