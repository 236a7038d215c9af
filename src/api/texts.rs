//! The door for texts: every text that is stored, or compared with stored ones, is composed (NFC) here and then checked.
//!
//! `é` is one character or a letter and an accent, depending on the system that wrote it. Stored texts are compared byte by byte, so there
//! must be one form of each. What is wrong with a text is stated of the composed one: limits are those of what is stored.

use std::borrow::Cow;

use icu_normalizer::ComposingNormalizerBorrowed;

use crate::domain::{
    customer::{Email, ExternalId, IdentifierError},
    text::{self, CustomerId, TextError},
};

/// The text in its composed form.
pub(crate) fn composed(text: &str) -> Cow<'_, str> {
    // Most texts are ASCII, which is composed.
    if text.is_ascii() {
        return Cow::Borrowed(text);
    }
    const { ComposingNormalizerBorrowed::new_nfc() }.normalize(text)
}

/// An optional text of at most `limit` bytes.
///
/// # Errors
/// Too long, or a character that must not be stored.
pub(crate) fn bounded(text: &str, limit: usize) -> Result<Cow<'_, str>, TextError> {
    let text = composed(text);
    text::bounded(&text, limit)?;
    Ok(text)
}

/// A required text of at most `limit` bytes.
///
/// # Errors
/// Empty, too long, or a character that must not be stored.
pub(crate) fn required(text: &str, limit: usize) -> Result<Cow<'_, str>, TextError> {
    let text = composed(text);
    text::required(&text, limit)?;
    Ok(text)
}

/// The id of a customer.
///
/// # Errors
/// Empty, too long, or a character that must not be stored.
pub(crate) fn customer_id(text: &str) -> Result<CustomerId, TextError> {
    CustomerId::new(&composed(text))
}

/// An e-mail address.
///
/// # Errors
/// When the text is no address.
pub(crate) fn email(text: &str) -> Result<Email, IdentifierError> {
    Email::new(&composed(text))
}

/// An id of another system.
///
/// # Errors
/// Empty, too long, or a character that must not be stored.
pub(crate) fn external_id(system: &str, id: &str) -> Result<ExternalId, IdentifierError> {
    ExternalId::new(&composed(system), &composed(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMPOSED: &str = "Caf\u{e9}";
    const DECOMPOSED: &str = "Cafe\u{301}";

    #[test]
    fn a_letter_and_its_accent_are_one_character() {
        assert_eq!(composed(DECOMPOSED), COMPOSED);
        assert!(matches!(composed(COMPOSED), Cow::Borrowed(COMPOSED)));
        assert!(matches!(composed("Cafe"), Cow::Borrowed("Cafe")));
        assert_eq!(composed("\u{1112}\u{1161}\u{11ab}"), "\u{d55c}");
        // Equal in meaning only: these stay apart.
        assert_eq!(composed("\u{fb01} \u{2460}"), "\u{fb01} \u{2460}");
        assert_eq!(customer_id(DECOMPOSED), customer_id(COMPOSED));
        let addresses = [DECOMPOSED, COMPOSED].map(|name| email(&format!("{name}@example.org")));
        assert_eq!(addresses[0], addresses[1]);
        assert_eq!(
            external_id(DECOMPOSED, DECOMPOSED),
            external_id(COMPOSED, COMPOSED)
        );
    }

    #[test]
    fn limits_are_those_of_the_composed_text() {
        let decomposed = "e\u{301}".repeat(32);
        assert_eq!(decomposed.len(), 96);
        assert_eq!(bounded(&decomposed, 64).unwrap(), "\u{e9}".repeat(32));
        let error = required(&"e\u{301}".repeat(33), 64).unwrap_err();
        assert_eq!(
            error,
            TextError::TooLong {
                actual: 66,
                limit: 64
            }
        );
        // Composed, this one is longer than it was.
        let longer = "\u{95a}".repeat(11);
        assert_eq!((longer.len(), composed(&longer).len()), (33, 66));
        assert!(bounded(&longer, 64).is_err());
        assert_eq!(required("", 64), Err(TextError::Empty));
    }
}
