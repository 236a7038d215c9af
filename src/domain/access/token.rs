//! The text of a token, `patron_ID.SECRET`, and what is kept of its secret.
//!
//! The secret has 256 random bits, so a plain SHA-256 of it cannot be reversed by guessing: a slow hash, as passwords need, would only let callers
//! spend the server's time. The id finds the token; only the digests are compared, in a time that does not depend on where they differ.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

/// Begins every token, so that scanners find one that was published by mistake.
pub const PREFIX: &str = "patron_";
/// Hexadecimal digits of an id.
pub const ID_DIGITS: usize = 16;
/// Random bytes of a secret.
pub const SECRET_BYTES: usize = 32;
/// Characters of a secret: its bytes in base64 for URLs, without padding.
const SECRET_CHARS: usize = 43;

/// The parts of the text of a token.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Parts<'a> {
    /// Finds the token.
    pub id: &'a str,
    /// Proves it.
    pub secret: &'a str,
}

impl fmt::Debug for Parts<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Parts({}.redacted)", self.id)
    }
}

/// The parts of a text that has the form of a token.
#[must_use]
pub fn parse(text: &str) -> Option<Parts<'_>> {
    let (id, secret) = text.strip_prefix(PREFIX)?.split_once('.')?;
    let is_secret = secret.len() == SECRET_CHARS
        && secret
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    (is_id(id) && is_secret).then_some(Parts { id, secret })
}

/// Whether a text has the form of an id.
#[must_use]
pub fn is_id(text: &str) -> bool {
    text.len() == ID_DIGITS
        && text
            .bytes()
            .all(|it| matches!(it, b'0'..=b'9' | b'a'..=b'f'))
}

/// The id made of random bytes.
#[must_use]
pub fn id(random: [u8; ID_DIGITS / 2]) -> String {
    format!("{:016x}", u64::from_be_bytes(random))
}

/// A new secret, shown to its owner once.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// The secret made of random bytes.
    #[must_use]
    pub fn new(random: [u8; SECRET_BYTES]) -> Self {
        Self(URL_SAFE_NO_PAD.encode(random))
    }

    /// What is kept of it.
    #[must_use]
    pub fn digest(&self) -> SecretDigest {
        SecretDigest::of(&self.0)
    }

    /// The whole token: for its owner only.
    #[must_use]
    pub fn expose(&self, id: &str) -> String {
        format!("{PREFIX}{id}.{}", self.0)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(redacted)")
    }
}

/// The SHA-256 of a secret.
#[derive(Clone, Copy)]
pub struct SecretDigest([u8; 32]);

impl SecretDigest {
    /// That of a secret as callers send it.
    #[must_use]
    pub fn of(secret: &str) -> Self {
        Self(Sha256::digest(secret.as_bytes()).into())
    }

    /// A stored one; `None` for a wrong length.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// As it is stored.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Whether both are the same, in constant time.
    #[must_use]
    pub fn matches(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl fmt::Debug for SecretDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretDigest(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_reads_back_and_its_secret_is_the_only_one_that_matches() {
        let secret = Secret::new([7; SECRET_BYTES]);
        let id = id([0, 0, 0, 0, 0, 0, 1, 0xab]);
        assert_eq!(id, "00000000000001ab");
        let text = secret.expose(&id);
        let parts = parse(&text).unwrap();
        assert_eq!(parts.id, id);
        assert!(SecretDigest::of(parts.secret).matches(&secret.digest()));
        let other = Secret::new([8; SECRET_BYTES]);
        assert!(!SecretDigest::of(parts.secret).matches(&other.digest()));
        let stored = SecretDigest::from_bytes(secret.digest().as_bytes()).unwrap();
        assert!(stored.matches(&secret.digest()));
        assert!(SecretDigest::from_bytes(&[1; 31]).is_none());
    }

    #[test]
    fn other_texts_are_not_tokens() {
        let good = Secret::new([7; SECRET_BYTES]).expose("0123456789abcdef");
        assert!(parse(&good).is_some());
        for bad in [
            String::new(),
            "patron_".to_owned(),
            good.replace("patron_", ""),
            good.replace('.', "_"),
            good.replace("0123456789abcdef", "0123456789ABCDEF"),
            good.replace("0123456789abcdef", "0123"),
            format!("{good}x"),
            format!("{good}="),
            format!(" {good}"),
            good[..good.len() - 1].to_owned(),
        ] {
            assert_eq!(parse(&bad), None, "{bad:?}");
        }
    }

    #[test]
    fn no_debug_text_has_a_secret() {
        let secret = Secret::new([7; SECRET_BYTES]);
        let text = secret.expose("0123456789abcdef");
        let (_, plain) = text.split_once('.').unwrap();
        let parts = parse(&text).unwrap();
        let shown = format!("{secret:?} {:?} {parts:?}", secret.digest());
        assert!(!shown.contains(&plain[..4]), "{shown}");
        assert!(shown.contains("0123456789abcdef"), "{shown}");
    }
}
