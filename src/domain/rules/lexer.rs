//! Text → tokens. Near misses (`=`, `and`, `90d`, curly quotes) become the token that was meant *and* a problem, so that reading goes on
//! and the rest of the text is checked too. Nothing here knows of grammar.

mod number;
mod quoted;

use super::{
    diagnostic::{Code, Diagnostics, Span},
    syntax::Op,
};
use crate::domain::text;

/// A token with its place.
#[derive(Debug, Clone, PartialEq)]
pub struct Token {
    /// Which one.
    pub kind: TokenKind,
    /// Where.
    pub span: Span,
}

/// What a token is.
#[derive(Debug, Clone, PartialEq)]
pub enum TokenKind {
    /// Digits; the number is read from the text, because its sign stands before it.
    Int,
    /// A number with a point or exponent.
    Double,
    /// A text in quotes, escapes resolved.
    Text(String),
    /// A name, `true`, `false` or `null`.
    Name,
    /// `&&`
    And,
    /// `||`
    Or,
    /// `!`
    Not,
    /// `==`, `<` ...
    Op(Op),
    /// `in`
    In,
    /// `(`
    Open,
    /// `)`
    Close,
    /// `[`
    OpenBracket,
    /// `]`
    CloseBracket,
    /// `,`
    Comma,
    /// `.`
    Dot,
    /// `-`
    Minus,
    /// CEL that this language does not have: `+ * / % ? : { }`.
    Foreign(char),
    /// Something that has been reported.
    Bad,
    /// The end of the text.
    End,
}

/// The tokens of `text`, the last being [`TokenKind::End`].
#[must_use]
pub fn tokens(text: &str, problems: &mut Diagnostics) -> Vec<Token> {
    let mut lexer = Lexer {
        text,
        at: 0,
        problems,
    };
    let mut tokens = Vec::new();
    loop {
        let token = lexer.next();
        let is_end = token.kind == TokenKind::End;
        tokens.push(token);
        if is_end {
            return tokens;
        }
    }
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
    problems: &'a mut Diagnostics,
}

/// Two-character operators, right ones first; a near miss carries what to write.
const PAIRS: [(&str, TokenKind, Option<&str>); 9] = [
    ("&&", TokenKind::And, None),
    ("||", TokenKind::Or, None),
    ("==", TokenKind::Op(Op::Eq), None),
    ("!=", TokenKind::Op(Op::Ne), None),
    ("<=", TokenKind::Op(Op::Le), None),
    (">=", TokenKind::Op(Op::Ge), None),
    ("<>", TokenKind::Op(Op::Ne), Some("!=")),
    ("=<", TokenKind::Op(Op::Le), Some("<=")),
    ("=>", TokenKind::Op(Op::Ge), Some(">=")),
];

/// Words that people write for operators, English and German.
const WORDS: [(&str, TokenKind, &str); 9] = [
    ("and", TokenKind::And, "&&"),
    ("AND", TokenKind::And, "&&"),
    ("und", TokenKind::And, "&&"),
    ("or", TokenKind::Or, "||"),
    ("OR", TokenKind::Or, "||"),
    ("oder", TokenKind::Or, "||"),
    ("not", TokenKind::Not, "!"),
    ("NOT", TokenKind::Not, "!"),
    ("nicht", TokenKind::Not, "!"),
];

/// Whether `name` is read as an operator or literal and can therefore name nothing.
#[must_use]
pub fn is_reserved(name: &str) -> bool {
    matches!(name, "in" | "true" | "false" | "null")
        || WORDS.iter().any(|(word, ..)| *word == name)
        || RESERVED_IN_CEL.contains(&name)
}

/// Names that CEL keeps for later; refusing them keeps every condition valid CEL.
const RESERVED_IN_CEL: [&str; 17] = [
    "as",
    "break",
    "const",
    "continue",
    "else",
    "for",
    "function",
    "if",
    "import",
    "let",
    "loop",
    "package",
    "namespace",
    "return",
    "var",
    "void",
    "while",
];

impl Lexer<'_> {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn next(&mut self) -> Token {
        self.skip_blanks();
        let start = self.at;
        let kind = self.kind();
        Token {
            kind,
            span: Span::new(start, self.at),
        }
    }

    /// White space as CEL has it, comments from `//` to the end of the line, and other white space, which is reported.
    fn skip_blanks(&mut self) {
        loop {
            let rest = self.rest();
            let blank = rest.len()
                - rest
                    .trim_start_matches([' ', '\t', '\r', '\n', '\x0c'])
                    .len();
            let comment = if rest[blank..].starts_with("//") {
                rest[blank..].find('\n').unwrap_or(rest.len() - blank)
            } else {
                0
            };
            self.at += blank + comment;
            if blank + comment == 0 && !self.skip_odd_blanks() {
                return;
            }
        }
    }

    /// No-break spaces and their like, which word processors leave behind.
    fn skip_odd_blanks(&mut self) -> bool {
        let rest = self.rest();
        let length = rest.len() - rest.trim_start_matches(char::is_whitespace).len();
        let Some(first) = rest.chars().next().filter(|_| length > 0) else {
            return false;
        };
        let span = Span::new(self.at, self.at + length);
        let message = format!(
            "the invisible character U+{:04X} is not allowed here",
            u32::from(first)
        );
        self.problems.add_with_help(
            span,
            Code::Syntax,
            message,
            "replace it with an ordinary space",
        );
        self.take(length);
        true
    }

    fn kind(&mut self) -> TokenKind {
        let Some(first) = self.rest().chars().next() else {
            return TokenKind::End;
        };
        match first {
            '0'..='9' => return self.number(),
            '.' if self.rest()[1..].starts_with(|c: char| c.is_ascii_digit()) => {
                return self.pointed();
            }
            '_' => return self.word(),
            _ if first.is_alphabetic() => return self.word(),
            '"' | '\'' => return self.quoted(first),
            '“' | '”' | '„' | '‘' | '’' | '‚' | '«' | '»' => {
                return self.curly(first);
            }
            _ => {}
        }
        for (text, kind, meant) in &PAIRS {
            if self.rest().starts_with(text) {
                self.take(2);
                return self.meant(2, kind, *meant);
            }
        }
        self.take(first.len_utf8());
        self.single(first)
    }

    fn take(&mut self, bytes: usize) {
        self.at += bytes;
    }

    /// `kind`, reported when `meant` says that something else should have been written in the last `bytes`.
    fn meant(&mut self, bytes: usize, kind: &TokenKind, meant: Option<&str>) -> TokenKind {
        if let Some(meant) = meant {
            let span = Span::new(self.at - bytes, self.at);
            let message = format!("`{}` is not an operator", span.text_in(self.text));
            self.problems
                .add_with_help(span, Code::Syntax, message, format!("write `{meant}`"));
        }
        kind.clone()
    }

    fn single(&mut self, c: char) -> TokenKind {
        let bytes = c.len_utf8();
        match c {
            '(' => TokenKind::Open,
            ')' => TokenKind::Close,
            '[' => TokenKind::OpenBracket,
            ']' => TokenKind::CloseBracket,
            ',' => TokenKind::Comma,
            '.' => TokenKind::Dot,
            '-' => TokenKind::Minus,
            '!' => TokenKind::Not,
            '<' => TokenKind::Op(Op::Lt),
            '>' => TokenKind::Op(Op::Gt),
            '+' | '*' | '/' | '%' | '?' | ':' | '{' | '}' => TokenKind::Foreign(c),
            '=' => self.meant(bytes, &TokenKind::Op(Op::Eq), Some("==")),
            '&' => self.meant(bytes, &TokenKind::And, Some("&&")),
            '|' => self.meant(bytes, &TokenKind::Or, Some("||")),
            '≥' => self.meant(bytes, &TokenKind::Op(Op::Ge), Some(">=")),
            '≤' => self.meant(bytes, &TokenKind::Op(Op::Le), Some("<=")),
            '≠' => self.meant(bytes, &TokenKind::Op(Op::Ne), Some("!=")),
            _ => self.stray(c),
        }
    }

    fn stray(&mut self, c: char) -> TokenKind {
        let span = Span::new(self.at - c.len_utf8(), self.at);
        let (message, help) = match c {
            '€' | '$' | '£' => (
                format!("`{c}` is not allowed here"),
                "write an amount as money(\"5000 EUR\")".to_owned(),
            ),
            ';' => (
                "`;` is not allowed in a condition".to_owned(),
                "join conditions with `&&` or `||`".to_owned(),
            ),
            _ if c.is_control() || text::bounded(c.encode_utf8(&mut [0; 4]), 4).is_err() => (
                format!(
                    "the invisible character U+{:04X} is not allowed here",
                    u32::from(c)
                ),
                "remove it".to_owned(),
            ),
            _ => (
                format!("`{c}` is not allowed here"),
                "use operators, names, numbers and texts in quotes".to_owned(),
            ),
        };
        self.problems
            .add_with_help(span, Code::Syntax, message, help);
        TokenKind::Bad
    }

    fn word(&mut self) -> TokenKind {
        let rest = self.rest();
        let length = rest
            .find(|c: char| !(c.is_alphanumeric() || c == '_'))
            .unwrap_or(rest.len());
        let word = &self.text[self.at..self.at + length];
        self.take(length);
        if word == "in" {
            return TokenKind::In;
        }
        if !word.is_ascii() {
            let span = Span::new(self.at - length, self.at);
            let message = format!("`{word}` is not a valid name");
            let help = format!(
                "names have only the letters a to z, digits and `_`; put texts in quotes: \"{word}\""
            );
            self.problems
                .add_with_help(span, Code::Syntax, message, help);
            return TokenKind::Bad;
        }
        match WORDS.iter().find(|(known, ..)| *known == word) {
            Some((_, kind, meant)) => self.meant(length, kind, Some(meant)),
            None => TokenKind::Name,
        }
    }
}
