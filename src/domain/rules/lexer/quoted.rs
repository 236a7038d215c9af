//! Texts in quotes.

use super::{Lexer, TokenKind};
use crate::domain::{
    rules::diagnostic::{Code, Span},
    text::{self, TextError},
};

impl Lexer<'_> {
    pub(super) fn quoted(&mut self, quote: char) -> TokenKind {
        let start = self.at;
        self.take(1);
        let mut value = String::new();
        loop {
            let Some(c) = self.rest().chars().next().filter(|&c| c != '\n') else {
                let help = format!("close it with {quote}");
                self.problems.add_with_help(
                    Span::new(start, self.at),
                    Code::Syntax,
                    "this text has no closing quote on its line",
                    help,
                );
                break;
            };
            self.take(c.len_utf8());
            match c {
                _ if c == quote => break,
                '\\' => self.escape(&mut value),
                _ => value.push(c),
            }
        }
        self.checked(start, value)
    }

    /// Refuses characters that are never stored, so that no comparison can wait for them for ever.
    fn checked(&mut self, start: usize, value: String) -> TokenKind {
        if let Err(TextError::Character(c)) = text::bounded(&value, usize::MAX) {
            self.problems.add_with_help(
                Span::new(start, self.at),
                Code::BadLiteral,
                format!("this text contains the character U+{c:04X}, which no stored text has"),
                "remove control and direction marks",
            );
        }
        TokenKind::Text(value)
    }

    fn escape(&mut self, value: &mut String) {
        let start = self.at - 1;
        let Some(c) = self.rest().chars().next().filter(|&c| c != '\n') else {
            return;
        };
        self.take(c.len_utf8());
        match c {
            '\\' | '"' | '\'' => return value.push(c),
            'u' => {
                let digits = self
                    .rest()
                    .get(..4)
                    .filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()));
                let decoded = digits
                    .and_then(|digits| u32::from_str_radix(digits, 16).ok())
                    .and_then(char::from_u32);
                if let Some(decoded) = decoded {
                    self.take(4);
                    return value.push(decoded);
                }
            }
            _ => {}
        }
        self.problems.add_with_help(
            Span::new(start, self.at),
            Code::BadLiteral,
            format!("`\\{c}` is not an escape"),
            "use \\\\, \\\", \\' and \\u with four hexadecimal digits",
        );
    }

    /// A text in quotes that a word processor has bent; straight quotes close it too.
    pub(super) fn curly(&mut self, open: char) -> TokenKind {
        let start = self.at;
        self.take(open.len_utf8());
        let rest = self.rest();
        let line_end = rest.find('\n').unwrap_or(rest.len());
        let close = rest[..line_end].find(['“', '”', '‘', '’', '«', '»', '"']);
        let value = rest[..close.unwrap_or(line_end)].to_owned();
        let closing_bytes = close
            .and_then(|at| rest[at..].chars().next())
            .map_or(0, char::len_utf8);
        self.take(value.len() + closing_bytes);
        self.problems.add_with_help(
            Span::new(start, self.at),
            Code::Syntax,
            "these are not the quotes of a text",
            format!("write straight quotes: \"{value}\""),
        );
        TokenKind::Text(value)
    }
}
