//! The files of the migrations: numbered pairs, and statements that can run distributed.

use std::collections::BTreeMap;

use super::{SourceFile, assert_finds, assert_none, read_files};

fn find_unpaired(files: &[SourceFile]) -> Vec<String> {
    let mut problems = Vec::new();
    let mut numbers: BTreeMap<u32, Vec<&str>> = BTreeMap::new();
    for SourceFile { path, .. } in files {
        let name = path.rsplit('/').next().unwrap_or(path);
        let number = name.split_once('_').filter(|(number, _)| number.len() == 4);
        match number.and_then(|(number, _)| number.parse().ok()) {
            Some(number) => numbers.entry(number).or_default().push(name),
            None => problems.push(format!("{path}: named otherwise than 0000_what.up.sql")),
        }
    }
    for (expected, (number, names)) in (1..).zip(&numbers) {
        if *number != expected {
            problems.push(format!("migrations: {expected:04} is missing"));
            break;
        }
        let stem = |ending| names.iter().find_map(|name| name.strip_suffix(ending));
        let (up, down) = (stem(".up.sql"), stem(".down.sql"));
        if names.len() != 2 || up.is_none() || up != down {
            problems.push(format!(
                "migrations: {number:04} is not one pair of up and down: {names:?}"
            ));
        }
    }
    problems
}

/// A second statement on a table that is distributed already is refused by Citus, in one file. A file that makes its own table, and
/// one with a single `DO` block, are safe.
fn find_several_statements(file: &SourceFile) -> Vec<String> {
    let bare = without_comments_and_quotes(&file.text);
    let makes_table = bare.to_uppercase().contains("CREATE TABLE");
    let count = bare
        .split(';')
        .filter(|statement| !statement.trim().is_empty())
        .count();
    let problem = (!makes_table && count > 1).then(|| {
        format!(
            "{}: {count} statements; one a file, or one DO block",
            file.path
        )
    });
    problem.into_iter().collect()
}

/// The text with `'...'` and `$$...$$` emptied.
fn without_comments_and_quotes(sql: &str) -> String {
    let lines: Vec<_> = sql
        .lines()
        .map(|line| line.split("--").next().unwrap_or_default())
        .collect();
    let text = lines.join("\n");
    let outside =
        |mark| move |text: String| text.split(mark).step_by(2).collect::<Vec<_>>().join(" ");
    outside("'")(outside("$$")(text))
}

#[test]
fn every_migration_is_a_numbered_pair() {
    assert_none(&find_unpaired(&read_files(&["migrations"], ".sql")));
}

#[test]
fn every_migration_runs_distributed() {
    let files = read_files(&["migrations"], ".sql");
    let problems: Vec<_> = files.iter().flat_map(find_several_statements).collect();
    assert_none(&problems);
}

fn file(path: &str, text: &str) -> SourceFile {
    SourceFile {
        path: format!("migrations/{path}"),
        text: text.to_owned(),
    }
}

#[test]
fn a_missing_number_a_missing_half_and_a_strange_name_are_found() {
    let pair =
        |number: u32| ["up", "down"].map(|half| file(&format!("{number:04}_a.{half}.sql"), ""));
    let [up, _] = pair(1);
    assert_finds(&find_unpaired(&[up]), "0001");
    let [up, down] = pair(2);
    assert_finds(&find_unpaired(&[up, down]), "0001 is missing");
    let [up, down] = pair(1);
    assert_finds(&find_unpaired(&[up, down, file("a.sql", "")]), "a.sql");
    let [up, down] = pair(1);
    assert_none(&find_unpaired(&[up, down]));
}

#[test]
fn two_statements_on_an_existing_table_are_found() {
    let two = file(
        "a.up.sql",
        "ALTER TABLE a ADD b int;\nCREATE INDEX ON a (b);",
    );
    assert_finds(&find_several_statements(&two), "2 statements");
    let block = file(
        "a.up.sql",
        "DO $$ BEGIN ALTER TABLE a ADD b int; DROP INDEX c; END $$;",
    );
    assert_none(&find_several_statements(&block));
    let one = file(
        "a.up.sql",
        "COMMENT ON COLUMN a.b IS 'x; y'; -- done; really",
    );
    assert_none(&find_several_statements(&one));
    let new = file(
        "a.up.sql",
        "CREATE TABLE a (b int); COMMENT ON TABLE a IS 'x';",
    );
    assert_none(&find_several_statements(&new));
}
