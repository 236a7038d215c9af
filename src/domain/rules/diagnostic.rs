//! Problems in a text, each with its place, and how they are shown.
//!
//! Places are byte ranges; lines and columns are computed only when a problem is shown. Nothing here knows what the text means.

use std::fmt::Write as _;

/// A range of bytes in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Span {
    /// First byte.
    pub start: u32,
    /// Byte after the last one.
    pub end: u32,
}

impl Span {
    /// The range from `start` up to but without `end`. Offsets beyond 4 GiB do not occur: texts are bounded long before.
    #[must_use]
    pub fn new(start: usize, end: usize) -> Self {
        let bounded = |offset| u32::try_from(offset).unwrap_or(u32::MAX);
        Self {
            start: bounded(start),
            end: bounded(end),
        }
    }

    /// The range from the beginning of `self` to the end of `other`.
    #[must_use]
    pub fn to(self, other: Self) -> Self {
        Self {
            start: self.start,
            end: other.end,
        }
    }

    /// The part of `text` in this range; empty when the range does not belong to `text`.
    #[must_use]
    pub fn text_in(self, text: &str) -> &str {
        text.get(self.start as usize..self.end as usize)
            .unwrap_or("")
    }
}

/// What kind of problem it is. Stable: clients and tests rely on the name, never on the sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Code {
    /// The text is no condition: something is missing, superfluous or misspelt.
    Syntax,
    /// Correct elsewhere, but not part of this language.
    Unsupported,
    /// Too long, too deep or too many parts.
    Limit,
    /// A name that nothing has.
    UnknownName,
    /// A value that the named thing can never have.
    UnknownValue,
    /// A constant that cannot be read.
    BadLiteral,
    /// Two things of different types are compared, or a function is given what it does not take.
    TypeMismatch,
    /// Two units that do not fit.
    UnitMismatch,
    /// Two currencies.
    CurrencyMismatch,
    /// A list without entries.
    EmptySet,
    /// The same thing twice.
    Duplicate,
    /// No customer can ever make this part true.
    NeverTrue,
    /// No customer can ever make this part false.
    AlwaysTrue,
    /// A sensitive attribute is used without a stated purpose.
    NoPurpose,
    /// The file is no YAML, or uses a part of YAML that definitions do without.
    Yaml,
    /// A key that nothing reads.
    UnknownKey,
    /// A key that must be there.
    MissingKey,
    /// A value that its key cannot have.
    BadValue,
    /// Some customers would get no tier.
    TierGap,
    /// A tier that no customer can get.
    TierOverlap,
    /// Segments that depend on each other in a circle.
    Cycle,
    /// A segment that no customer can be in, because earlier ones take everybody.
    Unreachable,
    /// Definitions decide otherwise about a customer than a test of theirs expects.
    TestFailed,
}

impl Code {
    /// The name as clients see it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Syntax => "SYNTAX",
            Self::Unsupported => "UNSUPPORTED",
            Self::Limit => "LIMIT",
            Self::UnknownName => "UNKNOWN_NAME",
            Self::UnknownValue => "UNKNOWN_VALUE",
            Self::BadLiteral => "BAD_LITERAL",
            Self::TypeMismatch => "TYPE_MISMATCH",
            Self::UnitMismatch => "UNIT_MISMATCH",
            Self::CurrencyMismatch => "CURRENCY_MISMATCH",
            Self::EmptySet => "EMPTY_SET",
            Self::Duplicate => "DUPLICATE",
            Self::NeverTrue => "NEVER_TRUE",
            Self::AlwaysTrue => "ALWAYS_TRUE",
            Self::NoPurpose => "NO_PURPOSE",
            Self::Yaml => "YAML",
            Self::UnknownKey => "UNKNOWN_KEY",
            Self::MissingKey => "MISSING_KEY",
            Self::BadValue => "BAD_VALUE",
            Self::TierGap => "TIER_GAP",
            Self::TierOverlap => "TIER_OVERLAP",
            Self::Cycle => "CYCLE",
            Self::Unreachable => "UNREACHABLE",
            Self::TestFailed => "TEST_FAILED",
        }
    }
}

/// One problem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Where.
    pub span: Span,
    /// Which kind.
    pub code: Code,
    /// What is wrong, one sentence without a full stop.
    pub message: String,
    /// What to write instead, where that is known.
    pub help: Option<String>,
}

/// Most problems kept of one text: a reader mends the first few and asks again.
pub const MAX_DIAGNOSTICS: usize = 50;

/// The problems of one text: at most [`MAX_DIAGNOSTICS`], never two for one place.
#[derive(Debug, Default)]
pub struct Diagnostics {
    list: Vec<Diagnostic>,
    left_out_count: usize,
}

impl Diagnostics {
    /// Adds a problem without advice.
    pub fn add(&mut self, span: Span, code: Code, message: impl Into<String>) {
        self.push(Diagnostic {
            span,
            code,
            message: message.into(),
            help: None,
        });
    }

    /// Adds a problem with advice.
    pub fn add_with_help(
        &mut self,
        span: Span,
        code: Code,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.push(Diagnostic {
            span,
            code,
            message: message.into(),
            help: Some(help.into()),
        });
    }

    /// Adds a problem, unless that place has one already.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        if self.list.iter().any(|known| known.span == diagnostic.span) {
            return;
        }
        if self.list.len() < MAX_DIAGNOSTICS {
            self.list.push(diagnostic);
        } else {
            self.left_out_count += 1;
        }
    }

    /// Whether nothing was found.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// How many problems did not fit.
    #[must_use]
    pub fn left_out_count(&self) -> usize {
        self.left_out_count
    }

    /// The problems in the order of their places.
    #[must_use]
    pub fn into_sorted(mut self) -> Vec<Diagnostic> {
        self.list.sort_by_key(|d| d.span);
        self.list
    }
}

/// Line and column of a byte, both from 1; a column counts characters.
#[must_use]
pub fn line_and_column(text: &str, offset: u32) -> (usize, usize) {
    let mut offset = (offset as usize).min(text.len());
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    let before = &text[..offset];
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let line = before.matches('\n').count() + 1;
    (line, before[line_start..].chars().count() + 1)
}

/// Longest part of a line that is shown around a problem, in characters.
const SHOWN_COLUMNS: usize = 120;

/// Shows `diagnostic` as a person reads it: place, sentence, the line with carets under the place, advice.
///
/// ```
/// use patron::domain::rules::{diagnostic, parser};
/// let text = "clv > 5 and true";
/// let problems = parser::parse(text).unwrap_err();
/// assert_eq!(
///     diagnostic::render(text, "when", &problems[0]),
///     "when:1:9: SYNTAX: `and` is not an operator\n  |\n1 | clv > 5 and true\n  |         ^^^\n  = help: write `&&`\n"
/// );
/// ```
#[must_use]
pub fn render(text: &str, name: &str, diagnostic: &Diagnostic) -> String {
    let (line, column) = line_and_column(text, diagnostic.span.start);
    let shown = text.lines().nth(line - 1).unwrap_or("");
    let length = text
        .lines()
        .nth(line - 1)
        .map_or(0, |shown| shown.chars().count());
    let skipped = if length > SHOWN_COLUMNS {
        (column - 1).saturating_sub(SHOWN_COLUMNS / 2)
    } else {
        0
    };
    // A tab would move the caret; a control character would reach the terminal.
    let shown: String = shown
        .chars()
        .skip(skipped)
        .take(SHOWN_COLUMNS)
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    let first_line = diagnostic
        .span
        .text_in(text)
        .lines()
        .next()
        .map_or(0, |part| part.chars().count());
    let before = column - 1 - skipped;
    let carets = first_line.clamp(1, SHOWN_COLUMNS.saturating_sub(before).max(1));
    let gutter = " ".repeat(line.to_string().len());
    let mut out = String::new();
    let Diagnostic {
        code,
        message,
        help,
        ..
    } = diagnostic;
    let _ = writeln!(out, "{name}:{line}:{column}: {}: {message}", code.as_str());
    let _ = writeln!(out, "{gutter} |");
    let _ = writeln!(out, "{line} | {}", shown.trim_end());
    let _ = writeln!(
        out,
        "{gutter} | {}{}",
        " ".repeat(before),
        "^".repeat(carets)
    );
    if let Some(help) = help {
        let _ = writeln!(out, "{gutter} = help: {help}");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters_and_lines_count_from_one() {
        let text = "ä == 1\n  öß && x";
        assert_eq!(line_and_column(text, 0), (1, 1));
        assert_eq!(line_and_column(text, 2), (1, 2));
        let x = u32::try_from(text.find('x').unwrap()).unwrap();
        assert_eq!(line_and_column(text, x), (2, 9));
        assert_eq!(
            line_and_column(text, 1),
            (1, 1),
            "inside a character counts as its beginning"
        );
        assert_eq!(line_and_column(text, 9_999), (2, 10));
    }

    #[test]
    fn one_place_has_one_problem_and_fifty_are_kept() {
        let mut problems = Diagnostics::default();
        problems.add(Span::new(0, 1), Code::Syntax, "first");
        problems.add(Span::new(0, 1), Code::Syntax, "second");
        for at in 1..200 {
            problems.add(Span::new(at, at + 1), Code::Syntax, "more");
        }
        assert_eq!(problems.left_out_count(), 150);
        let list = problems.into_sorted();
        assert_eq!(
            (list.len(), list[0].message.as_str()),
            (MAX_DIAGNOSTICS, "first")
        );
    }

    #[test]
    fn a_long_line_is_cut_around_the_problem() {
        let text = format!("{}\tX{}", "a".repeat(500), "b".repeat(500));
        let shown = render(
            &text,
            "f",
            &Diagnostic {
                span: Span::new(501, 502),
                code: Code::Syntax,
                message: "m".into(),
                help: None,
            },
        );
        assert!(
            shown.lines().all(|line| line.chars().count() <= 130),
            "{shown}"
        );
        let lines: Vec<&str> = shown.lines().collect();
        assert_eq!(lines[2].find('X'), lines[3].find('^'), "{shown}");
    }
}
