//! The documents' prose keeps to the project's English: no phrase that reads as translated.

use super::{pages, prose};

/// Programs do not speak, and a relative clause has a noun before it.
const BANNED: [&str; 18] = [
    " asks ",
    " beside ",
    " doubt ",
    " for ever ",
    " foretell",
    " foretold",
    " hang together",
    " hears ",
    " is told ",
    " lets it answer",
    " of whom ",
    " say ",
    " says ",
    " speaks ",
    " tell ",
    " tells ",
    "- Who ",
    ". Who ",
];

/// The banned phrases in the prose of a page. Inline code is no prose.
fn find_banned(page: &str) -> Vec<&'static str> {
    let prose = prose(page);
    let outside: Vec<&str> = prose.split('`').step_by(2).collect();
    let text = outside.join("`").replace('\n', " ");
    BANNED
        .into_iter()
        .filter(|phrase| text.contains(phrase))
        .collect()
}

#[test]
fn the_prose_has_no_banned_phrase() {
    for (page, text) in pages() {
        // These two quote phrases, or keep the words of their time.
        if page != "CONTRIBUTING.md" && page != "CHANGELOG.md" {
            assert_eq!(find_banned(&text), Vec::<&str>::new(), "{page}");
        }
    }
}

#[test]
fn a_banned_phrase_is_found() {
    assert_eq!(find_banned("It says\nso."), [" says "]);
    assert_eq!(find_banned("Left.\nWho has left is gone."), [". Who "]);
    assert_eq!(
        find_banned("A `x says y`.\n```\nit tells\n```\nIt saysx."),
        Vec::<&str>::new()
    );
}
