//! Constants with a unit: amounts, days, windows.

use super::{Checker, operand::Operand};
use crate::domain::{
    calendar::{Day, DayError},
    money::{Currency, Money, UnknownCurrency},
    rules::{
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
        }
    }
}

impl Checker<'_> {
    /// `money(...)`, `days(...)` or `day(...)`.
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
        let help = format!("write for example {example}");
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
            ) => money(text).map(Constant::Money),
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
                "a window has a unit",
                help,
            );
        }
        let days = match self.operand(argument)? {
            Operand::Constant(Constant::Days(days), _) => days,
            Operand::Constant(..) | Operand::Term(..) => {
                let message = format!("`{}` is no window", self.quote(argument.span));
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
                "write for example days(90)",
            );
        };
        Some(window)
    }
}

/// Reads an amount such as `5000 EUR`, `-19.99 EUR`.
fn money(text: &str) -> Result<Money, String> {
    let refused = || format!("{text:?} is not an amount of money");
    let (amount, code) = text.split_once(' ').ok_or_else(refused)?;
    let currency: Currency = code
        .parse()
        .map_err(|error: UnknownCurrency| error.to_string())?;
    let (sign, digits) = amount
        .strip_prefix('-')
        .map_or((1, amount), |rest| (-1, rest));
    let (major, minor) = digits.split_once('.').unwrap_or((digits, ""));
    let is_number = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    if major.is_empty()
        || !is_number(major)
        || !is_number(minor)
        || (minor.is_empty() && digits.contains('.'))
    {
        return Err(refused());
    }
    let decimals = currency.exponent() as usize;
    if minor.len() > decimals {
        return Err(format!(
            "{currency} has {decimals} decimals, not {}",
            minor.len()
        ));
    }
    format!("{major}{minor:0<decimals$}")
        .parse::<i64>()
        .map(|value| Money {
            amount_minor: sign * value,
            currency,
        })
        .map_err(|_| format!("{text:?} is too large"))
}

#[cfg(test)]
mod tests {
    use super::money;

    #[test]
    fn amounts_are_read_exactly() {
        for (text, minor) in [
            ("5000 EUR", 500_000),
            ("19.9 EUR", 1_990),
            ("-0.05 USD", -5),
            ("1999 JPY", 1_999),
            ("1.234 KWD", 1_234),
        ] {
            assert_eq!(money(text).unwrap().amount_minor, minor, "{text}");
        }
        for text in [
            "5000",
            "EUR 5000",
            "5,000 EUR",
            "5000  EUR",
            "5000 eur",
            "1.999 EUR",
            "1. EUR",
            ".5 EUR",
            "1.5 JPY",
            "+5 EUR",
            "99999999999999999999 EUR",
            "",
            " EUR",
            "--5 EUR",
        ] {
            assert!(money(text).is_err(), "{text:?}");
        }
    }
}
