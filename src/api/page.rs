//! Pages of lists that are numbered downwards (AIP-158).

use prost::Message;

use crate::api::violations::Violations;

/// Entries on a page when the caller states no number.
const DEFAULT_SIZE: i32 = 100;
/// Greatest number of entries on a page; more are taken as so many.
const MAX_SIZE: i32 = 1_000;

/// Most bytes of the entries of a page: clients take 4 MiB of a message unless they are told otherwise.
const MAX_BYTES: usize = 3 << 20;

/// The page that a request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Page {
    /// Entries below this number.
    pub(crate) before: i64,
    size: usize,
}

/// Reads size and token of a request.
pub(crate) fn read(size: i32, token: &str) -> Result<Page, Violations> {
    let mut violations = Violations::default();
    let mut check = violations.at("");
    let size = match size {
        0 => Some(DEFAULT_SIZE),
        1.. => Some(size.min(MAX_SIZE)),
        _ => {
            check.field("page_size").refuse(
                "OUT_OF_RANGE",
                format!("is {size}: set 1 to {MAX_SIZE}, or 0 for {DEFAULT_SIZE}"),
            );
            None
        }
    };
    let before = match token {
        "" => Some(i64::MAX),
        token => {
            let number = token
                .parse()
                .map_err(|_| "is not a page token: use next_page_token of the previous page");
            check.field("page_token").ok("INVALID_PAGE_TOKEN", number)
        }
    };
    match (size.and_then(|size| usize::try_from(size).ok()), before) {
        (Some(size), Some(before)) => Ok(Page { before, size }),
        _ => Err(violations),
    }
}

impl Page {
    /// How many entries to read: one more than the page, which tells whether there is another.
    pub(crate) fn limit(self) -> i64 {
        i64::try_from(self.size).unwrap_or(i64::MAX - 1) + 1
    }

    /// The entries of the page, and the token of the next one.
    pub(crate) fn cut<T>(self, entries: Vec<T>, number: impl Fn(&T) -> i64) -> (Vec<T>, String) {
        cut_after(self.size, entries, number)
    }

    /// The same, of entries that may be large: a page ends where a client would take no more of a message, after one at least.
    pub(crate) fn cut_to_size<T: Message>(
        self,
        entries: Vec<T>,
        number: impl Fn(&T) -> i64,
    ) -> (Vec<T>, String) {
        let fit = entries
            .iter()
            .scan(0, |bytes, entry| {
                *bytes += entry.encoded_len();
                Some(*bytes)
            })
            .take_while(|bytes| *bytes <= MAX_BYTES);
        cut_after(self.size.min(fit.count().max(1)), entries, number)
    }
}

/// The first `size` entries, and the number of the last of them if there are more.
fn cut_after<T>(size: usize, mut entries: Vec<T>, number: impl Fn(&T) -> i64) -> (Vec<T>, String) {
    let more = entries.len() > size;
    entries.truncate(size);
    let last = entries.last().filter(|_| more);
    let token = last
        .map(|last| number(last).to_string())
        .unwrap_or_default();
    (entries, token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_cut_into_pages_that_follow_each_other() {
        let first = read(2, "").unwrap();
        assert_eq!((first.before, first.limit()), (i64::MAX, 3));
        assert_eq!(
            first.cut(vec![5, 4, 3], |&n| n),
            (vec![5, 4], "4".to_owned())
        );
        let second = read(2, "4").unwrap();
        assert_eq!(second.before, 4);
        assert_eq!(second.cut(vec![3, 2], |&n| n), (vec![3, 2], String::new()));
    }

    #[test]
    fn large_entries_make_short_pages_that_leave_none_out() {
        let large = "x".repeat(1 << 20);
        let entries = |from: i64| -> Vec<String> {
            (1..=from)
                .rev()
                .map(|number| format!("{number} {large}"))
                .collect()
        };
        let number = |entry: &String| entry.split(' ').next().unwrap().parse().unwrap();
        let page = read(100, "").unwrap();
        let (first, token) = page.cut_to_size(entries(5), number);
        assert_eq!((first.len(), &*token), (2, "4"));
        let (rest, token) = page.cut_to_size(entries(2), number);
        assert_eq!((rest.len(), &*token), (2, ""));
        let huge = vec!["2 ".to_owned() + &"x".repeat(5 << 20), "1 ".to_owned()];
        let (alone, token) = page.cut_to_size(huge, number);
        assert_eq!((alone.len(), &*token), (1, "2"));
    }

    #[test]
    fn sizes_are_bounded_and_made_up_tokens_refused() {
        assert_eq!(read(0, "").unwrap().limit(), 101);
        assert_eq!(read(i32::MAX, "").unwrap().limit(), 1_001);
        assert!(read(-1, "").is_err());
        assert!(read(1, "x").is_err());
    }
}
