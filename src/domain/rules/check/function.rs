//! `has(x)` and the functions of texts.

use super::{Checker, operand::Operand};
use crate::domain::{
    rules::{
        condition::{Predicate, Test, TextOp},
        diagnostic::{Code, Span},
        language::METHODS,
        nearest::nearest,
        syntax::{Kind, Node},
        vocabulary::ValueType,
    },
    text::Label,
};

impl Checker<'_> {
    pub(super) fn has(&mut self, span: Span, arguments: &[Node]) -> Option<Test> {
        let [argument] = arguments else {
            return self.report(
                span,
                Code::TypeMismatch,
                "`has` takes exactly one term",
                "for example `has(clv)`",
            );
        };
        let Operand::Term(term, _) = self.operand(argument)? else {
            return self.report(
                argument.span,
                Code::TypeMismatch,
                "a constant is always known",
                "use an attribute, for example `has(country)`",
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
                "this is a constant",
                "put a text attribute before the dot",
            );
        };
        let value_type = self.type_of(&term);
        if value_type == ValueType::Tags && op == TextOp::Contains {
            let help = format!("write `\"x\" in {}`", self.quote(span));
            return self.report(name_span, Code::TypeMismatch, "test tags with `in`", help);
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
        let part = self.part(name, name_span, arguments)?;
        Some(Test {
            term,
            predicate: Predicate::Text(op, part),
        })
    }

    /// The one text that such a function takes.
    fn part(&mut self, name: &str, name_span: Span, arguments: &[Node]) -> Option<Label> {
        let argument = match arguments {
            [argument] if argument.kind == Kind::Error => return None,
            [
                Node {
                    kind: Kind::Text(text),
                    span,
                },
            ] => Some((text, *span)),
            _ => None,
        };
        let Some((text, span)) = argument else {
            let message = format!("`{name}` takes one text");
            let help = format!("write `{name}(\"...\")`");
            return self.report(name_span, Code::TypeMismatch, message, help);
        };
        if text.is_empty() {
            let message = "every text contains the empty text";
            return self.report(
                span,
                Code::AlwaysTrue,
                message,
                "write at least one character",
            );
        }
        Some(text.as_str().into())
    }

    fn unknown_method(&mut self, name: &str, span: Span) -> Option<Test> {
        let (code, help) = match name {
            "matches" => (
                Code::Unsupported,
                "use startsWith, endsWith or contains, joined by && and ||".to_owned(),
            ),
            "exists" | "all" | "map" | "filter" | "size" => (
                Code::Unsupported,
                "test tags with `\"x\" in tags`".to_owned(),
            ),
            _ => {
                let known = nearest(name, METHODS.iter().map(|form| form.name));
                let help = known.map_or_else(
                    || "use startsWith, endsWith or contains".to_owned(),
                    |known| format!("did you mean `{known}`?"),
                );
                (Code::UnknownName, help)
            }
        };
        self.report(span, code, format!("unknown function `{name}`"), help)
    }
}
