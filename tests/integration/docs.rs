//! The documents against the program: their tables list all there is and nothing else, their paths and links lead somewhere, their
//! commands print what they show.

mod clause;
mod commands;
mod links;
mod map;
mod wording;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use clap::CommandFactory as _;
use patron::app::server::methods;
use patron::cli::Cli;
use patron::domain::definitions::{self, Definitions};
use patron::domain::rules::language::{BUILT_INS, BuiltIn, CONTACT_TERMS};
use patron::metrics::Metrics;

const API: &str = include_str!("../../docs/api.md");
const COMMANDS: &str = include_str!("../../docs/commands.md");
const DEFINITIONS: &str = include_str!("../../docs/definitions.md");
const OPERATING: &str = include_str!("../../docs/operating.md");

/// The pages of the project at its top and in `docs/`, by path, with their text.
fn pages() -> BTreeMap<String, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut pages = BTreeMap::new();
    for folder in ["", "docs/", "docs/integrations/"] {
        for entry in std::fs::read_dir(root.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "md") {
                let name = path.file_name().unwrap().to_str().unwrap();
                let text = std::fs::read_to_string(&path).unwrap();
                pages.insert(format!("{folder}{name}"), text);
            }
        }
    }
    assert!(pages.len() > 12, "{:?}", pages.keys());
    pages
}

/// The page without its blocks of code.
fn prose(page: &str) -> String {
    let outside = page.split("\n```").step_by(2);
    outside.collect::<Vec<_>>().join("\n")
}

/// The cells of the tables under a heading of a page, without heads and without the backticks around code.
fn table(page: &str, heading: &str) -> Vec<Vec<String>> {
    let below = page.lines().skip_while(|line| {
        !line.starts_with('#') || line.trim_start_matches('#').trim() != heading
    });
    let rows = below
        .skip(1)
        .take_while(|line| {
            !line.starts_with("# ") && !line.starts_with("## ") && !line.starts_with("### ")
        })
        .filter(|line| line.starts_with('|'))
        .skip(2);
    let cell = |text: &str| text.trim().trim_matches('`').to_owned();
    let rows: Vec<Vec<String>> = rows
        .map(|line| line.trim_matches('|').split('|').map(cell).collect())
        .collect();
    assert!(!rows.is_empty(), "no table under {heading:?}");
    rows
}

/// The first cells of such a table; none may appear twice.
#[track_caller]
fn names(page: &str, heading: &str) -> BTreeSet<String> {
    let rows = table(page, heading);
    let names: BTreeSet<String> = rows.iter().map(|row| row[0].clone()).collect();
    assert_eq!(names.len(), rows.len(), "a row twice under {heading:?}");
    names
}

#[test]
fn the_table_of_settings_is_that_of_serve() {
    let command = Cli::command();
    let serve = command.find_subcommand("serve").unwrap();
    let mut settings = BTreeMap::new();
    for argument in serve.get_arguments() {
        let Some(variable) = argument.get_env() else {
            continue; // --help
        };
        let default = argument.get_default_values().first();
        let default = default.map_or("-", |value| value.to_str().unwrap());
        // A flag is off unless it is given.
        let default = if default == "false" { "-" } else { default };
        settings.insert(
            format!("--{}", argument.get_long().unwrap()),
            (variable.to_str().unwrap().to_owned(), default.to_owned()),
        );
    }
    let documented: BTreeMap<_, _> = table(OPERATING, "Settings")
        .into_iter()
        .map(|row| {
            assert!(!row[3].is_empty() && !row[4].is_empty(), "{row:?}");
            (row[0].clone(), (row[1].clone(), row[2].clone()))
        })
        .collect();
    assert_eq!(documented, settings);
}

#[test]
fn the_rpc_table_lists_every_rpc() {
    let served: BTreeSet<String> = methods()
        .iter()
        .filter_map(|method| method.strip_prefix("patron.v1."))
        .map(|method| method.replace('/', "."))
        .collect();
    assert_eq!(names(API, "RPCs"), served);
}

#[test]
fn the_command_table_lists_every_command() {
    let command = Cli::command();
    let mut commands = BTreeSet::new();
    for one in command.get_subcommands() {
        let mut parts = one.get_subcommands().peekable();
        if parts.peek().is_none() {
            commands.insert(format!("patron {}", one.get_name()));
        }
        for part in parts {
            commands.insert(format!("patron {} {}", one.get_name(), part.get_name()));
        }
    }
    assert_eq!(names(COMMANDS, "Commands"), commands);
}

/// String literals of capitals and `_` in code, except in its tests: the reasons of errors.
fn reasons(code: &str) -> impl Iterator<Item = String> {
    let code = code.split("#[cfg(test)]").next().unwrap_or_default();
    // A literal is between two quotes; what is between two literals has other letters.
    let literals = code
        .split('"')
        .filter(|text| text.len() > 3 && text.bytes().all(|b| b.is_ascii_uppercase() || b == b'_'));
    literals.map(str::to_owned)
}

/// The Rust files of a layer: its file and those below it, without tests.
fn layer_files(layer: &str) -> Vec<PathBuf> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = vec![source.join(format!("{layer}.rs"))];
    let mut folders = vec![source.join(layer)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if !path.ends_with("tests.rs") {
                files.push(path);
            }
        }
    }
    files
}

#[test]
fn the_tables_of_reasons_are_those_of_the_code() {
    let files = ["api", "grpc"].into_iter().flat_map(layer_files);
    let texts = files.map(|file| std::fs::read_to_string(file).unwrap());
    let reasons: BTreeSet<String> = texts
        .flat_map(|text| reasons(&text).collect::<Vec<_>>())
        .collect();
    let documented = &names(API, "Error reasons") | &names(API, "Why a field is refused");
    assert_eq!(documented, reasons);
}

#[test]
fn a_reason_is_found_in_code_and_not_in_its_tests() {
    let code =
        "check.refuse(\"NOT_FINITE\", \"is NaN\");\n#[cfg(test)]\nmod tests { f(\"OTHER\") }";
    assert_eq!(reasons(code).collect::<Vec<_>>(), ["NOT_FINITE"]);
}

/// What stands in `text` between each `before` and the next `after`.
fn between<'a>(text: &'a str, before: &str, after: char) -> BTreeSet<&'a str> {
    let rest = text.split(before).skip(1);
    rest.filter_map(|rest| rest.split(after).next()).collect()
}

#[test]
fn the_reasons_of_refused_calls_are_those_of_the_code() {
    let row = OPERATING
        .lines()
        .find(|line| line.starts_with("| `patron_rpc_shed_total`"))
        .unwrap();
    let described: BTreeSet<&str> = row.split('`').skip(3).step_by(2).collect();
    let code = include_str!("../../src/metrics/rpc.rs");
    assert_eq!(described, between(code, "shed(\"", '"'));
}

#[test]
fn the_table_of_metrics_is_what_the_server_shows() {
    let rendered = Metrics::new([]).render();
    let types = rendered
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE "));
    let shown: BTreeSet<String> = types
        .map(|line| {
            let (name, kind) = line.split_once(' ').unwrap();
            let total = if kind == "counter" { "_total" } else { "" };
            format!("{name}{total}")
        })
        .collect();
    assert_eq!(names(OPERATING, "Metrics"), shown);
}

#[test]
fn the_table_of_terms_is_that_of_the_language() {
    let terms: BTreeSet<String> = BUILT_INS.iter().map(BuiltIn::written).collect();
    let mut documented = names(DEFINITIONS, "Conditions");
    let missing: Vec<_> = terms.difference(&documented).collect();
    assert!(missing.is_empty(), "{missing:?}");
    documented.retain(|name| !terms.contains(name));
    assert!(documented.contains("an attribute"), "{documented:?}");
}

#[test]
fn the_table_of_contact_terms_is_that_of_the_language() {
    let terms: BTreeSet<String> = CONTACT_TERMS.iter().map(BuiltIn::written).collect();
    assert_eq!(names(DEFINITIONS, "Contacts"), terms);
}

/// The document that the page on definitions shows.
fn shown_definitions() -> &'static str {
    let from = DEFINITIONS.split_once("```yaml\n").unwrap().1;
    from.split_once("```\n").unwrap().0
}

#[test]
fn the_shown_definitions_are_sound() {
    let read = Definitions::read(shown_definitions());
    let problems = read.err().unwrap_or_default();
    let report = definitions::report(shown_definitions(), "docs/definitions.md", &problems);
    assert!(problems.is_empty(), "{report}");
}

#[test]
fn the_shown_report_is_that_of_the_checker() {
    let broken = shown_definitions()
        .replace("|| complaints", "|| complaint")
        .replace("== \"gold\"", "== \"golden\"")
        .replace("segment: attention/at_risk", "segment: attention/atrisk");
    let problems = Definitions::read(&broken).unwrap_err();
    let report = definitions::report(&broken, "standard input", &problems);
    assert_eq!(problems.len(), 3, "{report}");
    assert!(DEFINITIONS.contains(report.trim_end()), "{report}");
}
