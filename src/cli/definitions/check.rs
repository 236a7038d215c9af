//! A file with definitions and everything that is wrong with it, in words and as JSON.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde::Serialize;

use crate::cli::error::CliError;
use crate::domain::definition_tests::{self, DocumentWithTests};
use crate::domain::definitions::{Definitions, report};
use crate::domain::rules::diagnostic::{self, Diagnostic};
use crate::pb;

/// Greatest length of a document that a server takes, in bytes.
const MAX_BYTES: u64 = 1 << 20;

/// A document as it was read.
#[derive(Debug, Clone)]
pub struct Document {
    /// The file as it was named.
    pub name: String,
    /// What it says.
    pub text: String,
}

impl Document {
    /// Reads a file; `-` is standard input.
    ///
    /// # Errors
    ///
    /// Wrong usage: no such file, too long, or no UTF-8.
    pub fn open(path: &Path) -> Result<Self, CliError> {
        if path.as_os_str() == "-" {
            return Self::read("standard input", std::io::stdin().lock());
        }
        let name = path.display().to_string();
        let file = File::open(path)
            .map_err(|cause| CliError::usage(format!("cannot open {name}: {cause}")))?;
        Self::read(&name, file)
    }

    fn read(name: &str, source: impl Read) -> Result<Self, CliError> {
        let mut bytes = Vec::new();
        source
            .take(MAX_BYTES + 1)
            .read_to_end(&mut bytes)
            .map_err(|cause| CliError::usage(format!("cannot read {name}: {cause}")))?;
        if bytes.len() as u64 > MAX_BYTES {
            let message = format!("{name} is longer than 1 MiB: definitions are far shorter");
            return Err(CliError::usage(message));
        }
        let text = String::from_utf8(bytes)
            .map_err(|_| CliError::usage(format!("{name} is not UTF-8: convert the file first")))?;
        Ok(Self {
            name: name.to_owned(),
            text,
        })
    }
}

/// What came of checking a document.
#[derive(Debug)]
pub struct Checked<'a> {
    document: &'a Document,
    outcome: Result<DocumentWithTests, Vec<Diagnostic>>,
}

/// A problem as JSON.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct ProblemJson {
    line: i64,
    column: i64,
    reason: String,
    description: String,
    help: Option<String>,
}

impl ProblemJson {
    /// A problem of a text.
    pub(super) fn new(text: &str, problem: &Diagnostic) -> Self {
        let (line, column) = diagnostic::line_and_column(text, problem.span.start);
        let number = |place: usize| i64::try_from(place).unwrap_or(i64::MAX);
        Self {
            line: number(line),
            column: number(column),
            reason: problem.code.as_str().to_owned(),
            description: problem.message.clone(),
            help: problem.help.clone(),
        }
    }
}

impl From<pb::DefinitionProblem> for ProblemJson {
    fn from(problem: pb::DefinitionProblem) -> Self {
        Self {
            line: problem.line.into(),
            column: problem.column.into(),
            reason: problem.reason,
            description: problem.description,
            help: Some(problem.help).filter(|help| !help.is_empty()),
        }
    }
}

/// The outcome of a check as JSON.
#[derive(Debug, Serialize)]
pub struct CheckedJson {
    file: String,
    sound: bool,
    #[serde(flatten)]
    counts: Option<Counts>,
    problems: Vec<ProblemJson>,
}

/// How much a document defines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
struct Counts {
    attributes: usize,
    tiers: usize,
    schemes: usize,
    segments: usize,
    tests: usize,
}

impl<'a> Checked<'a> {
    /// Checks a document and runs its tests.
    #[must_use]
    pub fn from_document(document: &'a Document) -> Self {
        Self {
            document,
            outcome: definition_tests::read(&document.text),
        }
    }

    /// Whether it could be published.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.outcome.is_ok()
    }

    /// The definitions, if nothing is wrong.
    #[must_use]
    pub fn definitions(&self) -> Option<&Definitions> {
        self.outcome.as_ref().ok().map(|read| &*read.definitions)
    }

    /// One report of all problems, or one line that says how much is defined.
    #[must_use]
    pub fn text(&self) -> String {
        let Document { name, text } = self.document;
        match &self.outcome {
            Err(problems) => report(text, name, problems),
            Ok(read) => {
                let counts = Counts::new(read);
                let mut parts = vec![
                    counted(counts.attributes, "attribute"),
                    counted(counts.tiers, "tier"),
                    counted(counts.schemes, "scheme"),
                    counted(counts.segments, "segment"),
                ];
                if counts.tests > 0 {
                    parts.push(counted(counts.tests, "test"));
                }
                format!("{name}: no problems: {}\n", parts.join(", "))
            }
        }
    }

    /// The outcome for a program.
    #[must_use]
    pub fn json(&self) -> CheckedJson {
        CheckedJson {
            file: self.document.name.clone(),
            sound: self.is_sound(),
            counts: self.outcome.as_ref().ok().map(Counts::new),
            problems: self.problems_json(),
        }
    }

    /// The problems for a program.
    #[must_use]
    pub fn problems_json(&self) -> Vec<ProblemJson> {
        let problems = self.outcome.as_ref().err();
        problems
            .into_iter()
            .flatten()
            .map(|problem| ProblemJson::new(&self.document.text, problem))
            .collect()
    }
}

impl Counts {
    fn new(read: &DocumentWithTests) -> Self {
        let definitions = &read.definitions;
        Self {
            attributes: definitions.attributes().len(),
            tiers: definitions.tiers().len(),
            schemes: definitions.schemes().len(),
            segments: definitions.segments().len(),
            tests: read.cases.len(),
        }
    }
}

/// "1 tier", "4 tiers".
pub(super) fn counted(count: usize, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{plural}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_text_of_at_most_a_mebibyte_is_refused() {
        let read = |bytes: &[u8]| Document::read("f.yaml", bytes);
        assert_eq!(read(b"a: 1").unwrap().text, "a: 1");
        let long = read(&vec![b' '; (1 << 20) + 1]).unwrap_err();
        assert_eq!(long.exit_code(), 64);
        let latin = read(b"\xfcber: 1").unwrap_err();
        assert!(latin.to_string().contains("not UTF-8"), "{latin}");
        let missing = Document::open(Path::new("/nonexistent/f.yaml")).unwrap_err();
        assert_eq!(missing.exit_code(), 64);
    }
}
