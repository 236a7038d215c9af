//! Which constants fit which terms, and what to write when they do not.

use super::{Checker, Constant, Operand};
use crate::domain::{
    rules::{
        condition::{Finite, Predicate, Term, Test, TextOp},
        diagnostic::{Code, Span},
        syntax::{Kind, Node, Op},
        vocabulary::ValueType,
    },
    text::Label,
};

/// A constant in the representation in which slots keep such values.
enum Value {
    Bool(bool),
    Int(i64),
    Number(Finite),
    Text(Label),
}

/// Whole numbers up to here are exact as `f64`: 2^53.
const EXACT: u64 = 1 << 53;

impl Checker<'_> {
    /// `term op constant`.
    pub(super) fn compare(
        &mut self,
        term: Term,
        span: Span,
        op: Op,
        constant: Constant,
        at: Span,
    ) -> Option<Test> {
        let value_type = self.type_of(&term);
        let ordered = !matches!(
            value_type,
            ValueType::Bool | ValueType::Text | ValueType::OneOf(_) | ValueType::Tags
        );
        let value = self.fit(&value_type, span, constant, at)?;
        if op.is_order() && !ordered {
            let message = format!(
                "`{}` is {} and has no order",
                self.quote(span),
                value_type.describe()
            );
            return self.report(
                span.to(at),
                Code::TypeMismatch,
                message,
                "compare with == or !=, or with `in`",
            );
        }
        let predicate = match value {
            Value::Bool(value) => Predicate::Bool(value == (op == Op::Eq)),
            Value::Int(value) => Predicate::Int(op, value),
            Value::Number(value) => Predicate::Number(op, value),
            Value::Text(text) if op == Op::Eq => Predicate::Text(TextOp::Is, text),
            Value::Text(text) => Predicate::Text(TextOp::IsNot, text),
        };
        Some(Test { term, predicate })
    }

    /// `term in [entries]`.
    pub(super) fn one_of(
        &mut self,
        term: Term,
        span: Span,
        entries: &[Node],
        list: Span,
    ) -> Option<Test> {
        let value_type = self.type_of(&term);
        if matches!(value_type, ValueType::Bool | ValueType::Tags) {
            let message = format!("`{}` is {}", self.quote(span), value_type.describe());
            let help = if value_type == ValueType::Bool {
                "write the term or `!term`"
            } else {
                "write `\"a\" in tags || \"b\" in tags`"
            };
            return self.report(span, Code::TypeMismatch, message, help);
        }
        if entries.is_empty() {
            let help = "add entries, or remove this part";
            return self.report(list, Code::EmptySet, "an empty list matches nothing", help);
        }
        let (mut ints, mut numbers, mut texts) = (Vec::new(), Vec::new(), Vec::new());
        let mut is_sound = true;
        for entry in entries {
            let known = ints.len() + numbers.len() + texts.len();
            match self.entry(&value_type, span, entry) {
                Some(Value::Int(value)) => insert(&mut ints, value),
                Some(Value::Number(value)) => insert(&mut numbers, value),
                Some(Value::Text(value)) => insert(&mut texts, value),
                Some(Value::Bool(_)) | None => {
                    is_sound = false;
                    continue;
                }
            }
            if ints.len() + numbers.len() + texts.len() == known {
                let message = format!("{} appears twice in this list", self.quote(entry.span));
                self.problems
                    .add_with_help(entry.span, Code::Duplicate, message, "remove one");
                is_sound = false;
            }
        }
        let predicate = match (ints.is_empty(), numbers.is_empty()) {
            (false, _) => Predicate::IntIn(ints.into()),
            (_, false) => Predicate::NumberIn(numbers.into()),
            _ => Predicate::TextIn(texts.into()),
        };
        is_sound.then_some(Test { term, predicate })
    }

    fn entry(&mut self, value_type: &ValueType, span: Span, entry: &Node) -> Option<Value> {
        if matches!(entry.kind, Kind::List(_)) {
            return self.report(
                entry.span,
                Code::TypeMismatch,
                "a list cannot be in a list",
                "write one list",
            );
        }
        match self.operand(entry)? {
            Operand::Constant(constant, at) => self.fit(value_type, span, constant, at),
            Operand::Term(..) => self.report(
                entry.span,
                Code::Unsupported,
                "a list may contain only constants",
                "join comparisons with `||` instead",
            ),
        }
    }

    /// The constant as a value of `value_type`.
    fn fit(
        &mut self,
        value_type: &ValueType,
        span: Span,
        constant: Constant,
        at: Span,
    ) -> Option<Value> {
        match (value_type, constant) {
            (ValueType::Bool, Constant::Bool(value)) => Some(Value::Bool(value)),
            (ValueType::Whole | ValueType::Days, Constant::Int(value))
            | (ValueType::Days, Constant::Days(value)) => Some(Value::Int(value)),
            (ValueType::Number, Constant::Number(value)) => Finite::new(value).map(Value::Number),
            (ValueType::Number, Constant::Int(value)) if value.unsigned_abs() <= EXACT => {
                #[expect(
                    clippy::cast_precision_loss,
                    reason = "bounded by 2^53 in the line above"
                )]
                let value = value as f64;
                Finite::new(value).map(Value::Number)
            }
            (ValueType::Text, Constant::Text(text)) => Some(Value::Text(text.into())),
            (ValueType::OneOf(values), Constant::Text(text)) => {
                self.listed(values, span, &text, at)
            }
            (ValueType::Money(currency), Constant::Money(money)) => {
                if money.currency == *currency {
                    return Some(Value::Int(money.amount_minor));
                }
                let message = format!(
                    "`{}` is in {currency}, this amount in {}",
                    self.quote(span),
                    money.currency
                );
                let help = format!("write the amount in {currency}");
                self.report(at, Code::CurrencyMismatch, message, help)
            }
            (ValueType::Day, Constant::Day(day)) => Some(Value::Int(day.number().into())),
            (ValueType::Tier, Constant::Text(name)) => self.tier(&name, at),
            (ValueType::Time, Constant::Time(minutes)) => Some(Value::Int(minutes.into())),
            (_, constant) => self.misfit(value_type, span, &constant, at),
        }
    }

    fn listed(&mut self, values: &[Label], span: Span, text: &str, at: Span) -> Option<Value> {
        if let Some(value) = values.iter().find(|value| ***value == *text) {
            return Some(Value::Text(value.clone()));
        }
        let message = format!("`{}` is never \"{text}\"", self.quote(span));
        let help = self.suggest(text, values, "values");
        self.report(at, Code::UnknownValue, message, help)
    }

    fn tier(&mut self, name: &str, at: Span) -> Option<Value> {
        let tiers = self.vocabulary.tiers();
        match (0..).zip(tiers).find(|(_, tier)| ***tier == *name) {
            Some((ordinal, _)) => Some(Value::Int(ordinal)),
            None if name == "UNRATED" => self.report(
                at,
                Code::UnknownValue,
                "UNRATED is not a tier",
                "write `!has(tier)` for customers without a tier",
            ),
            None => {
                let help = self.suggest(name, tiers, "tiers");
                self.report(
                    at,
                    Code::UnknownValue,
                    format!("unknown tier \"{name}\""),
                    help,
                )
            }
        }
    }

    /// Reports that `constant` cannot be compared with such a term.
    fn misfit(
        &mut self,
        value_type: &ValueType,
        span: Span,
        constant: &Constant,
        at: Span,
    ) -> Option<Value> {
        let is_unit = matches!(constant, Constant::Days(_) | Constant::Money(_))
            && matches!(
                value_type,
                ValueType::Whole | ValueType::Days | ValueType::Number | ValueType::Money(_)
            );
        let code = if is_unit {
            Code::UnitMismatch
        } else {
            Code::TypeMismatch
        };
        let message = format!(
            "`{}` is {}; it cannot be compared with {}",
            self.quote(span),
            value_type.describe(),
            constant.describe()
        );
        let help = match (value_type, constant) {
            (ValueType::Money(currency), Constant::Int(_) | Constant::Number(_)) => {
                format!("write money(\"{} {currency}\")", self.quote(at))
            }
            (ValueType::Money(currency), _) => {
                format!("for example money(\"5000 {currency}\")")
            }
            (ValueType::Whole | ValueType::Number, Constant::Days(days)) => format!("write {days}"),
            (ValueType::Whole | ValueType::Days, Constant::Number(_)) => {
                "write a whole number".to_owned()
            }
            (ValueType::Whole | ValueType::Number | ValueType::Days, Constant::Text(text)) => {
                let number: String = text
                    .chars()
                    .filter(|c| c.is_ascii_digit() || *c == '.')
                    .collect();
                let number = if number.parse::<f64>().is_ok() {
                    number
                } else {
                    "90".to_owned()
                };
                format!("write the number without quotes: {number}")
            }
            (ValueType::Days, _) => "for example days(90)".to_owned(),
            (ValueType::Day, _) => "for example day(\"2026-01-31\")".to_owned(),
            (ValueType::Text | ValueType::OneOf(_), Constant::Int(_) | Constant::Number(_)) => {
                format!("put texts in quotes: \"{}\"", self.quote(at))
            }
            (ValueType::Tags, Constant::Text(text)) => {
                format!("write `\"{text}\" in {}`", self.quote(span))
            }
            (ValueType::Tier, _) => "write a tier in quotes: `tier >= \"gold\"`".to_owned(),
            (ValueType::Time, _) => "for example time(\"17:30\")".to_owned(),
            (ValueType::Bool, _) => "write the term alone, or `!term`".to_owned(),
            _ => format!("compare it with {}", value_type.describe()),
        };
        self.report(at, code, message, help)
    }
}

/// Inserts into a sorted list without repetition.
fn insert<T: Ord>(list: &mut Vec<T>, value: T) {
    if let Err(at) = list.binary_search(&value) {
        list.insert(at, value);
    }
}
