//! Constants with a unit: amounts, days, windows.

use super::{Checker, operand::Operand};
use crate::domain::{
    calendar::{Day, DayError, clock_minutes},
    money::Money,
    rules::{
        amount,
        condition::Window,
        diagnostic::{Code, Span},
        language::{BuiltIn, LITERALS},
        syntax::{Kind, Node},
    },
};

/// A constant.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Constant {
    Bool(bool),
    Int(i64),
    Number(f64),
    Text(String),
    Money(Money),
    Days(i64),
    Day(Day),
    /// Minutes after midnight.
    Time(u16),
}

impl Constant {
    /// The constant in words, to follow "is" or "with".
    pub(super) fn describe(&self) -> String {
        match self {
            Self::Bool(value) => format!("`{value}`"),
            Self::Int(value) => format!("the number {value}"),
            Self::Number(value) => format!("the number {value}"),
            Self::Text(_) => "a text".to_owned(),
            Self::Money(money) => format!("money in {}", money.currency),
            Self::Days(_) => "a number of days".to_owned(),
            Self::Day(_) => "a calendar day".to_owned(),
            Self::Time(_) => "a time of day".to_owned(),
        }
    }
}

impl Checker<'_> {
    /// `money(...)`, `days(...)`, `day(...)` or `time(...)`.
    pub(super) fn literal(
        &mut self,
        name: &str,
        arguments: &[Node],
        span: Span,
    ) -> Option<Constant> {
        let example = LITERALS
            .iter()
            .find(|form| form.name == name)
            .map_or("", |form| form.written);
        let help = format!("for example {example}");
        let parsed = match (name, arguments) {
            (
                _,
                [
                    Node {
                        kind: Kind::Error, ..
                    },
                ],
            ) => return None,
            (
                "days",
                [
                    Node {
                        kind: Kind::Int(days),
                        ..
                    },
                ],
            ) => return Some(Constant::Days(*days)),
            (
                "money",
                [
                    Node {
                        kind: Kind::Text(text),
                        ..
                    },
                ],
            ) => amount::parse(text).map(Constant::Money),
            (
                "day",
                [
                    Node {
                        kind: Kind::Text(text),
                        ..
                    },
                ],
            ) => text
                .parse()
                .map(Constant::Day)
                .map_err(|error: DayError| error.to_string()),
            (
                "time",
                [
                    Node {
                        kind: Kind::Text(text),
                        ..
                    },
                ],
            ) => clock_minutes(text)
                .map(Constant::Time)
                .ok_or_else(|| format!("{text:?} is not a time of day: write HH:MM")),
            ("days", _) => Err("`days` takes one whole number".to_owned()),
            _ => Err(format!("`{name}` takes one text in quotes")),
        };
        match parsed {
            Ok(constant) => Some(constant),
            Err(message) => self.report(span, Code::BadLiteral, message, help),
        }
    }

    /// The window in the first argument of `built_in`.
    pub(super) fn window(&mut self, built_in: &BuiltIn, argument: &Node) -> Option<Window> {
        if let Kind::Int(days) = argument.kind {
            let help = format!("write {}(days({days}))", built_in.name);
            return self.report(
                argument.span,
                Code::UnitMismatch,
                "a window needs a unit",
                help,
            );
        }
        let days = match self.operand(argument)? {
            Operand::Constant(Constant::Days(days), _) => days,
            Operand::Constant(..) | Operand::Term(..) => {
                let message = format!("`{}` is not a window", self.quote(argument.span));
                let help = format!("write `{}`", built_in.example);
                return self.report(argument.span, Code::TypeMismatch, message, help);
            }
        };
        let Some(window) = Window::new(days) else {
            let message = format!("a window has 1 to {} days", Window::MAX_DAYS);
            return self.report(
                argument.span,
                Code::BadLiteral,
                message,
                "for example days(90)",
            );
        };
        Some(window)
    }
}
