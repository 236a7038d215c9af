//! Formats that outlive a release, compared with a committed copy: the API's descriptors and the migrations. (The packed profile has its
//! copies too; `src/store/packed` compares them, next to the code that packs.)
//!
//! `make golden` writes the copies anew (it sets `PATRON_GOLDEN=write`). It takes over what was added and refuses what would break a
//! client or a database; where there is no copy, it writes the first one.

mod api;
mod breaks;
mod migrations;

use std::fs;
use std::path::Path;

/// What a comparison with a committed copy comes to.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    /// The copy is up to date.
    Same,
    /// Nothing breaks, but the copy is missing or lacks something new.
    Outdated,
    /// The change breaks what relies on the format.
    Breaks(Vec<String>),
}

/// Compares the text form of a format with its committed copy. `find_breaks` takes the committed and the current text.
fn compare(
    committed: Option<&str>,
    current: &str,
    find_breaks: impl FnOnce(&str, &str) -> Vec<String>,
) -> Verdict {
    let Some(committed) = committed else {
        return Verdict::Outdated;
    };
    let breaks = find_breaks(committed, current);
    if !breaks.is_empty() {
        Verdict::Breaks(breaks)
    } else if committed == current {
        Verdict::Same
    } else {
        Verdict::Outdated
    }
}

/// Fails unless the copy at `path` (from the project's root) is up to date; `make golden` updates it if nothing breaks.
#[track_caller]
fn assert_golden(path: &str, current: &str, find_breaks: impl FnOnce(&str, &str) -> Vec<String>) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    let committed = fs::read_to_string(&file).ok();
    let writes = std::env::var("PATRON_GOLDEN").is_ok_and(|value| value == "write");
    match compare(committed.as_deref(), current, find_breaks) {
        Verdict::Same => {}
        Verdict::Outdated if writes => fs::write(&file, current).unwrap(),
        Verdict::Outdated => panic!(
            "{path} is missing or lacks something new: run `make golden` and commit the file"
        ),
        Verdict::Breaks(breaks) => panic!("{path} refuses the change:\n  {}", breaks.join("\n  ")),
    }
}

#[test]
fn a_copy_is_written_where_nothing_breaks_and_only_there() {
    let unbreakable = |_: &str, _: &str| Vec::new();
    let broken = |_: &str, _: &str| vec!["gone".to_owned()];
    assert_eq!(compare(Some("a"), "a", unbreakable), Verdict::Same);
    assert_eq!(compare(Some("a"), "b", unbreakable), Verdict::Outdated);
    assert_eq!(compare(None, "a", broken), Verdict::Outdated);
    let breaks = Verdict::Breaks(vec!["gone".to_owned()]);
    assert_eq!(compare(Some("a"), "b", broken), breaks);
}
