//! How files are cut and named.

use super::{assert_finds, assert_none, read_files};

/// More than fits in a reader's head at once.
const LINES: usize = 400;

/// Names that say nothing of what is inside.
const EMPTY_NAMES: [&str; 8] = [
    "util", "utils", "helper", "helpers", "common", "misc", "shared", "stuff",
];

fn find_long(path: &str, text: &str) -> Vec<String> {
    let lines = text.lines().count();
    let too_long = lines > LINES;
    too_long
        .then(|| format!("{path}: {lines} lines; at most {LINES}"))
        .into_iter()
        .collect()
}

fn find_bad_name(path: &str) -> Vec<String> {
    let mut problems = Vec::new();
    if path.ends_with("/mod.rs") {
        problems.push(format!(
            "{path}: a module with parts is `foo.rs` and `foo/`"
        ));
    }
    for name in path.trim_end_matches(".rs").split('/') {
        if EMPTY_NAMES.contains(&name) {
            problems.push(format!("{path}: `{name}` says nothing"));
        }
    }
    problems
}

/// Without a `//!`, nobody knows what a file is for; only the tests of the module beside them say it by their name.
fn find_undocumented(path: &str, text: &str) -> Vec<String> {
    let documented = text.starts_with("//!") || path.ends_with("/tests.rs");
    (!documented)
        .then(|| format!("{path}: begins without saying what it is for (`//!`)"))
        .into_iter()
        .collect()
}

#[test]
fn no_file_is_too_long() {
    let files = read_files(&["src", "tests", "benches"], ".rs");
    let problems: Vec<_> = files
        .iter()
        .flat_map(|file| find_long(&file.path, &file.text))
        .collect();
    assert_none(&problems);
}

#[test]
fn every_file_has_a_name_that_says_something() {
    let files = read_files(&["src", "tests", "benches"], ".rs");
    let problems: Vec<_> = files
        .iter()
        .flat_map(|file| find_bad_name(&file.path))
        .collect();
    assert_none(&problems);
}

#[test]
fn every_file_begins_with_what_it_is_for() {
    let files = read_files(&["src", "tests", "benches"], ".rs");
    let problems: Vec<_> = files
        .iter()
        .flat_map(|file| find_undocumented(&file.path, &file.text))
        .collect();
    assert_none(&problems);
}

#[test]
fn a_long_a_nameless_and_an_undocumented_file_are_found() {
    assert_finds(&find_long("src/a.rs", &"\n".repeat(LINES + 1)), "401");
    assert_none(&find_long("src/a.rs", &"\n".repeat(LINES)));
    assert_finds(&find_bad_name("src/domain/mod.rs"), "mod.rs");
    assert_finds(&find_bad_name("src/domain/utils.rs"), "utils");
    assert_finds(&find_bad_name("src/helpers/money.rs"), "helpers");
    assert_none(&find_bad_name("src/domain/utility.rs"));
    assert_finds(&find_undocumented("src/a.rs", "use b;"), "src/a.rs");
}
