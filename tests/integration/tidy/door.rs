//! What a contributor meets first: paths that exist, a changelog and findings in one form.

use std::path::Path;

use super::{assert_finds, assert_none, read_files};

const CONTRIBUTING: &str = include_str!("../../../CONTRIBUTING.md");
const CHANGELOG: &str = include_str!("../../../CHANGELOG.md");

/// Folders and files that the text names in code marks, from the project's root.
fn named_paths(text: &str) -> impl Iterator<Item = &str> {
    let code = text.split('`').skip(1).step_by(2);
    code.filter(|code| {
        ["src/", "tests/", "proto/", "benches/", "findings/"]
            .iter()
            .any(|folder| code.starts_with(folder))
    })
}

fn find_missing_paths(text: &str, exists: impl Fn(&str) -> bool) -> Vec<String> {
    let missing = named_paths(text).filter(|path| !exists(path));
    missing
        .map(|path| format!("{path}: named, but not there"))
        .collect()
}

/// Deviations from Keep a Changelog: an `[Unreleased]` first, dated versions, headings of six kinds.
fn find_changelog_problems(text: &str) -> Vec<String> {
    const KINDS: [&str; 6] = [
        "Added",
        "Changed",
        "Deprecated",
        "Removed",
        "Fixed",
        "Security",
    ];
    let mut problems = Vec::new();
    let versions: Vec<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("## "))
        .collect();
    if versions.first() != Some(&"[Unreleased]") {
        problems.push("the first section is not [Unreleased]".to_owned());
    }
    for version in versions.iter().skip(1) {
        let date = version.split_once("] - ").map(|(_, date)| date);
        if date.is_none_or(|date| date.parse::<jiff::civil::Date>().is_err()) {
            problems.push(format!("{version}: no date"));
        }
    }
    let kinds = text.lines().filter_map(|line| line.strip_prefix("### "));
    let unknown = kinds.filter(|kind| !KINDS.contains(kind));
    problems.extend(unknown.map(|kind| format!("{kind}: not a kind of change")));
    problems
}

/// What a finding lacks of its form, and findings that the table does not list.
fn find_formless(path: &str, script: &str, table: &str) -> Vec<String> {
    let mut problems = Vec::new();
    for part in ["# Guess: ", "# Seen: ", "# Version", "\nset -eu\n"] {
        if !script.contains(part) {
            problems.push(format!("{path}: no {:?}", part.trim()));
        }
    }
    let name = path.trim_start_matches("findings/");
    if !table.contains(&format!("]({name})")) {
        problems.push(format!("{path}: not in the table of findings/README.md"));
    }
    problems
}

#[test]
fn every_finding_has_its_form() {
    let table = include_str!("../../../findings/README.md");
    let scripts = read_files(&["findings"], ".sh");
    let problems = scripts
        .iter()
        .flat_map(|script| find_formless(&script.path, &script.text, table));
    assert_none(&problems.collect::<Vec<_>>());
}

#[test]
fn a_formless_finding_is_found() {
    let script = "#!/bin/sh\n# Guess: a.\n# Seen: b.\n# Version: c 1.\nset -eu\n";
    assert_none(&find_formless("findings/a.sh", script, "[a](a.sh)"));
    assert_finds(
        &find_formless("findings/a.sh", script, "[b](b.sh)"),
        "table",
    );
    let silent = script.replace("# Seen: b.\n", "");
    assert_finds(
        &find_formless("findings/a.sh", &silent, "[a](a.sh)"),
        "Seen",
    );
}

#[test]
fn contributing_names_paths_that_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    assert!(named_paths(CONTRIBUTING).count() >= 8);
    assert_none(&find_missing_paths(CONTRIBUTING, |path| {
        root.join(path).exists()
    }));
}

#[test]
fn the_changelog_has_its_form() {
    assert_none(&find_changelog_problems(CHANGELOG));
}

#[test]
fn a_missing_path_and_an_odd_changelog_are_found() {
    assert_finds(
        &find_missing_paths("see `src/a.rs` and `b`", |_| false),
        "src/a.rs",
    );
    let good = "## [Unreleased]\n\n## [0.1.0] - 2026-01-31\n\n### Added\n";
    assert_none(&find_changelog_problems(good));
    let undated = good.replace(" - 2026-01-31", "");
    assert_finds(&find_changelog_problems(&undated), "no date");
    let odd = good.replace("Added", "News");
    assert_finds(&find_changelog_problems(&odd), "News");
    let released = good.replace("## [Unreleased]\n", "");
    assert!(!find_changelog_problems(&released).is_empty());
}
