//! Keyed digests of identifiers, and the key.

use std::fmt::Write as _;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::{
    domain::{
        customer::{Identifier, IdentifierKind},
        text::CustomerId,
    },
    store::{codes, error::StoreError},
};

/// The secret under which identifiers are digested: 32 bytes, the same for every process of a deployment. Held as the state of a digest that has
/// read it, which is half of the work of a short one.
#[derive(Clone)]
pub struct IdentifierKey(Hmac<Sha256>);

/// The keyed digest of an identifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct IdentifierDigest {
    pub(super) kind: IdentifierKind,
    pub(super) digest: [u8; 32],
}

impl IdentifierKey {
    /// The key.
    ///
    /// # Panics
    /// Never: HMAC takes keys of any length.
    #[must_use]
    pub fn new(bytes: [u8; 32]) -> Self {
        #[expect(clippy::unwrap_used, reason = "HMAC takes keys of any length")]
        Self(Hmac::new_from_slice(&bytes).unwrap())
    }

    /// The digest of `identifier` under this key.
    #[must_use]
    pub fn digest(&self, identifier: &Identifier) -> IdentifierDigest {
        let kind = identifier.kind();
        let code = codes::identifier_kind_code(kind).to_be_bytes();
        IdentifierDigest {
            kind,
            digest: self.mac(&[&code, identifier.canonical().as_bytes()]),
        }
    }

    /// The id of the `number`th customer who is created with `identifier` as the only name: it shows the kind of the identifier and
    /// nothing of its value. It is made by a digest of its own, so that no id gives away what the identifier is found by.
    ///
    /// # Errors
    /// Never for these texts, which no check of ids refuses.
    pub fn customer_id(
        &self,
        identifier: &Identifier,
        number: u32,
    ) -> Result<CustomerId, StoreError> {
        let kind = match identifier.kind() {
            IdentifierKind::Phone => "phone",
            IdentifierKind::Email => "email",
            IdentifierKind::External => "external",
        };
        let label = b"patron customer id";
        let digest = self.mac(&[label, kind.as_bytes(), identifier.canonical().as_bytes()]);
        // Half of it: no two of billions of identifiers share 128 bits.
        let half: String = digest[..16].iter().fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        });
        codes::customer_id(&match number {
            ..=1 => format!("{kind}-{half}"),
            number => format!("{kind}-{half}-{number}"),
        })
    }

    /// Tells this key from any other without revealing it.
    #[must_use]
    pub fn check_value(&self) -> [u8; 32] {
        self.mac(&[b"patron identifier key"])
    }

    fn mac(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut mac = self.0.clone();
        for part in parts {
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }
}

impl std::fmt::Debug for IdentifierKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("IdentifierKey(redacted)")
    }
}

impl IdentifierDigest {
    /// The kind of the identifier.
    #[must_use]
    pub fn kind(&self) -> IdentifierKind {
        self.kind
    }

    /// Half of the digest, of which the kind is a part: no two of billions of identifiers share 128 bits.
    #[must_use]
    pub fn half(&self) -> [u8; 16] {
        let (half, _) = self.digest.split_at(16);
        half.try_into().unwrap_or_default()
    }

    /// The code of the kind, and the digest, as their columns have them.
    pub(in crate::store) fn columns(&self) -> (i16, &[u8]) {
        (codes::identifier_kind_code(self.kind), &self.digest)
    }
}

/// The digest of an identifier in its columns.
pub(in crate::store) fn stored_digest(
    kind: i16,
    digest: Vec<u8>,
) -> Result<IdentifierDigest, StoreError> {
    let kind = codes::identifier_kind(kind)?;
    let digest = digest
        .try_into()
        .map_err(|_| StoreError::corrupt("identifier digest", "not 32 bytes"))?;
    Ok(IdentifierDigest { kind, digest })
}
