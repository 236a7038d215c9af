//! Operands: constants, names, calls, lists and what stands in parentheses.

use super::{MAX_LINKS, Parser};
use crate::domain::rules::{
    diagnostic::{Code, Span},
    lexer::{self, TokenKind},
    syntax::{Kind, Node},
};

impl Parser<'_> {
    pub(super) fn postfix(&mut self) -> Node {
        let mut node = self.primary();
        let mut links = 0;
        loop {
            match self.peek() {
                TokenKind::Dot => {
                    links += 1;
                    if links > MAX_LINKS {
                        let message =
                            format!("a name has more than {MAX_LINKS} parts separated by `.`");
                        self.die(self.span(), message, "attributes have plain names");
                    }
                    node = self.select(node);
                }
                TokenKind::OpenBracket => {
                    let span = self.span();
                    self.unsupported(
                        span,
                        "list entries cannot be accessed by index",
                        "write `\"x\" in tags`",
                    );
                    self.bracketed(&TokenKind::CloseBracket);
                    let span = node.span.to(self.previous());
                    node = self.node(Kind::Error, span);
                }
                TokenKind::Open if !matches!(node.kind, Kind::Error) => {
                    let span = self.span();
                    self.error(
                        span,
                        "only a name can be followed by `(`",
                        "join conditions with `&&` or `||`",
                    );
                    self.bracketed(&TokenKind::Close);
                    let span = node.span.to(self.previous());
                    node = self.node(Kind::Error, span);
                }
                _ => return node,
            }
        }
    }

    /// `.name` or `.name(arguments)` after `base`.
    fn select(&mut self, base: Node) -> Node {
        self.advance();
        if *self.peek() != TokenKind::Name {
            let message = format!("a name must follow `.`, found {}", self.found());
            self.error(self.span(), message, "for example `name.startsWith(\"A\")`");
            self.skip();
            let span = base.span.to(self.previous());
            return self.node(Kind::Error, span);
        }
        let name_span = self.advance();
        let name = name_span.text_in(self.text).to_owned();
        if *self.peek() == TokenKind::Open {
            let arguments = self.bracketed(&TokenKind::Close);
            let span = base.span.to(self.previous());
            let receiver = Some(Box::new(base));
            return self.node(
                Kind::Call {
                    receiver,
                    name,
                    name_span,
                    arguments,
                },
                span,
            );
        }
        let span = base.span.to(name_span);
        self.node(Kind::Select(Box::new(base), name), span)
    }

    fn primary(&mut self) -> Node {
        let start = self.span();
        match self.peek().clone() {
            TokenKind::Int | TokenKind::Double => self.number(start, ""),
            TokenKind::Minus => {
                self.advance();
                if matches!(self.peek(), TokenKind::Int | TokenKind::Double) {
                    return self.number(start, "-");
                }
                self.unsupported(
                    start,
                    "arithmetic is not supported",
                    "a minus sign can only stand before a number",
                );
                while *self.peek() == TokenKind::Minus {
                    self.advance();
                }
                self.skip();
                self.node(Kind::Error, start.to(self.previous()))
            }
            TokenKind::Text(text) => {
                self.advance();
                self.node(Kind::Text(text), start)
            }
            TokenKind::Name => self.name(start),
            TokenKind::Open => self.parenthesised(start),
            TokenKind::OpenBracket => {
                let entries = self.bracketed(&TokenKind::CloseBracket);
                let span = start.to(self.previous());
                self.node(Kind::List(entries), span)
            }
            TokenKind::Foreign('{' | '}') => {
                self.unsupported(
                    start,
                    "maps are not supported",
                    "write a list in `[` and `]`",
                );
                self.advance();
                self.skip();
                self.node(Kind::Error, start.to(self.previous()))
            }
            TokenKind::Bad => {
                self.advance();
                self.node(Kind::Error, start)
            }
            TokenKind::Foreign(_)
            | TokenKind::And
            | TokenKind::Or
            | TokenKind::Not
            | TokenKind::Op(_)
            | TokenKind::In
            | TokenKind::Close
            | TokenKind::CloseBracket
            | TokenKind::Comma
            | TokenKind::Dot
            | TokenKind::End => self.missing(start),
        }
    }

    /// An operand was expected. An operator that stands here stays for the caller.
    fn missing(&mut self, start: Span) -> Node {
        let message = match self.peek() {
            TokenKind::End if self.at == 0 => "the condition is empty".to_owned(),
            _ => format!("a condition or value is missing before {}", self.found()),
        };
        self.error(start, message, "for example `orders(days(90)) >= 3`");
        if matches!(self.peek(), TokenKind::Dot) {
            self.advance();
            self.skip();
        }
        self.node(Kind::Error, start)
    }

    fn number(&mut self, start: Span, sign: &str) -> Node {
        let is_int = *self.peek() == TokenKind::Int;
        let digits = self.advance();
        let span = start.to(digits);
        let written = format!("{sign}{}", digits.text_in(self.text));
        // Letters glued to the digits have been reported by the lexer.
        if written
            .bytes()
            .any(|b| !matches!(b, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-'))
        {
            return self.node(Kind::Error, span);
        }
        let kind = if is_int {
            written.parse().ok().map(Kind::Int)
        } else {
            written
                .parse()
                .ok()
                .filter(|value: &f64| value.is_finite())
                .map(Kind::Double)
        };
        let kind = kind.unwrap_or_else(|| {
            self.problems.add_with_help(
                span,
                Code::BadLiteral,
                "this number is too large",
                "the largest whole number is 9223372036854775807",
            );
            Kind::Error
        });
        self.node(kind, span)
    }

    fn name(&mut self, span: Span) -> Node {
        self.advance();
        let name = span.text_in(self.text).to_owned();
        match name.as_str() {
            "true" => return self.node(Kind::Bool(true), span),
            "false" => return self.node(Kind::Bool(false), span),
            "null" => {
                self.unsupported(
                    span,
                    "`null` is not supported",
                    "write `has(x)` or `!has(x)` to test whether x is known",
                );
                return self.node(Kind::Error, span);
            }
            _ if lexer::is_reserved(&name) => {
                let message = format!("`{name}` is reserved");
                self.error(span, message, "choose another name");
            }
            _ => {}
        }
        if *self.peek() == TokenKind::Open {
            let arguments = self.bracketed(&TokenKind::Close);
            let whole = span.to(self.previous());
            return self.node(
                Kind::Call {
                    receiver: None,
                    name,
                    name_span: span,
                    arguments,
                },
                whole,
            );
        }
        self.node(Kind::Name(name), span)
    }

    fn parenthesised(&mut self, start: Span) -> Node {
        self.advance();
        if !self.enter() {
            return self.node(Kind::Error, start);
        }
        let mut inner = self.expression(0);
        self.leave();
        if *self.peek() == TokenKind::Comma {
            let span = self.span();
            self.unsupported(span, "put lists in `[` and `]`", "write `x in [a, b]`");
            while *self.peek() == TokenKind::Comma {
                self.advance();
                self.skip();
            }
            inner.kind = Kind::Error;
        }
        self.close(&TokenKind::Close, start);
        inner.span = start.to(self.previous());
        inner
    }

    /// Consumes the closing bracket of the one at `open`, or reports that it is missing.
    fn close(&mut self, closing: &TokenKind, open: Span) {
        if self.peek() == closing {
            self.advance();
            return;
        }
        let bracket = if *closing == TokenKind::Close {
            ')'
        } else {
            ']'
        };
        let message = format!(
            "`{}` is never closed: found {}",
            open.text_in(self.text),
            self.found()
        );
        self.error(open, message, format!("add `{bracket}`"));
        self.skip();
        if self.peek() == closing {
            self.advance();
        }
    }

    /// What stands between the bracket at the current place and `closing`, separated by commas. A list may end in a comma, a call not: as in CEL.
    fn bracketed(&mut self, closing: &TokenKind) -> Vec<Node> {
        let open = self.advance();
        let mut entries = Vec::new();
        if !self.enter() {
            return entries;
        }
        if self.peek() != closing {
            loop {
                entries.push(self.expression(0));
                if *self.peek() != TokenKind::Comma {
                    break;
                }
                let comma = self.advance();
                if self.peek() == closing {
                    if *closing == TokenKind::Close {
                        self.error(comma, "nothing follows this comma", "remove it");
                    }
                    break;
                }
            }
        }
        self.leave();
        self.close(closing, open);
        entries
    }
}
