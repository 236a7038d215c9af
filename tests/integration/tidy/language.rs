//! The words of the API, the help, the errors and the documents: phrases that read as translated are refused.

use clap::{Command, CommandFactory as _};
use patron::{cli::Cli, metrics::Metrics};

use super::{SourceFile, assert_finds, assert_none, read_files, source};

/// Phrases that a native engineer would not write, each with what to write instead. Compared word by word, in lower case.
const PHRASES: [(&str, &str); 30] = [
    ("foretell", "predict, forecast"),
    ("foretells", "predicts, forecasts"),
    ("foretold", "predicted, forecast"),
    ("for ever", "forever, over the lifetime"),
    ("beside", "next to, besides"),
    ("left out", "excluded, skipped"),
    ("leave it out", "remove it"),
    ("leave it away", "remove it"),
    ("leave both away", "remove both"),
    ("hang together", "are correlated"),
    ("hangs together", "is correlated"),
    ("speaks for", "applies to"),
    ("speak for", "apply to"),
    ("says", "returns, states, prints"),
    ("tells", "shows, returns"),
    ("told", "a verb for what happens"),
    ("of whom", "whose, or a second sentence"),
    ("of which nobody", "a second sentence"),
    ("nobody", "no customer, no caller"),
    ("somebody", "a person, a caller"),
    ("anybody", "any customer, any caller"),
    ("whoever", "anyone who"),
    ("what came", "the result"),
    ("what became", "the outcome"),
    ("asked for", "requested"),
    ("stands twice", "appears twice"),
    ("known are", "valid names"),
    ("known already", "duplicates"),
    ("rests on", "is based on"),
    ("taken back", "refunded, reversed, retracted"),
];

/// The phrases in a text.
fn find(place: &str, text: &str) -> Vec<String> {
    // A phrase is found across line breaks, and neither within a longer word nor across a comma or the end of a sentence.
    let spaced: String = text
        .replace("\\\n", " ")
        .chars()
        .flat_map(|c| match c {
            _ if c.is_alphanumeric() || c == '_' => vec![c],
            _ if c.is_whitespace() => vec![' '],
            _ => vec![' ', '|', ' '],
        })
        .collect();
    let words: Vec<_> = spaced.split_whitespace().map(str::to_lowercase).collect();
    let spaced = format!(" {} ", words.join(" "));
    PHRASES
        .iter()
        .filter(|(phrase, _)| spaced.contains(&format!(" {phrase} ")))
        .map(|(phrase, better)| format!("{place}: \"{phrase}\"; better: {better}"))
        .collect()
}

/// The comments of a proto file.
fn find_in_proto(file: &SourceFile) -> Vec<String> {
    let comments = file.text.lines();
    let comments: Vec<_> = comments.filter_map(|line| line.split_once("//")).collect();
    let comments = comments.into_iter().map(|(_, comment)| comment);
    find(&file.path, &comments.collect::<Vec<_>>().join("\n"))
}

/// The help of a command and of all commands below it.
fn find_in_help(command: &mut Command, path: &str) -> Vec<String> {
    let mut problems = find(path, &command.render_long_help().to_string());
    for below in command.get_subcommands_mut() {
        let path = format!("{path} {}", below.get_name());
        problems.extend(find_in_help(below, &path));
    }
    problems
}

/// The texts of a Rust file: errors, log messages, labels. The tests in it are not looked at.
fn find_in_source(file: &SourceFile) -> Vec<String> {
    let texts = source::read(&file.text).texts.into_iter();
    texts
        // A single word is a name, such as a user of the system.
        .filter(|text| text.value.contains(' '))
        .flat_map(|text| find(&file.path, &text.value.replace("\\n", " ")))
        .collect()
}

/// Whether a Rust file has only tests.
fn is_test(path: &str) -> bool {
    path.ends_with("/tests.rs") || path.contains("/tests/")
}

#[test]
fn the_api_is_documented_in_plain_english() {
    let files = read_files(&["proto"], ".proto");
    assert_none(&files.iter().flat_map(find_in_proto).collect::<Vec<_>>());
}

#[test]
fn the_help_is_plain_english() {
    let mut command = Cli::command();
    command.build();
    assert_none(&find_in_help(&mut command, "patron"));
}

#[test]
fn errors_logs_and_labels_are_plain_english() {
    let files = read_files(&["src"], ".rs");
    let files = files.iter().filter(|file| !is_test(&file.path));
    assert_none(&files.flat_map(find_in_source).collect::<Vec<_>>());
}

#[test]
fn the_help_of_metrics_is_plain_english() {
    assert_none(&find("metrics", &Metrics::new([]).render()));
}

#[test]
fn the_pages_are_plain_english() {
    // The README is as old as the pages: where there are none yet, it is still to be written anew.
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    if !root.join("docs").is_dir() {
        return;
    }
    let mut pages = read_files(&["docs"], ".md");
    let path = "README.md".to_owned();
    let text = std::fs::read_to_string(root.join(&path)).unwrap();
    pages.push(SourceFile { path, text });
    let problems = pages.iter().flat_map(|page| find(&page.path, &page.text));
    assert_none(&problems.collect::<Vec<_>>());
}

#[test]
fn a_translated_phrase_is_refused() {
    assert_finds(&find("a", "Says who it is"), "states");
    assert_finds(&find("a", "alive for\n  ever."), "forever");
    assert_none(&find(
        "a",
        "Besides, a told_name and a soothsayer: what was asked, for example.",
    ));
    let text = "// It is left out.\nmessage Told {}\n".to_owned();
    let file = SourceFile {
        path: "a.proto".to_owned(),
        text,
    };
    assert_finds(&find_in_proto(&file), "excluded");
    let mut command = Command::new("a").subcommand(Command::new("b").about("Foretells orders"));
    let found = find_in_help(&mut command, "a");
    assert!(found.iter().any(|it| it.starts_with("a b: ")), "{found:?}");
    let text = "/// It says so.\n#[error(\"nobody is there\")]\nstruct A;\n".to_owned();
    let file = SourceFile {
        path: "src/a.rs".to_owned(),
        text,
    };
    assert_finds(&find_in_source(&file), "no customer");
}
