//! All problems of a file as one text.

use std::fmt::Write as _;

use crate::domain::rules::diagnostic::{self, Diagnostic};

/// Shows all problems of a file as one report, ending with their number.
#[must_use]
pub fn report(text: &str, file: &str, problems: &[Diagnostic]) -> String {
    let mut out = String::new();
    for problem in problems {
        out.push_str(&diagnostic::render(text, file, problem));
        out.push('\n');
    }
    let noun = if problems.len() == 1 {
        "problem"
    } else {
        "problems"
    };
    let at_least = if problems.len() >= diagnostic::MAX_DIAGNOSTICS {
        "at least "
    } else {
        ""
    };
    let _ = writeln!(out, "{file}: {at_least}{} {noun}", problems.len());
    out
}
