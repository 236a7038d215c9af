//! A merged migration never changes: databases have run it. Each has a committed digest, in the form that `sha256sum --check` reads.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

use super::assert_golden;
use crate::tidy::{SourceFile, read_files};

/// From the project's root.
const COPY: &str = "tests/golden/migrations.sha256";

/// One line a migration: digest, two spaces, path.
fn digests(files: &[SourceFile]) -> String {
    let mut lines = String::new();
    for file in files {
        for byte in Sha256::digest(&file.text) {
            write!(lines, "{byte:02x}").unwrap();
        }
        writeln!(lines, "  {}", file.path).unwrap();
    }
    lines
}

/// Merged migrations that were edited, renamed or removed.
fn find_changed(committed: &str, current: &str) -> Vec<String> {
    let current: BTreeMap<&str, &str> = lines(current).collect();
    lines(committed)
        .filter_map(|(path, digest)| match current.get(path) {
            None => Some(format!("{path}: a merged migration was removed or renamed")),
            Some(now) if *now != digest => Some(format!(
                "{path}: a merged migration was edited; undo it and write a new one"
            )),
            Some(_) => None,
        })
        .collect()
}

fn lines(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let pairs = text.lines().filter_map(|line| line.split_once("  "));
    pairs.map(|(digest, path)| (path, digest))
}

#[test]
fn merged_migrations_are_as_they_were() {
    let files = read_files(&["migrations"], ".sql");
    assert_golden(COPY, &digests(&files), find_changed);
}

#[test]
fn an_edited_and_a_removed_migration_are_found_and_a_new_one_is_not() {
    let migration = |name: &str, text: &str| SourceFile {
        path: format!("migrations/{name}"),
        text: text.to_owned(),
    };
    let merged = digests(&[
        migration("0001_a.up.sql", "CREATE TABLE a (b int);"),
        migration("0001_a.down.sql", "DROP TABLE a;"),
    ]);
    let with = |up: &str| {
        digests(&[
            migration("0001_a.up.sql", up),
            migration("0001_a.down.sql", "DROP TABLE a;"),
            migration("0002_c.up.sql", "CREATE TABLE c (d int);"),
        ])
    };
    let edited = find_changed(&merged, &with("CREATE TABLE a (b bigint);"));
    assert_eq!(
        edited,
        ["migrations/0001_a.up.sql: a merged migration was edited; undo it and write a new one"]
    );
    let removed = digests(&[migration("0001_a.up.sql", "CREATE TABLE a (b int);")]);
    assert_eq!(
        find_changed(&merged, &removed),
        ["migrations/0001_a.down.sql: a merged migration was removed or renamed"]
    );
    assert!(find_changed(&merged, &with("CREATE TABLE a (b int);")).is_empty());
}
