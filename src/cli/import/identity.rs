//! Ids for facts of files that have none: derived from what the row says, so that importing the file again adds nothing.

use std::collections::HashMap;
use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

/// Bytes of a derived id: 128 bits, so that among 10^12 rows a collision has a chance of one in 10^14.
const BYTES: usize = 16;

/// Derives ids from the content of rows and their position among equals.
///
/// Keeps a count for each distinct content: about 24 bytes a row of the file.
#[derive(Debug, Default)]
pub struct DerivedIds {
    seen: HashMap<[u8; BYTES], u32>,
}

impl DerivedIds {
    /// The id of a row: 32 hexadecimal digits. Two rows of one file never share one; the same row of the same file always has the
    /// same, whatever stands around it.
    ///
    /// `content` is what was read from the mapped columns, in a form that does not depend on how it was written.
    pub fn next(&mut self, content: &Content) -> String {
        let digest = short(Sha256::digest(&content.bytes).as_slice());
        let ordinal = self.seen.entry(digest).or_insert(0);
        let mut hasher = Sha256::new();
        hasher.update(digest);
        hasher.update(ordinal.to_be_bytes());
        *ordinal += 1;
        let mut id = String::with_capacity(2 * BYTES);
        for byte in short(hasher.finalize().as_slice()) {
            // Writing to a String cannot fail.
            let _ = write!(id, "{byte:02x}");
        }
        id
    }
}

fn short(digest: &[u8]) -> [u8; BYTES] {
    let mut short = [0; BYTES];
    short.copy_from_slice(&digest[..BYTES]);
    short
}

/// What a row says: labelled values, absent ones left out.
#[derive(Debug, Default)]
pub struct Content {
    bytes: Vec<u8>,
}

impl Content {
    /// Adds a value under a label. An empty one is the same as none.
    #[must_use]
    pub fn with(mut self, label: &str, value: &str) -> Self {
        if !value.is_empty() {
            for part in [label, value] {
                // Lengths first: no two lists of values have the same bytes.
                self.bytes
                    .extend_from_slice(&(part.len() as u64).to_be_bytes());
                self.bytes.extend_from_slice(part.as_bytes());
            }
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(amount: &str) -> Content {
        Content::default()
            .with("customer", "0001")
            .with("amount", amount)
    }

    #[test]
    fn equal_rows_get_different_ids_that_are_the_same_at_the_next_import() {
        let mut first = DerivedIds::default();
        let ids: Vec<String> = ["1", "2", "1", "1"]
            .iter()
            .map(|amount| first.next(&content(amount)))
            .collect();
        assert_ne!(ids[0], ids[2]);
        assert_ne!(ids[2], ids[3]);
        assert!(ids.iter().all(|id| id.len() == 32));
        // Another order of different rows, and other rows between them, change nothing.
        let mut second = DerivedIds::default();
        let again: Vec<String> = ["1", "3", "1", "2", "1"]
            .iter()
            .map(|amount| second.next(&content(amount)))
            .collect();
        assert_eq!(
            [&again[0], &again[2], &again[4], &again[3]],
            [&ids[0], &ids[2], &ids[3], &ids[1]]
        );
    }

    #[test]
    fn an_id_never_changes_between_versions_of_the_program() {
        assert_eq!(
            DerivedIds::default().next(&content("2933")),
            "cf273e305a5c1ea0630e0f92156365ee"
        );
    }

    #[test]
    fn values_do_not_run_into_each_other_and_empty_ones_do_not_count() {
        let one = Content::default().with("a", "bc").with("d", "");
        let other = Content::default().with("ab", "c");
        assert_ne!(one.bytes, other.bytes);
        assert_eq!(one.bytes, Content::default().with("a", "bc").bytes);
    }
}
