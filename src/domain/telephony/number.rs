//! A phone number in its one canonical form.

use std::fmt;

/// A phone number in E.164: `+`, the country code and the national number, at most 15 digits (ITU-T E.164, 6.2).
///
/// Only [`super::plan::NumberPlan::read`] makes one, so that a number has one form wherever it comes from.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct PhoneNumber(Box<str>);

impl PhoneNumber {
    /// From a text that is known to be canonical.
    pub(super) fn from_canonical(text: &str) -> Self {
        Self(text.into())
    }

    /// The number as text, `+` first. It is personal data: log and store only digests and masked forms.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What may be shown of it: the country code, roughly, and the last two digits.
    #[must_use]
    pub fn masked(&self) -> String {
        let shown = self.0.len().saturating_sub(2).max(3);
        let hidden = "*".repeat(shown - 3);
        format!("{}{hidden}{}", &self.0[..3], &self.0[shown..])
    }
}

impl fmt::Debug for PhoneNumber {
    /// Redacted: a phone number never reaches a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PhoneNumber(redacted)")
    }
}
