//! Lists that the server returns in pages: collected up to a limit, with a note of what is missing.

use super::{error::CliError, output::Output};

/// Items of a page: as many as the server returns at most.
pub const PAGE_SIZE: i32 = 1_000;

/// The first items of a list.
#[derive(Debug, PartialEq, Eq)]
pub struct Listed<T> {
    /// The items, at most as many as the limit.
    pub items: Vec<T>,
    /// Whether the list goes on.
    pub has_more: bool,
}

impl<T> Listed<T> {
    /// Notes that the list goes on, if it does.
    pub fn note_more(&self, output: &mut Output) {
        if self.has_more {
            let shown = self.items.len();
            output.note(&format!(
                "showing the {shown} most recent; use --limit for more"
            ));
        }
    }
}

/// The first `limit` items of a list. `page` returns the items of the page that a token names, and the token of the next page; the first and
/// the last token are empty.
///
/// # Errors
///
/// That of the first page that fails.
pub async fn list<T>(
    limit: usize,
    mut page: impl AsyncFnMut(String) -> Result<(Vec<T>, String), CliError>,
) -> Result<Listed<T>, CliError> {
    let (mut items, mut token) = (Vec::new(), String::new());
    loop {
        let (found, next) = page(token).await?;
        items.extend(found);
        token = next;
        if token.is_empty() || items.len() >= limit {
            let has_more = items.len() > limit || !token.is_empty();
            items.truncate(limit);
            return Ok(Listed { items, has_more });
        }
    }
}

/// All items of a list. As [`list`] collects them.
///
/// # Errors
///
/// That of the first page that fails.
pub async fn list_all<T>(
    page: impl AsyncFnMut(String) -> Result<(Vec<T>, String), CliError>,
) -> Result<Vec<T>, CliError> {
    Ok(list(usize::MAX, page).await?.items)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::output::Captured;

    /// A list of five numbers in pages of two, and the tokens that were asked for.
    async fn listed(limit: usize) -> (Listed<i32>, Vec<String>) {
        let mut tokens = vec![];
        let listed = list(limit, async |token: String| {
            tokens.push(token.clone());
            let first = token.parse().unwrap_or(0);
            let items = (first..5).take(2).collect();
            let next = first + 2;
            let next = (next < 5).then(|| next.to_string());
            Ok((items, next.unwrap_or_default()))
        });
        let listed = listed.await.unwrap();
        (listed, tokens)
    }

    #[tokio::test]
    async fn pages_are_read_up_to_the_limit_and_no_further() {
        for (limit, items, has_more, tokens) in [
            (1, vec![0], true, vec![""]),
            (2, vec![0, 1], true, vec![""]),
            (3, vec![0, 1, 2], true, vec!["", "2"]),
            (5, vec![0, 1, 2, 3, 4], false, vec!["", "2", "4"]),
            (9, vec![0, 1, 2, 3, 4], false, vec!["", "2", "4"]),
        ] {
            let (found, asked) = listed(limit).await;
            assert_eq!(found, Listed { items, has_more }, "limit {limit}");
            assert_eq!(asked, tokens, "limit {limit}");
        }
    }

    #[tokio::test]
    async fn a_list_that_goes_on_says_so_apart_from_the_data() {
        for (limit, note) in [
            (3, "showing the 3 most recent; use --limit for more\n"),
            (5, ""),
        ] {
            let (mut output, data, notes) = Captured::output();
            listed(limit).await.0.note_more(&mut output);
            assert_eq!(
                (data.text(), notes.text()),
                (String::new(), note.to_owned())
            );
        }
    }

    #[tokio::test]
    async fn all_pages_are_read_and_a_page_that_fails_fails_the_list() {
        let all = list_all(async |token: String| {
            let last = token == "b";
            Ok((vec![token], if last { "" } else { "b" }.to_owned()))
        });
        assert_eq!(all.await.unwrap(), ["", "b"]);
        let failed: Result<Vec<()>, _> =
            list_all(async |_| Err(CliError::failed("no such page"))).await;
        assert_eq!(failed.unwrap_err().lines(), ["error: no such page"]);
    }
}
