//! Tokens → tree, by precedence climbing (`||` < `&&` < comparisons and `in` < `!` < `.` and calls), as in CEL.
//!
//! After a problem, reading resumes at the next `&&`, `||`, `,` or closing bracket, so that one run finds what is to be found. The
//! bounds below hold whatever the text: no text can exhaust a stack or a processor.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a parser reacts to a few tokens; all others are one case"
)]

mod operand;

use super::{
    diagnostic::{Code, Diagnostic, Diagnostics, Span},
    lexer::{self, Token, TokenKind},
    syntax::{Kind, Node},
};

/// Longest condition, in bytes. Chosen: several pages; what is longer was written by a program or in bad faith.
pub const MAX_BYTES: usize = 16 * 1024;
/// Most nodes of a tree.
pub const MAX_NODES: usize = 2_000;
/// Depth of a tree. A level of brackets adds at most three: `||`, `&&` and `!`.
pub const MAX_DEPTH: usize = 64;
/// Nested brackets, such that trees stay within [`MAX_DEPTH`].
pub const MAX_BRACKETS: usize = 20;
/// Links of one `a.b.c` chain.
pub const MAX_LINKS: usize = 8;

/// Reads `text`.
///
/// # Errors
/// All problems found, in the order of their places.
pub fn parse(text: &str) -> Result<Node, Vec<Diagnostic>> {
    let mut problems = Diagnostics::default();
    let node = parse_with(text, &mut problems);
    if problems.is_empty() {
        Ok(node)
    } else {
        Err(problems.into_sorted())
    }
}

/// Reads `text`; parts that cannot be read are [`Kind::Error`] and are in `problems`, so that the rest can still be checked.
#[must_use]
pub fn parse_with(text: &str, problems: &mut Diagnostics) -> Node {
    if text.len() > MAX_BYTES {
        let span = Span::new(0, 1);
        let message = format!(
            "the condition has {} bytes; at most {MAX_BYTES} are allowed",
            text.len()
        );
        problems.add_with_help(span, Code::Limit, message, "split it into several segments");
        return Node {
            kind: Kind::Error,
            span,
        };
    }
    let mut parser = Parser {
        text,
        tokens: lexer::tokens(text, problems),
        at: 0,
        problems,
        brackets: 0,
        nodes: 0,
        is_dead: false,
    };
    let node = parser.expression(0);
    parser.leftovers();
    // A tree that was cut off at a limit would only give rise to problems that are none.
    if parser.is_dead {
        Node {
            kind: Kind::Error,
            ..node
        }
    } else {
        node
    }
}

struct Parser<'a> {
    text: &'a str,
    tokens: Vec<Token>,
    at: usize,
    problems: &'a mut Diagnostics,
    brackets: usize,
    nodes: usize,
    /// A limit was passed: everything that follows is read as the end of the text.
    is_dead: bool,
}

/// The longest text shown of a superfluous token.
const SHOWN_CHARS: usize = 30;

impl Parser<'_> {
    fn peek(&self) -> &TokenKind {
        if self.is_dead {
            &TokenKind::End
        } else {
            &self.tokens[self.at].kind
        }
    }

    fn span(&self) -> Span {
        self.tokens[self.at].span
    }

    /// The place of the token before the current one.
    fn previous(&self) -> Span {
        self.tokens[self.at.saturating_sub(1)].span
    }

    fn advance(&mut self) -> Span {
        let span = self.span();
        if self.at + 1 < self.tokens.len() {
            self.at += 1;
        }
        span
    }

    fn die(&mut self, span: Span, message: String, help: &str) {
        if !self.is_dead {
            self.problems
                .add_with_help(span, Code::Limit, message, help);
        }
        self.is_dead = true;
    }

    fn node(&mut self, kind: Kind, span: Span) -> Node {
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            let message = format!("the condition has more than {MAX_NODES} parts");
            self.die(span, message, "split it into several segments");
        }
        Node { kind, span }
    }

    fn error(&mut self, span: Span, message: impl Into<String>, help: impl Into<String>) {
        if !self.is_dead {
            self.problems
                .add_with_help(span, Code::Syntax, message, help);
        }
    }

    fn unsupported(&mut self, span: Span, message: impl Into<String>, help: impl Into<String>) {
        if !self.is_dead {
            self.problems
                .add_with_help(span, Code::Unsupported, message, help);
        }
    }

    /// What stands at the current place, for a sentence.
    fn found(&self) -> String {
        match self.peek() {
            TokenKind::End => "the end of the condition".to_owned(),
            _ => format!(
                "`{}`",
                self.span()
                    .text_in(self.text)
                    .chars()
                    .take(SHOWN_CHARS)
                    .collect::<String>()
            ),
        }
    }

    /// Goes to where reading can resume: `&&`, `||`, `,` or a closing bracket of this level.
    fn skip(&mut self) {
        let mut open = 0_usize;
        loop {
            match self.peek() {
                TokenKind::End => return,
                TokenKind::And
                | TokenKind::Or
                | TokenKind::Comma
                | TokenKind::Close
                | TokenKind::CloseBracket
                    if open == 0 =>
                {
                    return;
                }
                TokenKind::Close | TokenKind::CloseBracket => open -= 1,
                TokenKind::Open | TokenKind::OpenBracket => open += 1,
                _ => {}
            }
            self.advance();
        }
    }

    /// After the condition there must be nothing; what there is, is read for further problems.
    fn leftovers(&mut self) {
        while *self.peek() != TokenKind::End {
            let (message, help) = match self.peek() {
                TokenKind::Close => ("unmatched `)`".to_owned(), "remove it, or open it with `(`"),
                TokenKind::CloseBracket => {
                    ("unmatched `]`".to_owned(), "remove it, or open it with `[`")
                }
                TokenKind::Comma => (
                    "a comma cannot join conditions".to_owned(),
                    "write `&&` when both must hold, `||` when one is enough",
                ),
                _ => (
                    format!("{} cannot follow a complete condition", self.found()),
                    "join conditions with `&&` or `||`",
                ),
            };
            let span = self.advance();
            if !matches!(self.tokens[self.at - 1].kind, TokenKind::Bad) {
                self.error(span, message, help);
            }
            if !matches!(
                self.peek(),
                TokenKind::End | TokenKind::Close | TokenKind::CloseBracket
            ) {
                self.expression(0);
            }
        }
    }

    /// Reads operators that bind more strongly than `least`: 1 is `||`, 2 `&&`, 3 a comparison.
    fn expression(&mut self, least: u8) -> Node {
        let mut left = self.unary();
        loop {
            left = match self.peek() {
                TokenKind::Or if least < 1 => self.chain(left, &TokenKind::Or, 1),
                TokenKind::And if least < 2 => self.chain(left, &TokenKind::And, 2),
                TokenKind::Op(_) | TokenKind::In if least < 3 => self.relation(left),
                TokenKind::Foreign(c) if !matches!(c, '{' | '}') => {
                    let c = *c;
                    self.foreign(&left, c)
                }
                TokenKind::Minus => self.foreign(&left, '-'),
                _ => return left,
            };
        }
    }

    fn chain(&mut self, first: Node, joint: &TokenKind, strength: u8) -> Node {
        let mut parts = vec![first];
        while self.peek() == joint {
            self.advance();
            parts.push(self.expression(strength));
        }
        let span = parts[0].span.to(parts[parts.len() - 1].span);
        let kind = if strength == 1 {
            Kind::Or(parts)
        } else {
            Kind::And(parts)
        };
        self.node(kind, span)
    }

    fn relation(&mut self, left: Node) -> Node {
        let operator = self.peek().clone();
        self.advance();
        let right = self.expression(3);
        let span = left.span.to(right.span);
        if matches!(self.peek(), TokenKind::Op(_) | TokenKind::In) {
            let place = self.span();
            let [a, b] = [left.span, right.span].map(|span| {
                span.text_in(self.text)
                    .chars()
                    .take(SHOWN_CHARS)
                    .collect::<String>()
            });
            let op = self.tokens[self.at].span.text_in(self.text).to_owned();
            let first = operator_text(&operator);
            self.unsupported(
                place,
                "comparisons cannot be chained",
                format!("write `{a} {first} {b} && {b} {op} ...`"),
            );
            while matches!(self.peek(), TokenKind::Op(_) | TokenKind::In) {
                self.advance();
                self.expression(3);
            }
            return self.node(Kind::Error, span.to(self.previous()));
        }
        let (left, right) = (Box::new(left), Box::new(right));
        match operator {
            TokenKind::Op(op) => self.node(Kind::Compare(op, left, right), span),
            _ => self.node(Kind::In(left, right), span),
        }
    }

    /// CEL operators that this language does not have. Reads on, so that the rest is checked.
    fn foreign(&mut self, left: &Node, c: char) -> Node {
        let place = self.advance();
        let (message, help) = match c {
            '?' | ':' => (
                "`? :` is not supported",
                "write `(a && b) || (!a && c)`, or two segments",
            ),
            '%' => (
                "`%` is not supported",
                "write a share as a number: 0.8 for 80 %",
            ),
            _ => (
                "arithmetic is not supported",
                "compare a name with a constant; supply computed values as an attribute",
            ),
        };
        self.unsupported(place, message, help);
        if !matches!(
            self.peek(),
            TokenKind::End
                | TokenKind::Close
                | TokenKind::CloseBracket
                | TokenKind::Comma
                | TokenKind::And
                | TokenKind::Or
                | TokenKind::Op(_)
        ) {
            let least = if c == '?' || c == ':' { 0 } else { 3 };
            self.expression_after_foreign(least);
        }
        let span = left.span.to(self.previous());
        self.node(Kind::Error, span)
    }

    /// One operand; `a + a + ...` is read by the loop in [`Self::expression`], never by recursion.
    fn expression_after_foreign(&mut self, least: u8) {
        if least == 3 {
            self.unary();
        } else if self.enter() {
            self.expression(least);
            self.leave();
        }
    }

    /// Counts a level of brackets; false when there are too many.
    fn enter(&mut self) -> bool {
        self.brackets += 1;
        if self.brackets > MAX_BRACKETS {
            let message = format!("the condition has more than {MAX_BRACKETS} levels of brackets");
            self.die(self.span(), message, "split it into several segments");
        }
        !self.is_dead
    }

    fn leave(&mut self) {
        self.brackets -= 1;
    }

    fn unary(&mut self) -> Node {
        let start = self.span();
        let mut bangs = 0_usize;
        while *self.peek() == TokenKind::Not {
            self.advance();
            bangs += 1;
        }
        if bangs > 1 {
            let span = start.to(self.previous());
            self.unsupported(span, "two `!` cancel each other out", "remove both");
        }
        let operand = self.postfix();
        if bangs == 0 {
            return operand;
        }
        let span = start.to(operand.span);
        self.node(Kind::Not(Box::new(operand)), span)
    }
}

fn operator_text(kind: &TokenKind) -> &'static str {
    match kind {
        TokenKind::Op(op) => op.as_str(),
        _ => "in",
    }
}
