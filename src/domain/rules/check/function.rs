//! `has(x)` and the functions of texts.

use super::{Checker, operand::Operand};
use crate::domain::rules::{
    condition::{Predicate, Test, TextOp},
    diagnostic::{Code, Span},
    language::METHODS,
    nearest::nearest,
    syntax::{Kind, Node},
    vocabulary::ValueType,
};

impl Checker<'_> {
    pub(super) fn has(&mut self, span: Span, arguments: &[Node]) -> Option<Test> {
        let [argument] = arguments else {
            return self.report(
                span,
                Code::TypeMismatch,
                "`has` takes one term",
                "write for example `has(clv)`",
            );
        };
        let Operand::Term(term, _) = self.operand(argument)? else {
            return self.report(
                argument.span,
                Code::TypeMismatch,
                "a constant is always known",
                "ask for an attribute, for example `has(country)`",
            );
        };
        if self.is_always_known(&term) {
            let message = format!("`{}` is always known", self.quote(argument.span));
            return self.report(span, Code::AlwaysTrue, message, "remove this part");
        }
        Some(Test {
            term,
            predicate: Predicate::Known,
        })
    }

    pub(super) fn method(
        &mut self,
        receiver: &Node,
        name: &str,
        name_span: Span,
        arguments: &[Node],
    ) -> Option<Test> {
        let op = match name {
            "startsWith" => TextOp::StartsWith,
            "endsWith" => TextOp::EndsWith,
            "contains" => TextOp::Contains,
            _ => return self.unknown_method(name, name_span),
        };
        let Operand::Term(term, span) = self.operand(receiver)? else {
            return self.report(
                receiver.span,
                Code::TypeMismatch,
                "this asks a constant",
                "a text attribute must stand before the dot",
            );
        };
        let value_type = self.type_of(&term);
        if value_type == ValueType::Tags && op == TextOp::Contains {
            let help = format!("write `\"x\" in {}`", self.quote(span));
            return self.report(
                name_span,
                Code::TypeMismatch,
                "tags are asked with `in`",
                help,
            );
        }
        if value_type != ValueType::Text {
            let message = format!(
                "`{}` is {}, not a text",
                self.quote(span),
                value_type.describe()
            );
            return self.report(
                span,
                Code::TypeMismatch,
                message,
                "compare it with == or in",
            );
        }
        match arguments {
            [
                Node {
                    kind: Kind::Text(text),
                    ..
                },
            ] if !text.is_empty() => Some(Test {
                term,
                predicate: Predicate::Text(op, text.as_str().into()),
            }),
            [
                Node {
                    kind: Kind::Text(_),
                    span,
                },
            ] => self.report(
                *span,
                Code::AlwaysTrue,
                "every text has the empty text in it",
                "write at least one character",
            ),
            [
                Node {
                    kind: Kind::Error, ..
                },
            ] => None,
            _ => self.report(
                name_span,
                Code::TypeMismatch,
                format!("`{name}` takes one text"),
                format!("write `{name}(\"...\")`"),
            ),
        }
    }

    fn unknown_method(&mut self, name: &str, span: Span) -> Option<Test> {
        let (code, help) = match name {
            "matches" => (
                Code::Unsupported,
                "use startsWith, endsWith or contains, joined by && and ||".to_owned(),
            ),
            "exists" | "all" | "map" | "filter" | "size" => (
                Code::Unsupported,
                "tags are asked with `\"x\" in tags`".to_owned(),
            ),
            _ => {
                let known = nearest(name, METHODS.iter().map(|form| form.name));
                let help = known.map_or_else(
                    || "known are startsWith, endsWith and contains".to_owned(),
                    |known| format!("did you mean `{known}`?"),
                );
                (Code::UnknownName, help)
            }
        };
        self.report(span, code, format!("there is no function `{name}`"), help)
    }
}
