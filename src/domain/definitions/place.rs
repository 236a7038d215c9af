//! From a place in the value of a YAML text back to its place in the file.
//!
//! Folding, indentation and line ends change only white space; escapes are undone one by one. So both texts are walked in step.

use saphyr_parser::ScalarStyle;

use crate::domain::rules::diagnostic::Span;

/// For each byte of a value, and its end, the byte of the file.
pub(super) struct Places(Vec<u32>);

impl Places {
    /// `value` is what the scalar at `span` of `file` stands for.
    pub(super) fn new(file: &str, span: Span, value: &str, style: ScalarStyle) -> Self {
        let source = span.text_in(file);
        let mut at = content_start(source, style);
        let mut places = Vec::with_capacity(value.len() + 1);
        for c in value.chars() {
            if !c.is_whitespace() {
                at = skip_blanks(source, at, style);
            }
            places.extend(std::iter::repeat_n(at, c.len_utf8()));
            at += width(source, at, c, style);
        }
        places.push(at);
        let start = span.start as usize;
        let bounded = |at: usize| Span::new((start + at).min(span.end as usize), 0).start;
        Self(places.into_iter().map(bounded).collect())
    }

    /// The range of the file in which `span` of the value stands.
    pub(super) fn in_file(&self, span: Span) -> Span {
        let at = |offset: u32| {
            let last = self.0.len() - 1;
            self.0[(offset as usize).min(last)]
        };
        let start = at(span.start);
        // The end of the last byte, not the beginning of the next one, which may stand on another line.
        let end = if span.end > span.start {
            at(span.end - 1) + 1
        } else {
            start
        };
        Span {
            start,
            end: end.max(start),
        }
    }
}

/// Where the value begins: after the quote, or after the line with `|` or `>`.
fn content_start(source: &str, style: ScalarStyle) -> usize {
    match style {
        ScalarStyle::Plain => 0,
        ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => 1,
        ScalarStyle::Literal | ScalarStyle::Folded => {
            if source.starts_with(['|', '>']) {
                source
                    .find('\n')
                    .map_or(source.len(), |newline| newline + 1)
            } else {
                0
            }
        }
    }
}

/// Over white space, and in double quotes over escaped line ends.
fn skip_blanks(source: &str, mut at: usize, style: ScalarStyle) -> usize {
    loop {
        let rest = &source[at..];
        if rest.starts_with(char::is_whitespace) {
            at += rest.chars().next().map_or(1, char::len_utf8);
        } else if style == ScalarStyle::DoubleQuoted
            && (rest.starts_with("\\\n") || rest.starts_with("\\\r"))
        {
            at += 2;
        } else {
            return at;
        }
    }
}

/// Bytes of the file that stand for the character `c` of the value.
fn width(source: &str, at: usize, c: char, style: ScalarStyle) -> usize {
    let rest = &source[at..];
    let next = rest.chars().next().map_or(0, char::len_utf8);
    if style == ScalarStyle::DoubleQuoted && rest.starts_with('\\') {
        let escape = match rest.as_bytes().get(1) {
            Some(b'x') => 4,
            Some(b'u') => 6,
            Some(b'U') => 10,
            _ => 1 + rest[1..].chars().next().map_or(0, char::len_utf8),
        };
        return escape.min(rest.len());
    }
    if style == ScalarStyle::SingleQuoted && rest.starts_with("''") {
        return 2;
    }
    // Folded white space is caught up with at the next other character.
    if c.is_whitespace() && !rest.starts_with(c) {
        return 0;
    }
    next
}
