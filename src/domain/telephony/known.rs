//! Numbers that were read before and found to be valid and in their canonical form.
//!
//! To hold a number against the numbering plans is more than a quarter of the work of a call by phone, and the same callers call again. What is kept is a
//! keyed hash of each, never a number. Two numbers with the same hash of 64 bits are not expected in the life of a process; the second would be looked up without
//! having been checked, and not be found.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// Places for hashes: half a mebibyte. Each has one place, where a later one replaces it.
const PLACES: usize = 1 << 16;

static KNOWN: LazyLock<Known> = LazyLock::new(Known::new);

struct Known {
    places: Box<[AtomicU64]>,
    key: RandomState,
}

impl Known {
    fn new() -> Self {
        Self {
            places: (0..PLACES).map(|_| AtomicU64::new(0)).collect(),
            key: RandomState::new(),
        }
    }

    /// The place of a text and what stands there for it; never 0, which is an empty place.
    fn find(&self, text: &str) -> (&AtomicU64, u64) {
        let hash = self.key.hash_one(text) | 1;
        let at = (hash >> 1) % PLACES as u64;
        let at = usize::try_from(at).unwrap_or_default();
        (&self.places[at], hash)
    }
}

/// Whether this text was noted, and not replaced since.
pub(super) fn contains(text: &str) -> bool {
    is_plain(text) && {
        let (place, hash) = KNOWN.find(text);
        place.load(Ordering::Relaxed) == hash
    }
}

/// Notes a valid number that is read as it is written.
pub(super) fn note(text: &str) {
    if is_plain(text) {
        let (place, hash) = KNOWN.find(text);
        place.store(hash, Ordering::Relaxed);
    }
}

/// Whether a text can be the canonical form of a number: `+` and at most 15 digits.
fn is_plain(text: &str) -> bool {
    let digits = text.strip_prefix('+');
    digits.is_some_and(|digits| {
        (1..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_noted_is_known_and_nothing_else() {
        note("+493012345601");
        assert!(contains("+493012345601"));
        assert!(!contains("+493012345602"));
        for text in [
            "493012345603",
            "+49 30 12345604",
            "+1234567890123456",
            "+",
            "",
        ] {
            note(text);
            assert!(!contains(text), "{text}");
        }
    }
}
