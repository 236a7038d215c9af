//! The purpose of a call: a short word that its caller states, such as `service` or `marketing`.

use std::fmt;

/// Greatest length, in bytes.
pub const MAX_BYTES: usize = 32;

/// A purpose.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Purpose(Box<str>);

/// A text is not a purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not a purpose: use 1 to 32 of a-z, 0-9, \"_\" and \"-\"")]
pub struct InvalidPurpose;

impl Purpose {
    /// The purpose that a text names.
    ///
    /// # Errors
    /// Empty, too long, or another character.
    pub fn new(text: &str) -> Result<Self, InvalidPurpose> {
        let is_allowed = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-');
        if text.is_empty() || text.len() > MAX_BYTES || !text.bytes().all(is_allowed) {
            return Err(InvalidPurpose);
        }
        Ok(Self(text.into()))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_purpose_is_a_short_word() {
        for good in ["service", "a", "win-back_2", &"x".repeat(MAX_BYTES)] {
            assert_eq!(Purpose::new(good).unwrap().as_str(), good);
        }
        for bad in [
            "",
            "Service",
            "two words",
            "ä",
            "a\"b",
            &"x".repeat(MAX_BYTES + 1),
        ] {
            assert_eq!(Purpose::new(bad), Err(InvalidPurpose), "{bad:?}");
        }
    }
}
