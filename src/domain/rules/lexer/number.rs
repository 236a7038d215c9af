//! Numbers, and what people glue to them.

use super::{Lexer, TokenKind};
use crate::domain::rules::diagnostic::{Code, Span};

impl Lexer<'_> {
    fn digits(&mut self) {
        let rest = self.rest();
        self.at += rest
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(rest.len());
    }

    pub(super) fn number(&mut self) -> TokenKind {
        let start = self.at;
        self.digits();
        let mut kind = TokenKind::Int;
        let is_digit = |c: Option<u8>| c.is_some_and(|c| c.is_ascii_digit());
        let bytes = self.text.as_bytes();
        if bytes.get(self.at) == Some(&b'.') && is_digit(bytes.get(self.at + 1).copied()) {
            self.at += 1;
            self.digits();
            kind = TokenKind::Double;
        }
        if matches!(bytes.get(self.at), Some(b'e' | b'E')) {
            let signed = usize::from(matches!(bytes.get(self.at + 1), Some(b'+' | b'-')));
            if is_digit(bytes.get(self.at + 1 + signed).copied()) {
                self.at += 1 + signed;
                self.digits();
                kind = TokenKind::Double;
            }
        }
        self.suffix(start);
        kind
    }

    /// `.5`, which is hard to see.
    pub(super) fn pointed(&mut self) -> TokenKind {
        let start = self.at;
        self.take(1);
        self.digits();
        let span = Span::new(start, self.at);
        let written = span.text_in(self.text);
        let message = format!("`{written}` is not a number");
        self.problems
            .add_with_help(span, Code::BadLiteral, message, format!("write 0{written}"));
        TokenKind::Double
    }

    /// Letters glued to a number: `90d`, `5k`, `1_000`, `7u`, `0x1F`.
    fn suffix(&mut self, start: usize) {
        let (end, rest) = (self.at, self.rest());
        let length = rest
            .find(|c: char| !(c.is_alphanumeric() || c == '_'))
            .unwrap_or(rest.len());
        if length == 0 {
            return;
        }
        self.take(length);
        let number = &self.text[start..end];
        let help = match &self.text[end..self.at] {
            "d" | "D" | "days" | "Tage" => format!("write days({number})"),
            "k" | "K" => format!("write {number}000"),
            "m" | "M" => format!("write {number}000000"),
            "EUR" | "USD" | "CHF" | "GBP" => {
                format!("write money(\"{number} {}\")", &self.text[end..self.at])
            }
            glued if glued.starts_with('_') => {
                format!("write {number}{}", glued.replace('_', ""))
            }
            _ => "write plain decimal digits".to_owned(),
        };
        let span = Span::new(start, self.at);
        let message = format!("`{}` is not a number", span.text_in(self.text));
        self.problems
            .add_with_help(span, Code::BadLiteral, message, help);
    }
}
