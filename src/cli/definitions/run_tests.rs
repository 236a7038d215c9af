//! `patron definitions test`: the tests of a file, one line each, and why those that failed did.

use std::fmt::Write as _;

use serde::Serialize;

use super::TestArgs;
use super::check::{Document, ProblemJson, counted};
use crate::cli::error::CliError;
use crate::cli::output::Output;
use crate::domain::definition_tests::{self, Tested};
use crate::domain::definitions::report;
use crate::domain::rules::diagnostic;

/// The outcome as JSON.
#[derive(Debug, Serialize)]
struct TestedJson {
    file: String,
    passed: usize,
    failed: usize,
    tests: Vec<CaseJson>,
    /// Why no test ran.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    problems: Vec<ProblemJson>,
}

#[derive(Debug, Serialize)]
struct CaseJson {
    name: String,
    line: usize,
    passed: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    problems: Vec<ProblemJson>,
}

/// Runs the tests of a file and prints what came of them.
///
/// # Errors
///
/// A file that cannot be read or has no tests; [`CliError::Reported`] when it has problems or a test failed.
pub(super) fn run(args: &TestArgs, output: &mut Output) -> Result<(), CliError> {
    let document = Document::open(&args.file)?;
    let Document { name, text } = &document;
    let read = match definition_tests::DocumentWithTests::read(text) {
        Ok(read) => read,
        Err(problems) => {
            if args.json {
                let problems = problems.iter().map(|it| ProblemJson::new(text, it));
                output.json(&TestedJson {
                    file: name.clone(),
                    passed: 0,
                    failed: 0,
                    tests: vec![],
                    problems: problems.collect(),
                })?;
            } else {
                output.line(report(text, name, &problems).trim_end())?;
            }
            return Err(CliError::Reported);
        }
    };
    let tested: Vec<Tested<'_>> = read.run().collect();
    if tested.is_empty() {
        return Err(CliError::Failed {
            message: format!("{name} has no tests"),
            hint: "add `tests:`; docs/definitions.md shows how".to_owned(),
        });
    }
    if args.json {
        output.json(&json(&document, &tested))?;
    } else {
        output.line(text_of(&document, &tested).trim_end())?;
    }
    if tested.iter().all(|tested| tested.failures.is_empty()) {
        Ok(())
    } else {
        Err(CliError::Reported)
    }
}

fn failed_count(tested: &[Tested<'_>]) -> usize {
    let failed = tested.iter().filter(|tested| !tested.failures.is_empty());
    failed.count()
}

fn json(document: &Document, tested: &[Tested<'_>]) -> TestedJson {
    let failed = failed_count(tested);
    let cases = tested.iter().map(|tested| CaseJson {
        name: tested.case.name.to_string(),
        line: diagnostic::line_and_column(&document.text, tested.case.place.start).0,
        passed: tested.failures.is_empty(),
        problems: tested
            .failures
            .iter()
            .map(|failure| ProblemJson::new(&document.text, failure))
            .collect(),
    });
    TestedJson {
        file: document.name.clone(),
        passed: tested.len() - failed,
        failed,
        tests: cases.collect(),
        problems: vec![],
    }
}

/// A line for each test, then the failures with their places, then how many there were.
fn text_of(document: &Document, tested: &[Tested<'_>]) -> String {
    let Document { name, text } = document;
    let mut lines = String::new();
    for tested in tested {
        let outcome = if tested.failures.is_empty() {
            "ok    "
        } else {
            "FAILED"
        };
        let _ = writeln!(lines, "{outcome} {}", tested.case.name);
    }
    lines.push('\n');
    for failure in tested.iter().flat_map(|tested| &tested.failures) {
        lines.push_str(&diagnostic::render(text, name, failure));
        lines.push('\n');
    }
    let count = counted(tested.len(), "test");
    match failed_count(tested) {
        0 => {
            let _ = writeln!(lines, "{name}: {count} passed");
        }
        failed => {
            let _ = writeln!(lines, "{name}: {failed} of {count} failed");
        }
    }
    lines
}
